"""A call bound once and asked often: the fast way to the same token, again and again.

A `TokenSource` remembers the last result by itself. While that is fresh, `token()` is one
comparison; when it is due for a new one, the dispatcher is asked, as by `acquire`. Freshness is
judged by both clocks (see `grantway.freshness`).

An API may refuse a token and say what one has to have (`grantway.oauth.challenge`). `answer` gets
that; `auth` does so by itself.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from grantway.errors import InteractionRequired, InvalidParameter
from grantway.parts import Clock

if TYPE_CHECKING:
    from grantway.oauth.bearer import BearerAuth
    from grantway.oauth.challenge import Challenge
    from grantway.request import TokenRequest
    from grantway.result import AuthenticationResult


Lasting: TypeAlias = "tuple[AuthenticationResult, float]"
"""A result, and when it expires by the monotonic clock; infinite where it does not."""


class TokenSource:
    """The same token request, ready to be asked. Made by `Dispatcher.bind`; safe across threads."""

    __slots__ = ("_acquire", "_held", "_holds", "_monotonic", "_request", "_time")

    def __init__(
        self,
        acquire: "Callable[[Mapping[str, object] | None], Lasting]",
        clock: Clock,
        request: "TokenRequest",
        *,
        holds: bool,
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

    def answer(self, challenge: "Challenge") -> "AuthenticationResult":
        """A new token with what an API demands, which `token` and `result` return from now on.

        Passes the cache by and replaces its entry. The challenge is that of the header
        `WWW-Authenticate`: `Challenge.demanded(header)`. Ask once per request: an API that refuses
        the new token too wants something that no token brings.

        Raises:
            InvalidParameter: the challenge demands nothing that this call could bring: scopes,
                which are another token's, or nothing at all; or a person, of an application.
            InteractionRequired: a person must act; `claims` says what is demanded.
            GrantwayError: as `Dispatcher.acquire`.
        """
        demanded = challenge.parameters()
        if "scopes" in demanded or not demanded:
            raise InvalidParameter(
                "challenge: no new token of this source can satisfy it.",
                remedy="Bind a source with the scopes that it names: challenge.parameters()."
                if "scopes" in demanded
                else "It names neither claims nor a way to sign in: look at its error.",
                parameter="challenge",
            )
        try:
            return self._hold(*self._acquire(demanded))
        except InteractionRequired as error:
            error.claims = error.claims or str(demanded.get("claims", ""))
            raise

    def auth(self, *, hosts: Iterable[str] = ()) -> "BearerAuth":
        """A `requests` AuthBase that sends the token to the hosts of its audience only.

        A token that is bound to a key (DPoP) goes with a proof for each request. An API that
        refuses it for want of claims (401) gets the request once more, with a token that has them.

        The host is that of the resource (or of the scopes' resources). `hosts` names further
        ones (`name` or `name:port`), which a resource that is a GUID or no URL needs.

        Raises:
            InvalidParameter: no host can be told from the audience, and none is named.
        """
        # Imported here: it brings requests in, which a caller without HTTP does not need.
        from grantway.oauth.bearer import BearerAuth

        return BearerAuth(self.result, self._request, hosts, now=self._time, answer=self.answer)

    def _renew(self) -> "AuthenticationResult":
        return self._hold(*self._acquire(None))

    def _hold(self, result: "AuthenticationResult", over: float) -> "AuthenticationResult":
        until, now = min(result.serves_until, result.renews_from), self._time()
        # The wall clock may have been set since the token came; the other one cannot be.
        early = result.expires_on.timestamp() - until if result.expires_on else 0.0
        until_by_other = min(over - early, self._monotonic() + until - now)
        if now < until and self._monotonic() < until_by_other and self._holds:
            self._held = (until, until_by_other, result.access_token, result)
        else:
            self._held = None
        return result
