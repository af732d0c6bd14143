"""The grants: Authlib's flow, Entra's rules.

Authlib's authorization server picks the grant by `grant_type`, runs it, and turns what it raises
into an answer. What is Entra's own is put in at the seams Authlib offers: how a request is read
(`TokenRequest`), how its client is authenticated, how tokens are made, how errors are written.
The grants that a person stands behind are in `person_grants`, those for a token that came from
elsewhere in `exchange_grants`; a further one is one more class, and its name in
`token_server.GRANTS`.
"""

from typing import Any, cast

from authlib.oauth2.rfc6749 import (
    ClientCredentialsGrant,
    RefreshTokenGrant,
    TokenMixin,
)

from grantway_sandbox import tokens
from grantway_sandbox.clients import unknown_application
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import V1, RefreshToken, Tenant, User
from grantway_sandbox.token_request import OnTokenRequest


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
