"""Platforms that vouch for an application: the variables of each, and a call on it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import jwt
import pytest

from grantway import AuthenticationResult, Context, Environment, TokenRequest
from grantway_grants.workload_identity import github, kubernetes, naming, workload_identity
from grantway_sandbox.server import Sandbox
from oauth.support import FakeClock, context
from servers.raw import RawServer

CLIENT = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-2222-3333-4444-555555555555"
REQUEST_TOKEN = "sentinel-request-token"
VARIABLES = (
    kubernetes.TOKEN_FILE,
    kubernetes.AUTHORITY_HOST,
    naming.CLIENT_ID_VARIABLE,
    naming.TENANT_ID_VARIABLE,
    github.REQUEST_URL,
    github.REQUEST_TOKEN,
)


def platform_token(now: float, **claims: object) -> str:
    """A token of some platform's; nobody looks at who has signed it."""
    return jwt.encode(
        {"sub": "sentinel-subject", "exp": int(now) + 3600, **claims},
        "a key of at least so many bytes as it takes",
    )


def cluster(file: Path, **more: str) -> dict[str, str]:
    """What a cluster sets in a pod."""
    return {
        kubernetes.TOKEN_FILE: str(file),
        naming.CLIENT_ID_VARIABLE: CLIENT,
        naming.TENANT_ID_VARIABLE: TENANT,
        **more,
    }


def runner(server: RawServer, path: str = "/idtoken?api-version=2.0") -> dict[str, str]:
    """What a runner of workflows sets in a job that may ask for a token."""
    return {github.REQUEST_URL: f"{server.url}{path}", github.REQUEST_TOKEN: REQUEST_TOKEN}


def wanted(cloud: Environment, platform: str, **values: object) -> TokenRequest:
    given = {"workload_identity": platform, **values}
    return TokenRequest(cloud, "WorkloadIdentity", "WorkloadIdentity", given)


def authenticate(
    environ: Mapping[str, str],
    cloud: Environment,
    platform: str,
    *,
    given: Context | None = None,
    clock: FakeClock | None = None,
    **values: Any,
) -> AuthenticationResult:
    provider = workload_identity(environ, loopback=True)
    within = attrs.evolve(given, environment=cloud) if given else context(cloud, clock=clock)
    return provider.authenticate(wanted(cloud, platform, **values), within)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def no_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
