"""Fixtures for all tests: no test sees this machine's settings, and real servers are at hand."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import pytest
from hypothesis import settings

from peers import PeerUnavailable, in_ci, require_peer
from peers.django_oauth_toolkit import DjangoOAuthToolkit
from peers.oidc_provider import OidcProvider
from servers.raw import RawServer
from servers.tls import Identity, LocalCa

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if in_ci() else "dev")

P = TypeVar("P", OidcProvider, DjangoOAuthToolkit)

_ORIGINAL_ENVIRONMENT = MappingProxyType(dict(os.environ))
_HOMES = itertools.count()

# What would send requests elsewhere, trust somebody else, or colour what is compared as text.
_UNWANTED = frozenset(
    {
        "ALL_PROXY",
        "CURL_CA_BUNDLE",
        "FORCE_COLOR",
        "FTP_PROXY",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NETRC",
        "NO_COLOR",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
    }
)
_FOLDERS = {
    "HOME": "home",
    "USERPROFILE": "home",
    "APPDATA": "home/roaming",
    "LOCALAPPDATA": "home/local",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_DIRS": "site-config",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_DIRS": "site-data",
    "XDG_DATA_HOME": "data",
    "XDG_RUNTIME_DIR": "runtime",
    "XDG_STATE_HOME": "state",
}


@pytest.fixture(scope="session")
def original_environment() -> Mapping[str, str]:
    """The environment as the tests were started in: for `pip`, which needs this machine's ways."""
    return _ORIGINAL_ENVIRONMENT


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, _homes: Path) -> Path:
    """Take this machine's settings away, give an empty HOME; returns the folder it lies in."""
    for name in list(os.environ):
        if name.upper() in _UNWANTED or name.upper().startswith("GRANTWAY_"):
            monkeypatch.delenv(name)
    root = _homes / str(next(_HOMES))
    for name, folder in _FOLDERS.items():
        path = root / folder
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(path))
    return root


@pytest.fixture(scope="session")
def local_ca(tmp_path_factory: pytest.TempPathFactory) -> LocalCa:
    """A CA that only these tests know."""
    return LocalCa(tmp_path_factory.mktemp("local-ca"))


@pytest.fixture
def raw_servers() -> Iterator[Callable[..., RawServer]]:
    """Start as many scripted servers as a test likes, by calling it: `identity`, `host`."""
    with ExitStack() as stack:

        def start(*, identity: Identity | None = None, host: str = "127.0.0.1") -> RawServer:
            return stack.enter_context(RawServer(identity=identity, host=host))

        yield start


@pytest.fixture
def raw_server(raw_servers: Callable[..., RawServer]) -> RawServer:
    """A scripted server that speaks plain HTTP on loopback."""
    return raw_servers()


def _running(server: P) -> Iterator[P]:
    missing = ""
    try:
        server.start()
    except PeerUnavailable as reason:
        missing = str(reason)
    require_peer(not missing, missing)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def oidc_provider() -> Iterator[OidcProvider]:
    """oidc-provider from npm, one for the whole run: tests share its clients, not its sessions."""
    yield from _running(OidcProvider())


@pytest.fixture(scope="session")
def secure_oidc_provider(local_ca: LocalCa) -> Iterator[OidcProvider]:
    """The same over TLS, with a certificate that only these tests trust."""
    identity, client = local_ca.issue("127.0.0.1"), local_ca.issue("client.example")
    provider = OidcProvider(
        certificate=identity.certificate,
        key=identity.key,
        environment={"OIDC_PROVIDER_CLIENT_CERT": str(client.certificate)},
    )
    provider.client_identity = client
    yield from _running(provider)


@pytest.fixture(scope="session")
def django_oauth_toolkit() -> Iterator[DjangoOAuthToolkit]:
    """django-oauth-toolkit from PyPI, likewise."""
    yield from _running(DjangoOAuthToolkit())


@pytest.fixture(scope="session")
def secure_django_oauth_toolkit(local_ca: LocalCa) -> Iterator[DjangoOAuthToolkit]:
    """The same over TLS, with a certificate that only these tests trust."""
    identity = local_ca.issue("127.0.0.1")
    yield from _running(DjangoOAuthToolkit(identity.certificate, identity.key))
