"""A token server that costs next to nothing, for benchmarks: a process of its own.

    with JsonAuthority(delay_ms=20) as authority:
        requests.post(f"{authority.url}/tenant/oauth2/v2.0/token", data=...)
        assert authority.stats().tokens == 1

Every POST gets a token, a new one each time. Every GET of a path that ends in
`/.well-known/openid-configuration` gets metadata whose endpoints are here. `GET /stats` tells the
counts, `GET /reset` sets them to zero; neither is counted or delayed.
"""

import argparse
import asyncio
import contextlib
import http.client
import itertools
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:  # The process that serves runs this file alone, and starts faster for it.
    from .tls import Identity

METADATA = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Stats:
    """What the server counted since it started or was reset."""

    tokens: int
    metadata: int
    connections: int
    """Connections that asked for a token or for metadata."""

    @property
    def requests(self) -> int:
        return self.tokens + self.metadata


class JsonAuthority:
    """A context manager around the server's process, which ends with it.

    `delay_ms` is how long each answer takes, whatever else is going on. With `identity` the
    server speaks TLS, and `url` has the name `host`.
    """

    url: str
    port: int

    def __init__(
        self,
        *,
        delay_ms: float = 0,
        identity: "Identity | None" = None,
        host: str = "127.0.0.1",
        expires_in: int = 3600,
    ) -> None:
        self._identity = identity
        self._host = host
        self._arguments = ["--delay-ms", str(delay_ms), "--expires-in", str(expires_in)]
        if identity is not None:
            self._arguments += ["--cert", str(identity.certificate), "--key", str(identity.key)]
        self._arguments += ["--host", host]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            message = "the token server did not start; its standard error says why"
            raise RuntimeError(message)
        self.port = json.loads(line)["port"]
        self.url = _base(self._host, self.port, secure=self._identity is not None)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stats(self) -> Stats:
        return Stats(**json.loads(self._get("/stats")))

    def reset(self) -> None:
        """Set the counts to zero. A connection that is kept open counts anew when it is used."""
        self._get("/reset")

    def stop(self) -> None:
        """End the process. Calling it twice is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _get(self, path: str) -> bytes:
        connection: http.client.HTTPConnection
        if self._identity is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        else:
            context = ssl.create_default_context(cafile=self._identity.certificate)
            context.check_hostname = False
            # Its own certificate, or one by a CA: either way the one that was handed over.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=10, context=context
            )
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()


def _base(host: str, port: int, *, secure: bool) -> str:
    return f"{'https' if secure else 'http'}://{host}:{port}"


class Counters:
    """The counts, and the numbers that make tokens differ."""

    def __init__(self) -> None:
        self.serial = itertools.count(1)
        self.epoch = 0
        self.reset()

    def reset(self) -> None:
        self.epoch += 1
        self.tokens = self.metadata = self.connections = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection. Answers leave in the order of the requests."""

    transport: asyncio.Transport

    def __init__(
        self, counters: Counters, base: Callable[[], str], delay: float, expires_in: int
    ) -> None:
        self.counters = counters
        self.base = base
        self.delay = delay
        self.expires_in = expires_in
        self.buffer = b""
        self.seen_in = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            end += 4 + _content_length(head)
            if len(self.buffer) < end:
                if b"100-continue" in head:
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = self.buffer[len(head) + 4 : end]
            self.buffer = self.buffer[end:]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        method, target, _ = head.split(b"\r\n", 1)[0].split(b" ", 2)
        path = target.split(b"?", 1)[0].decode("ascii", "replace")
        counters = self.counters
        if method == b"GET" and path == "/stats":
            names = ("tokens", "metadata", "connections")
            self.write({name: getattr(counters, name) for name in names})
            return
        if method == b"GET" and path == "/reset":
            counters.reset()
            self.write({})
            return
        if self.seen_in != counters.epoch:
            self.seen_in = counters.epoch
            counters.connections += 1
        if method == b"POST":
            counters.tokens += 1
            number = next(counters.serial)
            answer: dict[str, object] = {
                "token_type": "Bearer",
                "expires_in": self.expires_in,
                "access_token": f"token-{number}",
            }
            if b"grant_type=client_credentials" not in body:
                answer["refresh_token"] = f"refresh-{number}"
        elif method == b"GET" and path.endswith(METADATA):
            counters.metadata += 1
            answer = _metadata(self.base(), path.removesuffix(METADATA))
        else:
            self.write({"error": "not_found"}, b"404 Not Found")
            return
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.write, answer)
        else:
            self.write(answer)

    def write(self, value: object, status: bytes = b"200 OK") -> None:
        if self.transport.is_closing():
            return
        body = json.dumps(value).encode()
        self.transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (status, len(body), body)
        )


def _content_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(lower[at + 17 :].split(b"\r\n", 1)[0])


def _metadata(base: str, prefix: str) -> dict[str, object]:
    """Describe the issuer at `prefix`, with endpoints where Entra has them."""
    oauth = f"{base}{prefix.removesuffix('/v2.0')}/oauth2/v2.0"
    return {
        "issuer": f"{base}{prefix}",
        "authorization_endpoint": f"{oauth}/authorize",
        "token_endpoint": f"{oauth}/token",
        "device_authorization_endpoint": f"{oauth}/devicecode",
        "jwks_uri": f"{base}{prefix}/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }


async def _serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    context: ssl.SSLContext | None = None
    if options.cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    counters = Counters()
    port = 0

    def base() -> str:
        return _base(options.host, port, secure=context is not None)

    def connection() -> Connection:
        return Connection(counters, base, options.delay_ms / 1000, options.expires_in)

    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    parent_gone = asyncio.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        with contextlib.suppress(RuntimeError):  # The loop may have ended by itself.
            loop.call_soon_threadsafe(parent_gone.set)

    threading.Thread(target=watch, daemon=True).start()
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    await parent_gone.wait()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--expires-in", type=int, default=3600)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--cert", type=Path)
    parser.add_argument("--key", type=Path)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    _main()
