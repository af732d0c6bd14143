"""A token cache to be tested, and things to put into it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import attrs
import pytest

from grantway.result import AuthenticationResult, UserInfo
from grantway.secret import Secret
from grantway.testing.patience import PATIENCE
from grantway.testing.plugin_checks import PluginChecks
from grantway.token_cache import StoredRefreshToken, TokenCache

SECRETS = (
    "sentinel-access-token-e6a0",
    "sentinel-refresh-token-17d9",
    "sentinel-refresh-in-result-b3f5",
    "sentinel-id-token-2c88",
)

SOMEBODY = UserInfo(
    "sentinel-subject-90bd",
    "https://id.scripted.example",
    user_name="somebody@scripted.example",
    tenant_id="a tenant",
    name="Some Body",
    claims={"sub": "sentinel-subject-90bd", "groups": ["a", {"b": 1.5}], "email_verified": True},
)


def a_result(access_token: str = SECRETS[0], **changes: Any) -> AuthenticationResult:  # noqa: ANN401  # any field
    """A result with something in every field, good for an hour from now on."""
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "acquired_on": now,
        "expires_on": now + timedelta(hours=1),
        "extended_expires_on": now + timedelta(hours=2),
        "refresh_on": now + timedelta(minutes=30),
        "refresh_token": SECRETS[2],
        "id_token": SECRETS[3],
        "scopes": ("a", "b"),
        "resource": "https://api.scripted.example",
        "tenant_id": "a tenant",
        "account": SOMEBODY,
        "environment": "Scripted",
        "provider": "Scripted",
        "authentication_methods": ("pwd", "mfa"),
        "refresh_token_expires_on": now + timedelta(days=90),
        "correlation_id": "a correlation id",
        **changes,
    }
    return AuthenticationResult(access_token, **facts)


def a_refresh_token(token: str = SECRETS[1], owner: str = "an owner") -> StoredRefreshToken:
    """A refresh token at rest with something in every field."""
    return StoredRefreshToken(
        Secret(token), SOMEBODY, owner, environment="Scripted", provider="Some", client_id="an app"
    )


def facts_of(record: object) -> object:
    """All of a result or a refresh token, claims included, as something that compares by value."""
    if isinstance(record, AuthenticationResult | StoredRefreshToken | UserInfo):
        return {
            each.name: facts_of(getattr(record, each.name)) for each in attrs.fields(type(record))
        }
    return dict(cast("Mapping[str, object]", record)) if isinstance(record, Mapping) else record


class TokenCacheSetting(PluginChecks):
    """What an author says of the cache; see `TokenCacheContract`."""

    name: str
    persists: bool = False
    shares_between_processes: bool = False
    coordinates: bool = False
    inspects: bool = False
    encrypts: bool = False
    wrong_url: str = ""
    unreachable_url: str = ""
    patience: float = PATIENCE

    @pytest.fixture
    def cache_url(self) -> str:
        """What a user gives to have this cache, one of its own for each test."""
        return self.name

    @pytest.fixture
    def cache(self, cache_url: str) -> Iterator[TokenCache]:
        """The cache at `cache_url`, open."""
        opened = self.open(cache_url)
        yield opened
        opened.close()

    def open(self, url: str) -> TokenCache:
        """Make the cache that a URL names.

        Raises:
            AssertionError: the plugin offers none of that name.
        """
        factory = self.registry().token_caches.get(self.name.casefold())
        assert factory is not None, f"No token cache is called {self.name!r}."
        return factory.create(url)

    def at_rest(self, url: str) -> bytes:
        """All that lies where the cache rests, as somebody would see it who steals the disk."""
        raise NotImplementedError("Override at_rest, which says what lies where the cache rests.")
