"""A server that misbehaves as told, and remembers what it was asked.

A script is a list of behaviours; each answers one request and the last one goes on for ever:

    with RawServer() as server:
        server.serve(empty(403), json_answer({"access_token": "a"}))
        server.serve(redirect("https://elsewhere.example/"), path="/token")
        ...
        assert server.requests[0].form["grant_type"] == ["client_credentials"]

Behaviours are functions that get an `Exchange`: one connection, and the request just read from
it. Everything runs in daemon threads; `stop` closes all sockets at once, whatever they wait for.
"""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Self
from urllib.parse import parse_qs, urlsplit

from .tls import Identity

MIB = 1 << 20
_REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden"}


@dataclass(frozen=True)
class Request:
    """A request as it came over the wire."""

    raw: bytes
    connection: int
    """Number of the connection it came on, counted from 1."""
    method: str
    target: str
    headers: Mapping[str, str]
    """By lower-case name; of a repeated name the last."""
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of a form-encoded body, empty ones too."""
        return parse_qs(self.body.decode("utf-8"), keep_blank_values=True, strict_parsing=False)


class Gone(Exception):
    """The client went away, or the server stops."""


@dataclass
class Exchange:
    """One request on one connection, for a behaviour to answer as it likes."""

    connection: socket.socket
    request: Request | None
    """None where the behaviour acts before anything is read."""
    stopping: threading.Event
    sent: Callable[[int], None]
    """Told how many bytes went out."""
    keep: bool = field(default=False)
    """Whether the connection stays open for another request."""
    abort: bool = field(default=False)
    """Whether it ends with a reset instead of an orderly close."""

    def send(self, data: bytes) -> None:
        try:
            self.connection.sendall(data)
        except OSError as error:
            raise Gone from error
        self.sent(len(data))

    def wait(self, seconds: float | None = None) -> None:
        """Sleep, or for ever without `seconds`; ends at once when the server stops."""
        if self.stopping.wait(seconds):
            raise Gone


@dataclass(frozen=True)
class Behaviour:
    act: Callable[[Exchange], None]
    reads: bool = True
    """False: act as soon as somebody connects, before any request (and before TLS)."""


def exact(data: bytes) -> Behaviour:
    """Send these very bytes, then close."""
    return Behaviour(lambda exchange: exchange.send(data))


def respond(
    status: int = 200,
    body: bytes = b"",
    *,
    content_type: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
    close: bool = False,
) -> Behaviour:
    """Send a correct HTTP/1.1 answer, and keep the connection open unless `close`."""
    data = head(status, len(body), content_type=content_type, headers=headers, close=close) + body

    def act(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.keep = not close

    return Behaviour(act)


def json_answer(
    value: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()
) -> Behaviour:
    return respond(
        status, json.dumps(value).encode(), content_type="application/json", headers=headers
    )


def json_list() -> Behaviour:
    """JSON, but no object."""
    return json_answer([{"access_token": "not-a-token"}])


def redirect(location: str, status: int = 302) -> Behaviour:
    return respond(status, headers=[("Location", location)])


def html(status: int = 503, headers: Sequence[tuple[str, str]] = ()) -> Behaviour:
    """An error page such as a proxy or a load balancer writes."""
    page = b"<!DOCTYPE html><html><body><h1>Service Unavailable</h1></body></html>"
    return respond(status, page, content_type="text/html; charset=utf-8", headers=headers)


def empty(status: int = 403) -> Behaviour:
    return respond(status)


def large(
    size: int | None = 100 * MIB,
    *,
    prefix: bytes = b'{"access_token": "',
    filler: bytes = b"a",
    content_length: bool = True,
    content_type: str = "application/json",
) -> Behaviour:
    """Stream a body of `size` bytes, or an endless one for None.

    Without `content_length`, and always when endless, the end is the end of the connection:
    nothing in the head warns the client. `RawServer.bytes_sent` tells how much it took.
    """
    length = size if content_length else None
    start = head(200, length, content_type=content_type, close=True)
    chunk = filler * (65536 // len(filler))

    def act(exchange: Exchange) -> None:
        exchange.send(start)
        exchange.send(prefix if size is None else prefix[:size])
        left = None if size is None else max(0, size - len(prefix))
        while left is None or left > 0:
            part = chunk if left is None else chunk[:left]
            exchange.send(part)
            left = None if left is None else left - len(part)

    return Behaviour(act)


def silence() -> Behaviour:
    """Read the request and never answer."""
    return Behaviour(lambda exchange: exchange.wait())


def deaf() -> Behaviour:
    """Accept the connection and do nothing at all: no TLS either."""
    return Behaviour(lambda exchange: exchange.wait(), reads=False)


def drip_headers(interval: float = 0.1) -> Behaviour:
    """Send one more header line every `interval` seconds, for ever."""

    def act(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n")
        number = 0
        while True:
            exchange.wait(interval)
            exchange.send(b"X-Drip-%d: drip\r\n" % number)
            number += 1

    return Behaviour(act)


def drip_body(
    body: bytes, interval: float = 0.1, *, content_type: str = "application/json"
) -> Behaviour:
    """Send a correct answer whose body comes one byte every `interval` seconds."""

    def act(exchange: Exchange) -> None:
        exchange.send(head(200, len(body), content_type=content_type))
        for value in body:
            exchange.wait(interval)
            exchange.send(bytes([value]))
        exchange.keep = True

    return Behaviour(act)


def cut_short(body: bytes, missing: int = 10) -> Behaviour:
    """Promise `missing` bytes more than are sent, then close."""
    return exact(head(200, len(body) + missing, content_type="application/json") + body)


def late(seconds: float, then: Behaviour) -> Behaviour:
    """Wait, then behave."""

    def act(exchange: Exchange) -> None:
        exchange.wait(seconds)
        then.act(exchange)

    return Behaviour(act, then.reads)


def hang_up() -> Behaviour:
    """Read the request, then close without an answer."""
    return Behaviour(lambda _: None)


def close_at_once() -> Behaviour:
    """Close as soon as somebody connects."""
    return Behaviour(lambda _: None, reads=False)


def reset() -> Behaviour:
    """Read the request, then break the connection (RST)."""

    def act(exchange: Exchange) -> None:
        exchange.abort = True

    return Behaviour(act)


def head(
    status: int,
    length: int | None,
    *,
    content_type: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
    close: bool = False,
) -> bytes:
    """Write status line and header; without `length` the body ends with the connection."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Whatever')}"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    if close or length is None:
        lines.append("Connection: close")
    lines.extend(f"{name}: {value}" for name, value in headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class RawServer:
    """Listens on a free loopback port. Without a script it answers 404.

    With `identity` it speaks TLS; which names the certificate has, and who signed it, is the
    caller's affair. `host` is the name in `url`.
    """

    def __init__(self, *, identity: Identity | None = None, host: str = "127.0.0.1") -> None:
        self.host = host
        self._context: ssl.SSLContext | None = None
        if identity is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(identity.certificate, identity.key)
        self._scripts: dict[str | None, list[Behaviour]] = {None: [respond(404)]}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._requests: list[Request] = []
        self._connections = 0
        self._bytes_sent = 0
        self._failed_handshakes = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"{'https' if self._context else 'http'}://{self.host}:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """What was asked, in the order in which it was read."""
        with self._lock:
            return list(self._requests)

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        with self._lock:
            return self._connections

    @property
    def failed_handshakes(self) -> int:
        """How many clients broke off TLS, as they do when they do not trust the certificate."""
        with self._lock:
            return self._failed_handshakes

    @property
    def bytes_sent(self) -> int:
        """How much the clients were sent. Some MiB of it may rest in the kernel, unread."""
        with self._lock:
            return self._bytes_sent

    def serve(self, *behaviours: Behaviour, path: str | None = None) -> None:
        """Replace the script: for one path, or for all that have none of their own.

        Behaviours that do not read the request belong to the script without a path.
        """
        if not behaviours:
            raise ValueError("a script needs at least one behaviour")
        if path is not None and not all(behaviour.reads for behaviour in behaviours):
            raise ValueError("a path is known only when the request has been read")
        with self._lock:
            self._scripts[path] = list(behaviours)

    def start(self) -> Self:
        self._spawn(self._accept)
        return self

    def stop(self) -> None:
        """Close everything and wait for the threads, which have nothing left to wait for."""
        self._stopping.set()
        # Closing alone does not wake a thread that sits in accept() or recv().
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections, threads = list(self._open), list(self._threads)
        for connection in connections:
            _close(connection)
        for thread in threads:
            thread.join(2)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _sent(self, count: int) -> None:
        with self._lock:
            self._bytes_sent += count

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="raw-server")
        with self._lock:
            self._threads = [known for known in self._threads if known.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections += 1
                number = self._connections
                self._open.add(connection)
            if self._stopping.is_set():
                _close(connection)
                return
            self._spawn(self._converse, connection, number)

    def _converse(self, connection: socket.socket, number: int) -> None:
        abort = False
        try:
            # A dripped byte must leave at once, not when Nagle's algorithm likes it.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            early = self._next_early()
            if early is not None:
                early.act(Exchange(connection, None, self._stopping, self._sent))
                return
            if self._context is not None:
                connection = self._handshake(self._context, connection)
            with connection.makefile("rb") as reader:
                while (request := _read_request(reader, number)) is not None:
                    with self._lock:
                        self._requests.append(request)
                    exchange = Exchange(connection, request, self._stopping, self._sent)
                    self._next(request.path).act(exchange)
                    abort = exchange.abort
                    if not exchange.keep:
                        return
        except (Gone, OSError, ValueError):
            pass  # The client broke off, or sent what is no HTTP. Clients are what is tested.
        finally:
            with self._lock:
                self._open.discard(connection)
            _close(connection, abort=abort)

    def _handshake(self, context: ssl.SSLContext, connection: socket.socket) -> ssl.SSLSocket:
        # Wrapped first and shaken hands with later, so that `stop` can reach it in between.
        with self._lock:
            self._open.discard(connection)
            secure = context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
            self._open.add(secure)
        if self._stopping.is_set():
            _close(secure)
        try:
            secure.do_handshake()
        except (OSError, ValueError):
            with self._lock:
                self._failed_handshakes += 1
                self._open.discard(secure)
            _close(secure)
            raise
        return secure

    def _next_early(self) -> Behaviour | None:
        """Take the next behaviour if it is one that does not wait for a request."""
        with self._lock:
            script = self._scripts[None]
            return None if script[0].reads else _take(script)

    def _next(self, path: str) -> Behaviour:
        with self._lock:
            return _take(self._scripts.get(path) or self._scripts[None])


def _take(script: list[Behaviour]) -> Behaviour:
    return script.pop(0) if len(script) > 1 else script[0]


def _read_request(reader: IO[bytes], number: int) -> Request | None:
    """Read one request with a Content-Length body; None at the end of the connection."""
    raw = bytearray()
    while not raw.endswith(b"\r\n\r\n"):
        received = reader.readline(65536)
        if not received:
            return None
        raw += received
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    return Request(bytes(raw) + body, number, method, target, headers, body)


def _close(connection: socket.socket, *, abort: bool = False) -> None:
    """Close, and wake whoever waits on the connection."""
    with suppress(OSError):
        if abort:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        connection.close()
