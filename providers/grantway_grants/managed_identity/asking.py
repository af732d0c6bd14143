"""How a host is asked, and what is made of its refusals.

Microsoft's guidance: ask again, at growing intervals, after 429 and 5xx; the metadata service
also after 404, and after 410, which it says for at most 70 seconds while it is being updated. All
of it within the caller's time: where the next attempt would come too late, what came last is
raised at once. A host that says when to come back is obeyed.

A host that cannot be reached is not asked again: it is so near that it is there or is not.
"""

from typing import TYPE_CHECKING

from grantway.errors import (
    AuthorityError,
    MalformedResponse,
    ProtocolViolation,
    TransportError,
)
from grantway_grants.managed_identity.hosts import AUTHORITY_HOST
from grantway_grants.managed_identity.parameters import IDENTITIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grantway import AuthorityRequest, Context, TokenRequest
    from grantway.errors import (
        GrantwayError,
    )
    from grantway_grants.managed_identity.hosts import Host

_BUSY = (1.0, 2.0, 4.0, 8.0, 16.0)
_UPDATED = (5.0, 10.0, 20.0, 35.0)
"""Seconds between attempts; the latter, after 410, are 70 in all."""

_FEWER = 3
"""Pauses of other hosts: some say 500 to a resource that does not exist, and will say so again."""


def ask(
    sent: "AuthorityRequest", where: "Host", request: "TokenRequest", context: "Context"
) -> "Mapping[str, object]":
    """Send a request to a host, as often as it takes, and return its answer.

    Raises:
        TransportError: it cannot be reached: there is no managed identity here.
        AuthorityError: it refused, and goes on to.
        MalformedResponse, ProtocolViolation, DeadlineExceeded: see `grantway.errors`.
    """
    busy = _BUSY if where.kind.is_metadata_service else _BUSY[:_FEWER]
    pauses = (iter(busy), iter(_UPDATED))
    while True:
        try:
            return context.transport.fetch_token(sent, context)
        except TransportError as error:
            failure: GrantwayError = _unreached(error, where)
            raise failure from None
        except (AuthorityError, MalformedResponse, ProtocolViolation) as error:
            failure = error
        pause = _pause(failure, where, pauses)
        if pause is None or pause >= context.remaining():
            raise _advised(failure, where, request)
        context.logger.info("asked again in %g seconds: %s", pause, failure)
        context.sleep(pause)


def challenge(
    sent: "AuthorityRequest", where: "Host", request: "TokenRequest", context: "Context"
) -> str:
    """The challenge with which a host answers the first request; "" where it has none.

    Raises:
        as `ask`; a `ProtocolViolation` where it gives a token to whoever asks.
    """
    try:
        ask(sent, where, request, context)
    except AuthorityError as error:
        if error.status != 401:
            raise
        return error.challenge
    raise ProtocolViolation(
        f"What answers at the address of {where.kind.name} is not to be trusted: it gives a token "
        "without a challenge.",
        remedy=f"Check {where.kind.variables[0]}, and that the cloud's agent listens there.",
    )


def _pause(
    failure: "GrantwayError", where: "Host", pauses: tuple["Iterator[float]", "Iterator[float]"]
) -> float | None:
    """How long to wait before the next attempt; None: there is none."""
    if not isinstance(failure, AuthorityError | MalformedResponse) or failure.status is None:
        return None
    busy, updated = pauses
    again = failure.status == 429 or failure.status >= 500
    if where.kind.is_metadata_service and failure.status in (404, 410):
        # It passes by itself, so a token that still serves is better than this error.
        again = failure.retryable = True
    pause = next(updated if failure.status == 410 else busy, None) if again else None
    return None if pause is None else max(pause, failure.retry_after or 0.0)


def _unreached(error: TransportError, where: "Host") -> TransportError:
    kind = where.kind
    if kind.is_metadata_service:
        message = (
            "There is no managed identity here: no variable tells of one, and the metadata service "
            f"of a virtual machine does not answer. {error.message}"
        )
        remedy = (
            "Run it on a machine of the cloud that has an identity, or sign in another way: "
            "with credential= and tenant_id=, for one."
        )
    else:
        message = f"The managed identity of {kind.name} cannot be had. {error.message}"
        remedy = f"Check that {kind.variables[0]} is the cloud's, and that the host has started."
    return TransportError(message, remedy=remedy, host=error.host, retryable=error.retryable)


def _advised(error: "GrantwayError", where: "Host", request: "TokenRequest") -> "GrantwayError":
    """The error, with what is to be done about it here."""
    if not isinstance(error, AuthorityError):
        variable = (*where.kind.variables, AUTHORITY_HOST)[0]
        if not getattr(error, "retryable", False):
            error.remedy = (
                "What answers there is no endpoint of a managed identity: a proxy of this network "
                f"or of a container, perhaps. Check where this runs, and {variable}."
            )
        return error
    given = next((each.name for each in IDENTITIES if each.name in request.values), "")
    match error.status:
        case 404 | 410 if where.kind.is_metadata_service:
            error.remedy = (
                "A metadata service answers so while it is updated, for 70 seconds at most: try "
                "again, or give more time with timeout=. What goes on answering so is none."
            )
        case 403 if "unreachable" in error.description:
            # A container engine's own proxy answers for what it cannot reach.
            error.remedy = "There is no managed identity here: sign in another way."
        case 400 | 404 if "resource" in error.error or "AADSTS500011" in error.description:
            error.remedy = "Check resource: there is none of this name in the machine's tenant."
        case 400 | 404 if given:
            error.remedy = (
                f"Check that the identity which {given} names is assigned to this machine, and "
                "that the resource exists."
            )
        case 400 | 404:
            error.remedy = (
                "Check that this machine has a system-assigned identity, or name the one that is "
                f"assigned to it with {IDENTITIES[0].name}=; and that the resource exists."
            )
        case _:
            pass
    error.advice = error.remedy
    return error
