"""What arrived at the sandbox, held against what was explained, field by field.

A plan masks each secret. A mask stands for the one secret that belongs there, where it is known
beforehand; else for one that is made for this very request (`FRESH`). What a person's browser
sends on the way, and what is read besides, was not planned and is no difference.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from grantway import PlannedRequest
from grantway.authority import FROM_METADATA
from grantway.secret import MASK

if TYPE_CHECKING:
    from grantway_sandbox.script import RecordedRequest

FRESH = frozenset(
    (
        *("assertion", "client_assertion", "code", "code_challenge", "code_verifier"),
        *("device_code", "nonce", "state"),
    )
)

_PORT = re.compile(r"(?<=^http://localhost:)[0-9]+(?=/)")
_ENDPOINTS = ("/token", "/devicecode")


@attrs.frozen
class Sent:
    """One request as the sandbox received it, how often, and what of it was not as explained."""

    request: PlannedRequest
    differences: tuple[str, ...] = ()
    times: int = 1


def as_sent(
    planned: Sequence[PlannedRequest],
    received: "Sequence[RecordedRequest]",
    base_url: str,
    secrets: Mapping[str, str],
) -> tuple[tuple[Sent, ...], tuple[str, ...]]:
    """The requests that were planned, as they arrived, and the paths of what was read besides.

    `secrets` are those known beforehand, by the name of their field. One that was sent several
    times, as the polls for a device code are, has to be the same each time.
    """
    found: list[Sent] = []
    rest = list(received)
    for plan in planned:
        mine = [each for each in rest if _is_for(plan, each, base_url)]
        rest = [each for each in rest if each not in mine]
        if not mine:
            found.append(Sent(plan, ("it was not sent",)))
            continue
        differences = [_differences(plan, each, secrets) for each in mine]
        arrived = attrs.evolve(plan, url=f"{base_url}{mine[0].path}")
        found.append(Sent(arrived, next(filter(None, differences), ()), len(mine)))
    for each in rest:
        if each.method == "POST" and each.path.endswith(_ENDPOINTS):
            names = tuple((name, MASK) for name, _ in each.fields)
            extra = PlannedRequest("unknown", each.method, f"{base_url}{each.path}", {}, names)
            found.append(Sent(extra, ("it was not explained",)))
    read = dict.fromkeys(
        each.path
        for each in rest
        if (each.method == "GET" and "/.well-known/" in each.path) or each.path.endswith("/keys")
    )
    return tuple(found), tuple(read)


def _is_for(plan: PlannedRequest, request: "RecordedRequest", base_url: str) -> bool:
    if plan.url == FROM_METADATA:
        return plan.method == request.method and request.path.endswith(_ENDPOINTS)
    return (plan.method, plan.url) == (request.method, f"{base_url}{request.path}")


def _differences(
    plan: PlannedRequest, request: "RecordedRequest", secrets: Mapping[str, str]
) -> tuple[str, ...]:
    def shown(name: str, value: str) -> str:
        if name == "redirect_uri":
            return _PORT.sub("(free port)", value)
        is_masked = value == secrets[name] if name in secrets else bool(value) and name in FRESH
        return MASK if is_masked else value

    pairs = request.query if plan.method == "GET" else request.fields
    differences: list[str] = []
    if tuple((name, shown(name, value)) for name, value in pairs) != plan.fields:
        differences.append("the fields differ")
    if plan.method != "GET":
        # What a browser's headers are is not ours to say.
        for name, value in plan.headers.items():
            arrived = request.header(name)
            if not arrived or value not in (arrived, MASK):
                differences.append(f"the header {name} differs")
    return tuple(differences)
