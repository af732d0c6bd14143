"""The device authorization grant (RFC 8628): a code here, a sign-in on any other device.

    what a poll brings                  what is done
    a token                             it is returned
    authorization_pending               another poll after the pause
    slow_down                           the pause grows by 5 seconds for good, then another poll
    no answer, a server in trouble      the pause doubles, up to a minute, until there is an answer
    anything else, as access_denied     the authority's error is raised
    the next poll would be too late     ExpiredToken

`Schedule` is that table, without a clock or a network: polls never come faster than the authority
says, nor after the code has expired by the monotonic clock. An issued token is never lost to a
further poll: what can fail once it is there comes after the last one.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto

import attrs

from grantway.authority import AuthorityRequest, Endpoints
from grantway.environment import host_of
from grantway.errors import (
    AuthorityError,
    ExpiredToken,
    GrantwayError,
    MalformedResponse,
    ProtocolViolation,
    Throttled,
    TransportError,
)
from grantway.oauth.answers import seconds
from grantway.oauth.audience import audience_fields, redeemed_audience
from grantway.oauth.client_authentication import client_authentication
from grantway.provider import Context
from grantway.request import TokenRequest
from grantway.secret import Secret

INTERVAL = 5.0
"""Seconds between two polls where the authority names none (RFC 8628, section 3.2)."""

SLOWER = 5.0
"""Seconds that each `slow_down` adds (RFC 8628, section 3.5)."""

_LIFETIME = 900.0
_LONGEST = 86_400.0
# However short an interval the authority allows: nobody can type faster.
_SHORTEST = 1.0
_LONGEST_PAUSE = 60.0
_TICK = 1.0


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
    """

    interval: float
    pause: float

    @classmethod
    def of(cls, interval: float) -> "Schedule":
        """The schedule that an authority asks for."""
        return cls(interval, interval)

    def after(self, poll: Poll) -> "Schedule":
        """What holds after a poll that brought no token."""
        match poll:
            case Poll.PENDING:
                return Schedule.of(self.interval)
            case Poll.SLOW_DOWN:
                return Schedule.of(self.interval + SLOWER)
            case Poll.NO_ANSWER:
                return Schedule(
                    self.interval, max(self.interval, min(self.pause * 2, _LONGEST_PAUSE))
                )


@attrs.frozen
class DeviceAuthorization:
    """What a person is shown, and what the polls carry (RFC 8628, section 3.2).

    Attributes:
        device_code: for the polls.
        user_code: for the person; it has no control characters in it.
        verification_uri: the page to enter it at; `verification_uri_complete` has it filled in.
        expires_in: seconds from the answer on in which the code is good.
        interval: seconds between two polls.
    """

    device_code: Secret
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: float
    interval: float


def device_authorization(request: TokenRequest, endpoints: Endpoints) -> AuthorityRequest:
    """The request for a code. Everything is in the form, never in an address."""
    return AuthorityRequest(
        "device_authorization",
        endpoints.device_authorization,
        audience_fields(request, identity=True, sign_in=True),
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
    )


def begin(sent: AuthorityRequest, context: Context) -> DeviceAuthorization:
    """Ask for a code.

    Raises:
        MalformedResponse: something is missing in the answer.
        ProtocolViolation: the page to go to is not fit to be shown.
        AuthorityError, TransportError, DeadlineExceeded: as the transport.
    """
    answer = context.transport.fetch_json(sent, context)
    host = host_of(sent.url)

    def text(*names: str) -> str:
        found = next((answer[name] for name in names if answer.get(name)), "")
        return found if isinstance(found, str) else ""

    device_code, user_code = Secret(text("device_code") or " "), text("user_code")
    if not text("device_code") or not user_code.strip():
        raise MalformedResponse(
            f"{host} answered the device_authorization request without a code.",
            remedy="Check that the application may use the device code grant.",
            host=host,
        )
    context.redactor.add(device_code)
    lifetime = seconds(answer.get("expires_in"))
    interval = seconds(answer.get("interval"))
    complete = text("verification_uri_complete")
    return DeviceAuthorization(
        device_code,
        _printable(user_code),
        _page(text("verification_uri", "verification_url"), host, context),
        _page(complete, host, context) if complete else "",
        min(_LIFETIME if lifetime is None else lifetime, _LONGEST),
        max(INTERVAL if interval is None else interval, _SHORTEST),
    )


def poll(
    sent: AuthorityRequest,
    device: DeviceAuthorization,
    context: Context,
    tick: Callable[[float], None] = lambda _: None,
) -> Mapping[str, object]:
    """Poll until the person has signed in, and return the token endpoint's answer.

    `tick` is told once a second how many seconds the code is still good.

    Raises:
        ExpiredToken: nobody did in time.
        AccessDenied: the person, or the authority, declined.
        AuthorityError: anything else that the authority will not be moved from.
        DeadlineExceeded, Cancelled: the caller's time was up, or nobody waits.
    """
    expires = context.clock.monotonic() + device.expires_in
    schedule = Schedule.of(device.interval)
    while True:
        due = context.clock.monotonic() + schedule.pause
        if due >= expires:
            raise ExpiredToken(
                "The device code has expired; nobody has signed in with it.",
                remedy="Start again, and enter the code within "
                f"{max(1, round(device.expires_in / 60))} minutes.",
                error="expired_token",
            )
        while (left := due - context.clock.monotonic()) > 0:
            tick(expires - context.clock.monotonic())
            context.sleep(min(left, _TICK))
        try:
            return context.transport.fetch_token(sent, context)
        except GrantwayError as error:
            brought = outcome_of(error)
            if brought is None:
                raise
            schedule = schedule.after(brought)


def outcome_of(error: GrantwayError) -> Poll | None:
    """What a failed poll means; None where there is no use in another one."""
    match error:
        case AuthorityError(error="authorization_pending"):
            return Poll.PENDING
        case AuthorityError(error="slow_down"):
            return Poll.SLOW_DOWN
        case Throttled():
            return Poll.NO_ANSWER
        case AuthorityError(retryable=True) | MalformedResponse(retryable=True):
            return Poll.NO_ANSWER
        case TransportError(retryable=True):
            return Poll.NO_ANSWER
        case _:
            return None


def _printable(text: str) -> str:
    """A text that can move no cursor and colour no screen."""
    return "".join(each for each in text if each.isprintable()).strip()


def _page(url: str, host: str, context: Context) -> str:
    try:
        # Checks for control characters and look-alikes too.
        context.environment.check_scheme(url)
    except ValueError:
        raise ProtocolViolation(
            f"{host} sends people to an address that is not shown: it is no plain https one."
        ) from None
    return url
