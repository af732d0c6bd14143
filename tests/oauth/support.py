"""What the tests of the OAuth mechanisms share: a clock, environments on scripted servers, a call."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from grantway import (
    OIDC,
    AuthenticationResult,
    AuthorityRequest,
    Context,
    Dispatcher,
    Environment,
    Protocol,
    Registry,
    Secret,
    Transport,
    Trust,
)
from grantway.clock import SystemClock
from grantway.oauth.transport import HttpTransport
from grantway.parts import Clock
from grantway.testing import ManualClock
from servers.raw import Behaviour, RawServer, json_answer

CLIENT_ID = "an application"
CLIENT_SECRET = "sentinel-client-secret"
RESOURCE = "https://api.example.org"
GRANTED: Mapping[str, object] = {
    "access_token": "sentinel-access-token",
    "token_type": "Bearer",
    "expires_in": 3600,
}

RAW = Protocol(
    name="raw",
    audience="indicator",
    token_path="{authority}/token",
    metadata_urls=("{authority}/metadata",),
    issuers=("{issuer}",),
    client_authentication="client_secret_post",
)


FakeClock = ManualClock


def granted(**changes: object) -> Behaviour:
    """A good token answer; a field changed to None is left out."""
    fields = {**GRANTED, **changes}
    return json_answer({name: value for name, value in fields.items() if value is not None})


def environment(
    server: RawServer | str, protocol: Protocol = RAW, *, trust: Trust | None = None, **more: Any
) -> Environment:
    url = server if isinstance(server, str) else server.url
    return Environment(
        "Raw",
        authority=url,
        protocol=protocol,
        trust=trust or Trust(loopback_http=True),
        **{"default_resource": RESOURCE, **more},
    )


def oidc(server: RawServer | str, path: str = "", **more: Any) -> Environment:
    """An environment whose endpoints are in its metadata."""
    url = server if isinstance(server, str) else server.url
    return environment(f"{url}{path}", OIDC, **more)


def context(
    of: Environment,
    *,
    clock: Clock | None = None,
    timeout: float = 10,
    transport: Transport | None = None,
    cancelled: threading.Event | None = None,
) -> Context:
    clock = clock or SystemClock()
    return Context(
        environment=of,
        transport=transport or HttpTransport(environ={}),
        clock=clock,
        prompter=None,
        deadline=clock.monotonic() + timeout,
        timeout=timeout,
        cancelled=cancelled or threading.Event(),
    )


def token_request(url: str, *fields: tuple[str, str | Secret], **more: Any) -> AuthorityRequest:
    return AuthorityRequest("token", url, fields or (("grant_type", "client_credentials"),), **more)


def dispatcher(*plugins: object, **parts: Any) -> Dispatcher:
    return Dispatcher(Registry.of(*plugins) if plugins else None, prompter=False, **parts)


def acquire(
    server: RawServer | str, *behaviours: Behaviour, clock: Clock | None = None, **parameters: Any
) -> AuthenticationResult:
    """Script the server and ask for a token as an application, in one go."""
    if behaviours:
        assert isinstance(server, RawServer)
        server.serve(*behaviours)
    given: dict[str, Any] = {
        "environment": environment(server),
        "credential": (CLIENT_ID, CLIENT_SECRET),
        **parameters,
    }
    with dispatcher(clock=clock) as asking:
        return asking.acquire(**given)


def redeem(
    server: RawServer | str,
    *behaviours: Behaviour,
    token: str = "sentinel-refresh-token",
    **more: Any,
) -> AuthenticationResult:
    """Script the server and redeem a refresh token as a public client."""
    return acquire(
        server,
        *behaviours,
        **{
            "credential": None,
            "application_id": CLIENT_ID,
            "refresh_token": token,
            **more,
        },
    )


def names(found: Iterable[tuple[str, object]]) -> list[str]:
    return [name for name, _ in found]
