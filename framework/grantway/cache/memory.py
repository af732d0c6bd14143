"""The token cache that lives and dies with its process: two dictionaries.

Each operation on one dictionary is atomic in CPython, so a read takes no lock and is never held
up by a write. Removing a refresh token only if it is still the one expected takes two steps, and
they are locked.
"""

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from grantway.provider import StoredRefreshToken
from grantway.secret import Secret

if TYPE_CHECKING:
    from grantway.result import AuthenticationResult


class MemoryTokenCache:
    """A `TokenCache` in memory, safe across threads; a fork takes a copy of its own with it."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._results: dict[str, AuthenticationResult] = {}
        self._refresh_tokens: dict[str, StoredRefreshToken] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MemoryTokenCache of {len(self._results)} results>"

    @property
    def fingerprint_key(self) -> bytes:
        """A key made for this cache alone."""
        return self._key

    def get(self, key: str) -> "AuthenticationResult | None":
        """See `TokenCache.get`."""
        return self._results.get(key)

    def put(self, key: str, result: "AuthenticationResult") -> None:
        """See `TokenCache.put`."""
        self._results[key] = result

    def get_refresh_token(self, slot: str) -> StoredRefreshToken | None:
        """See `TokenCache.get_refresh_token`."""
        return self._refresh_tokens.get(slot)

    def put_refresh_token(self, slot: str, stored: StoredRefreshToken) -> None:
        """See `TokenCache.put_refresh_token`."""
        self._refresh_tokens[slot] = stored

    def remove_refresh_token(self, slot: str, token: Secret) -> None:
        """See `TokenCache.remove_refresh_token`."""
        with self._lock:
            stored = self._refresh_tokens.get(slot)
            if stored is not None and stored.token == token:
                del self._refresh_tokens[slot]

    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, StoredRefreshToken]]:
        """See `TokenCache.refresh_tokens`."""
        return [
            (slot, stored)
            for slot, stored in tuple(self._refresh_tokens.items())
            if stored.owner == owner
        ]

    def clear(self) -> None:
        """See `TokenCache.clear`."""
        self._results.clear()
        self._refresh_tokens.clear()

    def close(self) -> None:
        """Nothing is held open."""
