"""Connections under watch: the pool that the transport sends by.

All that is changed of urllib3's connections is how they wait: connecting tries each address of a
host for as long as one may take, but all of them within the caller's time; and the socket that an
answer is awaited on is known to the `Watch` of its request. The look-up of a name is the
operating system's, and ends by its own timeout.

And a connection on which more came than the answer is closed: whatever rests in a buffer, of the
reader or of TLS, would be taken for the answer to the next request.
"""

import http.client
import socket
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse

from grantway.oauth.watchdog import current


class _Answer(http.client.HTTPResponse):
    """An answer that knows its connection, and closes it where it was not all that came."""

    connection: HTTPConnection | None = None

    def _close_conn(self) -> None:
        connection = self.connection
        is_followed = connection is not None and self._is_followed(connection.sock)
        super()._close_conn()  # type: ignore[misc]  # pyright: ignore  # not in typeshed
        # Only now: to close a connection is to close its answer.
        if connection is not None and is_followed:
            connection.close()

    def _is_followed(self, connection: socket.socket | None) -> bool:
        """Whether more has come, be it in the reader's buffer, in that of TLS or in the kernel."""
        if connection is None:
            return False
        longest = connection.gettimeout()
        # Nothing there is an error, of a kind that TLS and plain sockets do not agree on.
        with suppress(OSError, ValueError):
            try:
                connection.settimeout(0)
                return bool(self.fp.peek(1))
            finally:
                connection.settimeout(longest)
        return False


class _Watched(HTTPConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        watch = current()
        try:
            found = socket.getaddrinfo(
                self._dns_host.strip("[]"), self.port, type=socket.SOCK_STREAM
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        longest = self.timeout if isinstance(self.timeout, int | float) else None
        failure: OSError = OSError("the host has no address")
        for family, kind, protocol, _, address in found:
            connection = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    connection.setsockopt(*option)
                connection.settimeout(longest)
                if watch is not None:
                    _bound(connection, watch.context.remaining())
                    watch.socket = connection
                connection.connect(address)
                if watch is not None:
                    # What is left is for the TLS handshake, which knows no other bound.
                    _bound(connection, watch.context.remaining())
            except OSError as error:
                connection.close()
                failure = error
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "no address answered") from failure
        raise NewConnectionError(self, str(failure)) from failure

    def _tunnel(self) -> None:
        super()._tunnel()
        watch = current()
        if watch is not None:
            # To http.client a proxy's answer that was cut is complete.
            watch.context.remaining()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as upstream's own
        watch = current()
        if watch is not None:
            watch.socket, watch.asked = self.sock, True
        response = super().getresponse()
        answer = response._original_response  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public way
        if isinstance(answer, _Answer):
            answer.connection = self
        return response


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls: Any = _WatchedTls


class WatchedAdapter(HTTPAdapter):
    """A `requests` adapter whose connections are watched, straight or through an HTTP proxy."""

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        """Make the pool, of our connections."""
        super().init_poolmanager(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they are
        _use_ours(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: object) -> ProxyManager:
        """Make the pool of a proxy, of our connections; SOCKS has connections of its own."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            _use_ours(manager)
        return manager


def _use_ours(manager: PoolManager) -> None:
    pools: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TlsPool}
    manager.pool_classes_by_scheme = pools


def _bound(connection: socket.socket, seconds: float) -> None:
    longest = connection.gettimeout()
    connection.settimeout(seconds if longest is None else min(longest, seconds))
