"""TokenExchange: one token for another, at an authority that makes both out (RFC 8693).

The subject's token says on whose behalf; an actor's, where there is one, who acts for them. What
the new token is for is said as by every other grant, and by `audience`, which may be several names
that only the authority knows. A client may be public, or none at all where the token is proof
enough (as for the tokens of a workload's platform).

What comes back is in the member `access_token`, whatever it is. A token that is no access token
has the type `N_A`, and nothing here sends it to an API. Each exchange presents the subject's token:
a refresh token, where one comes, is given to the caller and kept for nobody.
"""

from typing import TYPE_CHECKING

from grantway import (
    CredentialProvider,
    ParameterSet,
)
from grantway.errors import InvalidParameter
from grantway.parameters import SAVE_REFRESH_TOKEN, TENANT_ID
from grantway.token_parameters import (
    ACTOR_TOKEN,
    ACTOR_TOKEN_TYPE,
    ANY_ACCESS_TOKEN,
    AUDIENCE,
    REQUESTED_TOKEN_TYPE,
    SUBJECT_TOKEN,
    SUBJECT_TOKEN_TYPE,
    USER_ASSERTION,
)
from grantway_grants.presented import CLIENT, client, presented

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grantway import (
        AuthenticationResult,
        AuthorityRequest,
        Context,
        Endpoints,
        TokenRequest,
    )
    from grantway.authority import Fields

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"


def _check(request: "TokenRequest") -> None:
    """Refuse what no authority of this protocol does, and half of a pair, before any network."""
    protocol = request.environment.protocol
    if GRANT_TYPE in protocol.absent_grants:
        raise InvalidParameter(
            f"{SUBJECT_TOKEN.name}: {request.environment.name} has no token exchange (RFC 8693).",
            remedy=f"Give it as {USER_ASSERTION.name}, with the credential of the application that "
            "it was sent to."
            if protocol.on_behalf_of
            else "Use another grant: `grantway providers` lists them.",
            parameter=SUBJECT_TOKEN.name,
        )
    if ACTOR_TOKEN_TYPE.name in request.values and ACTOR_TOKEN.name not in request.values:
        raise InvalidParameter(
            f"{ACTOR_TOKEN_TYPE.name}: there is no actor_token that it could be of.",
            remedy="Give both or neither.",
            parameter=ACTOR_TOKEN_TYPE.name,
        )


def grant(request: "TokenRequest", endpoints: "Endpoints") -> "AuthorityRequest":
    """The one request of this provider."""
    from grantway.authority import AuthorityRequest
    from grantway.oauth.audience import audience_fields

    actor: Fields = ()
    if (token := request.get(ACTOR_TOKEN)) is not None:
        kind = request.get(ACTOR_TOKEN_TYPE) or ANY_ACCESS_TOKEN
        actor = (("actor_token", token), ("actor_token_type", kind))
    wanted = request.get(REQUESTED_TOKEN_TYPE)
    return AuthorityRequest(
        "token",
        endpoints.token,
        (
            ("grant_type", GRANT_TYPE),
            ("subject_token", request[SUBJECT_TOKEN]),
            ("subject_token_type", request[SUBJECT_TOKEN_TYPE]),
            *actor,
            *((("requested_token_type", wanted),) if wanted else ()),
            *(("audience", each) for each in request.get(AUDIENCE) or ()),
            *audience_fields(request),
        ),
        authentication=client(request, endpoints),
    )


def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """The exchange, as far as it is known without asking the authority."""
    from grantway.authority import planned_endpoints

    _check(request)
    yield grant(request, planned_endpoints(request.environment, request.tenant))


def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
    """Exchange the token."""
    from grantway.oauth.exchange import exchange
    from grantway.oauth.metadata import endpoints

    _check(request)
    presented(request, SUBJECT_TOKEN)
    if ACTOR_TOKEN.name in request.values:
        presented(request, ACTOR_TOKEN)
    return exchange(grant(request, endpoints(request, context)), request, context)


TOKEN_EXCHANGE_PROVIDER = CredentialProvider(
    "TokenExchange",
    (
        ParameterSet(
            "TokenExchange",
            (SUBJECT_TOKEN,),
            optional=(
                SUBJECT_TOKEN_TYPE,
                ACTOR_TOKEN,
                ACTOR_TOKEN_TYPE,
                REQUESTED_TOKEN_TYPE,
                AUDIENCE,
                *CLIENT,
                TENANT_ID,
                SAVE_REFRESH_TOKEN,
            ),
            summary="One token for another, for the same subject.",
        ),
    ),
    authenticate,
    plan=plan,
    summary="token-exchange: one token for another, for the same subject",
)
