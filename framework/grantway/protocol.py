"""How an authority wants to be spoken to, as data.

A `Protocol` says where the endpoints are (paths below the authority, or its metadata), how the
audience of a token is named (`scope`, `resource`, or RFC 8707 indicators), what a client id and
a tenant look like, and which issuers its id_tokens may carry. Grants read it; they never ask
which vendor an authority is of. `OIDC`, below, is the protocol of any OpenID provider; others
come with the environments that use them.

Templates: `{authority}` is the environment's authority without a trailing slash, `{origin}` its
scheme and host, `{path}` its path, `{tenant}` the tenant of the request, and in issuers
`{tenantid}` the tenant that a token names for itself.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import attrs

from grantway.named import Named


def _as_is(value: str) -> str:
    return value


@attrs.frozen(eq=False)
class Form:
    """What an identifier looks like, and its one spelling.

    Attributes:
        description: what it is, in words, for messages.
        pattern: a regular expression for the whole of it.
        canonical: gives the one spelling in which it is sent and compared; the one that was given
            where this is left out.
    """

    description: str
    pattern: str
    canonical: Callable[[str], str] = _as_is

    def read(self, value: str) -> str:
        """Return the canonical spelling of `value`.

        Raises:
            ValueError: it does not have this form.
        """
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"{value!r} is not {self.description}")
        spelling = self.canonical(value)
        if not isinstance(spelling, str):
            raise ValueError(f"{value!r} has no spelling that can be sent")
        return spelling

    def spelling(self, value: str) -> str:
        """The canonical spelling of `value`, to compare by; itself where it has none."""
        try:
            spelling = self.canonical(value)
        except Exception:  # noqa: BLE001  # of a plugin's function
            return value
        return spelling if isinstance(spelling, str) else value


_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

GUID = Form(
    "a GUID such as 11111111-2222-3333-4444-555555555555",
    rf"{_GUID}|\{{{_GUID}\}}",
    lambda value: value.strip("{}").lower(),
)
PRINTABLE_ASCII = Form("a text of printable ASCII characters", r"[\x20-\x7e]+")

ClientAuthenticationMethod = Literal[
    "client_secret_post",
    "client_secret_basic",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
]
AssertionAudience = Literal["issuer", "token_endpoint"]


def _frozen(given: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(given))


@attrs.frozen(eq=False, repr=False)
class Protocol(Named):
    """One dialect of OAuth 2.

    Attributes:
        name: the word for it in configuration (`protocol = "oidc"`).
        summary: one line for lists.
        audience: how a request names what the token is for. `scope`: a resource R is asked for
            as the scope `R/.default`; `resource`: it is the field `resource`, and scopes do
            not exist; `indicator`: it is the field `resource` of RFC 8707, beside scopes;
            `fixed`: it is as the authority has been set up, and only scopes can be named.
        resource_field: the name of that field, where an authority has another word for it.
        client_id: what the identifier of a client looks like.
        tenant: what a tenant looks like. None: the authority has no tenants.
        default_tenant: the tenant of a request that names none; "": each environment has to
            name its own where a template here has a tenant in it; with `tenant` None the one
            word that stands where others have a tenant.
        shared_tenants: words that mean no tenant of their own, so that an application by
            itself has no home there.
        absent_grants: grants (by their `grant_type`) that the authority is known not to have.
        on_behalf_of: what a request says, by name, that brings a token for a further API on
            behalf of a user whose token came to this one (as its `assertion`, RFC 7523, section
            2.1); empty: the authority has no such grant.
        token_path, authorization_path, device_authorization_path: a template; None: the
            endpoint is in the metadata; "": the authority has none.
        metadata_urls: templates of the metadata documents, tried in order.
        issuers: templates of the issuers that id_tokens may carry; `{tenant}` in them is the
            environment's own.
        client_authentication: how a client shows its secret; None: as the metadata says,
            `client_secret_basic` where it is silent (RFC 8414, section 2).
        assertion_algorithms: the algorithms by which a client's assertion may be signed; empty:
            as the metadata says, and any where it is silent.
        assertion_thumbprint: how an assertion names the certificate whose key has signed it.
        assertion_certificate: a client's key is known by its certificate, so that one there
            must be.
        assertion_audience: whom an assertion is for. That is the issuer, which nobody can give
            himself out for; some authorities insist on the token endpoint.
        device_code_field: the name of the device code in the token request.
        device_grant_type: the name of that grant.
        identity_scopes: what is added to a request's scopes so that the answer carries an
            id_token and a refresh token.
        sign_in_scopes: likewise, and only when a person signs in; of these, none that the
            metadata leaves out of the scopes it lists.
        sign_in_fields: what else the request for a sign-in page says, by name.
        consent_prompt: the `prompt` of a sign-in that is to bring consent and a refresh token.
        capabilities_claim: the claim of an access token that says what the client can handle,
            where the authority has one: it is asked for by the parameter `capabilities`, at the
            token endpoint too; "": it has none.
        error_code: a pattern for the authority's own number in an `error_description`, for
            answers that have no list of them.
        propagation_codes: of these numbers, those by which a secret is refused that the authority
            has just made, until all of its servers know it.
        refresh_tokens_stay: a refresh token that was used goes on working beside its successor.
            Where it does not, uses of one token are made one after the other.
        refresh_token_idle_days: after how many days without use a refresh token dies, where the
            authority is known for that and its answers do not say; 0: it is not known.
        ignore_unsigned_id_token: the authority sends id_tokens with `alg` none from its token
            endpoint. They are never believed; with this they are dropped instead of refused.
        correlation_header: the request header that carries the caller's id of an exchange, by
            which the authority's support finds it.
        variants: other protocols that the same authorities or their kin speak, so that
            configuration can name them.
    """

    name: str
    summary: str = ""
    audience: Literal["scope", "resource", "indicator", "fixed"] = "indicator"
    resource_field: str = "resource"
    client_id: Form = PRINTABLE_ASCII
    tenant: Form | None = None
    default_tenant: str = ""
    shared_tenants: tuple[str, ...] = ()
    absent_grants: tuple[str, ...] = ()
    on_behalf_of: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=_frozen, kw_only=True
    )
    token_path: str | None = None
    authorization_path: str | None = None
    device_authorization_path: str | None = None
    metadata_urls: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    client_authentication: ClientAuthenticationMethod | None = None
    assertion_algorithms: tuple[str, ...] = ()
    assertion_thumbprint: Literal["x5t#S256", "x5t"] = "x5t#S256"
    assertion_certificate: bool = False
    assertion_audience: AssertionAudience = "issuer"
    device_code_field: str = "device_code"
    device_grant_type: str = "urn:ietf:params:oauth:grant-type:device_code"
    identity_scopes: tuple[str, ...] = ()
    sign_in_scopes: tuple[str, ...] = ()
    sign_in_fields: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=_frozen, kw_only=True
    )
    consent_prompt: str = "login"
    capabilities_claim: str = ""
    error_code: str = ""
    propagation_codes: tuple[int, ...] = ()
    refresh_tokens_stay: bool = False
    refresh_token_idle_days: int = 0
    ignore_unsigned_id_token: bool = False
    correlation_header: str = ""
    variants: "tuple[Protocol, ...]" = ()

    @property
    def needs_tenant(self) -> bool:
        """Whether an environment has to say which tenant it is of."""
        templates = (
            *(self.token_path, self.authorization_path, self.device_authorization_path),
            *(*self.metadata_urls, *self.issuers),
        )
        return not self.default_tenant and any("{tenant}" in (each or "") for each in templates)


OIDC = Protocol(
    name="oidc",
    summary="OpenID Connect Discovery or RFC 8414 metadata; RFC 8707 resource indicators",
    metadata_urls=(
        "{authority}/.well-known/openid-configuration",
        "{origin}/.well-known/oauth-authorization-server{path}",
    ),
    issuers=("{issuer}",),
    sign_in_scopes=("openid", "offline_access"),
    # OpenID Connect Core, section 11: offline access is granted where consent is asked for.
    consent_prompt="login consent",
)
