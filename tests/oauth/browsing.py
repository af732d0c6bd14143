"""A person with a browser of the test's own, and raw ways to knock at a loopback listener."""

import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs

from grantway.errors import InteractionRequired

CODE = "sentinel-authorization-code"


@attrs.frozen
class Page:
    """What was answered. `headers` are by lower-case name; `status` 0: nothing that is HTTP."""

    status: int
    headers: Mapping[str, str]
    text: str


def raw(port: int, data: bytes, *, address: str = "127.0.0.1") -> bytes:
    """Send these bytes and return all that comes back until the other side closes."""
    with socket.create_connection((address, port), timeout=20) as connection:
        connection.sendall(data)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        found = bytearray()
        with suppress(ConnectionError):
            while chunk := connection.recv(65536):
                found += chunk
    return bytes(found)


def knock(
    uri: str,
    target: str | None = None,
    *,
    method: str = "GET",
    hosts: Iterable[str] | None = None,
    headers: Iterable[str] = (),
    body: bytes = b"",
    address: str | None = None,
) -> Page:
    """Send one request to whoever listens at `uri`, with every part of it as the test likes."""
    parts = urlsplit(uri)
    assert parts.port
    lines = [f"{method} {target or parts.path or '/'} HTTP/1.1"]
    # As browsers do: without the scheme's own port.
    own = parts.netloc.removesuffix(":80")
    lines += [f"Host: {host}" for host in ([own] if hosts is None else hosts)]
    address = address or ("::1" if parts.hostname == "::1" else "127.0.0.1")
    head = "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")
    return page_of(raw(parts.port, head + body, address=address))


def page_of(answered: bytes) -> Page:
    head, _, text = answered.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    if not first.startswith("HTTP/1."):
        return Page(0, {}, answered.decode("utf-8"))
    headers = dict(line.split(": ", 1) for line in lines)
    return Page(
        int(first.split()[1]),
        {name.lower(): value for name, value in headers.items()},
        text.decode("utf-8"),
    )


def deliver(uri: str, fields: Iterable[tuple[str, str]], **how: Any) -> Page:
    """Bring an answer in the query, as a browser would that was sent back."""
    path = urlsplit(uri).path or "/"
    return knock(uri, f"{path}?{urlencode(list(fields))}", **how)


def post(uri: str, fields: Iterable[tuple[str, str]], **how: Any) -> Page:
    """Bring an answer as a form."""
    body = urlencode(list(fields)).encode()
    headers = (
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    )
    return knock(uri, method="POST", headers=headers, body=body, **how)


def last_page(uri: str, brought: Page) -> Page:
    """Follow the redirect that a valid answer is answered with."""
    assert brought.status == 303, brought
    return knock(uri, brought.headers["location"])


def query(url: str) -> dict[str, str]:
    """The fields of an address, each of which is there once."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def answering(
    leaving_out: Iterable[str] = (), *, by_form: bool = False, **fields: str
) -> Callable[[str], Page]:
    """A browser whose authority answers at once, with a code unless told otherwise."""

    def browse(url: str) -> Page:
        sent = query(url)
        answer = {"code": CODE, "state": sent["state"], **fields}
        pairs = [(name, value) for name, value in answer.items() if name not in leaving_out]
        bring = post if by_form else deliver
        return last_page(sent["redirect_uri"], bring(sent["redirect_uri"], pairs))

    return browse


def visiting(visit: Callable[[str, str], str]) -> Callable[[str], Page]:
    """A browser that goes through an authority's own pages.

    `visit` takes the address to start at and the one to come back to; it returns the latter as it
    was reached, with the answer.
    """

    def browse(url: str) -> Page:
        uri = query(url)["redirect_uri"]
        parts = urlsplit(visit(url, uri))
        return last_page(uri, knock(uri, f"{parts.path or '/'}?{parts.query}"))

    return browse


@attrs.define(eq=False)
class Person:
    """A prompter with somebody behind it, whose browser does what the test says.

    `browse` is given each address that is opened, in a thread of its own; `page` is what it
    returned for the last one, and what it raised is raised there.
    """

    browse: Callable[[str], Any]
    opens: bool = True
    shown: list[str] = attrs.field(factory=list)
    opened: list[str] = attrs.field(factory=list)
    visits: "list[Future[Any]]" = attrs.field(factory=list)
    _threads: ThreadPoolExecutor = attrs.field(factory=ThreadPoolExecutor, init=False)

    def ask(self, question: str, *, secret: bool = False) -> str:
        raise InteractionRequired(question)

    def show(self, text: str) -> None:
        self.shown.append(text)

    def open(self, url: str) -> bool:
        self.opened.append(url)
        if self.opens:
            self.visits.append(self._threads.submit(self.browse, url))
        return self.opens

    @property
    def page(self) -> Any:
        return self.visits[-1].result(20)


def nobody(url: str) -> None:
    """A browser in which nobody signs in."""


def refuses(port: int, address: str = "127.0.0.1") -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_connection((address, port), timeout=5).close()
    except (ConnectionRefusedError, ConnectionResetError):
        # Reset: it was closed while the connection waited to be taken.
        return True
    return False
