"""Parameters that are tokens which the caller already has, and what is said with them.

Each such token stands for somebody, and another one comes with each call. So it is a secret, it is
part of the key under which an answer is cached, and what a reference to it stands for is looked
at anew each time (`Parameter.presented`).
"""

import re
from typing import TYPE_CHECKING

from grantway.parameters import Parameter, secret, text, words

if TYPE_CHECKING:
    from datetime import datetime


def instant(value: object) -> "datetime":
    """An instant: an aware datetime, ISO 8601 with an offset, or seconds since the epoch."""
    # Imported here: to declare a parameter costs nothing of what reads it.
    from datetime import UTC, datetime

    try:
        if isinstance(value, str) and not value.strip().isdecimal():
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, datetime):
            found = value
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            found = datetime.fromtimestamp(float(value), UTC)
        else:
            raise TypeError
    except (TypeError, ValueError, OverflowError, OSError):
        raise ValueError("expected an instant, such as 2030-01-31T12:00:00Z") from None
    if found.utcoffset() is None:
        raise ValueError("it has no offset, so nobody can tell when it is: add Z for UTC")
    return found.astimezone(UTC)


_KINDS = ("access_token", "refresh_token", "id_token", "jwt", "saml1", "saml2")
_URN = "urn:ietf:params:oauth:token-type:"


def token_kind(value: object) -> str:
    """What kind of token one is, as a URI: given as such, or by a word of RFC 8693, section 3."""
    kind = text(value)
    if kind.casefold() in _KINDS:
        return f"{_URN}{kind.casefold()}"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+", kind):
        raise ValueError(f"expected one of {', '.join(_KINDS)}, or an absolute URI")
    return kind


ANY_ACCESS_TOKEN = f"{_URN}access_token"

SUBJECT = Parameter(
    "subject",
    text,
    "Whom a token is wanted for, as the authority knows them; the application signs for it.",
    example="alice@contoso.example",
)
USER_ASSERTION = Parameter(
    "user_assertion",
    secret,
    "The access token that a user's client sent to this application.",
    secret=True,
    presented=True,
)
ACCESS_TOKEN = Parameter(
    "access_token",
    secret,
    "A token to use as it is; nothing is asked of the authority.",
    secret=True,
    presented=True,
)
EXPIRES_ON = Parameter(
    "expires_on",
    instant,
    "When the token expires, where it does not say so itself: 2030-01-31T12:00:00Z.",
    identity=False,
)
SUBJECT_TOKEN = Parameter(
    "subject_token",
    secret,
    "The token to exchange: it says on whose behalf.",
    secret=True,
    presented=True,
)
SUBJECT_TOKEN_TYPE = Parameter(
    "subject_token_type",
    token_kind,
    f"What kind of token that is: {', '.join(_KINDS)}, or an absolute URI.",
    default=ANY_ACCESS_TOKEN,
)
ACTOR_TOKEN = Parameter(
    "actor_token",
    secret,
    "A token of whoever acts for the subject, where that is not the client itself.",
    secret=True,
    presented=True,
)
ACTOR_TOKEN_TYPE = Parameter(
    "actor_token_type",
    token_kind,
    "What kind of token that is; access_token where it is not said.",
)
REQUESTED_TOKEN_TYPE = Parameter(
    "requested_token_type",
    token_kind,
    "What kind of token is wanted; the authority's own choice where it is not said.",
)
AUDIENCE = Parameter(
    "audience",
    words,
    "The services that the new token is for, by the names that the authority has for them.",
)
ASSERTION = Parameter(
    "assertion",
    secret,
    "A signed JWT that says for whom a token is wanted; its issuer is trusted by the authority.",
    secret=True,
    presented=True,
)
