"""Revoking a refresh token, where the authority says how (RFC 7009).

Only for authorities whose endpoints come from their metadata: for others nobody says where it
would be done. The endpoint has to be on a host that the environment names, like any other.
"""

from grantway.authority import AuthorityRequest, Endpoints
from grantway.context import Context
from grantway.errors import MalformedResponse
from grantway.oauth.client_authentication import client_authentication
from grantway.oauth.metadata import endpoint, endpoints, metadata
from grantway.request import TokenRequest
from grantway.secret import Secret


def revocation(
    request: TokenRequest, endpoints: Endpoints, url: str, token: Secret
) -> AuthorityRequest:
    """The request that revokes a refresh token (RFC 7009, section 2.1)."""
    return AuthorityRequest(
        "revocation",
        url,
        (("token", token), ("token_type_hint", "refresh_token")),
        # As at the token endpoint: a client is registered for one way.
        authentication=client_authentication(request, endpoints),
    )


def revoke(token: Secret, request: TokenRequest, context: Context) -> bool:
    """Have the authority of a request revoke a refresh token of its client.

    Returns:
        Whether it has; False where it offers no such thing.

    Raises:
        GrantwayError: it refused, or no answer came.
    """
    environment = request.environment
    if environment.protocol.token_path is not None:
        return False
    found = endpoints(request, context)
    url = endpoint(metadata(environment, context), "revocation_endpoint", environment)
    if not url:
        return False
    try:
        context.transport.fetch_json(revocation(request, found, url, token), context)
    except MalformedResponse as error:
        # The status says it all; the body is nothing (RFC 7009, section 2.2).
        if error.status != 200:
            raise
    return True
