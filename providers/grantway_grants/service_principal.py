"""An application by itself (RFC 6749, section 4.4), in one grant and three ways to prove it.

*ServicePrincipal*, the reference command's set of that name: `credential` holds the application id
and the secret, `tenant_id` says where; `application_id` beats the credential's user name.
*ServicePrincipalCertificate*, also the reference's: `certificate` is that of the application, and
its key signs an assertion or is shown in the TLS handshake. *ServicePrincipalAssertion*: somebody
else, such as the platform that the application runs on, vouches for it.

Each needs a tenant of its own: an application has no home that `common` could mean.
"""

from typing import TYPE_CHECKING

from grantway import (
    CredentialProvider,
    ParameterSet,
)
from grantway.errors import InvalidParameter
from grantway.parameters import (
    APPLICATION_ID,
    CERTIFICATE,
    CERTIFICATE_PASSWORD,
    CLIENT_ASSERTION,
    CREDENTIAL,
    KEY_ID,
    RETRY_NEW_SECRET,
    SEND_CERTIFICATE_CHAIN,
    TENANT_ID,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grantway import (
        AuthenticationResult,
        AuthorityRequest,
        Context,
        Endpoints,
        TokenRequest,
    )


def check(request: "TokenRequest", proof: str) -> None:
    """Refuse what no authority of this protocol does, before any network.

    `proof` names the parameter by which the application shows who it is.

    Raises:
        InvalidParameter: it is that.
    """
    protocol = request.environment.protocol
    if "client_credentials" in protocol.absent_grants:
        raise InvalidParameter(
            f"{proof}: {request.environment.name} gives an application by itself no "
            "token (it has no client_credentials grant).",
            remedy="Have a person sign in: give consent beside the credential, or application_id "
            "alone.",
            parameter=proof,
        )
    if request.tenant.casefold() in protocol.shared_tenants:
        raise InvalidParameter(
            f"tenant_id: an application by itself cannot sign in at {request.tenant!r}.",
            remedy="Name the tenant, by GUID or verified domain.",
            parameter=TENANT_ID.name,
        )


def _proof(request: "TokenRequest") -> str:
    """The parameter by which the application shows who it is."""
    proofs = (CERTIFICATE, CLIENT_ASSERTION, CREDENTIAL)
    return next(each.name for each in proofs if each.name in request.values)


def grant(request: "TokenRequest", endpoints: "Endpoints") -> "AuthorityRequest":
    """The one request of this provider."""
    from grantway.authority import AuthorityRequest
    from grantway.oauth.audience import audience_fields
    from grantway.oauth.client_authentication import client_authentication

    return AuthorityRequest(
        "token",
        endpoints.token,
        (("grant_type", "client_credentials"), *audience_fields(request)),
        authentication=client_authentication(request, endpoints),
    )


def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """The grant, as far as it is known without asking the authority."""
    from grantway.authority import planned_endpoints

    check(request, _proof(request))
    yield grant(request, planned_endpoints(request.environment, request.tenant))


def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
    """Get a token for the application."""
    from grantway.oauth.exchange import exchange
    from grantway.oauth.metadata import endpoints

    check(request, _proof(request))
    return exchange(grant(request, endpoints(request, context)), request, context)


SERVICE_PRINCIPAL_PROVIDER = CredentialProvider(
    "ServicePrincipal",
    (
        ParameterSet(
            "ServicePrincipal",
            (CREDENTIAL, TENANT_ID),
            optional=(APPLICATION_ID, RETRY_NEW_SECRET),
            summary="An application by itself, with its secret.",
        ),
    ),
    authenticate,
    plan=plan,
    summary="client_credentials: an application by itself, with its secret",
)

CERTIFICATE_PROVIDER = CredentialProvider(
    "ServicePrincipalCertificate",
    (
        ParameterSet(
            "ServicePrincipalCertificate",
            (APPLICATION_ID, CERTIFICATE, TENANT_ID),
            optional=(CERTIFICATE_PASSWORD, SEND_CERTIFICATE_CHAIN, KEY_ID),
            summary="An application by itself, with its certificate.",
        ),
    ),
    authenticate,
    plan=plan,
    summary="client_credentials: an application by itself, with its certificate",
)

ASSERTION_PROVIDER = CredentialProvider(
    "ServicePrincipalAssertion",
    (
        ParameterSet(
            "ServicePrincipalAssertion",
            (APPLICATION_ID, CLIENT_ASSERTION, TENANT_ID),
            summary="An application by itself, for which its platform vouches.",
        ),
    ),
    authenticate,
    plan=plan,
    summary="client_credentials: an application by itself, for which its platform vouches",
)
