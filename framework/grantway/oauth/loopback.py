"""The browser's way back: a listener on loopback for one sign-in (RFC 8252, section 7.3).

It is bound to literal loopback addresses, on a port of its own, when a sign-in begins, and closed
when that ends. It takes one valid answer: at the path of the redirect URI, under its very host,
by the method of the response mode, with the state of this sign-in. Everything else is answered
with an error, and the wait goes on: any page and any process of this machine can knock here.

A valid answer is answered with a redirect to a second page, so that the code leaves the address
bar and the way back. (Some browsers note redirects on disk all the same; without the verifier the
code is of no use, and it is spent by then.) That page is held until it is known how the sign-in
ended, and says so. Its text is fixed: nothing that came over the network is in it.
"""

import errno
import http.server
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Self, cast
from urllib.parse import parse_qsl

from grantway.context import Context
from grantway.errors import ConfigurationError
from grantway.oauth.answers import JsonObject
from grantway.redirect import RedirectAddress

Answer = Mapping[str, str]

RESULT = "result"
"""The last segment of the page that a person sees at the end."""

OUTCOME = 30.0
"""Seconds that the last page waits to learn how the sign-in ended."""

_LARGEST = 64 * 1024
_DIGITS = 9
_MOST_FIELDS = 50
_MOST_CONNECTIONS = 512
# Seconds: for one stray client; between two looks at whether anybody still waits; for the person's
# browser to fetch the last page.
_PATIENCE = 5.0
_LOOK = 0.05
_LINGER = 2.0
_TRIES = 20

_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
    }
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 18vh auto; max-width: 34rem;
  padding: 0 1.5rem; text-wrap: balance }}
main {{ border-left: .4rem solid {colour}; border-radius: .2rem; padding: .2rem 0 .2rem 1.4rem }}
h1 {{ font-size: 1.75rem; line-height: 1.25; margin: 0 0 .6rem }}
p {{ margin: 0 }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
</main>
</body>
</html>
"""
_WORKED = ("You are signed in", "You can close this page and go back to the program.", "#43a047")
_FAILED = (
    "Sign-in did not work",
    "You can close this page and go back to the program, which says why.",
    "#e53935",
)
_RECEIVED = (
    "The sign-in is on its way",
    "You can close this page and go back to the program, which says how the sign-in ends.",
    "#1e88e5",
)


class Listener:
    """Listens for one answer. A context manager: what is bound is released at its end.

    Args:
        address: where the browser returns to.
        accepts: whether an answer belongs to this sign-in, by its state.
        form_post: the answer comes as a form that is posted, and not in the query.
        outcome_within: seconds that the last page waits to learn how the sign-in ended.

    Raises:
        ConfigurationError: the port is taken, or nothing can be bound.
    """

    def __init__(
        self,
        address: RedirectAddress,
        accepts: Callable[[Answer], bool],
        *,
        form_post: bool = False,
        outcome_within: float = OUTCOME,
    ) -> None:
        self.address = address
        self.form_post = form_post
        self._patience = outcome_within
        self._accepts = accepts
        self._lock = threading.Lock()
        self._answer: Answer | None = None
        #: Whether an answer came that looked like one, and was of another sign-in.
        self.has_refused = False
        self._arrived = threading.Event()
        self._concluded = threading.Event()
        self._shown = threading.Event()
        self._page = _FAILED
        self._servers = _bound(self)
        port = self._servers[0].server_address[1]
        #: With the port that is listened on: what the authorization request names.
        self.redirect_uri = address.at(port)
        #: What browsers say in `Host` when they return: they leave the scheme's own port out.
        self.host = address.host if port == 80 else f"{address.host}:{port}"

    def __repr__(self) -> str:
        return f"<Listener at {self.redirect_uri}>"

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(
                target=server.serve_forever,
                args=(_LOOK,),
                name="grantway-loopback",
                daemon=True,
            ).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Say how it ended to who asked, and close."""
        self._concluded.set()
        try:
            # A client that does not follow the redirect is not waited for long.
            if self._arrived.is_set():
                self._shown.wait(_LINGER)
        finally:
            for server in self._servers:
                server.shutdown()
                server.server_close()

    def wait(self, context: Context) -> Answer:
        """The valid answer, as soon as it is there.

        Raises:
            DeadlineExceeded: none came in time.
            Cancelled: nobody waits any more.
        """
        while not self._arrived.is_set():
            context.clock.wait(self._arrived, min(context.remaining(), _LOOK))
        return self._answer or {}

    def succeed(self) -> None:
        """Have the last page say that the sign-in worked; without it, it says the opposite."""
        self._page = _WORKED
        self._concluded.set()

    # What the handler asks.

    def take(self, answer: Answer) -> bool:
        """Take an answer, if it is the one that is waited for."""
        with self._lock:
            if self._answer is not None:
                return False
            if not self._accepts(answer):
                self.has_refused = self.has_refused or "state" in answer
                return False
            self._answer = answer
        self._arrived.set()
        return True

    def outcome(self) -> str:
        """The last page, once it is known how the sign-in ended."""
        known = self._concluded.wait(self._patience)
        title, text, colour = self._page if known else _RECEIVED
        return _PAGE.format(title=title, text=text, colour=colour)

    def was_shown(self) -> None:
        """Note that the last page has been sent."""
        self._shown.set()

    @property
    def has_answer(self) -> bool:
        """Whether there is a last page to show."""
        return self._arrived.is_set()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # On Windows it would let another process listen on the same port.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, listener: Listener, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = listener
        self._places = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        if sys.platform == "win32":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002  # of the library
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]  # as the library hands it over
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nobody's loss, and what it sent is not printed."""


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server_version = "grantway"
    sys_version = ""

    @property
    def _listener(self) -> Listener:
        return cast("_Server", self.server).listener

    def do_GET(self) -> None:
        listener = self._listener
        if not self._is_ours():
            return
        path, _, query = self.path.partition("?")
        if path == _result_path(listener):
            if not listener.has_answer:
                self._say(404)
                return
            page = listener.outcome()
            self._say(200, page)
            listener.was_shown()
        elif not self._is_at(path):
            self._say(404)
        elif listener.form_post:
            self._say(405, allow="POST")
        else:
            self._take(query)

    def do_POST(self) -> None:
        listener = self._listener
        if not self._is_ours():
            return
        path, _, query = self.path.partition("?")
        if not self._is_at(path):
            self._say(404)
        elif not listener.form_post:
            self._say(405, allow="GET")
        elif query:
            self._say(400)
        else:
            self._take_form()

    def _is_ours(self) -> bool:
        """Whether the request is for this very address: no name that merely leads here is."""
        given = self.headers.get_all("Host", [])
        if [each.strip().lower() for each in given] == [self._listener.host]:
            return True
        self._say(400)
        return False

    def _is_at(self, path: str) -> bool:
        # A redirect URI without a path is asked for with a slash (RFC 9110, section 4.2.3).
        return path == (self._listener.address.path or "/")

    def _take_form(self) -> None:
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        length = self.headers.get("Content-Length", "")
        if kind != "application/x-www-form-urlencoded":
            self._say(415)
        elif not length.isascii() or not length.isdigit():
            self._say(411)
        elif len(length) > _DIGITS or int(length) > _LARGEST:
            self._say(413)
        elif len(body := self.rfile.read(int(length))) < int(length):
            # Half a code is none.
            self._say(400)
        else:
            self._take(body.decode("ascii", "replace"))

    def _take(self, encoded: str) -> None:
        answer = parsed(encoded)
        if answer is None or not self._listener.take(answer):
            self._say(400)
            return
        # 303: the next request is a GET, and the address with the code leaves the history.
        self._say(303, location=_result_path(self._listener))

    def _say(self, status: int, page: str = "", *, location: str = "", allow: str = "") -> None:
        self.close_connection = True
        body = page.encode()
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if location:
            self.send_header("Location", location)
        if allow:
            self.send_header("Allow", allow)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002  # of the library
        """Without the library's page, which would repeat what was asked."""
        with suppress(OSError):
            if code == 501:
                # A method for which there is no `do_`: none that is taken here.
                self._say(405, allow="POST" if self._listener.form_post else "GET")
            else:
                self._say(code)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # of the library
        """Nothing: the request line has the code in it."""


def parsed(encoded: str) -> Answer | None:
    """The fields of an answer, which shows none of them; None where one is there twice."""
    try:
        pairs = parse_qsl(
            encoded, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return None
    fields = dict(pairs)
    return None if len(fields) != len(pairs) else _Fields(fields)


class _Fields(dict[str, str]):
    """Fields with a code among them: shows how many there are."""

    __repr__ = JsonObject.__repr__


def _result_path(listener: Listener) -> str:
    return f"{listener.address.path.rstrip('/')}/{RESULT}"


def _bound(listener: Listener) -> tuple[_Server, ...]:
    """A server on each loopback address, all on one port.

    The port of the first is bound before it is known, so nobody can take it in between. Where the
    second is taken on that port, another one is tried; where there is no IPv6, one will do.
    """
    address = listener.address
    first, *others = address.bound_to
    tries = 1 if address.port else _TRIES
    for left in reversed(range(tries)):
        servers: list[_Server] = []
        try:
            servers.append(_Server(listener, first, address.port or 0))
            port = servers[0].server_address[1]
            for host in others:
                with _where_there_is_one():
                    servers.append(_Server(listener, host, port))
        except OSError as error:
            for server in servers:
                server.server_close()
            if not left or not servers:
                raise _unbound(address, error) from None
        else:
            return tuple(servers)
    raise AssertionError("unreachable: the last try raises")


@contextmanager
def _where_there_is_one() -> Generator[None]:
    """Without an address of that family on this machine, nobody's browser will go there."""
    try:
        yield
    except OSError as error:
        if _is_taken(error):
            raise


def _is_taken(error: OSError) -> bool:
    # Windows says EACCES of a port that another program has for itself.
    return error.errno in (errno.EADDRINUSE, errno.EACCES)


def _unbound(address: RedirectAddress, error: OSError) -> ConfigurationError:
    where = f"port {address.port}" if address.port else "any port"
    reason = {
        errno.EADDRINUSE: "it is taken",
        errno.EACCES: "it is taken, or kept for administrators",
    }.get(error.errno or 0, type(error).__name__)
    return ConfigurationError(
        f"The browser's answer cannot be listened for on {where} of {address.host}: {reason}.",
        remedy="End the program that listens there, or give another redirect_uri that is "
        "registered for the application.",
    )
