"""Client authentication: which application is calling, and how did it prove that.

Entra takes a secret in the body or in a Basic header, an assertion signed with a registered
certificate (RFC 7523), or the token of a platform (`grantway_sandbox.federation`). The certificate
is found by the thumbprint in the assertion's header: `x5t` (SHA-1) or `x5t#S256`. A public client
proves nothing and must not try.

Authlib's own client authentication is not used: it answers in one voice whatever went wrong, and
the point here is to be wrong in the way that Entra is.

An assertion's `jti` may come again until it expires, as in Entra, whose own library sends one
assertion for up to nine minutes; `single_use_assertions` makes the sandbox refuse that, as
authorities that follow RFC 7523 section 3 may.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Any, Final, Self
from urllib.parse import unquote_plus

import jwt
from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from grantway_sandbox import federation
from grantway_sandbox.authority import COMMON_TENANTS, Authority
from grantway_sandbox.errors import EntraError, missing
from grantway_sandbox.model import Application, Tenant
from grantway_sandbox.tokens import issuer, verified

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS: Final = ["RS256", "PS256"]
_LONGEST_ASSERTION: Final = 600
_LONGEST_PLATFORM_TOKEN: Final = 86_400
_SKEW: Final = 300

PUBLIC, SECRET, CERTIFICATE = 0, 1, 2


@frozen
class Presented:
    """What a request shows about its client, before any of it is believed."""

    client_id: str | None
    secret: str | None = field(default=None, repr=False)
    assertion: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, form: Mapping[str, str], authorization: str | None) -> Self:
        """Read the credentials of a token request from its form and `Authorization` header."""
        client_id, secret = form.get("client_id"), form.get("client_secret")
        assertion = form.get("client_assertion")
        if authorization and authorization[:6].lower() == "basic ":
            basic_id, basic_secret = _basic(authorization[6:])
            if secret or assertion or (client_id and client_id.lower() != basic_id.lower()):
                raise EntraError(9002313)
            client_id, secret = basic_id, basic_secret
        if assertion:
            if secret or form.get("client_assertion_type") != ASSERTION_TYPE:
                raise EntraError(9002313)
            client_id = client_id or _unverified(assertion).get("sub")
        return cls(client_id or None, secret or None, assertion or None)


def _basic(encoded: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        client_id, _, secret = text.partition(":")
    except ValueError:
        # No base64, or no text in it.
        raise EntraError(9002313) from None
    # Both halves are form-encoded before they are joined: RFC 6749 section 2.3.1.
    return unquote_plus(client_id), unquote_plus(secret)


def authenticate(
    authority: Authority, tenant: Tenant | None, presented: Presented
) -> tuple[Application, int]:
    """Return the calling application and its proof: `PUBLIC`, `SECRET` or `CERTIFICATE`."""
    if presented.client_id is None:
        raise missing("client_id")
    application = find_client(authority, tenant, presented.client_id)
    if application.public:
        if presented.secret or presented.assertion:
            raise EntraError(700025)
        return application, PUBLIC
    if presented.assertion:
        _check_assertion(authority, application, tenant, presented.assertion)
        return application, CERTIFICATE
    if presented.secret:
        _check_secret(authority, application, presented.secret)
        return application, SECRET
    raise EntraError(7000218)


def find_client(authority: Authority, tenant: Tenant | None, client_id: str) -> Application:
    """Return the application of that id, if it may be used in the tenant; AADSTS700016 if not."""
    application = authority.find_application(client_id)
    if application is None or not _visible(application, tenant):
        raise unknown_application(client_id, tenant)
    return application


def unknown_application(client_id: str, tenant: Tenant | None) -> EntraError:
    """Return the refusal of an application that the directory does not know."""
    directory = tenant.name if tenant else "common"
    return EntraError(
        700016,
        f"Application with identifier '{client_id}' was not found in the directory '{directory}'. "
        "This can happen if the application has not been installed by the administrator of the "
        "tenant or consented to by any user in the tenant. You may have sent your authentication "
        "request to the wrong tenant.",
    )


def _visible(application: Application, tenant: Tenant | None) -> bool:
    if application.multi_tenant:
        return True
    if tenant is None:
        raise EntraError(
            50194,
            f"Application '{application.application_id}'({application.name}) is not configured as "
            "a multi-tenant application. Usage of the /common endpoint is not supported for such "
            "apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the "
            "application to be multi-tenant.",
        )
    return application.home_tenant_id == tenant.tenant_id


def _check_secret(authority: Authority, application: Application, given: str) -> None:
    now = authority.clock()
    for known in application.secrets:
        if hmac.compare_digest(known.value.encode(), given.encode()):
            if known.expires_on is not None and known.expires_on <= now:
                raise EntraError(
                    7000222,
                    "The provided client secret keys for app "
                    f"'{application.application_id}' are expired. Visit the portal to create new "
                    "keys for your app, or consider using certificate credentials for added "
                    "security.",
                )
            return
    raise EntraError(
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client "
        "secret value, not the client secret ID, for a secret added to app "
        f"'{application.application_id}'.",
    )


def _unverified(assertion: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise EntraError(50027, error="invalid_client") from None
    return claims


def _check_assertion(
    authority: Authority, application: Application, tenant: Tenant | None, assertion: str
) -> None:
    if federation.is_of_a_platform(_unverified(assertion)):
        claims = federation.checked(authority, application, assertion)
        _check_times(authority, application, claims, longest=_LONGEST_PLATFORM_TOKEN)
        return
    certificate = _registered(application, jwt.get_unverified_header(assertion))
    key = certificate.public_key()
    # A client certificate's own dates are judged by the sandbox's clock.
    if authority.clock() > certificate.not_valid_after_utc.timestamp():
        raise EntraError(700027, "Client assertion failed. [Reason - The key used is expired.]")
    if not isinstance(key, rsa.RSAPublicKey):
        raise EntraError(700027)
    try:
        # Times and audience are judged below, by the sandbox's clock and with their own numbers.
        claims = verified(assertion, key, ASSERTION_ALGORITHMS)
    except jwt.InvalidTokenError:
        raise EntraError(700027) from None
    for name in ("iss", "sub"):
        if str(claims.get(name, "")).lower() != application.application_id:
            raise EntraError(700021)
    audience = claims.get("aud")
    if not {str(audience).rstrip("/")} & assertion_audiences(authority, tenant):
        raise EntraError(
            700023, f"Client assertion audience claim does not match Realm issuer: '{audience}'."
        )
    _check_times(authority, application, claims)


def _check_times(
    authority: Authority,
    application: Application,
    claims: dict[str, Any],
    longest: float = _LONGEST_ASSERTION,
) -> None:
    now = authority.clock()
    expires, begins = claims.get("exp"), claims.get("nbf", now)
    # Fractions of a second are allowed: NumericDate in RFC 7519 section 2.
    if not isinstance(expires, int | float) or not isinstance(begins, int | float):
        raise EntraError(700024)
    if not (begins - _SKEW <= now <= expires + _SKEW):
        raise EntraError(700024)
    if expires - now > longest + _SKEW:
        raise EntraError(
            700024,
            "Client assertion is not within its valid time range: it may live for "
            f"{longest // 60:.0f} minutes.",
        )
    if authority.single_use_assertions:
        assertion_id = claims.get("jti")
        new = isinstance(assertion_id, str) and authority.remember_assertion(
            application.application_id, assertion_id, expires + _SKEW
        )
        if not new:
            raise EntraError(700027, "Client assertion has no 'jti' or was used before.")


def assertion_audiences(authority: Authority, tenant: Tenant | None) -> set[str]:
    """Return what an assertion may name as its audience: token endpoints and issuers."""
    names = [*COMMON_TENANTS]
    audiences: set[str] = set()
    if tenant is not None:
        names += [tenant.tenant_id, *tenant.domains]
        audiences |= {issuer(authority, tenant.tenant_id, v).rstrip("/") for v in (1, 2)}
    for name in names:
        audiences |= {f"{authority.base_url}/{name}/oauth2{v}/token" for v in ("", "/v2.0")}
    return audiences


def _registered(application: Application, header: Mapping[str, Any]) -> x509.Certificate:
    # RFC 7515 defines `x5t` by SHA-1: it names a certificate and protects nothing.
    presented = {"x5t": hashes.SHA1(), "x5t#S256": hashes.SHA256()}  # noqa: S303
    shown = ""
    for name, algorithm in presented.items():
        value = header.get(name)
        if not isinstance(value, str):
            continue
        # Some clients leave base64's padding on, and Entra does not mind.
        shown = value.rstrip("=")
        for certificate in application.certificates:
            digest = base64.urlsafe_b64encode(certificate.fingerprint(algorithm))
            if digest.rstrip(b"=").decode("ascii") == shown:
                return certificate
    raise EntraError(
        700027,
        "The certificate with identifier used to sign the client assertion is not registered on "
        f"application. [Reason - The key was not found., Thumbprint of key used by client: "
        f"'{shown}']",
    )
