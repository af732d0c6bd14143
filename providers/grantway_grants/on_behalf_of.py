"""OnBehalfOf: an API calls a further one, for the user whose token came to it.

The user's token is the `assertion` of a JWT bearer grant (RFC 7523, section 2.1), and one more
field says what is meant; which, is in the protocol. The API shows who it is with a credential of
its own. The answer is for that user, and so is the refresh token that may come with it: it rests
under the very token that was presented, and is redeemed for no other. With it a long errand
outlives the user's token; where there is none, or it is spent, the user's token is presented again.

The tenant has to be named: that of the user's token (its `tid`), which the API has verified.

What the authority wants of the user (`claims`) is theirs to give, not this API's: it is raised as
`InteractionRequired`, for the API to hand on to its client.
"""

from typing import TYPE_CHECKING

from grantway import (
    CredentialProvider,
    ParameterSet,
)
from grantway.errors import InteractionRequired, InvalidGrant, InvalidParameter
from grantway.parameters import (
    APPLICATION_ID,
    CERTIFICATE,
    CLIENT_ASSERTION,
    CLIENT_PROOF,
    CREDENTIAL,
    SAVE_REFRESH_TOKEN,
    TENANT_ID,
)
from grantway.token_parameters import USER_ASSERTION
from grantway_grants.jwt_bearer import GRANT_TYPE
from grantway_grants.presented import presented
from grantway_grants.refresh import renew

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

PROOFS = (CREDENTIAL, CERTIFICATE, CLIENT_ASSERTION)
"""An API has one of these: it is a confidential client."""


def _check(request: "TokenRequest") -> None:
    """Refuse what an authority of this protocol has no grant for, before any network."""
    if not request.environment.protocol.on_behalf_of:
        raise InvalidParameter(
            f"{USER_ASSERTION.name}: {request.environment.name} has no on-behalf-of grant.",
            remedy="Give the token as subject_token (RFC 8693, token exchange), if it takes that.",
            parameter=USER_ASSERTION.name,
        )


def grant(
    request: "TokenRequest", endpoints: "Endpoints", assertion: "Secret"
) -> "AuthorityRequest":
    """The one request of this provider."""
    from grantway.authority import AuthorityRequest
    from grantway.oauth.audience import audience_fields
    from grantway.oauth.client_authentication import client_authentication

    return AuthorityRequest(
        "token",
        endpoints.token,
        (
            ("grant_type", GRANT_TYPE),
            ("assertion", assertion),
            *request.environment.protocol.on_behalf_of.items(),
            *audience_fields(request, identity=True),
        ),
        authentication=client_authentication(request, endpoints),
    )


def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """The grant, as far as it is known without asking the authority."""
    from grantway.authority import planned_endpoints

    _check(request)
    endpoints = planned_endpoints(request.environment, request.tenant)
    yield grant(request, endpoints, request[USER_ASSERTION])


def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
    """Present the user's token.

    Raises:
        InteractionRequired: the authority wants something of the user; `claims` says what.
        InvalidGrant: the user's token is good no more, or not for this application.
        GrantwayError: as `grantway.oauth.exchange.exchange`.
    """
    from grantway.oauth.exchange import exchange
    from grantway.oauth.metadata import endpoints

    _check(request)
    assertion = presented(request, USER_ASSERTION)
    try:
        return exchange(grant(request, endpoints(request, context), assertion), request, context)
    except InvalidGrant as error:
        if error.claims:
            # Authorities have two words for it; to the API's client it is the same.
            raise InteractionRequired(
                error.message,
                remedy="Hand the claims on to the client, to sign the user in with.",
                claims=error.claims,
            ) from error
        error.remedy = error.remedy or (
            "Have the client get a new token for this application, and present that."
        )
        raise


ON_BEHALF_OF_PROVIDER = CredentialProvider(
    "OnBehalfOf",
    (
        ParameterSet(
            "OnBehalfOf",
            (USER_ASSERTION, TENANT_ID),
            at_least_one=PROOFS,
            optional=(
                APPLICATION_ID,
                *(each for each in CLIENT_PROOF if each not in PROOFS),
                SAVE_REFRESH_TOKEN,
            ),
            summary="An API, for the user whose token came to it.",
        ),
    ),
    authenticate,
    renew=renew,
    plan=plan,
    summary="on-behalf-of: an API, for the user whose token came to it",
)
