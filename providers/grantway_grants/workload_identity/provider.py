"""The provider, put together from its parts.

A token rests in a cache under the application and the tenant that it is of, whoever has named
them. While it is good, the platform is not asked for its own.
"""

import os
from typing import TYPE_CHECKING

import attrs

from grantway import CredentialProvider, ParameterSet, Secret
from grantway.errors import InvalidParameter
from grantway.parameters import APPLICATION_ID, CLIENT_ASSERTION, TENANT_ID
from grantway.secret import MASK, Unshown
from grantway_grants import service_principal
from grantway_grants.workload_identity.parameters import (
    AUDIENCE,
    FEDERATION_AUDIENCE,
    GITHUB,
    WORKLOAD_IDENTITY,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grantway import AuthenticationResult, AuthorityRequest, Context, TokenRequest


def workload_identity(
    environ: "Mapping[str, str]" = os.environ, *, loopback: bool = False
) -> CredentialProvider:
    """The provider WorkloadIdentity, for the platform that these variables tell of.

    Args:
        environ: the environment variables of the process.
        loopback: whether the endpoint of a runner may be one of plain http at a loopback address,
            as it is in tests; the real ones are not, and no configuration says so.
    """

    def variables() -> Unshown[str]:
        # No traceback of the others shows them.
        return Unshown(environ)

    def settled(request: "TokenRequest") -> "TokenRequest":
        """The request with its application and tenant; what cannot be is refused here."""
        from grantway_grants.workload_identity import kubernetes
        from grantway_grants.workload_identity.naming import named

        found = named(request, variables())
        service_principal.check(found, WORKLOAD_IDENTITY.name)
        if request[WORKLOAD_IDENTITY] == GITHUB:
            return found
        if FEDERATION_AUDIENCE.name in request.values:
            raise InvalidParameter(
                f"{FEDERATION_AUDIENCE.name}: a cluster is not asked for a token, it has one.",
                remedy="Leave it out: the pod's projected volume says whom the token is for.",
                parameter=FEDERATION_AUDIENCE.name,
            )
        kubernetes.check_authority(variables(), request.environment)
        return found

    def asked(request: "TokenRequest") -> "AuthorityRequest":
        from grantway_grants.workload_identity import github

        audience = request.get(FEDERATION_AUDIENCE) or AUDIENCE
        return github.token_request(variables(), audience, loopback=loopback)

    def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
        found = settled(request)
        if request[WORKLOAD_IDENTITY] == GITHUB:
            yield asked(request)
        yield from service_principal.plan(_vouched(found, Secret(MASK)))

    def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
        from grantway_grants.workload_identity import github, kubernetes

        found = settled(request)
        if request[WORKLOAD_IDENTITY] == GITHUB:
            assertion = github.token(asked(request), context, loopback=loopback)
        else:
            assertion = kubernetes.token(variables(), context)
        context.redactor.add(assertion)
        return service_principal.authenticate(_vouched(found, assertion), context)

    def surroundings(request: "TokenRequest") -> "Iterable[str | Secret]":
        from grantway_grants.workload_identity.naming import named

        found = named(request, variables())
        return (found.client_id, found.tenant)

    return CredentialProvider(
        "WorkloadIdentity",
        (
            ParameterSet(
                "WorkloadIdentity",
                (WORKLOAD_IDENTITY,),
                optional=(APPLICATION_ID, TENANT_ID, FEDERATION_AUDIENCE),
                summary="An application by itself, for which the platform it runs on vouches.",
            ),
        ),
        authenticate,
        plan=plan,
        surroundings=surroundings,
        summary="client_credentials: the platform that the code runs on vouches for it",
    )


def _vouched(request: "TokenRequest", assertion: Secret) -> "TokenRequest":
    """The same request of an application that has an assertion."""
    return attrs.evolve(request, values={**request.values, CLIENT_ASSERTION.name: assertion})


WORKLOAD_IDENTITY_PROVIDER = workload_identity()
