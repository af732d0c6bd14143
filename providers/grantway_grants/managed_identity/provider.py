"""The provider, put together from its parts.

A token rests in a cache under the machine's own name too. A cache may be shared with other
machines, whose system-assigned identity is another one though they are asked for it alike.
"""

import os
from functools import lru_cache
from typing import TYPE_CHECKING

import attrs

from grantway import (
    CredentialProvider,
    Environment,
    ParameterSet,
    Secret,
)
from grantway.secret import MASK, Unshown
from grantway_grants.managed_identity.parameters import IDENTITIES, MANAGED_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grantway import (
        AuthenticationResult,
        AuthorityRequest,
        Context,
        TokenRequest,
    )
    from grantway_grants.managed_identity.hosts import Host

_AT_ONCE = 1.0
"""Seconds in which the metadata service is connected to, where there is one."""

_BOOT = "/proc/sys/kernel/random/boot_id"


def managed_identity(
    environ: "Mapping[str, str]" = os.environ, key_folder: str | None = None
) -> CredentialProvider:
    """The provider ManagedIdentity, for the host that these variables tell of.

    Args:
        environ: the environment variables of the process.
        key_folder: where Azure Arc's agent has its key files; None: where the agent puts them.
    """

    def variables() -> Unshown[str]:
        # No traceback of the others shows them.
        return Unshown(environ)

    def here() -> "Host":
        from grantway_grants.managed_identity.hosts import host

        return host(variables())

    def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
        from grantway_grants.managed_identity import wire

        where = here()
        yield wire.token_request(request, where)
        if where.kind.challenges:
            yield wire.token_request(request, where, Secret(MASK))

    def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
        from grantway_grants.managed_identity import answers, arc, asking, wire

        where = here()
        sent = wire.token_request(request, where)
        there = attrs.evolve(context, environment=_environment(where, context.environment))
        if where.kind.challenges:
            folder = arc.tokens_folder(variables()) if key_folder is None else key_folder
            challenge = asking.challenge(sent, where, request, there)
            sent = wire.token_request(request, where, arc.answer_to(challenge, folder))
        answer = asking.ask(sent, where, request, there)
        if where.kind.challenges:
            arc.check_identity(answer, wire.identity(request, where))
        return answers.result(answer, sent, request, context, wire.audience(request))

    def surroundings(request: "TokenRequest") -> "Iterable[str | Secret]":  # noqa: ARG001  # of the contract

        where = here()
        return (where.kind.name, where.url, where.secret or "", *_machine())

    return CredentialProvider(
        "ManagedIdentity",
        (
            ParameterSet(
                "ManagedIdentity",
                (MANAGED_IDENTITY,),
                optional=IDENTITIES,
                summary="Code on a machine of the cloud, by the machine's identity: no secret.",
            ),
        ),
        authenticate,
        plan=plan,
        surroundings=surroundings,
        summary="the identity of the machine that the code runs on, without a secret",
    )


def _environment(where: "Host", of: Environment) -> Environment:
    """The environment of one request: the host, and nothing else."""
    from grantway.nearby import NearbyTrust

    trust = NearbyTrust(
        ca_bundle=of.trust.ca_bundle,
        thumbprint=where.thumbprint,
        connect_timeout=_AT_ONCE if where.kind.is_metadata_service else None,
    )
    return Environment(of.name, authority=where.origin, trust=trust)


def _machine() -> tuple[str, str]:
    """What no other machine has: its name, and the number of its last start where that is known.

    A copy of a machine has its name; two that run have not started together.
    """
    import socket

    return socket.gethostname(), _boot()


@lru_cache(maxsize=1)
def _boot() -> str:
    """The number of this machine's last start, which no process outlives."""
    from pathlib import Path

    try:
        return Path(_BOOT).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


MANAGED_IDENTITY_PROVIDER = managed_identity()
