"""Whether a token at rest may be served, by two clocks of which the wall clock may jump.

The wall clock knows when a token expires; but somebody may set it. The monotonic clock cannot be
set; but it knows nothing of other processes, nor of the time this machine slept. So a token has to
be fresh by both: by the wall clock, as it stands now; and by the monotonic one, counted from when
this process obtained the token, or first saw it. One that says it was obtained in the future is
not believed.

A clock that was set back then serves nothing that is over; one that was set ahead, or back, costs
one new token per key, which is fresh by the clock as it is, and no storm.

    acquired         half-life or `refresh_on`          served until      expires    (extended)
       |  served as it is  |  served, renewed behind the back  |  served in trouble only  |
"""

from typing import TYPE_CHECKING

from grantway.provider import Clock

if TYPE_CHECKING:
    from datetime import datetime

    from grantway.result import AuthenticationResult

AHEAD = 300.0
"""Seconds by which the clock of whoever obtained a token may be ahead of ours."""

_REMEMBERED = 100_000


class Freshness:
    """Judges tokens by key; safe across threads."""

    def __init__(self, clock: Clock) -> None:
        self._time = clock.time
        self._monotonic = clock.monotonic
        # Key to the instants of the token seen there, and when it expires by the monotonic clock.
        self._seen: dict[str, tuple[datetime | None, datetime | None, float]] = {}

    def serves(self, key: str, result: "AuthenticationResult") -> bool:
        """Whether it is served without another thought."""
        until = result.serves_until
        return self._lasts(key, result, until) and self._time() < until

    def serves_in_trouble(self, key: str, result: "AuthenticationResult") -> bool:
        """Whether it is better than nothing, while the authority cannot be had."""
        instants = (result.expires_on, result.extended_expires_on)
        until = max((each.timestamp() for each in instants if each is not None), default=0.0)
        return self._lasts(key, result, until) and self._time() < until

    def is_due(self, result: "AuthenticationResult") -> bool:
        """Whether a new one should be asked for, though it still serves."""
        return self._time() >= result.renews_from

    def see(self, key: str, result: "AuthenticationResult") -> float:
        """Count its time from now, unless that is done; when it expires by the monotonic clock."""
        acquired, expires = result.acquired_on, result.expires_on
        if expires is None:
            return float("inf")
        seen = self._seen.get(key)
        if seen is None or seen[0] != acquired or seen[1] != expires:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            left = expires.timestamp() - self._time()
            seen = self._seen[key] = (acquired, expires, self._monotonic() + left)
        return seen[2]

    def _lasts(self, key: str, result: "AuthenticationResult", until: float) -> bool:
        """Whether it lasts until then by the monotonic clock, and is not of the future."""
        acquired, expires = result.acquired_on, result.expires_on
        over = self.see(key, result)
        if acquired is not None and acquired.timestamp() > self._time() + AHEAD:
            return False
        return expires is None or self._monotonic() < over - (expires.timestamp() - until)
