"""A token request: what it says, and what its grant found out so far.

Authlib's grants read requests through an object of this kind; what Entra reads differently is here.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import BaseGrant, OAuth2Payload
from flask import Request

from grantway_sandbox import tokens
from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import PUBLIC, Presented
from grantway_sandbox.errors import EntraError, missing
from grantway_sandbox.model import V1, Application, Tenant, User
from grantway_sandbox.scopes import Target, from_resource, from_scope

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
        *,
        family: str | None = None,
        auth_time: float | None = None,
        nonce: str | None = None,
        renewable: bool = True,
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
            authority, tenant, application, target, self.proof, user, nonce, auth_time
        )
        answer = tokens.answer(minting, self.version, app_only=False, extras=frozenset(extras))
        offline = self.version == V1 or "offline_access" in target.openid
        if renewable and offline and application.offline_access:
            answer["refresh_token"] = authority.issue_refresh_token(
                application,
                user,
                tenant,
                target.identifier,
                target.asked,
                family=family,
                auth_time=auth_time,
            ).value
        return answer


class OnTokenRequest(BaseGrant):
    """A grant whose request is a `TokenRequest`."""

    @property
    def asked(self) -> TokenRequest:
        """The request, as the type it always is here."""
        return cast("TokenRequest", self.request)

    @property
    def application(self) -> Application:
        """The authenticated client."""
        return cast("Application", self.request.client)
