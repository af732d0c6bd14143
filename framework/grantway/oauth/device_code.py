"""The device authorization grant (RFC 8628): a code here, a sign-in on any other device.

    what a poll brings                  what is done
    a token                             it is returned
    authorization_pending               another poll after the pause
    slow_down                           the pause grows by 5 seconds for good, then another poll
    no answer, a server in trouble      the pause doubles, up to a minute, until there is an answer
    anything else, as access_denied     the authority's error is raised
    the next poll would be too late     ExpiredToken; after no answer, what was in its way

`Schedule` is that table, without a clock or a network: polls never come faster than the authority
says (by interval, slow_down or Retry-After), nor after the code has expired by the monotonic
clock. An issued token is never lost to a further poll: what can fail once it is there comes after
the last one, and there is time for it.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto

import attrs

from grantway.authority import AuthorityRequest, Endpoints
from grantway.context import Context
from grantway.environment import host_of
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    ExpiredToken,
    GrantwayError,
    MalformedResponse,
    ProtocolViolation,
    TransportError,
)
from grantway.oauth.answers import seconds
from grantway.oauth.audience import audience_fields, redeemed_audience
from grantway.oauth.client_authentication import client_authentication
from grantway.request import TokenRequest
from grantway.secret import Secret

INTERVAL = 5.0
"""Seconds between two polls where the authority names none (RFC 8628, section 3.2)."""

SLOWER = 5.0
"""Seconds that each `slow_down` adds (RFC 8628, section 3.5)."""

AFTERWARDS = 60.0
"""Seconds for what comes when the code has expired: the answer to the last poll, and its checks."""

_LIFETIME = 900.0
# Before each further request for a code: some servers fail now and then.
_PAUSES = (1.0, 3.0)
_LONGEST = 86_400.0
# However short an interval the authority allows: nobody can type faster.
_SHORTEST = 1.0
_LONGEST_PAUSE = 60.0
_TICK = 1.0
# Nobody types a longer code, nor reads a longer address.
_MOST_CODE = 100
_MOST_ADDRESS = 2000


class Poll(Enum):
    """What a poll brought that leads to another one."""

    PENDING = auto()
    SLOW_DOWN = auto()
    NO_ANSWER = auto()


@attrs.frozen
class Schedule:
    """When polls are due.

    Attributes:
        interval: seconds between two polls, as far as the authority has said.
        pause: seconds before the next one; longer than `interval` while no answers come.
        least: seconds before the next one at least, by the authority's word.
    """

    interval: float
    pause: float
    least: float

    @classmethod
    def of(cls, interval: float) -> "Schedule":
        """The schedule that an authority asks for."""
        return cls(interval, interval, interval)

    def after(self, poll: Poll, retry_after: float = 0.0) -> "Schedule":
        """What holds after a poll that brought no token, nor an answer before `retry_after`."""
        interval = self.interval + (SLOWER if poll is Poll.SLOW_DOWN else 0.0)
        pause = min(self.pause * 2, _LONGEST_PAUSE) if poll is Poll.NO_ANSWER else interval
        least = max(interval, retry_after)
        return Schedule(interval, max(pause, least), least)

    def wait(self, left: float) -> float:
        """Seconds to wait of the `left` ones in which the code is good.

        A pause that nobody asked for leaves room for one more poll at the end.
        """
        return max(self.least, min(self.pause, left - _TICK))


@attrs.frozen
class DeviceAuthorization:
    """What a person is shown, and what the polls carry (RFC 8628, section 3.2).

    Attributes:
        device_code: for the polls.
        user_code: for the person; it has no control characters in it.
        verification_uri: the page to enter it at; `verification_uri_complete` has it filled in.
        expires_in: seconds from the answer on in which the code is good.
        expires: when they are over, on `clock.monotonic()`.
        interval: seconds between two polls.
    """

    device_code: Secret
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: float
    expires: float
    interval: float


def device_authorization(request: TokenRequest, endpoints: Endpoints) -> AuthorityRequest:
    """The request for a code. Everything is in the form, never in an address."""
    return AuthorityRequest(
        "device_authorization",
        endpoints.device_authorization,
        audience_fields(request, identity=True, sign_in=True, listed=endpoints.scopes),
        authentication=client_authentication(request, endpoints),
    )


def redemption(request: TokenRequest, endpoints: Endpoints, code: Secret) -> AuthorityRequest:
    """A poll; the names of its fields are the protocol's."""
    protocol = request.environment.protocol
    return AuthorityRequest(
        "token",
        endpoints.token,
        (
            ("grant_type", protocol.device_grant_type),
            (protocol.device_code_field, code),
            *redeemed_audience(request),
        ),
        authentication=client_authentication(request, endpoints),
        # A poll is repeated by the schedule alone.
        single_use=True,
    )


def begin(sent: AuthorityRequest, context: Context) -> DeviceAuthorization:
    """Ask for a code.

    Raises:
        MalformedResponse: something is missing in the answer, or cannot be.
        ProtocolViolation: the page to go to is not fit to be shown.
        AuthorityError, TransportError, DeadlineExceeded: as the transport.
    """
    answer = _authorized(sent, context)
    host = host_of(sent.url)

    def text(*names: str) -> str:
        found = (answer.get(name) for name in names)
        return next((each for each in found if isinstance(each, str) and each), "")

    def malformed(how: str) -> MalformedResponse:
        return MalformedResponse(
            f"{host} answered the device_authorization request {how}.",
            remedy="Check that the address is an authority's, and that the application may use "
            "the device code grant.",
            host=host,
        )

    if not text("device_code").strip():
        raise malformed("without a device_code")
    device_code = Secret(text("device_code"))
    context.redactor.add(device_code)
    user_code = _printable(text("user_code"))
    if not 0 < len(user_code) <= _MOST_CODE:
        raise malformed("without a user_code that a person can enter")
    page = text("verification_uri", "verification_url")
    if not page:
        raise malformed("without a verification_uri")
    given, pace = seconds(answer.get("expires_in")), seconds(answer.get("interval"))
    lifetime = min(_LIFETIME if given is None else given, _LONGEST)
    interval = max(INTERVAL if pace is None else pace, _SHORTEST)
    if interval >= lifetime:
        raise malformed(
            f"with a code that is good for {lifetime:g} seconds, and is to be asked for only "
            f"every {interval:g} seconds"
        )
    complete = text("verification_uri_complete")
    return DeviceAuthorization(
        device_code,
        user_code,
        _page(page, host, context),
        _page(complete, host, context) if complete else "",
        lifetime,
        context.clock.monotonic() + lifetime,
        interval,
    )


def _authorized(sent: AuthorityRequest, context: Context) -> Mapping[str, object]:
    """The answer to the request for a code, which is made again where the server has failed.

    Unlike a grant it may be: a code that nobody has seen is nothing lost.
    """
    for pause in _PAUSES:
        try:
            return context.transport.fetch_json(sent, context)
        except (AuthorityError, MalformedResponse) as error:
            if (error.status or 0) < 500 or error.retry_after:
                raise
        context.sleep(pause)
    return context.transport.fetch_json(sent, context)


def poll(
    sent: AuthorityRequest,
    device: DeviceAuthorization,
    context: Context,
    tick: Callable[[float], None] = lambda _: None,
    fetch: Callable[[AuthorityRequest, Context], Mapping[str, object]] | None = None,
) -> Mapping[str, object]:
    """Poll until the person has signed in, and return the token endpoint's answer.

    `tick` is told once a second how many seconds are left to sign in; `fetch` sends one poll, by
    default the transport.

    Raises:
        ExpiredToken: nobody did in time.
        AccessDenied: the person, or the authority, declined.
        AuthorityError: anything else that the authority will not be moved from.
        DeadlineExceeded, Cancelled: the caller's time was up, or nobody waits.
    """
    fetch = fetch or context.transport.fetch_token
    ends = min(device.expires, context.deadline)
    schedule = Schedule.of(device.interval)
    unanswered: GrantwayError | None = None
    while True:
        now = context.clock.monotonic()
        due = now + schedule.wait(device.expires - now)
        if due >= device.expires:
            raise unanswered or _expired(device)
        while (left := due - context.clock.monotonic()) > 0:
            tick(ends - context.clock.monotonic())
            context.sleep(min(left, _TICK))
        try:
            return fetch(sent, context)
        except GrantwayError as error:
            brought = outcome_of(error)
            if brought is None:
                error.remedy = error.remedy or _remedy(error)
                raise
            asked = isinstance(error, AuthorityError | MalformedResponse) and error.retry_after
            schedule = schedule.after(brought, asked or 0.0)
            unanswered = error if brought is Poll.NO_ANSWER else None


def outcome_of(error: GrantwayError) -> Poll | None:
    """What a failed poll means; None where there is no use in another one."""
    match error:
        case AuthorityError(error="authorization_pending"):
            return Poll.PENDING
        case AuthorityError(error="slow_down"):
            return Poll.SLOW_DOWN
        case (
            AuthorityError(retryable=True)
            | MalformedResponse(retryable=True)
            | TransportError(retryable=True)
        ):
            return Poll.NO_ANSWER
        case _:
            return None


def in_words(seconds: float) -> str:
    """A length of time as a person says it."""
    minutes = int(seconds // 60)
    return f"{minutes} minutes" if minutes > 1 else f"{seconds:.0f} seconds"


def _expired(device: DeviceAuthorization) -> ExpiredToken:
    return ExpiredToken(
        "The device code has run out, and nobody has signed in with it.",
        remedy=f"Start again, and enter the new code within {in_words(device.expires_in)}.",
        error="expired_token",
    )


def _remedy(error: GrantwayError) -> str:
    match error:
        case ExpiredToken():
            return "Start again, and enter the new code in time."
        case AccessDenied():
            return (
                "Start again, and agree to the sign-in; if that is not offered, ask whoever "
                "administers the application."
            )
        case _:
            return ""


def _printable(text: str) -> str:
    """A text that can move no cursor and colour no screen."""
    return "".join(each for each in text if each.isprintable()).strip()


def _page(url: str, host: str, context: Context) -> str:
    try:
        context.environment.check_scheme(url)
        # What a terminal obeys and what looks like something else is not ASCII, or refused above.
        if not url.isascii() or len(url) > _MOST_ADDRESS:
            raise ValueError
    except ValueError:
        raise ProtocolViolation(
            f"{host} sends people to an address that is not shown: it is no plain https one.",
            remedy="Sign in where a browser can be opened, and tell whoever runs the authority: "
            "its verification_uri has to be https.",
        ) from None
    return url
