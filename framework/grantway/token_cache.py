"""What a token cache is: one protocol that every cache has, and two that it may have besides.

`TokenCache` stores and finds: results under keys, refresh tokens in slots, apart from each
other. `Coordinator` is for a cache that several processes share: one of them at a time does the
work for a key, and all of them keep away from an authority that asked for a pause. `Inspector`
shows people what is there, without a token, and tidies up. Whoever uses a cache asks with
`isinstance` whether it has the latter two, and does without where it has not.

Keys and slots are opaque texts that the dispatcher makes under the cache's `fingerprint_key`. A
cache looks into neither. It is used from many threads at once, and after a fork. Each of its
operations ends within seconds, whatever its disk or server does, and raises `CacheError` and
nothing else: what it holds can always be had anew, save a refresh token, which is therefore on
its way to the disk before `put_refresh_token` returns.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import attrs

from grantway.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime

    from grantway.result import AuthenticationResult, UserInfo


@attrs.frozen
class StoredRefreshToken:
    """A refresh token at rest.

    Attributes:
        token: the newest of its family.
        account: who it signs in, where that is known.
        owner: fingerprint of authority and client, by which accounts are listed.
        environment, provider: names of what brought it, for people who look into the cache.
        client_id: the application it was granted to.
    """

    token: Secret
    account: "UserInfo | None" = None
    owner: str = ""
    environment: str = attrs.field(default="", kw_only=True)
    provider: str = attrs.field(default="", kw_only=True)
    client_id: str = attrs.field(default="", kw_only=True)


class TokenCache(Protocol):
    """Where results and refresh tokens rest between calls.

    A result may be gone at any time once it has expired (by the later of `expires_on` and
    `extended_expires_on`), or when it has been used the longest ago of very many. One without
    `expires_on` does not expire. A refresh token never expires here.
    """

    @property
    def fingerprint_key(self) -> bytes:
        """The cache's own secret key, 32 bytes, under which keys and slots are made.

        The same for all who share the cache. A cache that cannot say raises nothing: it gives
        any 32 secret bytes, and its other operations fail.
        """
        ...

    def get(self, key: str) -> "AuthenticationResult | None":
        """The result stored under `key`, fresh or not."""
        ...

    def put(self, key: str, result: "AuthenticationResult") -> None:
        """Store a result, in place of any other under `key`."""
        ...

    def get_refresh_token(self, slot: str) -> StoredRefreshToken | None:
        """The refresh token resting in `slot`."""
        ...

    def put_refresh_token(self, slot: str, stored: StoredRefreshToken) -> None:
        """Store a refresh token, in place of any other in `slot`, to outlast a power failure."""
        ...

    def remove_refresh_token(self, slot: str, token: Secret) -> None:
        """Remove `token` from `slot`; a newer one that took its place stays."""
        ...

    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, StoredRefreshToken]]:
        """Slot and content of every refresh token of an owner; costs what there is of its own."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def close(self) -> None:
        """Release what the cache holds open; it is not used afterwards."""
        ...


def expires(result: "AuthenticationResult") -> float | None:
    """When a result may go from a cache, in seconds since the epoch; None: not because of time."""
    instants = (result.expires_on, result.extended_expires_on)
    return max((each.timestamp() for each in instants if each is not None), default=None)


@runtime_checkable
class Coordinator(Protocol):
    """What processes that share a cache can agree on by it."""

    def lock(self, key: str, sleep: Callable[[float], None]) -> AbstractContextManager[None]:
        """Be the only one, of all who share the cache, who holds `key`, for the length of a `with`.

        `sleep` is what to wait with between two attempts, given seconds: `Context.sleep`, which
        raises when the caller's time is up or nobody waits any more. What it raises ends the
        attempt and is passed on.

        Different keys do not wait for each other. Who dies while holding a key holds it no
        longer: at once where the operating system sees to it, after a lease of seconds where a
        server does. A key is not held twice by one thread; another one may be taken inside.

        Raises:
            CacheError: on entering, where locks cannot be had. Leaving raises nothing of its own.
        """
        ...

    def get_pause(self, key: str) -> float:
        """Until when nobody should ask, in seconds since the epoch; 0.0: no pause is known."""
        ...

    def put_pause(self, key: str, until: float) -> None:
        """Tell all others not to ask before `until`. Of two instants for a key the later stands."""
        ...


@attrs.frozen(kw_only=True)
class CacheEntry:
    """What one row of a cache is, without any token.

    Attributes:
        key: its key or slot, which `Inspector.remove` takes.
        kind: whether it is a result or a refresh token.
        expires_on: of a result, when it expires.
        environment, provider: names of what brought it.
        tenant_id: the tenant of the result, else of the account.
        user_name: the account's, or its subject where it has no name; empty for an application.
        subject: the account's.
        client_id: the application, where the row says.
        resource, scopes: what a result is for.
    """

    key: str
    kind: Literal["result", "refresh token"]
    expires_on: "datetime | None" = None
    environment: str = ""
    provider: str = ""
    tenant_id: str = ""
    user_name: str = ""
    subject: str = ""
    client_id: str = ""
    resource: str | None = None
    scopes: tuple[str, ...] = ()

    @classmethod
    def of_result(cls, key: str, result: "AuthenticationResult") -> "CacheEntry":
        """What a result under `key` is."""
        return cls(
            key=key,
            kind="result",
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
    def of_refresh_token(cls, slot: str, stored: StoredRefreshToken) -> "CacheEntry":
        """What a refresh token in `slot` is."""
        return cls(
            key=slot,
            kind="refresh token",
            environment=stored.environment,
            provider=stored.provider,
            tenant_id=stored.account.tenant_id if stored.account else "",
            user_name=_user_name(stored.account),
            subject=stored.account.subject if stored.account else "",
            client_id=stored.client_id,
        )


def _user_name(account: "UserInfo | None") -> str:
    return account.user_name or account.subject if account else ""


@attrs.frozen(kw_only=True)
class CacheInfo:
    """What a cache is and how full.

    Attributes:
        kind: its name among the token caches.
        location: a path or address, without secrets; empty where there is none.
        encryption_key: where the key comes from under which it is encrypted; empty: it is not.
        results, refresh_tokens: how many there are.
        unreadable: how many of them were made under another key.
        limit: how many results it keeps at most, and as many refresh tokens; None: it has no
            say in that.
        size: bytes it takes on disk, where it knows.
    """

    kind: str
    location: str = ""
    encryption_key: str = ""
    results: int
    refresh_tokens: int
    unreadable: int = 0
    limit: int | None = None
    size: int | None = None


@runtime_checkable
class Inspector(Protocol):
    """What people need who look after a cache."""

    def info(self) -> CacheInfo:
        """What the cache is and how full."""
        ...

    def entries(self) -> Iterator[CacheEntry]:
        """Each row that can be read, one after the other; what comes meanwhile may be missed."""
        ...

    def remove(self, key: str) -> bool:
        """Forget what rests under a key or in a slot; whether there was anything."""
        ...

    def prune(self) -> int:
        """Remove expired results, and what was used the longest ago beyond the limit; how many."""
        ...
