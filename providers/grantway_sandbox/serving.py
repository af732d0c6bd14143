"""The HTTP server: Werkzeug's threaded one, taught to keep connections open and to stop at once.

Werkzeug closes every connection after one answer and spends a moment draining it. Clients that
pool connections, and anyone who measures, would see a server unlike the real one. So the body is
read whole before the application runs, which leaves nothing to drain, and the answer always carries
its length.

TLS is done in each connection's own thread: a peer that stalls in the handshake holds up nobody.
Stopping shuts the sockets of open connections, so that no thread lives on waiting for a client.
"""

import contextlib
import io
import logging
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, NoReturn

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_LONGEST_BODY: Final = 1_000_000
_logger = logging.getLogger(__name__)


class _Handler(WSGIRequestHandler):
    """One connection, any number of requests."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in one write, and small answers must not wait for the peer's ACK.
    disable_nagle_algorithm = True
    timeout = 60

    # Only that server makes these handlers.
    server: "LoopbackServer"  # pyright: ignore[reportIncompatibleVariableOverride]

    def setup(self) -> None:
        self.server.connections.add(self.request)
        if self.server.tls is not None:
            plain = self.request
            plain.settimeout(self.timeout)
            try:
                self.request = self.server.tls.wrap_socket(plain, server_side=True)
            except BaseException:
                # `finish` does not run for a connection that was never set up.
                self.server.connections.discard(plain)
                raise
            self.server.connections.replace(plain, self.request)
        super().setup()

    def finish(self) -> None:
        # The client may be gone already.
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.server.connections.discard(self.request)
        if self.server.tls is not None:
            # The server closes the plain socket, which TLS has emptied of its descriptor.
            self.request.close()

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        try:
            body = self._body(environ)
        except (ValueError, OSError):
            self.close_connection = True
            self.send_error(413 if self.headers.get("Content-Length", "").isdigit() else 400)
            return
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        chunks, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
        content = b"".join(chunks)
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        if self.command == "HEAD":
            content = b""
        self._headers_buffer: list[bytes] = [*self._headers_buffer, b"\r\n", content]
        self.flush_headers()

    def _body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):
            data: bytes = environ["wsgi.input"].read(_LONGEST_BODY + 1)
        else:
            length = int(self.headers.get("Content-Length", "0"))
            if not 0 <= length <= _LONGEST_BODY:
                raise ValueError("body too long")
            data = self.rfile.read(length)
            if len(data) < length:
                raise ValueError("body cut off")
        if len(data) > _LONGEST_BODY:
            raise ValueError("body too long")
        return data

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
        # The path alone: queries may hold what nobody should read in a log.
        _logger.debug("%s %s %s", self.command, self.path.partition("?")[0], code)

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002  # the parent's name
        _logger.debug(format, *args)


class _Connections:
    """The sockets of open connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def add(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def discard(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def replace(self, old: socket.socket, new: socket.socket) -> None:
        with self._lock:
            self._open.discard(old)
            self._open.add(new)

    def shut(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            # At the socket's level even under TLS: waking the reader is all that is wanted.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class LoopbackServer(ThreadedWSGIServer):
    """A server on a loopback address, with the accepting thread inside."""

    # Bursts of clients are what a sandbox is for; the default of 5 would refuse some.
    request_queue_size = 128

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, _not_yet, handler=_Handler)
        self.connections = _Connections()
        # Werkzeug reads this only to tell the scheme; the wrapping is the handler's.
        self.ssl_context = self.tls = tls
        self._thread: threading.Thread | None = None

    def start(self, app: "WSGIApplication") -> None:
        """Serve `app` from a thread of its own."""
        self.app = app
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="sandbox", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting, close all connections, and return when the port is free."""
        self.shutdown()
        if self._thread is not None:
            self._thread.join()
        self.connections.shut()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Note what ended a connection: failed handshakes and vanished clients are no news."""
        # Called while the exception is being handled: the parent prints it to stderr.
        _logger.debug("connection from %s ended", client_address, exc_info=sys.exc_info())


def _not_yet(*_: object) -> NoReturn:
    raise RuntimeError("the server has not been started")
