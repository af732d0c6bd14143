"""Connections under watch: the pool that the transport sends by.

What is changed of urllib3's connections is how they wait: connecting tries each address of a
host for as long as one may take, but all of them within the caller's time; and the socket that an
answer is awaited on is known to the `Watch` of its request. The look-up of a name is the
operating system's, and ends by its own timeout.

And what they cost: the way to a host is looked up and its trust loaded once, where requests does
so for each request and urllib3 for each connection; and a request leaves in one piece, not its
head and its form in a packet each.

And a connection on which more came than the answer is closed: whatever rests in a buffer, of the
reader or of TLS, would be taken for the answer to the next request.
"""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util.ssl_ import create_urllib3_context

from grantway.oauth.watchdog import current

_Way = tuple[str, str, bool | str, tuple[str, str] | None, str | None]


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
    _unsent: bytearray | None = None

    def request(self, *args: Any, **how: Any) -> None:
        self._unsent = bytearray()
        try:
            super().request(*args, **how)
        finally:
            unsent, self._unsent = self._unsent, None
        self.send(unsent)

    def send(self, data: Any) -> None:
        if self._unsent is None:
            super().send(data)
        else:
            self._unsent += data

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

    def __init__(self, *, pool_connections: int = 32, **how: Any) -> None:
        self._ways: dict[_Way, HTTPConnectionPool] = {}
        self._most_ways = pool_connections
        super().__init__(pool_connections=pool_connections, **how)

    def close(self) -> None:
        """Close the connections that are not in use; the next request makes new ones."""
        self._ways.clear()
        super().close()

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: Any,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        """The pool for a request's host, found and furnished with its trust once."""
        scheme, host, *_ = urlsplit(request.url or "")
        way = (scheme, host, verify, cert, (proxies or {}).get(scheme))
        pool = self._ways.get(way)
        if pool is None:
            # No more than urllib3 keeps open, or one that it has closed would be remembered.
            if len(self._ways) >= self._most_ways:
                self._ways.clear()
            pool = self._ways.setdefault(way, self._pool(request, verify, proxies, cert))
        return pool

    def _pool(
        self,
        request: PreparedRequest,
        verify: Any,
        proxies: Mapping[str, str] | None,
        cert: Any,
    ) -> HTTPConnectionPool:
        if proxies:
            # To a proxy that speaks TLS these files speak too, which a context would not.
            pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
            super().cert_verify(pool, request.url or "", verify, cert)  # type: ignore[no-untyped-call]
        else:
            host, _ = self.build_connection_pool_key_attributes(request, verify, cert)
            is_tls = host["scheme"] == "https"
            trust = {"ssl_context": _trusting(verify, cert)} if is_tls else None
            pool = self.poolmanager.connection_from_host(**host, pool_kwargs=trust)
        return cast("HTTPConnectionPool", pool)

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """Nothing: whom to trust is said when the pool is made."""

    def request_url(self, request: PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        """What stands in the request line."""
        return super().request_url(request, proxies) if proxies else request.path_url

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


def _trusting(verify: bool | str, cert: tuple[str, str] | None) -> ssl.SSLContext:
    """A TLS context for all connections of a pool.

    Raises:
        OSError: a file that was there when the way was found has gone, or is no certificate now.
    """
    context = create_urllib3_context()
    roots = DEFAULT_CA_BUNDLE_PATH if verify is True else str(verify)
    if Path(roots).is_dir():
        context.load_verify_locations(capath=roots)
    else:
        context.load_verify_locations(roots)
    if cert is not None:
        # A key that is encrypted must not ask the terminal for its password.
        context.load_cert_chain(*cert, password=lambda: "")
    return context


def _use_ours(manager: PoolManager) -> None:
    pools: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TlsPool}
    manager.pool_classes_by_scheme = pools


def _bound(connection: socket.socket, seconds: float) -> None:
    longest = connection.gettimeout()
    connection.settimeout(seconds if longest is None else min(longest, seconds))
