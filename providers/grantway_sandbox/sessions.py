"""Browsers' sessions: who is signed in where.

A browser is known by a cookie, whose value changes with every sign-in, so that nobody can have put
it there beforehand. What is behind it is here, never in the cookie. Several people may be signed in
in one browser; which of them is meant is the request's or the person's choice.
"""

import hmac
import secrets

from attrs import evolve, field, frozen

from grantway_sandbox.bounded import Bounded
from grantway_sandbox.model import User


@frozen
class SignIn:
    """That a person signed in: who, by which factors, and when (Unix seconds)."""

    user: User
    amr: tuple[str, ...]
    time: float

    @property
    def proven(self) -> User:
        """The user as tokens are to tell of them: with the factors that were really used."""
        return evolve(self.user, amr=self.amr)


@frozen
class Session:
    """What is known of a browser. `browser` stays when the cookie changes."""

    cookie: str = field(repr=False)
    browser: str
    form_token: str = field(repr=False)
    sign_ins: tuple[SignIn, ...] = ()

    def owns(self, form_token: str) -> bool:
        """Say whether a form was made for this very browser."""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())

    def matching(self, login_hint: str | None) -> tuple[SignIn, ...]:
        """Return those signed in whom a hint may mean: all of them where there is none."""
        if not login_hint:
            return self.sign_ins
        wanted = login_hint.casefold()
        return tuple(known for known in self.sign_ins if known.user.user_name.casefold() == wanted)


class Sessions:
    """The sessions of all browsers; the oldest go when there are very many."""

    def __init__(self) -> None:
        self._sessions = Bounded[Session](1000)

    def find(self, cookie: str | None) -> Session | None:
        """Return the session of a browser that showed `cookie`, or None."""
        return self._sessions.get(cookie or "")

    def open(self) -> Session:
        """Begin a session in which nobody is signed in."""
        return self._keep(Session(_secret(), _secret(), _secret()))

    def sign_in(self, session: Session, sign_in: SignIn) -> Session:
        """Record a sign-in; the session goes on under another cookie."""
        others = tuple(
            known for known in session.sign_ins if known.user.object_id != sign_in.user.object_id
        )
        self._sessions.pop(session.cookie)
        return self._keep(evolve(session, cookie=_secret(), sign_ins=(sign_in, *others)))

    def _keep(self, session: Session) -> Session:
        return self._sessions.put(session.cookie, session)


def _secret() -> str:
    return secrets.token_urlsafe(24)
