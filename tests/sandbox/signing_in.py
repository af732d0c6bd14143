"""How tests sign in: an authorization URL, what comes of it, and the code's redemption."""

import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from grantway_sandbox.forms import Form, Page, read_page
from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH

REDIRECT = "http://localhost:8400/"
VERIFIER = "v" * 64
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
SCOPE = f"openid offline_access {GRAPH}/User.Read"


def path(kind: str, version: int) -> str:
    return f"oauth2/v2.0/{kind}" if version == 2 else f"oauth2/{kind}"


def authorization_url(
    sandbox: Sandbox, version: int = 2, *, tenant: str = "common", **fields: str | None
) -> str:
    """The URL of a request by the public application; a field given as None is left out."""
    asked: dict[str, str | None] = {
        "client_id": sandbox.public_application_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "state": "a state",
        "nonce": "a nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    asked["scope" if version == 2 else "resource"] = SCOPE if version == 2 else GRAPH
    asked |= fields
    given = {name: value for name, value in asked.items() if value is not None}
    return f"{sandbox.url}/{tenant}/{path('authorize', version)}?{urlencode(given)}"


def redeem(
    sandbox: Sandbox, code: str | None, version: int = 2, *, tenant: str = "common", **fields: Any
) -> requests.Response:
    """Redeem a code as the public application; a field given as None is left out."""
    asked: dict[str, Any] = {
        "client_id": sandbox.public_application_id,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    } | fields
    return requests.post(
        f"{sandbox.url}/{tenant}/{path('token', version)}",
        data={name: value for name, value in asked.items() if value is not None},
        timeout=10,
    )


def parameters(answer: requests.Response) -> dict[str, str]:
    """What an authorization answer says that came as a redirect in the query."""
    assert answer.status_code == 303, answer.text
    pairs = parse_qsl(urlsplit(answer.headers["Location"]).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


class Browser:
    """A browser that goes one page at a time, for who has to do something in between."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.session = requests.Session()
        self.last = requests.Response()

    @property
    def page(self) -> Page:
        return read_page(self.last.text)

    @property
    def form(self) -> Form:
        form = self.page.form
        assert form is not None, self.last.text
        return form

    def get(self, url: str) -> requests.Response:
        return self._arrive(self.session.get(url, allow_redirects=False, timeout=10))

    def submit(self, **entries: str) -> requests.Response:
        """Send the page's form with `entries`."""
        url = self._sandbox.url + self.form.action
        data = self.form.filled(**entries)
        return self._arrive(self.session.post(url, data=data, allow_redirects=False, timeout=10))

    def enter_password(self) -> requests.Response:
        user = self._sandbox.user
        return self.submit(user_name=user.user_name, password=user.password, do="sign-in")

    def enter_code(self) -> requests.Response:
        return self.submit(one_time_code=self._sandbox.user.one_time_code, do="verify")

    def _arrive(self, response: requests.Response) -> requests.Response:
        """Follow redirects as long as they stay at the sandbox."""
        while response.headers.get("Location", "").startswith("/"):
            url = self._sandbox.url + response.headers["Location"]
            response = self.session.get(url, allow_redirects=False, timeout=10)
        self.last = response
        return response


class Listener:
    """A client that waits on loopback for its answer, as native applications do."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str, dict[str, str]]] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                self._take(parts.path, parts.query)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                self._take(self.path, self.rfile.read(length).decode())

            def _take(self, path: str, text: str) -> None:
                if path == "/favicon.ico":
                    self.send_error(404)
                    return
                received.append((self.command, path, dict(parse_qsl(text))))
                body = b"<!doctype html><title>Done</title><h1>Back at the client</h1>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
