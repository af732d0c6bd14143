"""What all who share a token cache agree on by it: who does the work, and whom not to ask.

Threads of one process share a flight (`grantway.flights`); here processes, and with some caches
hosts, take turns. Where the cache is no `Coordinator`, or fails, everybody goes ahead: that costs
a request more, and never a token.
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import cast

from grantway.cache import keys
from grantway.context import Context
from grantway.request import TokenRequest
from grantway.token_cache import Coordinator, TokenCache
from grantway.workplace import Workplace

_REMEMBERED = 1000

LONGEST_PAUSE = 3600.0
"""Seconds of the longest pause that is told and believed: neither an authority's mistake nor a
clock that was set back must cost days."""


@contextmanager
def alone(
    place: Workplace, key: str, context: Context, told: Callable[[float], None]
) -> Generator[None]:
    """Be the only one at work for a key, of all who share the cache.

    `told` is told, once, that another is at work, and how many seconds are left to wait.

    Raises:
        DeadlineExceeded, Cancelled: the wait was too long, or nobody waits any more.
    """
    waits = count()

    def sleep(seconds: float) -> None:
        if next(waits) == 0:
            told(context.remaining())
        context.sleep(seconds)

    def enter(cache: TokenCache) -> None:
        stack.enter_context(cast("Coordinator", cache).lock(key, sleep))

    with ExitStack() as stack:
        if place.coordinates:
            place.with_cache("lock", enter)
        yield


class SharedPauses:
    """The pause of one authority and client, as the cache has it; see `Context.keep_pause`."""

    def __init__(self, place: Workplace, request: TokenRequest) -> None:
        self._place = place
        self._key = _pause_key(place, request)

    def until(self) -> float:
        """See `Pauses.until`."""
        key = self._key

        def ask(cache: TokenCache) -> float:
            return cast("Coordinator", cache).get_pause(key)

        until = self._place.with_cache("get", ask) or 0.0
        return until if until <= self._place.clock.time() + LONGEST_PAUSE else 0.0

    def put(self, until: float) -> None:
        """See `Pauses.put`."""
        key, latest = self._key, self._place.clock.time() + LONGEST_PAUSE

        def tell(cache: TokenCache) -> None:
            cast("Coordinator", cache).put_pause(key, min(until, latest))

        self._place.with_cache("put", tell)


def _pause_key(place: Workplace, request: TokenRequest) -> str:
    """The name of the pause; the same for all tenants, so it is made once and not for each."""
    environment, client_id = request.environment, request.client_id
    known = place.pause_keys.get((id(environment), client_id))
    if known is None or known[0] is not environment:
        if len(place.pause_keys) >= _REMEMBERED:
            place.pause_keys.clear()
        known = (environment, keys.pause_key(place.cache.fingerprint_key, request))
        place.pause_keys[id(environment), client_id] = known
    return known[1]
