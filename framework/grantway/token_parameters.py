"""Parameters that are tokens which the caller already has, and what is said with them.

Each such token stands for somebody, and another one comes with each call. So it is a secret, it is
part of the key under which an answer is cached, and what a reference to it stands for is looked
at anew each time (`Parameter.presented`).
"""

from typing import TYPE_CHECKING

from grantway.parameters import Parameter, secret

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
