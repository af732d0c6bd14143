"""The grants: Authlib's flow, Entra's rules.

Authlib's authorization server picks the grant by `grant_type`, runs it, and turns what it raises
into an answer. What is Entra's own is put in at the seams Authlib offers: how a request is read
(`TokenRequest`), how its client is authenticated, how tokens are made, how errors are written.
The grants that a person stands behind are in `person_grants`; a further one is one more class, and
its name in `token_server.GRANTS`.

Authlib's JWT bearer grant is for assertions that clients make (RFC 7523). Entra's on-behalf-of uses
the same grant type for tokens that Entra itself issued, so that grant is written out here.
"""

from typing import Any, Final, cast

import jwt
from attrs import evolve
from authlib.oauth2.rfc6749 import (
    ClientCredentialsGrant,
    RefreshTokenGrant,
    TokenEndpointMixin,
    TokenMixin,
)

from grantway_sandbox import tokens
from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import unknown_application
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import V1, RefreshToken, Tenant, User
from grantway_sandbox.token_request import ANSWER_HEADERS, OnTokenRequest

ON_BEHALF_OF: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_USE: Final = "on_behalf_of"  # noqa: S105  # a protocol's word


class ClientCredentials(OnTokenRequest, ClientCredentialsGrant):
    """The application as itself, in a tenant that must be named."""

    def validate_token_request(self) -> None:
        """Refuse `common` once the client is known, and tenants where it is not installed."""
        super().validate_token_request()
        asked = self.asked
        if self.application.public:
            raise EntraError(7000218)
        if asked.tenant is None:
            # Entra words this differently for the two names.
            raise EntraError(9001023 if "/common/" in asked.uri else 50059)
        if not asked.authority.has_consent(self.application.application_id, asked.tenant.tenant_id):
            raise unknown_application(self.application.application_id, asked.tenant)

    def generate_token(self, *_: object, **__: object) -> dict[str, Any]:
        """Mint the answer; Authlib's arguments say nothing that the request does not."""
        # `validate_token_request` let no request without a tenant through.
        asked, tenant = self.asked, cast("Tenant", self.asked.tenant)
        target = asked.target(tenant, app_only=True)
        minting = tokens.Minting(asked.authority, tenant, self.application, target, asked.proof)
        return tokens.answer(minting, asked.version, app_only=True)


class Refresh(OnTokenRequest, RefreshTokenGrant):
    """A refresh token for any consenting tenant and any resource, whichever it was issued for."""

    def validate_token_request(self) -> None:
        """Authenticate and find the token; Authlib's check of scopes against it is not Entra's."""
        self.asked.require("refresh_token")
        self.request.client = self.authenticate_token_endpoint_client()
        self.request.refresh_token = self.authenticate_refresh_token(
            self.asked.fields["refresh_token"]
        )

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken:
        """Return the token, or raise the reason why it is good no more."""
        return self.asked.authority.redeem_refresh_token(refresh_token, self.application)

    def authenticate_user(self, refresh_token: TokenMixin) -> User:
        """Return the token's user."""
        return cast("RefreshToken", refresh_token).user

    def issue_token(self, user: User, refresh_token: TokenMixin) -> dict[str, Any]:
        """Mint the answer in the tenant asked for, else in the user's own."""
        old, asked = cast("RefreshToken", refresh_token), self.asked
        tenant = asked.tenant or asked.authority.home_of(user)
        # What the request leaves out is as it was at the last exchange.
        if asked.version == V1:
            asked.fields.setdefault("resource", old.resource)
        else:
            asked.fields.setdefault("scope", " ".join(old.scopes))
        target = asked.target(tenant)
        return asked.user_answer(
            self.application, user, tenant, target, family=old.family, auth_time=old.auth_time
        )

    def revoke_old_credential(self, refresh_token: TokenMixin) -> None:
        """Note the use; only strict rotation makes anything of it."""
        self.asked.authority.mark_used(cast("RefreshToken", refresh_token))


class OnBehalfOf(OnTokenRequest, TokenEndpointMixin):
    """A token for a further API, for the user of a token that came to this one."""

    GRANT_TYPE = ON_BEHALF_OF

    def validate_token_request(self) -> None:
        """Authenticate the calling API, which must be confidential."""
        self.asked.require("assertion", "requested_token_use")
        if self.asked.fields["requested_token_use"] != _TOKEN_USE:
            raise EntraError(70003)
        self.request.client = self.authenticate_token_endpoint_client()
        if self.application.public:
            raise EntraError(7000218)

    def create_token_response(self) -> tuple[int, Any, list[tuple[str, str]]]:
        """Exchange the token that a user's client presented."""
        asked = self.asked
        user, tenant_id = self._person(asked.authority)
        tenant = asked.tenant or asked.authority.find_tenant(tenant_id)
        if tenant is None or tenant.tenant_id != tenant_id:
            raise EntraError(50013, "Assertion failed: the token was issued in another tenant.")
        answer = asked.user_answer(self.application, user, tenant, asked.target(tenant))
        return 200, answer, ANSWER_HEADERS

    def _person(self, authority: Authority) -> tuple[User, str]:
        try:
            claims = tokens.read(authority, self.asked.fields["assertion"])
        except jwt.InvalidTokenError:
            raise EntraError(50013) from None
        called = authority.resource_of(str(claims["aud"]))
        if called is None or called.application_id != self.application.application_id:
            raise EntraError(500131)
        if not {"azp", "appid"} & claims.keys():
            # An id_token has the same audience; it says who signed in and opens nothing.
            raise EntraError(50013)
        if claims["exp"] <= authority.clock():
            raise EntraError(500133)
        user = authority.find_user(str(claims["oid"]))
        if user is None:
            raise EntraError(7000114)
        # The new token tells of the same sign-in.
        return evolve(user, amr=tuple(claims["amr"])), str(claims["tid"])
