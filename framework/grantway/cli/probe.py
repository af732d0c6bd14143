"""Whether a token cache keeps what it is given: tried out, for no cache says so of itself."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

import attrs

from grantway.cache_inspection import Inspector
from grantway.result import AuthenticationResult

if TYPE_CHECKING:
    from grantway.token_cache import TokenCache


@attrs.frozen
class Probe:
    """Something to put into a cache, find there, and take out again.

    It is of no use to anybody, and gone in a minute even if it cannot be taken out.
    """

    key: str
    result: AuthenticationResult

    @classmethod
    def made(cls, now: float) -> Self:
        """One that no other is like; `now` in seconds since the epoch."""
        at = datetime.fromtimestamp(now, UTC)
        result = AuthenticationResult(
            secrets.token_hex(8),
            acquired_on=at,
            expires_on=at + timedelta(minutes=1),
            provider="doctor",
        )
        return cls(secrets.token_hex(32), result)

    def put_into(self, cache: "TokenCache") -> None:
        """Store it; raises as the cache does."""
        cache.put(self.key, self.result)

    def is_taken_from(self, cache: "TokenCache") -> bool:
        """Whether it was there; it is not any more."""
        try:
            found = cache.get(self.key)
        finally:
            if isinstance(cache, Inspector):
                cache.remove(self.key)
        return found is not None and found.access_token == self.result.access_token
