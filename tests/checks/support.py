"""What the tests of the checks share: a test run, an issuer over TLS, a proxy with a tunnel."""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from email.utils import formatdate
from typing import Any

from grantway import Environment, Trust
from grantway.checks.check import Check, run
from grantway.checks.environment import steps
from grantway.clock import SystemClock
from grantway.oauth.transport import HttpTransport
from grantway.parts import Clock
from oauth.test_id_token import EC, RSA, jwk
from servers.raw import Behaviour, Exchange, Gone, RawServer, json_answer
from servers.tls import DAY, Identity, LocalCa

METADATA = "/.well-known/openid-configuration"
NAMES = (
    "environment", "proxy", "trust", "dns", "tcp", "tls", "chain", "name", "expiry", "clock",
    "metadata", "issuer", "endpoints", "keys",
)  # fmt: skip


def examined(
    of: Environment,
    environ: Mapping[str, str] | None = None,
    *,
    clock: Clock | None = None,
    timeout: float = 20,
    **parts: Any,
) -> list[Check]:
    """The findings of a test of an environment."""
    environ = environ or {}
    with closing(HttpTransport(environ=environ)) as transport:
        return list(
            run(
                steps(
                    of,
                    transport=transport,
                    clock=clock or SystemClock(),
                    environ=environ,
                    timeout=timeout,
                    **parts,
                )
            )
        )


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def outcomes(checks: list[Check], *wanted: str) -> list[str]:
    """The names of the checks with these outcomes."""
    return [check.name for check in checks if check.outcome in wanted]


class Issuer:
    """An OpenID provider on a scripted server.

    Its certificate is good for a year, for `localhost`, and of the CA unless another is given.
    """

    def __init__(
        self,
        start: Callable[..., RawServer],
        ca: LocalCa,
        identity: Identity | None = None,
        **metadata: object,
    ) -> None:
        self.server = start(
            identity=identity or ca.issue("localhost", lifetime=365 * DAY), host="localhost"
        )
        self.ca = ca
        self.describe(**metadata)
        self.publish(jwk(RSA, "rsa"), jwk(EC, "ec"))

    @property
    def url(self) -> str:
        return self.server.url

    def describe(self, headers: Mapping[str, str] | None = None, **changes: object) -> None:
        """Publish metadata; a field changed to None is left out."""
        document: dict[str, object] = {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/token",
            "authorization_endpoint": f"{self.url}/authorize",
            "jwks_uri": f"{self.url}/keys",
            "code_challenge_methods_supported": ["S256"],
            **changes,
        }
        found = {name: value for name, value in document.items() if value is not None}
        given = {"Date": formatdate(time.time(), usegmt=True)} if headers is None else headers
        self.server.serve(json_answer(found, headers=list(given.items())), path=METADATA)

    def publish(self, *keys: object) -> None:
        self.server.serve(json_answer({"keys": list(keys)}), path="/keys")

    def environment(self, **more: Any) -> Environment:
        trust = more.pop("trust", None) or Trust(ca_bundle=str(self.ca.bundle))
        return Environment("Hill", authority=self.url, trust=trust, **more)

    @property
    def asked(self) -> set[tuple[str, str]]:
        """Method and path of whatever was asked."""
        return {(each.method, each.path) for each in self.server.requests}


def tunnel(port: int) -> Behaviour:
    """What a proxy does that is asked to connect: here always to a port of this machine."""

    def act(exchange: Exchange) -> None:
        with socket.create_connection(("127.0.0.1", port)) as far:
            exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            there = threading.Thread(target=_pump, args=(exchange.connection, far), daemon=True)
            there.start()
            _pump(far, exchange.connection)
            there.join(5)
        raise Gone

    return Behaviour(act)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65536):
            sink.sendall(received)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
