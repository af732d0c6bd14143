"""From a host's answer to a result.

Who the token is for is not told, nor its tenant; the access token, which is for its audience
alone, is not looked into. `expires_on` is seconds since the epoch, mostly as text; old versions
wrote a date. Where `expires_in` is there too, the earlier of both counts, for some hosts count it
from when they got the token, which rests with them for hours.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grantway import AuthenticationResult, Secret
from grantway.oauth.answers import instant, later, seconds, token_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grantway import AuthorityRequest, Context, TokenRequest

_LONG = 7200
"""Seconds of a life so long that a new token is asked for at its half, as MSAL does."""

# As App Service wrote them, on Linux and on Windows.
_DATES = ("%m/%d/%Y %H:%M:%S %z", "%m/%d/%Y %I:%M:%S %p %z")


def result(
    answer: "Mapping[str, object]",
    sent: "AuthorityRequest",
    request: "TokenRequest",
    context: "Context",
    resource: str,
) -> AuthenticationResult:
    """The result that an answer stands for.

    Raises:
        MalformedResponse: the token's type is none.
    """
    now = context.clock.time()
    token = Secret(str(answer["access_token"]))
    expires = _expiry(answer, now)
    refresh = later(answer, "refresh_in", now)
    if refresh is None and expires is not None and expires.timestamp() - now >= _LONG:
        refresh = instant((now + expires.timestamp()) / 2)
    return AuthenticationResult(
        token.reveal(),
        token_type(answer, sent),
        acquired_on=instant(now),
        expires_on=expires,
        refresh_on=refresh,
        scopes=request.scopes,
        resource=resource,
        environment=request.environment.name,
        provider=request.provider,
        correlation_id=context.correlation_id,
    )


def _expiry(answer: "Mapping[str, object]", now: float) -> datetime | None:
    found: list[float] = []
    if (lifetime := seconds(answer.get("expires_in"))) is not None:
        found.append(now + lifetime)
    until = answer.get("expires_on")
    if (epoch := seconds(until)) is not None:
        found.append(epoch)
    elif isinstance(until, str):
        for form in _DATES:
            with suppress(ValueError, OverflowError):
                found.append(datetime.strptime(until.strip(), form).astimezone(UTC).timestamp())
    return instant(min(found)) if found else None
