"""RefreshToken: a token for a user who signed in earlier (RFC 6749, section 6).

The reference command's way of doing a partner's daily work: one refresh token, redeemed at each
customer's tenant for each resource. Authorities that rotate refresh tokens answer with a new one;
it is kept, and written to `save_refresh_token` where that is given, before the result returns.
The token the caller gave may be spent by then, so a later call with it uses its successor.

`consent` is accepted and ignored with a warning, as the reference ignores it.
"""

from typing import TYPE_CHECKING

from grantway import (
    CredentialProvider,
    ParameterSet,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grantway import (
        AuthenticationResult,
        AuthorityRequest,
        Context,
        Endpoints,
        Secret,
        TokenRequest,
    )
from grantway.parameters import (
    APPLICATION_ID,
    CLIENT_PROOF,
    CONSENT,
    CREDENTIAL,
    REFRESH_TOKEN,
    SAVE_REFRESH_TOKEN,
    TENANT_ID,
)


def grant(request: "TokenRequest", endpoints: "Endpoints", token: "Secret") -> "AuthorityRequest":
    """The one request of this provider."""
    from grantway.authority import AuthorityRequest
    from grantway.oauth.audience import audience_fields
    from grantway.oauth.client_authentication import client_authentication

    return AuthorityRequest(
        "token",
        endpoints.token,
        (
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            *audience_fields(request, identity=True),
        ),
        authentication=client_authentication(request, endpoints),
    )


def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """The grant, as far as it is known without asking the authority."""
    from grantway.authority import planned_endpoints

    endpoints = planned_endpoints(request.environment, request.tenant)
    yield grant(request, endpoints, request[REFRESH_TOKEN])


def renew(request: "TokenRequest", token: "Secret", context: "Context") -> "AuthenticationResult":
    """Redeem a refresh token."""
    from grantway.oauth.exchange import exchange
    from grantway.oauth.metadata import endpoints

    sent = grant(request, endpoints(request, context), token)
    return exchange(sent, request, context, refresh_token=token)


def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
    """Redeem the refresh token that the caller gave."""
    if request.get(CONSENT):
        context.logger.warning("consent is ignored: a refresh token is given")
    return renew(request, request[REFRESH_TOKEN], context)


REFRESH_TOKEN_PROVIDER = CredentialProvider(
    "RefreshToken",
    (
        ParameterSet(
            "RefreshToken",
            (REFRESH_TOKEN,),
            at_least_one=(APPLICATION_ID, CREDENTIAL),
            optional=(TENANT_ID, CONSENT, SAVE_REFRESH_TOKEN, *CLIENT_PROOF),
            summary="A user who signed in earlier, by the refresh token of then.",
        ),
    ),
    authenticate,
    renew=renew,
    plan=plan,
    summary="refresh_token: a user who signed in earlier",
)
