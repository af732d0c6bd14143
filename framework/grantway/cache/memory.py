"""The token cache that lives and dies with its process.

An operation on a dictionary is atomic in CPython, so a hit takes no lock and is never held up by
a write: it is a look-up, and a note of when that was, counted in results stored. Whatever takes
two steps is locked.

Expired results are removed whenever there are twice as many results as the last time left over,
and those used the longest ago a sixteenth of the limit at a time. So a new one costs the same,
however many there are.
"""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from grantway.token_cache import StoredRefreshToken, expires

if TYPE_CHECKING:
    from grantway.cache_inspection import CacheEntry, CacheInfo
    from grantway.result import AuthenticationResult
    from grantway.secret import Secret

LIMIT = 100_000
_FEW = 1000
# Seconds between two attempts at a key that another thread holds.
_FIRST_WAIT = 0.001
_LONGEST_WAIT = 0.05


class _Entry:
    __slots__ = ("result", "used")

    def __init__(self, result: "AuthenticationResult", used: int) -> None:
        self.result = result
        self.used = used


class MemoryTokenCache:
    """A `TokenCache`, `Coordinator` and `Inspector` in memory, safe across threads.

    A fork takes a copy of its own with it.

    Args:
        limit: how many results to keep, and as many refresh tokens.
        now: the wall clock.
    """

    def __init__(self, *, limit: int = LIMIT, now: Callable[[], float] = time.time) -> None:
        self._key = os.urandom(32)
        self._limit = limit
        self._now = now
        self._begin()
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._pid = os.getpid()

    def _begin(self) -> None:
        self._results: dict[str, _Entry] = {}
        self._stored = 0
        #: The one used the longest ago comes first.
        self._refresh_tokens: dict[str, StoredRefreshToken] = {}
        #: Owner to slots, in the order they came.
        self._owned: dict[str, dict[str, None]] = {}
        self._pauses: dict[str, float] = {}
        self._prune_at = _FEW

    def __repr__(self) -> str:
        return f"<MemoryTokenCache of {len(self._results)} results>"

    @property
    def fingerprint_key(self) -> bytes:
        """A key made for this cache alone."""
        return self._key

    def get(self, key: str) -> "AuthenticationResult | None":
        """See `TokenCache.get`."""
        entry = self._results.get(key)
        if entry is None:
            return None
        entry.used = self._stored
        return entry.result

    def put(self, key: str, result: "AuthenticationResult") -> None:
        """See `TokenCache.put`."""
        with self._locked():
            self._stored += 1
            self._results[key] = _Entry(result, self._stored)
            if len(self._results) > min(self._prune_at, self._limit):
                self._prune()

    def get_refresh_token(self, slot: str) -> StoredRefreshToken | None:
        """See `TokenCache.get_refresh_token`."""
        with self._locked():
            stored = self._refresh_tokens.pop(slot, None)
            if stored is not None:
                self._refresh_tokens[slot] = stored
            return stored

    def put_refresh_token(self, slot: str, stored: StoredRefreshToken) -> None:
        """See `TokenCache.put_refresh_token`."""
        with self._locked():
            if slot in self._refresh_tokens:
                self._forget(slot)
            self._refresh_tokens[slot] = stored
            self._owned.setdefault(stored.owner, {})[slot] = None
            while len(self._refresh_tokens) > self._limit:
                self._forget(next(iter(self._refresh_tokens)))

    def remove_refresh_token(self, slot: str, token: "Secret") -> None:
        """See `TokenCache.remove_refresh_token`."""
        with self._locked():
            stored = self._refresh_tokens.get(slot)
            if stored is not None and stored.token == token:
                self._forget(slot)

    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, StoredRefreshToken]]:
        """See `TokenCache.refresh_tokens`."""
        with self._locked():
            return [(slot, self._refresh_tokens[slot]) for slot in self._owned.get(owner, ())]

    def clear(self) -> None:
        """See `TokenCache.clear`."""
        with self._locked():
            self._begin()

    def close(self) -> None:
        """Nothing is held open."""

    @contextmanager
    def lock(self, key: str, sleep: Callable[[float], None]) -> Generator[None]:
        """See `Coordinator.lock`: among the threads of this process."""
        wait = _FIRST_WAIT
        while not self._take(key):
            sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)
        try:
            yield
        finally:
            self._held.discard(key)

    def _take(self, key: str) -> bool:
        with self._locked():
            if key in self._held:
                return False
            self._held.add(key)
            return True

    def get_pause(self, key: str) -> float:
        """See `Coordinator.get_pause`."""
        return self._pauses.get(key, 0.0)

    def put_pause(self, key: str, until: float) -> None:
        """See `Coordinator.put_pause`."""
        with self._locked():
            self._pauses[key] = max(until, self._pauses.get(key, 0.0))

    def info(self) -> "CacheInfo":
        """See `Inspector.info`."""
        # Imported here, as below: no call for a token needs it.
        from grantway.cache_inspection import CacheInfo

        return CacheInfo(
            kind="memory",
            access_tokens=len(self._results),
            refresh_tokens=len(self._refresh_tokens),
            limit=self._limit,
        )

    def entries(self) -> "Iterator[CacheEntry]":
        """See `Inspector.entries`."""
        from grantway.cache_inspection import CacheEntry

        with self._locked():
            results, tokens = dict(self._results), dict(self._refresh_tokens)
        yield from (CacheEntry.of_result(key, each.result) for key, each in results.items())
        yield from (CacheEntry.of_refresh_token(*each) for each in tokens.items())

    def remove(self, key: str) -> bool:
        """See `Inspector.remove`."""
        with self._locked():
            there = key in self._refresh_tokens
            if there:
                self._forget(key)
            return self._results.pop(key, None) is not None or there

    def prune(self) -> int:
        """See `Inspector.prune`."""
        with self._locked():
            return self._prune()

    def _prune(self) -> int:
        before, now = len(self._results), self._now()
        for key, entry in tuple(self._results.items()):
            until = expires(entry.result)
            if until is not None and until < now:
                del self._results[key]
        if (excess := len(self._results) - self._limit) > 0:
            by_use = sorted(self._results, key=lambda key: self._results[key].used)
            for key in by_use[: max(excess, self._limit // 16)]:
                del self._results[key]
        self._pauses = {key: until for key, until in self._pauses.items() if until >= now}
        self._prune_at = max(_FEW, 2 * len(self._results))
        return before - len(self._results)

    def _forget(self, slot: str) -> None:
        owner = self._refresh_tokens.pop(slot).owner
        slots = self._owned[owner]
        del slots[slot]
        if not slots:
            del self._owned[owner]

    def _locked(self) -> threading.Lock:
        if self._pid != os.getpid():
            # A fork: who holds the lock, or a key, may be a thread that is not in this process.
            self._lock, self._held, self._pid = threading.Lock(), set(), os.getpid()
        return self._lock
