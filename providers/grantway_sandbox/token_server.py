"""Authlib's authorization server over the sandbox's state: the grants, and the seams."""

import json
from typing import Final, cast

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin
from flask import Response

from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import authenticate
from grantway_sandbox.errors import EntraError
from grantway_sandbox.exchange_grants import JwtBearer, OnBehalfOf, TokenExchange
from grantway_sandbox.grants import ClientCredentials, Refresh
from grantway_sandbox.person_grants import PollForDevice, RedeemCode
from grantway_sandbox.token_request import ANSWER_HEADERS, TokenRequest

# Of two for one grant type the first that knows the request takes it.
GRANTS: Final = (
    ClientCredentials,
    Refresh,
    JwtBearer,
    OnBehalfOf,
    TokenExchange,
    RedeemCode,
    PollForDevice,
)


class TokenServer(AuthorizationServer):
    """Authlib's authorization server over the sandbox's state."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self.authority = authority
        for grant in GRANTS:
            self.register_grant(grant)

    def answer(self, request: TokenRequest) -> Response:
        """Run the grant that the request names; raises `EntraError` for every refusal."""
        # Authlib's stubs promise a tuple, where it returns what `handle_response` made.
        made: object = self.create_token_response(request)  # pyright: ignore[reportUnknownMemberType]
        return cast("Response", made)

    def create_oauth2_request(self, request: object) -> OAuth2Request:
        """Take the `TokenRequest` that was made where the URL was understood."""
        return cast("TokenRequest", request)

    def authenticate_client(
        self,
        request: OAuth2Request,
        methods: object,  # noqa: ARG002  # Authlib gives it
        endpoint: str = "token",  # noqa: ARG002  # Authlib gives it
    ) -> ClientMixin:
        """Authenticate as Entra does, whatever methods the grant lists."""
        asked = cast("TokenRequest", request)
        application, asked.proof = authenticate(self.authority, asked.tenant, asked.presented)
        return application

    def save_token(self, token: object, request: OAuth2Request) -> None:
        """Do nothing: what must be remembered was remembered when it was made."""

    def send_signal(self, name: object, *args: object, **kwargs: object) -> None:
        """Do nothing: nobody listens to Authlib's signals here."""

    def handle_response(
        self,
        status: int,
        body: object,
        headers: object,  # noqa: ARG002  # Authlib gives its own
    ) -> Response:
        """Write a successful answer."""
        return Response(json.dumps(body), status=status, headers=ANSWER_HEADERS)

    def handle_error_response(
        self,
        request: OAuth2Request,  # noqa: ARG002  # Authlib gives it
        error: OAuth2Error,
    ) -> object:
        """Leave it to the web layer, which knows the correlation id, to write the refusal."""
        raise EntraError.of(error)
