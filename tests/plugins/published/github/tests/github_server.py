"""A GitHub on this machine, as far as apps are concerned: it checks what it is sent."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

APP_ID = "Iv23liABCDEFGHIJKLMN"
INSTALLATION = "1234567"
REPOSITORIES = ("docs", "site")
PERMISSIONS = {"contents": "write", "metadata": "read"}

_PATH = re.compile(r"/api/v3/app/installations/([0-9]+)/access_tokens")


class GitHub(ThreadingHTTPServer):
    """The server; `asked` is what it was asked, `failures` what it answers instead, in order."""

    daemon_threads = True

    def __init__(self, public_key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.public_key = public_key
        self.asked: list[dict[str, Any]] = []
        self.jwts: list[str] = []
        self.failures: list[tuple[int, dict[str, str], dict[str, str]]] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: GitHub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.failures:
            self._answer(*self.server.failures.pop(0))
            return
        path = _PATH.fullmatch(self.path)
        if not path or self.headers["Content-Type"] != "application/json":
            self._answer(404, {"message": "Not Found"})
            return
        try:
            bearer = self.headers["Authorization"].removeprefix("Bearer ")
            claims = jwt.decode(bearer, self.server.public_key, ["RS256"])
            if claims["iss"] != APP_ID or claims["exp"] - claims["iat"] > 600:
                raise jwt.InvalidTokenError
        except jwt.InvalidTokenError:
            self._answer(401, {"message": "A JSON web token could not be decoded"})
            return
        if path[1] != INSTALLATION:
            self._answer(404, {"message": "Not Found"})
            return
        self.server.jwts.append(bearer)
        self._grant(json.loads(body))

    def _grant(self, asked: dict[str, Any]) -> None:
        self.server.asked.append(asked)
        named, allowed = asked.get("repositories"), asked.get("permissions", PERMISSIONS)
        if not set(named or ()) <= set(REPOSITORIES) or not allowed.keys() <= PERMISSIONS.keys():
            self._answer(422, {"message": "The permissions requested are not granted"})
            return
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        self._answer(
            201,
            {
                "token": f"ghs_{len(self.server.asked):036}",
                "expires_at": f"{until:%Y-%m-%dT%H:%M:%SZ}",
                "permissions": allowed,
                "repository_selection": "selected" if named else "all",
            },
        )

    def _answer(
        self, status: int, facts: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(facts).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running(public_key: str) -> Iterator[GitHub]:
    """The server, while it runs."""
    server = GitHub(public_key)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
