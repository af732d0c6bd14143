"""Grants for a token that came from elsewhere: on behalf of, exchanged, or vouched for.

Authlib's JWT bearer grant is for assertions that clients make (RFC 7523). Entra's on-behalf-of uses
the same grant type for tokens that Entra itself issued, so these grants are written out here. Two
of them Entra has not, and clients of other authorities want to be tried out too:

- *Token exchange* (RFC 8693) does as on-behalf-of, in the words of the standard, and for public
  clients as well. It issues access tokens, and no refresh token.
- *JWT bearer* (RFC 7523, section 2.1): an application vouches for a user (`sub`, their user name)
  by a JWT that it signs with the key of a certificate of its own. Proof of the client is not
  needed beside it.
"""

import uuid
from typing import Any, Final

import jwt
from attrs import evolve
from authlib.oauth2.rfc6749 import OAuth2Request, TokenEndpointMixin
from cryptography.hazmat.primitives.asymmetric import rsa

from grantway_sandbox import tokens
from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import ASSERTION_ALGORITHMS, assertion_audiences
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import Application, Tenant, User
from grantway_sandbox.token_request import ANSWER_HEADERS, OnTokenRequest, TokenRequest

ON_BEHALF_OF: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a protocol's word
_ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # likewise
_READABLE: Final = (_ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt")
_TOKEN_USE: Final = "on_behalf_of"  # noqa: S105  # a protocol's word

Response = tuple[int, Any, list[tuple[str, str]]]


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

    def create_token_response(self) -> Response:
        """Exchange the token that a user's client presented."""
        answer = _for_bearer(self.asked, self.application, self.asked.fields["assertion"])
        return 200, answer, ANSWER_HEADERS


class TokenExchange(OnTokenRequest, TokenEndpointMixin):
    """A token for a further API, for the subject of a token that came to this client."""

    GRANT_TYPE = TOKEN_EXCHANGE

    def validate_token_request(self) -> None:
        """Authenticate the client, and refuse kinds of tokens that are not known here."""
        fields = self.asked.fields
        self.asked.require("subject_token", "subject_token_type")
        wanted = fields.get("requested_token_type", _ACCESS_TOKEN)
        if fields["subject_token_type"] not in _READABLE or wanted not in _READABLE:
            raise EntraError(9002313, "Only access tokens are exchanged here, for access tokens.")
        if "actor_token" in fields:
            raise EntraError(9002313, "Nobody but the client acts for a subject here.")
        self.request.client = self.authenticate_token_endpoint_client()

    def create_token_response(self) -> Response:
        """Exchange the token."""
        token = self.asked.fields["subject_token"]
        answer = _for_bearer(self.asked, self.application, token, renewable=False)
        return 200, {**answer, "issued_token_type": _ACCESS_TOKEN}, ANSWER_HEADERS


class JwtBearer(OnTokenRequest, TokenEndpointMixin):
    """A token for the user whom an application vouches for."""

    GRANT_TYPE = ON_BEHALF_OF

    @classmethod
    def check_token_endpoint(cls, request: OAuth2Request) -> bool:
        """Whether an application has made the assertion; one of ours is for on-behalf-of."""
        return bool(super().check_token_endpoint(request)) and _maker(request) is not None

    def validate_token_request(self) -> None:
        """Find who made the assertion; a client that is named is authenticated."""
        self._maker = self.request.client = _maker(self.asked)
        if self.asked.presented.client_id is not None:
            self.request.client = self.authenticate_token_endpoint_client()

    def create_token_response(self) -> Response:
        """Issue a token for the user that the assertion names."""
        asked, authority = self.asked, self.asked.authority
        claims = self._checked(asked.fields["assertion"])
        user = authority.named(str(claims["sub"]))
        if user is None:
            raise EntraError(50034)
        tenant = asked.tenant or authority.home_of(user)
        target = asked.target(tenant)
        # The assertion is what is presented again (RFC 7521, section 4.1).
        answer = asked.user_answer(self.application, user, tenant, target, renewable=False)
        return 200, answer, ANSWER_HEADERS

    def _checked(self, assertion: str) -> dict[str, Any]:
        asked = self.asked
        keys = [each.public_key() for each in self._maker.certificates] if self._maker else []
        for key in keys:
            if not isinstance(key, rsa.RSAPublicKey):
                continue
            try:
                claims = tokens.verified(assertion, key, ASSERTION_ALGORITHMS)
            except jwt.InvalidTokenError:
                continue
            now, expires = asked.authority.clock(), claims.get("exp")
            if not isinstance(expires, int | float) or expires <= now:
                raise EntraError(500133)
            if str(claims.get("aud")) not in assertion_audiences(asked.authority, asked.tenant):
                raise EntraError(500131)
            if not claims.get("sub"):
                raise EntraError(50013)
            return claims
        raise EntraError(50013)


def signed_assertion(
    authority: Authority, application_id: str, private_key: str, user: User, tenant: Tenant
) -> str:
    """A JWT by which an application vouches for a user in a tenant, for five minutes."""
    now = int(authority.clock())
    claims = {
        "iss": application_id,
        "sub": user.user_name,
        "aud": f"{authority.base_url}/{tenant.tenant_id}/oauth2/v2.0/token",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, private_key, algorithm="RS256")


def _maker(request: OAuth2Request) -> Application | None:
    """The application that says it has made the assertion; None: it is none of an application's."""
    if not isinstance(request, TokenRequest) or "requested_token_use" in request.fields:
        return None
    try:
        claims = jwt.decode(
            request.fields.get("assertion", ""), options={"verify_signature": False}
        )
    except jwt.InvalidTokenError:
        return None
    return request.authority.find_application(str(claims.get("iss", "")))


def _for_bearer(
    asked: TokenRequest, application: Application, token: str, *, renewable: bool = True
) -> dict[str, Any]:
    """The answer for the user whose token came to an application."""
    user, tenant_id = _bearer(asked.authority, application, token)
    tenant = asked.tenant or asked.authority.find_tenant(tenant_id)
    if tenant is None or tenant.tenant_id != tenant_id:
        raise EntraError(50013, "Assertion failed: the token was issued in another tenant.")
    target = asked.target(tenant)
    return asked.user_answer(application, user, tenant, target, renewable=renewable)


def _bearer(authority: Authority, application: Application, token: str) -> tuple[User, str]:
    try:
        claims = tokens.read(authority, token)
    except jwt.InvalidTokenError:
        raise EntraError(50013) from None
    called = authority.resource_of(str(claims["aud"]))
    if called is None or called.application_id != application.application_id:
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
