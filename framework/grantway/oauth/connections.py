"""Connections under watch: the pool that the transport sends by.

What is changed of urllib3's connections is how they wait: connecting tries each address of a
host for as long as one may take, but all of them within the caller's time; and the socket that an
answer is awaited on is known to the `Watch` of its request. The look-up of a name is the
operating system's, and ends by its own timeout.

And what they cost: the pool of a way is found by one look, its connections share one TLS
context, and a request leaves in one piece, not its head and its form in a packet each.

And a connection on which more came than the answer is closed: whatever rests in a buffer, of the
reader or of TLS, would be taken for the answer to the next request.
"""

import http.client
import socket
import ssl
from typing import Any, cast
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse, HTTPResponse

from grantway.oauth.routes import Route
from grantway.oauth.watchdog import current

_MOST_WAYS = 512
# What may be sent again, and when, is the transport's to say.
_ONCE = Retry(False, redirect=False)

_Way = tuple[str, str, bool | str, tuple[str, str] | None, int, str | None, str]


def _nothing(_: object) -> None:
    """Read as a socket reads on which nothing has come."""


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
        """Whether more has come, be it in the reader's buffer or in that of TLS.

        What is in the kernel urllib3 finds when it is about to use the connection again.
        """
        # Nothing is read any more; what is seen has been read ahead.
        self.fp.raw.readinto = _nothing  # type: ignore[method-assign]
        pending = getattr(connection, "pending", None)
        return bool(self.fp.peek(1)) or (pending is not None and pending() > 0)


class _Watched(HTTPConnection):
    response_class = _Answer
    _unsent: bytearray | None = None

    def request(self, *args: object, **how: object) -> None:
        self._unsent = bytearray()
        try:
            super().request(*args, **how)  # type: ignore[arg-type]  # passed on as it is
        finally:
            unsent, self._unsent = self._unsent, None
        try:
            self.send(unsent)
        except ssl.SSLEOFError:
            # What the other side said before it closed, such as an alert, says why: it is read.
            raise BrokenPipeError from None

    def send(self, data: Any) -> None:  # noqa: ANN401  # as upstream's own
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
        try:
            super()._tunnel()
        except http.client.HTTPException as error:
            raise ProxyError("no answer that is HTTP", OSError(type(error).__name__)) from None
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


class _Proxies(HTTPAdapter):
    """How requests reads what users say of proxies; the connections through them are ours."""

    def proxy_manager_for(self, proxy: str, **how: object) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **how)
        if not proxy.lower().startswith("socks"):
            # SOCKS has connections of its own.
            pools: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TlsPool}
            manager.pool_classes_by_scheme = pools
        return manager


class Connections:
    """The connections to all hosts, in a pool for each way to one. Safe across threads.

    Args:
        size: how many a pool keeps open.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._pools: dict[_Way, HTTPConnectionPool] = {}
        self._proxies = _Proxies(pool_connections=_MOST_WAYS, pool_maxsize=size)

    def close(self) -> None:
        """Close the connections that are not in use; the next request makes new ones."""
        pools = tuple(self._pools.values())
        self._pools.clear()
        for pool in pools:
            pool.close()
        self._proxies.close()

    def send(
        self,
        method: str,
        url: str,
        way: Route,
        *,
        headers: dict[str, str],
        body: bytes | None,
        timeout: Timeout,
    ) -> BaseHTTPResponse:
        """Send a request once and return its answer, of which the body is still to be read.

        Raises:
            urllib3's and requests' errors, for which `grantway.oauth.failures` has words.
        """
        scheme, host, path, query, _ = urlsplit(url)
        proxy = way.proxies.get(scheme)
        target = f"{path or '/'}?{query}" if query else path or "/"
        if proxy and scheme == "http" and not proxy.lower().startswith("socks"):
            target = f"{scheme}://{host}{target}"
        key = (scheme, host, way.verify, way.cert, way.renewed, proxy, way.thumbprint)
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= _MOST_WAYS:
                # A pool that is still used goes on; its connections are closed when it is not.
                self._pools.clear()
            pool = self._pools.setdefault(key, self._pool(url, way))
        return pool.urlopen(
            method,
            target,
            body,
            headers,
            retries=_ONCE,
            redirect=False,
            assert_same_host=False,
            timeout=timeout,
            preload_content=False,
            decode_content=False,
        )

    def connect(self, url: str, way: Route, timeout: float) -> HTTPConnection:
        """Connect, agree on TLS and say nothing; the caller closes what is returned.

        Raises:
            as `send`.
        """
        pool = self._pool(url, way)
        connection: Any = pool._new_conn()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public way
        connection.timeout = timeout
        failure: Exception
        try:
            if pool.proxy is not None and url.startswith("https:"):
                pool._prepare_proxy(connection)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # likewise
            else:
                connection.connect()
        except Exception as error:  # noqa: BLE001  # told apart as urllib3's own pool does it
            failure = SSLError(error) if isinstance(error, ssl.SSLError) else error
            if pool.proxy is not None and not connection.has_connected_to_proxy:
                failure = ProxyError("no connection", failure)
            elif isinstance(error, TimeoutError):
                failure = ReadTimeoutError(pool, url, "no TLS")
        except BaseException:
            connection.close()
            raise
        else:
            return cast("HTTPConnection", connection)
        connection.close()
        raise failure

    def _pool(self, url: str, way: Route) -> HTTPConnectionPool:
        if way.proxies:
            request = PreparedRequest()
            request.url = url
            # To a proxy that speaks TLS, too, the files speak of whom to trust.
            pool: Any = self._proxies.get_connection_with_tls_context(
                request, way.verify, way.proxies, way.cert
            )
            return cast("HTTPConnectionPool", pool)
        host, port = (parts := urlsplit(url)).hostname or "", parts.port
        if way.context is None:
            return _Pool(host, port, maxsize=self._size)
        return _TlsPool(
            host,
            port,
            maxsize=self._size,
            ssl_context=way.context,
            assert_fingerprint=way.thumbprint or None,
        )


def _bound(connection: socket.socket, seconds: float) -> None:
    longest = connection.gettimeout()
    connection.settimeout(seconds if longest is None else min(longest, seconds))
