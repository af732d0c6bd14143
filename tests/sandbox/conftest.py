"""A running sandbox for each test, and a short way to talk to it."""

from collections.abc import Iterator

import pytest
import requests
from requests.auth import AuthBase

pytest.importorskip("flask", reason="the sandbox needs the extra grantway[sandbox]")
pytest.importorskip("authlib", reason="the sandbox needs the extra grantway[sandbox]")

from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH, Ask, FakeClock


@pytest.fixture(autouse=True)
def _no_other_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def tls_sandbox() -> Iterator[Sandbox]:
    """One sandbox over TLS, by the machine's clock, which other libraries go by."""
    with Sandbox(tls=True) as sandbox:
        yield sandbox


@pytest.fixture
def ask(sandbox: Sandbox) -> Ask:
    """Post to a token endpoint as the demo application; a field given as None is left out."""

    def post(
        version: int = 2,
        *,
        tenant: str | None = None,
        headers: dict[str, str] | None = None,
        auth: AuthBase | None = None,
        **fields: str | None,
    ) -> requests.Response:
        given: dict[str, str | None] = {
            "client_id": sandbox.application.application_id,
            "client_secret": sandbox.application.secret,
            "grant_type": "client_credentials",
        }
        given["scope" if version == 2 else "resource"] = (
            f"{GRAPH}/.default" if version == 2 else GRAPH
        )
        given |= fields
        path = "oauth2/v2.0/token" if version == 2 else "oauth2/token"
        return requests.post(
            f"{sandbox.url}/{tenant or sandbox.tenant.tenant_id}/{path}",
            data={name: value for name, value in given.items() if value is not None},
            headers=headers,
            auth=auth,
            timeout=10,
        )

    return post
