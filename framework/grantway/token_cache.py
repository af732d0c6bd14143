"""What a token cache is: one protocol that every cache has, and two that it may have besides.

`TokenCache` stores and finds: results under keys, refresh tokens in slots, apart from each
other. `Coordinator` is for a cache that several processes share: one of them at a time does the
work for a key, and all of them keep away from an authority that asked for a pause. `Inspector`
(in `grantway.cache_inspection`) shows people what is there, without a token, and tidies up. Who
uses a cache asks by `isinstance` whether it has the latter two, and does without where it has not.

Keys and slots are opaque texts that the dispatcher makes under the cache's `fingerprint_key`. A
cache looks into neither. It is used from many threads at once, and after a fork. Each of its
operations ends within seconds, whatever its disk or server does, and raises `CacheError` and
nothing else: what it holds can always be had anew, save a refresh token, which is therefore on
its way to the disk before `put_refresh_token` returns.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from grantway.proof_key import ProofKey
from grantway.secret import Secret

if TYPE_CHECKING:
    from grantway.result import AuthenticationResult, UserInfo


@attrs.frozen
class StoredRefreshToken:
    """A refresh token at rest.

    Attributes:
        token: the newest of its family.
        account: who it signs in, where that is known.
        owner: fingerprint of authority and client, by which accounts are listed.
        environment, provider: name of what brought it, for people who look into the cache.
        client_id: the application it was granted to.
        proof_key: the key that it is used with, in an environment that says `dpop`.
    """

    token: Secret
    account: "UserInfo | None" = None
    owner: str = ""
    environment: str = attrs.field(default="", kw_only=True)
    provider: str = attrs.field(default="", kw_only=True)
    client_id: str = attrs.field(default="", kw_only=True)
    proof_key: ProofKey | None = attrs.field(default=None, repr=False, kw_only=True)


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
