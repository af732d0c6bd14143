"""The dialects: Microsoft Entra v2, which has scopes, and v1, which has resources; and AD FS.

Every Entra authority speaks both of the first; the built-in clouds use v2, and v1 is one line of
configuration away (`protocol = "entra-v1"`). Endpoints are below the tenant and known without
asking; metadata is read for its keys alone, so any tenant's will do.

An authority's metadata at `common` names no issuer but a template, with `{tenantid}` in it, and
each token names the issuer of its own tenant. The templates here are the explicit rule by which
such an issuer is held against the authority: the tenant that the token names is put in, and the
rest must be equal to the letter.

AD FS (`protocol = "adfs"`) is a server of one's own, always at the path `/adfs` of its host, which
may or may not stand at the end of the authority. It has no tenants; where other authorities have
one it has the word `adfs`, which is accepted as `tenant_id`. A token is for one resource, as on v1;
its device codes are those of RFC 8628.
"""

from grantway import Protocol
from grantway.protocol import GUID, PRINTABLE_ASCII, Form

# A domain name: labels of letters, digits and inner dashes, the last one no number.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}"

TENANT = Form(
    "a tenant: a GUID, a verified domain such as contoso.onmicrosoft.com, or common, "
    "organizations or consumers",
    rf"{GUID.pattern}|{_DOMAIN}|(?i:common|organizations|consumers)",
    lambda value: value.strip("{}").lower(),
)

_SHARED = ("common", "organizations", "consumers")
_CORRELATION = "client-request-id"
_ERROR_CODE = r"AADSTS([0-9]{1,9})"
_CAPABILITIES = "xms_cc"
_PROPAGATION = (7000215,)
_IDLE_DAYS = 90
_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a grant's name
_ON_BEHALF_OF = {"requested_token_use": "on_behalf_of"}
# Where there are no scopes but OpenID's, that one is asked for by itself, to learn who it is for.
_ON_BEHALF_OF_BY_RESOURCE = {**_ON_BEHALF_OF, "scope": "openid"}

ENTRA_V1 = Protocol(
    name="entra-v1",
    summary="Microsoft Entra v1: a token is for one resource, and scopes do not exist",
    audience="resource",
    client_id=GUID,
    tenant=TENANT,
    default_tenant="common",
    shared_tenants=_SHARED,
    absent_grants=(_TOKEN_EXCHANGE,),
    on_behalf_of=_ON_BEHALF_OF_BY_RESOURCE,
    token_path="{authority}/{tenant}/oauth2/token",  # noqa: S106  # a path
    authorization_path="{authority}/{tenant}/oauth2/authorize",
    device_authorization_path="{authority}/{tenant}/oauth2/devicecode",
    metadata_urls=("{authority}/{tenant}/.well-known/openid-configuration",),
    issuers=("{authority}/{tenantid}/",),
    client_authentication="client_secret_post",
    assertion_algorithms=("RS256",),
    assertion_thumbprint="x5t",
    assertion_certificate=True,
    assertion_audience="token_endpoint",
    device_code_field="code",
    device_grant_type="device_code",
    capabilities_claim=_CAPABILITIES,
    error_code=_ERROR_CODE,
    propagation_codes=_PROPAGATION,
    refresh_tokens_stay=True,
    refresh_token_idle_days=_IDLE_DAYS,
    correlation_header=_CORRELATION,
    # Some flows of v1 answer with an id_token that nobody signed. It is dropped, never believed.
    ignore_unsigned_id_token=True,
)

ENTRA_V2 = Protocol(
    name="entra-v2",
    summary="Microsoft Entra v2 (the Microsoft identity platform): scopes, or RESOURCE/.default",
    audience="scope",
    client_id=GUID,
    tenant=TENANT,
    default_tenant="common",
    shared_tenants=_SHARED,
    absent_grants=(_TOKEN_EXCHANGE,),
    on_behalf_of=_ON_BEHALF_OF,
    token_path="{authority}/{tenant}/oauth2/v2.0/token",  # noqa: S106  # a path
    authorization_path="{authority}/{tenant}/oauth2/v2.0/authorize",
    device_authorization_path="{authority}/{tenant}/oauth2/v2.0/devicecode",
    metadata_urls=("{authority}/{tenant}/v2.0/.well-known/openid-configuration",),
    issuers=("{authority}/{tenantid}/v2.0",),
    client_authentication="client_secret_post",
    assertion_algorithms=("PS256", "RS256"),
    assertion_certificate=True,
    assertion_audience="token_endpoint",
    identity_scopes=("openid", "profile", "offline_access"),
    capabilities_claim=_CAPABILITIES,
    error_code=_ERROR_CODE,
    propagation_codes=_PROPAGATION,
    refresh_tokens_stay=True,
    refresh_token_idle_days=_IDLE_DAYS,
    correlation_header=_CORRELATION,
    variants=(ENTRA_V1,),
)

ADFS = Protocol(
    name="adfs",
    summary="AD FS (Active Directory Federation Services): v1-style resources, no tenants",
    audience="resource",
    # Those of a native or server application are GUIDs by habit only.
    client_id=PRINTABLE_ASCII,
    default_tenant="adfs",
    absent_grants=(_TOKEN_EXCHANGE,),
    on_behalf_of=_ON_BEHALF_OF_BY_RESOURCE,
    token_path="{origin}/adfs/oauth2/token",  # noqa: S106  # a path
    authorization_path="{origin}/adfs/oauth2/authorize",
    device_authorization_path="{origin}/adfs/oauth2/devicecode",
    metadata_urls=("{origin}/adfs/.well-known/openid-configuration",),
    issuers=("{origin}/adfs",),
    client_authentication="client_secret_post",
    assertion_algorithms=("RS256",),
    assertion_thumbprint="x5t",
    assertion_certificate=True,
    assertion_audience="token_endpoint",
    error_code=r"MSIS([0-9]{1,9})",
    correlation_header=_CORRELATION,
)
