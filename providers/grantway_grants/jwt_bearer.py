"""JwtBearer: a JWT that somebody has signed is the grant (RFC 7523, section 2.1).

The JWT says for whom a token is wanted, and who vouches for them: an issuer that the authority
trusts. That can be proof enough, so a client need not be named; where one is, it shows who it is
as with every other grant. Who makes the JWT is no matter of the grant: `grant` takes it as it is.

*JwtBearer* is given the JWT. *SignedJwtBearer* makes it: the application itself is the issuer that
is trusted, and signs with the key of its certificate that `subject` is meant. So it is at services
that know their clients by a key alone. Some look for the scopes in the JWT, and find them there.

Nothing renews such a token but another JWT (RFC 7521, section 4.1), which is short-lived and for
one use at many an authority. So a call that the cache cannot answer presents the one it was given.
"""

from typing import TYPE_CHECKING

from grantway import (
    CredentialProvider,
    ParameterSet,
    Secret,
)
from grantway.errors import InvalidGrant, InvalidParameter
from grantway.parameters import (
    APPLICATION_ID,
    CERTIFICATE,
    CERTIFICATE_PASSWORD,
    KEY_ID,
    SAVE_REFRESH_TOKEN,
    SEND_CERTIFICATE_CHAIN,
    TENANT_ID,
)
from grantway.secret import MASK
from grantway.token_parameters import ASSERTION, SUBJECT, USER_ASSERTION
from grantway_grants.presented import CLIENT, client, presented

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grantway import (
        AuthenticationResult,
        AuthorityRequest,
        Context,
        Endpoints,
        Parameter,
        TokenRequest,
    )

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def _check(request: "TokenRequest", given: "Parameter[object]") -> None:
    """Refuse what an authority of this protocol has another grant for, before any network."""
    protocol = request.environment.protocol
    if protocol.on_behalf_of or GRANT_TYPE in protocol.absent_grants:
        raise InvalidParameter(
            f"{given.name}: {request.environment.name} takes no JWT of another issuer's as a "
            "grant (RFC 7523).",
            remedy=f"If it is the token of a user, give it as {USER_ASSERTION.name}, with the "
            "credential of the application that it was sent to."
            if protocol.on_behalf_of
            else "Use another grant: `grantway providers` lists them.",
            parameter=given.name,
        )


def grant(request: "TokenRequest", endpoints: "Endpoints", assertion: Secret) -> "AuthorityRequest":
    """The one request of this provider, whoever made the assertion."""
    from grantway.authority import AuthorityRequest
    from grantway.oauth.audience import audience_fields

    return AuthorityRequest(
        "token",
        endpoints.token,
        (("grant_type", GRANT_TYPE), ("assertion", assertion), *audience_fields(request)),
        authentication=None if SUBJECT.name in request.values else client(request, endpoints),
    )


def signed(request: "TokenRequest", endpoints: "Endpoints") -> Secret:
    """The JWT that the application itself signs; in a plan, where nothing is signed, a mask.

    Raises:
        ConfigurationError, VaultError: as `grantway.oauth.assertion.client_assertion`.
    """
    from grantway.oauth.assertion import client_assertion
    from grantway.oauth.client_authentication import assertion_audience

    certificate, environment = request[CERTIFICATE], request.environment
    if certificate.now is None:
        return Secret(MASK)
    claims = {"sub": request[SUBJECT]}
    if request.scopes:
        claims["scope"] = " ".join(request.scopes)
    return client_assertion(
        certificate,
        request.client_id,
        assertion_audience(environment, endpoints),
        environment,
        listed=endpoints.assertion_algorithms,
        key_id=request.get(KEY_ID) or "",
        chain=bool(request.get(SEND_CERTIFICATE_CHAIN)),
        more=claims,
    )


def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """The grant, as far as it is known without asking the authority."""
    from grantway.authority import planned_endpoints

    _check(request, ASSERTION)
    endpoints = planned_endpoints(request.environment, request.tenant)
    yield grant(request, endpoints, request[ASSERTION])


def plan_signed(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """The same, with the JWT that will be made."""
    from grantway.authority import planned_endpoints

    _check(request, SUBJECT)
    endpoints = planned_endpoints(request.environment, request.tenant)
    yield grant(request, endpoints, signed(request, endpoints))


def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
    """Present the JWT that the caller gave.

    Raises:
        InvalidGrant: the authority does not take it.
        GrantwayError: as `grantway.oauth.exchange.exchange`.
    """
    from grantway.oauth.metadata import endpoints

    _check(request, ASSERTION)
    assertion = presented(request, ASSERTION)
    return _redeemed(grant(request, endpoints(request, context), assertion), request, context)


def authenticate_signed(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
    """Make a JWT, sign it, and present it.

    Raises:
        ConfigurationError, VaultError: it cannot be signed so that the authority would take it.
        InvalidGrant: the authority does not take it.
        GrantwayError: as `grantway.oauth.exchange.exchange`.
    """
    from grantway.oauth.metadata import endpoints

    _check(request, SUBJECT)
    found = endpoints(request, context)
    return _redeemed(grant(request, found, signed(request, found)), request, context)


def _redeemed(
    sent: "AuthorityRequest", request: "TokenRequest", context: "Context"
) -> "AuthenticationResult":
    from grantway.oauth.exchange import exchange

    try:
        return exchange(sent, request, context)
    except InvalidGrant as error:
        error.remedy = error.remedy or (
            "Check what it says (`grantway decode`): that it is for this authority (aud), has not "
            "expired (exp), and that its issuer (iss) and key are registered there."
        )
        raise


JWT_BEARER_PROVIDER = CredentialProvider(
    "JwtBearer",
    (
        ParameterSet(
            "JwtBearer",
            (ASSERTION,),
            optional=(*CLIENT, TENANT_ID, SAVE_REFRESH_TOKEN),
            summary="Whoever a signed JWT vouches for.",
        ),
    ),
    authenticate,
    plan=plan,
    summary="jwt-bearer: whoever a signed JWT vouches for",
)

SIGNED_JWT_BEARER_PROVIDER = CredentialProvider(
    "SignedJwtBearer",
    (
        ParameterSet(
            "SignedJwtBearer",
            (SUBJECT, APPLICATION_ID, CERTIFICATE),
            optional=(CERTIFICATE_PASSWORD, SEND_CERTIFICATE_CHAIN, KEY_ID, TENANT_ID),
            summary="Whoever the application itself vouches for, by its key.",
        ),
    ),
    authenticate_signed,
    plan=plan_signed,
    summary="jwt-bearer: whoever the application itself vouches for, by its key",
)
