"""The test of an environment: from what is configured to the keys of its authority."""

import socket
import threading
from collections.abc import Iterator, Mapping

import attrs

from grantway.checks.authority import Authority
from grantway.checks.check import Check, Step
from grantway.checks.connection import Connection, Resolve
from grantway.checks.handshake import NAMES as HANDSHAKE
from grantway.checks.handshake import Handshake
from grantway.checks.road import Road
from grantway.context import Context
from grantway.environment import Environment, host_of
from grantway.oauth.transport import HttpTransport
from grantway.parts import Clock
from grantway.suggest import sentence

LOCAL = ("environment", "proxy", "trust", "dns", "clock")
"""Names of the checks whose failure is put right on this machine."""


def steps(
    environment: Environment,
    *,
    transport: HttpTransport,
    clock: Clock,
    environ: Mapping[str, str],
    timeout: float,
    cancelled: threading.Event | None = None,
    resolve: Resolve = socket.getaddrinfo,
) -> tuple[Step, ...]:
    """The steps of an environment's test, to be made with `grantway.checks.check.run`.

    Args:
        environment: what to test.
        transport: one that nobody has used, for the documents that it keeps would be believed;
            made with the same `environ`.
        clock: against which certificates and the authority's date are held.
        environ: the variables that say which proxy and roots to use.
        timeout: seconds for all of it, from now on.
        cancelled: set to end it.
        resolve: looks up names, as `socket.getaddrinfo`.
    """
    context = Context.lasting(timeout, environment, transport, clock, cancelled=cancelled)

    def look() -> Iterator[Check]:
        found = f"{environment.name}: {environment.authority}, {environment.protocol.name}"
        if environment.unavailable:
            yield Check(
                "environment", "failed", f"{environment.name} cannot be used now.",
                environment.unavailable,
            )  # fmt: skip
        elif environment.closed:
            closed = sentence(f"{found}. It is closed: {environment.closed}")
            # Which one to use instead is for those words to say.
            yield Check("environment", "warning", closed)
        else:
            yield Check("environment", "ok", found, facts={"authority": environment.authority})

    road = Road(environment.authority, context, environ)
    authority = Authority(context, transport)

    def look_elsewhere() -> Iterator[Check]:
        """Where tokens come from another host than the metadata, that has to answer too."""
        url = authority.token_endpoint
        if url.startswith("https:") and host_of(url) != road.shown:
            yield Handshake(Road(url, context, environ)).check("token")

    first, *others = road.steps
    return (
        Step(("environment",), look),
        attrs.evolve(first, needs=("environment",)),
        *others,
        *Connection(road, resolve).steps,
        *Handshake(road).steps,
        *authority.steps(*HANDSHAKE),
        Step(("token",), look_elsewhere, ("endpoints",), is_extra=True),
    )
