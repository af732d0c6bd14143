"""Identity providers that are not quite what the protocol `oidc` expects, each as data.

Any OpenID provider that keeps to the standards is an environment in two lines, with `oidc`. These
are for those that deviate: where a token's audience cannot be named, or by another word; where
offline access, or a person's consent, is asked for in other terms; where a grant is missing; or
where the issuer is not where the endpoints are. `protocol = "auth0"` in an environment's
configuration, or `protocol=AUTH0` in Python, is all there is to write.

    keycloak, okta, pingone   scopes alone say what a token is for
    auth0                     what a token is for is the field `audience`
    google                    scopes alone; offline access is a field; people only
    oauth2                    an authorization server that knows nothing of OpenID (RFC 8414)
    entra-b2c                 Azure AD B2C: one tenant, one policy, v2 endpoints below both
    entra-external-id         Entra External ID (CIAM): v2 at a host of the tenant's own

Google is the one of them that is a single place, and so an environment as it is.
"""

import attrs

from grantway import OIDC, Environment
from grantway.protocol import GUID
from grantway_clouds.protocols import ENTRA_V2

KEYCLOAK = attrs.evolve(
    OIDC,
    name="keycloak",
    summary="Keycloak: OpenID Connect; scopes alone say what a token is for",
    audience="fixed",
)

OKTA = attrs.evolve(
    OIDC,
    name="okta",
    summary="Okta: OpenID Connect; scopes alone say what a token is for",
    audience="fixed",
    # What RFC 8414 puts before the path of an issuer, Okta has behind it.
    metadata_urls=(
        "{authority}/.well-known/openid-configuration",
        "{authority}/.well-known/oauth-authorization-server",
    ),
)

PINGONE = attrs.evolve(
    OIDC,
    name="pingone",
    summary="PingOne: OpenID Connect; scopes alone say what a token is for",
    audience="fixed",
)

AUTH0 = attrs.evolve(
    OIDC,
    name="auth0",
    summary="Auth0: OpenID Connect; what a token is for is the field audience",
    resource_field="audience",
)

OAUTH2 = attrs.evolve(
    OIDC,
    name="oauth2",
    summary="OAuth 2 without OpenID Connect: RFC 8414 metadata; RFC 8707 resource indicators",
    metadata_urls=tuple(reversed(OIDC.metadata_urls)),
    sign_in_scopes=(),
    consent_prompt="",
)

ENTRA_B2C = attrs.evolve(
    ENTRA_V2,
    name="entra-b2c",
    summary="Azure AD B2C: v2 endpoints below one tenant and one policy",
    tenant=GUID,
    default_tenant="",
    shared_tenants=(),
    token_path="{authority}/oauth2/v2.0/token",  # noqa: S106  # a path
    authorization_path="{authority}/oauth2/v2.0/authorize",
    device_authorization_path="",
    metadata_urls=("{authority}/v2.0/.well-known/openid-configuration",),
    issuers=("{origin}/{tenant}/v2.0/",),
    error_code=r"AADB2C([0-9]{1,9})",
    variants=(),
)

ENTRA_EXTERNAL_ID = attrs.evolve(
    ENTRA_V2,
    name="entra-external-id",
    summary="Entra External ID (CIAM): v2 at a host of the tenant's own",
    tenant=GUID,
    default_tenant="",
    shared_tenants=(),
    issuers=("https://{tenant}.ciamlogin.com/{tenant}/v2.0",),
    variants=(),
)

GOOGLE_ACCOUNTS = attrs.evolve(
    OIDC,
    name="google",
    summary="Google: OpenID Connect for people; offline access is a field, not a scope",
    audience="fixed",
    absent_grants=("client_credentials",),
    sign_in_scopes=("openid",),
    sign_in_fields={"access_type": "offline"},
    consent_prompt="select_account consent",
    variants=(
        KEYCLOAK,
        OKTA,
        PINGONE,
        AUTH0,
        OAUTH2,
        ENTRA_B2C,
        ENTRA_EXTERNAL_ID,
    ),
)

GOOGLE = Environment(
    "Google",
    authority="https://accounts.google.com",
    protocol=GOOGLE_ACCOUNTS,
    hosts=("oauth2.googleapis.com", "www.googleapis.com"),
    summary="Google's accounts, for people who sign in",
)
