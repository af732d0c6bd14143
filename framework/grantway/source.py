"""A call bound once and asked often: the fast way to the same token, again and again.

A `TokenSource` remembers the last result by itself. While that is fresh, `token()` is one
comparison; when it is due for a new one, the dispatcher is asked, as by `acquire`. Freshness is
judged by both clocks (see `grantway.freshness`).
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from grantway.parts import Clock

if TYPE_CHECKING:
    from grantway.oauth.bearer import BearerAuth
    from grantway.request import TokenRequest
    from grantway.result import AuthenticationResult


class TokenSource:
    """The same token request, ready to be asked. Made by `Dispatcher.bind`; safe across threads."""

    __slots__ = ("_acquire", "_held", "_monotonic", "_request", "_time")

    def __init__(
        self,
        acquire: "Callable[[AuthenticationResult | None], AuthenticationResult]",
        clock: Clock,
        request: "TokenRequest",
    ) -> None:
        self._acquire = acquire
        self._time = clock.time
        self._monotonic = clock.monotonic
        self._request = request
        # Until when it is served unasked by either clock, its access token, the result, and until
        # when it serves at all by the monotonic clock; replaced as one.
        self._held: tuple[float, float, str, AuthenticationResult, float] | None = None

    def __repr__(self) -> str:
        held = self._held
        return f"<TokenSource {'holding' if held else 'without'} a token>"

    def token(self) -> str:
        """The access token, fresh. Errors are those of `Dispatcher.acquire`."""
        held = self._held
        if held is not None and self._time() < held[0] and self._monotonic() < held[1]:
            return held[2]
        return self._renew().access_token

    def result(self) -> "AuthenticationResult":
        """The whole result, fresh. Errors are those of `Dispatcher.acquire`."""
        held = self._held
        if held is not None and self._time() < held[0] and self._monotonic() < held[1]:
            return held[3]
        return self._renew()

    def auth(self, *, hosts: Iterable[str] = ()) -> "BearerAuth":
        """A `requests` AuthBase that sends the token to the hosts of its audience only.

        The host is that of the resource (or of the scopes' resources). `hosts` names further
        ones (`name` or `name:port`), which a resource that is a GUID or no URL needs.

        Raises:
            InvalidParameter: no host can be told from the audience, and none is named.
        """
        # Imported here: it brings requests in, which a caller without HTTP does not need.
        from grantway.oauth.bearer import BearerAuth

        return BearerAuth(self.result, self._request, hosts)

    def _renew(self) -> "AuthenticationResult":
        held = self._held
        # What the monotonic clock says is over must not come back out of the cache, which knows
        # the wall clock only.
        is_over = held is not None and self._monotonic() >= held[4]
        result = self._acquire(held[3] if held is not None and is_over else None)
        now = self._time()
        until, uptime = result.serves_until, self._monotonic()
        unasked = min(until, result.renews_from)
        if until > now:
            self._held = (
                unasked,
                uptime + unasked - now,
                result.access_token,
                result,
                uptime + until - now,
            )
        else:
            self._held = None
        return result
