"""A token on its way to the API it is for, and to nowhere else (RFC 6750, RFC 9449).

A bearer token is worth as much to a thief as to its owner. So this `requests` AuthBase sends it
only to the hosts of its audience, only by https (or to a loopback address where the environment
allows that), only in the Authorization header.

A token that is bound to a key goes the same way, with a proof beside it (`grantway.oauth.proven`).
An API that demands claims gets a token that has them, once (`grantway.oauth.challenged`).
"""

import time
from collections.abc import Callable, Iterable

from requests import PreparedRequest
from requests.auth import AuthBase

from grantway.environment import Environment, host_of
from grantway.errors import InvalidParameter, ProtocolViolation
from grantway.oauth.challenge import Challenge
from grantway.oauth.challenged import Challenged
from grantway.oauth.dpop import TOKEN_TYPE, Nonces
from grantway.oauth.proven import Proven
from grantway.request import TokenRequest
from grantway.result import AuthenticationResult
from grantway.secret import Secret


class BearerAuth(AuthBase):
    """Adds the token of a `TokenSource` to requests that go to the hosts of its audience."""

    def __init__(
        self,
        result: Callable[[], AuthenticationResult],
        request: TokenRequest,
        hosts: Iterable[str] = (),
        *,
        now: Callable[[], float] = time.time,
        answer: Callable[[Challenge], AuthenticationResult] | None = None,
    ) -> None:
        self._result = result
        self._answer = answer
        self._now = now
        self._nonces = Nonces()
        self._environment: Environment = request.environment
        named = (hosts,) if isinstance(hosts, str) else hosts
        self._named = frozenset(map(_host, named))
        self.hosts = self._named.union(_hosts_of(request.resource or "", *request.scopes))
        if not self.hosts:
            raise InvalidParameter(
                "It cannot be told from the audience which hosts the token is for.",
                remedy="Name them: auth(hosts=['api.example.org']).",
                parameter="hosts",
            )

    def __repr__(self) -> str:
        return f"<BearerAuth for {', '.join(sorted(self.hosts))}>"

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the Authorization header, with a fresh token.

        Raises:
            ProtocolViolation: the request goes to another host, or in clear; or the token is
                neither a bearer token nor one whose key is at hand.
            GrantwayError: no token could be had; see `Dispatcher.acquire`.
        """
        url = r.url or ""
        try:
            host = self._environment.destination(url)
        except ValueError as error:
            raise ProtocolViolation(f"The token is not sent: {error}.") from None
        if host not in self.hosts:
            raise ProtocolViolation(
                f"The token is for {', '.join(sorted(self.hosts))} and is not sent to {host}.",
                remedy=f"If that host is of its audience: auth(hosts=[{host!r}]).",
            )
        proven = self._put(r, self._result(), host)
        if proven is not None:
            proven.put(r)
        if self._answer is not None:
            challenged = Challenged(self._environment, host, self._answer, self._put_again)
            r.register_hook("response", challenged.look)  # type: ignore[no-untyped-call]  # upstream
        return r

    def _put_again(self, r: PreparedRequest, result: AuthenticationResult, host: str) -> None:
        if (proven := self._put(r, result, host)) is not None:
            proven.renew(r)

    def _put(self, r: PreparedRequest, result: AuthenticationResult, host: str) -> Proven | None:
        """Put a bearer token into the headers; what puts it there, where it is bound to a key."""
        if result.proof_key is not None:
            token = Secret(result.access_token)
            return Proven(result.proof_key, token, host, self._nonces, self._now)
        if result.token_type.casefold() != "bearer":  # the scheme's name
            is_bound = result.token_type.casefold() == TOKEN_TYPE.casefold()
            raise ProtocolViolation(
                f"The token is of the type {result.token_type[:20]!r}, which cannot be sent as a "
                "bearer token.",
                remedy="Say dpop = true in its environment." if is_bound else "",
            )
        # A token that the caller had already may be for somewhere else than was thought.
        own = _hosts_of(result.resource or "")
        if own and host not in self._named.union(own):
            raise ProtocolViolation(
                f"The token is for {result.resource} and is not sent to {host}.",
                remedy=f"If that host is of its audience: auth(hosts=[{host!r}]).",
            )
        r.headers["Authorization"] = f"Bearer {result.access_token}"
        return None


def _hosts_of(*audiences: str) -> list[str]:
    found: list[str] = []
    for audience in audiences:
        try:
            found.append(host_of(audience))
        except ValueError:
            # A GUID, a URN or a bare scope: no host can be told from it.
            continue
    return found


def _host(name: str) -> str:
    try:
        return host_of(name if "://" in name else f"https://{name}")
    except ValueError as error:
        raise InvalidParameter(f"hosts: {error}.", parameter="hosts") from None
