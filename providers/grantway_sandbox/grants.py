"""The grants: Authlib's flow, Entra's rules.

Authlib's authorization server picks the grant by `grant_type`, runs it, and turns what it raises
into an answer. What is Entra's own is put in at the seams Authlib offers: how a request is read
(`TokenRequest`), how its client is authenticated, how tokens are made, how errors are written.
A further grant is one more class here and its name in `GRANTS`.

Authlib's JWT bearer grant is for assertions that clients make (RFC 7523). Entra's on-behalf-of uses
the same grant type for tokens that Entra itself issued, so that grant is written out here.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

import jwt
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    BaseGrant,
    ClientCredentialsGrant,
    ClientMixin,
    OAuth2Payload,
    RefreshTokenGrant,
    TokenEndpointMixin,
    TokenMixin,
)
from flask import Request, Response

from grantway_sandbox import tokens
from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import PUBLIC, Presented, authenticate, unknown_application
from grantway_sandbox.errors import EntraError, missing
from grantway_sandbox.model import V1, Application, RefreshToken, Tenant, User
from grantway_sandbox.scopes import Target, from_resource, from_scope

ON_BEHALF_OF: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_USE: Final = "on_behalf_of"  # noqa: S105  # a protocol's word
ANSWER_HEADERS: Final = [
    ("Content-Type", "application/json; charset=utf-8"),
    ("Cache-Control", "no-store, no-cache"),
    ("Pragma", "no-cache"),
]


class _Form(OAuth2Payload):
    """The body's fields. Entra reads nothing from the query, unlike Authlib's Flask glue."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = dict(form)

    @property
    def data(self) -> dict[str, str]:
        return self._form


class TokenRequest(OAuth2Request):
    """A token request on its way through a grant: what it says, and what was found out so far.

    `tenant` is None at `common` and `organizations` until the grant knows whose it is.
    """

    def __init__(
        self, request: Request, authority: Authority, tenant: Tenant | None, version: int
    ) -> None:
        # Authlib wants https and lets http through only for the name localhost. A literal loopback
        # address is as safe (RFC 8252 section 8.3), and the sandbox listens on nothing else.
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # untyped in the stubs
            request.method, "https://localhost/", headers=dict(request.headers)
        )
        self.uri = request.url
        self.fields: dict[str, str] = request.form.to_dict()
        self.payload = _Form(self.fields)
        self.authority = authority
        self.tenant = tenant
        self.version = version
        self.presented = Presented.read(self.fields, request.headers.get("Authorization"))
        self.proof = PUBLIC

    @property
    def form(self) -> dict[str, str]:
        """The body's fields, under the name Authlib's grants use."""
        return self.fields

    def require(self, *names: str) -> None:
        """Refuse the request unless it carries each of the named fields."""
        for name in names:
            if not self.fields.get(name):
                raise missing(name)

    def target(self, tenant: Tenant, *, app_only: bool = False) -> Target:
        """Resolve what the request asks for, by the rules of its endpoint's version."""
        if self.version == V1:
            return from_resource(self.authority, tenant, self.fields.get("resource"))
        return from_scope(self.authority, tenant, self.fields.get("scope"), app_only=app_only)

    def user_answer(
        self,
        application: Application,
        user: User,
        tenant: Tenant,
        target: Target,
        family: str | None,
    ) -> dict[str, Any]:
        """Make the answer for a user: with an id_token and a refresh token where they are due."""
        authority = self.authority
        if not authority.has_consent(application.application_id, tenant.tenant_id):
            raise EntraError(
                65001,
                "The user or administrator has not consented to use the application with ID "
                f"'{application.application_id}' named '{application.name}'. Send an interactive "
                "authorization request for this user and resource.",
            )
        extras: set[str] = set()
        if self.version == V1 or "openid" in target.openid:
            extras.add("id_token")
        if self.fields.get("client_info") == "1":
            extras.add("client_info")
        minting = tokens.Minting(
            authority, tenant, application, target, self.proof, user, self.fields.get("nonce")
        )
        answer = tokens.answer(minting, self.version, app_only=False, extras=frozenset(extras))
        if self.version == V1 or "offline_access" in target.openid:
            answer["refresh_token"] = authority.issue_refresh_token(
                application, user, tenant, target.identifier, target.asked, family=family
            ).value
        return answer


class _OnTokenRequest(BaseGrant):
    """A grant whose request is a `TokenRequest`."""

    @property
    def asked(self) -> TokenRequest:
        """The request, as the type it always is here."""
        return cast("TokenRequest", self.request)

    @property
    def application(self) -> Application:
        """The authenticated client."""
        return cast("Application", self.request.client)


class ClientCredentials(_OnTokenRequest, ClientCredentialsGrant):
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


class Refresh(_OnTokenRequest, RefreshTokenGrant):
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
        return asked.user_answer(self.application, user, tenant, target, old.family)

    def revoke_old_credential(self, refresh_token: TokenMixin) -> None:
        """Note the use; only strict rotation makes anything of it."""
        self.asked.authority.mark_used(cast("RefreshToken", refresh_token))


class OnBehalfOf(_OnTokenRequest, TokenEndpointMixin):
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
        answer = asked.user_answer(self.application, user, tenant, asked.target(tenant), None)
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
        return user, str(claims["tid"])


GRANTS: Final = (ClientCredentials, Refresh, OnBehalfOf)


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
