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

    __slots__ = ("_acquire", "_held", "_holds", "_monotonic", "_request", "_time")

    def __init__(
        self,
        acquire: "Callable[[], AuthenticationResult]",
        clock: Clock,
        request: "TokenRequest",
        *,
        holds: bool = True,
    ) -> None:
        self._acquire = acquire
        self._holds = holds
        self._time = clock.time
        self._monotonic = clock.monotonic
        self._request = request
        # Until when it is served unasked by either clock, its access token, and the result;
        # replaced as one.
        self._held: tuple[float, float, str, AuthenticationResult] | None = None

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

        A token that is bound to a key (DPoP) goes with a proof for each request.

        The host is that of the resource (or of the scopes' resources). `hosts` names further
        ones (`name` or `name:port`), which a resource that is a GUID or no URL needs.

        Raises:
            InvalidParameter: no host can be told from the audience, and none is named.
        """
        # Imported here: it brings requests in, which a caller without HTTP does not need.
        from grantway.oauth.bearer import BearerAuth

        return BearerAuth(self.result, self._request, hosts, now=self._time)

    def _renew(self) -> "AuthenticationResult":
        result = self._acquire()
        left = min(result.serves_until, result.renews_from) - self._time()
        if left > 0 and self._holds:
            until = self._time() + left, self._monotonic() + left
            self._held = (*until, result.access_token, result)
        else:
            self._held = None
        return result
