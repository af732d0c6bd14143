"""Assertions that last: what has made one for a client is not asked again while it is good.

A function or a program that makes a client's assertion (RFC 7521, section 4.2) may ask a platform,
sign with a hardware module, start a process. What it made says itself how long it is good: it is
used until a little before its `exp`. What says nothing of that, and what has hardly any time left,
is made anew for each token.

Some authorities take an assertion once (RFC 7523, section 3: they may). Nothing in it tells. So
one that is refused when it comes again is forgotten, and so is that it could last: whoever made it
is asked each time from then on.

Of all who need one at the same moment one has it made, and the others wait for it.
"""

import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, cast

import attrs

from grantway.flights import Flights
from grantway.secret import Secret

if TYPE_CHECKING:
    from grantway.context import Context

MARGIN = 300.0
"""Seconds before its end in which an assertion is used no more; a tenth of what is left if less."""

# No moment that a clock will ever show; integers go on beyond what can be reckoned with.
_BEYOND = 1e12
_MOST = 64
_NEVER = -math.inf


@attrs.define(eq=False, repr=False)
class _Kept:
    assertion: Secret
    until: float
    #: Whether it has been given to somebody else than whoever had it made.
    again: bool = False


class KeptAssertions:
    """The assertions of one dispatcher, by what makes them. Safe across threads and forks."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}
        self._once: set[Hashable] = set()
        self._flights: Flights[_Kept] = Flights()

    def __repr__(self) -> str:
        return "<KeptAssertions>"

    def get(self, maker: Hashable, make: Callable[[], Secret], context: "Context") -> Secret:
        """The assertion of a maker: the one that it made and that is still good, else a new one.

        Raises:
            DeadlineExceeded, Cancelled: somebody else has it made, and that takes too long.
            Exception: what `make` raises.
        """
        if maker in self._once:
            return make()
        mine: list[_Kept] = []

        def fly(_: object) -> _Kept:
            now = context.clock.time()
            known = self._kept.get(maker)
            if known is None or now >= known.until:
                assertion = make()
                known = _Kept(assertion, _until(assertion, context.clock.time()))
                mine.append(known)
                self._keep(maker, known, now)
            return known

        found = self._flights.run(maker, fly, context.remaining)
        if mine:
            return mine[0].assertion
        if found.until == _NEVER:
            # Made for somebody else, and good for that alone.
            return make()
        found.again = True
        return found.assertion

    def refused(self, maker: Hashable, assertion: object) -> bool:
        """Forget an assertion that the authority refused.

        True: it has been used before, so a new one may do better.
        """
        known = self._kept.get(maker)
        if known is None or known.assertion is not assertion:
            return False
        self._kept.pop(maker, None)
        if known.again:
            if len(self._once) >= _MOST:
                self._once.clear()
            self._once.add(maker)
        return known.again

    def _keep(self, maker: Hashable, made: _Kept, now: float) -> None:
        self._kept.pop(maker, None)
        if made.until == _NEVER:
            return
        for each, kept in list(self._kept.items()):
            if now >= kept.until or len(self._kept) >= _MOST:
                self._kept.pop(each, None)
        self._kept[maker] = made


def maker_of(function: Callable[[], object]) -> Hashable:
    """What stands for a function here: itself, else (it cannot be hashed) its being called."""
    try:
        hash(function)
    except TypeError:
        return cast("Hashable", cast("Any", function).__call__)
    return function


def _until(assertion: Secret, now: float) -> float:
    """Until when an assertion that was made just now is used."""
    # Imported here: only what has been made is looked into.
    from grantway.oauth.jwt_contents import claims_of

    expires = claims_of(assertion.reveal()).get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        return _NEVER
    if not now < expires < _BEYOND:
        return _NEVER
    return expires - min(MARGIN, (expires - now) / 10)
