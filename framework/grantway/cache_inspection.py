"""Looking into a token cache: what is there, in words for people, and never a token.

The names here are those of the command line's JSON too.

`Inspector` is the part of a token cache that commands need which list, remove and prune; a cache
may have it (see `grantway.token_cache`). It is a module of its own because no call for a token
needs it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import attrs

if TYPE_CHECKING:
    from datetime import datetime

    from grantway.result import AuthenticationResult, UserInfo
    from grantway.token_cache import StoredRefreshToken


@attrs.frozen(kw_only=True)
class CacheEntry:
    """What one row of a cache is, without any token.

    Attributes:
        key: its key or slot, which `Inspector.remove` takes.
        kind: whether it is a result, which people know by its access token, or a refresh token;
            in the words of RFC 7009, section 2.1.
        expires_on: of a result, when its access token expires.
        environment, provider: names of what brought it.
        application_id: of a refresh token, the application; a result does not say.
        tenant_id: the tenant of the result, else of the account.
        user_name: the account's, or its subject where it has no name; empty for an application.
        subject: the account's.
        resource, scopes: what a result is for.
    """

    key: str
    kind: Literal["access_token", "refresh_token"]
    expires_on: "datetime | None" = None
    environment: str = ""
    provider: str = ""
    application_id: str = ""
    tenant_id: str = ""
    user_name: str = ""
    subject: str = ""
    resource: str | None = None
    scopes: tuple[str, ...] = ()

    @classmethod
    def of_result(cls, key: str, result: "AuthenticationResult") -> "CacheEntry":
        """What a result under `key` is."""
        return cls(
            key=key,
            kind="access_token",
            expires_on=result.expires_on,
            environment=result.environment,
            provider=result.provider,
            tenant_id=result.tenant_id,
            user_name=_user_name(result.account),
            subject=result.account.subject if result.account else "",
            resource=result.resource,
            scopes=result.scopes,
        )

    @classmethod
    def of_refresh_token(cls, slot: str, stored: "StoredRefreshToken") -> "CacheEntry":
        """What a refresh token in `slot` is."""
        return cls(
            key=slot,
            kind="refresh_token",
            environment=stored.environment,
            provider=stored.provider,
            application_id=stored.client_id,
            tenant_id=stored.account.tenant_id if stored.account else "",
            user_name=_user_name(stored.account),
            subject=stored.account.subject if stored.account else "",
        )

    def as_dict(self) -> dict[str, object]:
        """The entry as JSON-ready facts."""
        return {
            **attrs.asdict(self),
            "expires_on": self.expires_on.isoformat() if self.expires_on else None,
            "scopes": list(self.scopes),
        }


def _user_name(account: "UserInfo | None") -> str:
    return account.user_name or account.subject if account else ""


@attrs.frozen(kw_only=True)
class CacheInfo:
    """What a cache is and how full.

    Attributes:
        kind: its name among the token caches.
        location: a path or address, without secrets; empty where there is none.
        encrypted_with: where the key comes from under which it is encrypted; empty: it is not.
        access_tokens, refresh_tokens: how many there are that can be read, results counting as
            access tokens.
        unreadable: how many there are beside them, which were made under another key.
        limit: how many results it keeps at most, and as many refresh tokens; None: it has no
            say in that.
        size: bytes it takes on disk, where it knows.
    """

    kind: str
    location: str = ""
    encrypted_with: str = ""
    access_tokens: int
    refresh_tokens: int
    unreadable: int = 0
    limit: int | None = None
    size: int | None = None

    def as_dict(self) -> dict[str, object]:
        """What is known as JSON-ready facts."""
        return attrs.asdict(self)


@runtime_checkable
class Inspector(Protocol):
    """What people need who look after a cache."""

    def info(self) -> CacheInfo:
        """What the cache is and how full."""
        ...

    def entries(self) -> Iterator[CacheEntry]:
        """Each row that can be read, one after the other; what comes meanwhile may be missed.

        Those made under another key are passed over; `info` counts them.
        """
        ...

    def remove(self, key: str) -> bool:
        """Forget what rests under a key or in a slot; whether there was anything."""
        ...

    def prune(self) -> int:
        """Remove expired results, and what was used the longest ago beyond the limit; how many."""
        ...
