"""JwtBearer: a JWT that somebody has signed is the grant (RFC 7523, section 2.1).

The JWT says for whom a token is wanted, and who vouches for them: an issuer that the authority
trusts. That can be proof enough, so a client need not be named; where one is, it shows who it is
as with every other grant. Who makes the JWT is no matter of the grant: `grant` takes it as it is.

Nothing renews such a token but another JWT (RFC 7521, section 4.1), which is short-lived and for
one use at many an authority. So a call that the cache cannot answer presents the one it was given.
"""

from collections.abc import Iterable

from grantway import (
    AuthenticationResult,
    AuthorityRequest,
    Context,
    CredentialProvider,
    Endpoints,
    ParameterSet,
    Secret,
    TokenRequest,
)
from grantway.authority import planned_endpoints
from grantway.errors import InvalidGrant, InvalidParameter
from grantway.parameters import SAVE_REFRESH_TOKEN, TENANT_ID
from grantway.token_parameters import ASSERTION, USER_ASSERTION
from grantway_grants.presented import CLIENT, client, presented

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def _check(request: TokenRequest) -> None:
    """Refuse what an authority of this protocol has another grant for, before any network."""
    protocol = request.environment.protocol
    if protocol.on_behalf_of or GRANT_TYPE in protocol.absent_grants:
        raise InvalidParameter(
            f"{ASSERTION.name}: {request.environment.name} takes no JWT of another issuer's as a "
            "grant (RFC 7523).",
            remedy=f"If it is the token of a user, give it as {USER_ASSERTION.name}, with the "
            "credential of the application that it was sent to."
            if protocol.on_behalf_of
            else "Use another grant: `grantway providers` lists them.",
            parameter=ASSERTION.name,
        )


def grant(request: TokenRequest, endpoints: Endpoints, assertion: Secret) -> AuthorityRequest:
    """The one request of this provider, whoever made the assertion."""
    from grantway.oauth.audience import audience_fields

    return AuthorityRequest(
        "token",
        endpoints.token,
        (("grant_type", GRANT_TYPE), ("assertion", assertion), *audience_fields(request)),
        authentication=client(request, endpoints),
    )


def plan(request: TokenRequest) -> Iterable[AuthorityRequest]:
    """The grant, as far as it is known without asking the authority."""
    _check(request)
    endpoints = planned_endpoints(request.environment, request.tenant)
    yield grant(request, endpoints, request[ASSERTION])


def authenticate(request: TokenRequest, context: Context) -> AuthenticationResult:
    """Present the JWT that the caller gave.

    Raises:
        InvalidGrant: the authority does not take it.
        GrantwayError: as `grantway.oauth.exchange.exchange`.
    """
    from grantway.oauth.exchange import exchange
    from grantway.oauth.metadata import endpoints

    _check(request)
    assertion = presented(request, ASSERTION)
    try:
        return exchange(grant(request, endpoints(request, context), assertion), request, context)
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
