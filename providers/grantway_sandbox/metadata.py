"""What the authority publishes about itself: OpenID metadata, instance discovery, keys.

At `common` and `organizations` the v2 issuer is a template, `{base}/{tenantid}/v2.0`: no such
issuer exists, and a client must put the tenant of the token in before it compares. Everything names
the sandbox's own host: a client that stays inside what metadata says never leaves the machine.
"""

import base64
from typing import Any
from urllib.parse import urlsplit

from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import ASSERTION_ALGORITHMS
from grantway_sandbox.errors import EntraError, missing
from grantway_sandbox.model import V2, Tenant
from grantway_sandbox.scopes import OPENID_SCOPES
from grantway_sandbox.tokens import issuer


def openid_configuration(
    authority: Authority, tenant: Tenant | None, name: str, version: int
) -> dict[str, Any]:
    """Return the metadata of a tenant; `name` is what stands in URLs when there is none."""
    base = authority.base_url
    place = f"{base}/{tenant.tenant_id if tenant else name.lower()}"
    host = urlsplit(base).netloc
    oauth2 = f"{place}/oauth2/v2.0" if version == V2 else f"{place}/oauth2"
    published: dict[str, Any] = {
        "issuer": issuer(authority, tenant.tenant_id if tenant else "{tenantid}", version),
        "authorization_endpoint": f"{oauth2}/authorize",
        "token_endpoint": f"{oauth2}/token",
        "device_authorization_endpoint": f"{oauth2}/devicecode",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "jwks_uri": f"{place}/discovery/v2.0/keys"
        if version == V2
        else f"{base}/common/discovery/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["login", "consent", "select_account", "none"],
        "claims_parameter_supported": True,
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": list(OPENID_SCOPES) if version == V2 else ["openid"],
        "claims_supported": [
            *(
                "sub",
                "iss",
                "aud",
                "exp",
                "iat",
                "nonce",
                "at_hash",
                "amr",
                "auth_time",
                "tid",
                "ver",
                "oid",
            ),
            *(("preferred_username", "name") if version == V2 else ("upn", "unique_name")),
        ],
        "request_uri_parameter_supported": False,
        "tenant_region_scope": "EU" if tenant else None,
        "cloud_instance_name": host,
        "cloud_graph_host_name": host,
        "msgraph_host": host,
    }
    if authority.response_iss:
        published["authorization_response_iss_parameter_supported"] = True
    if authority.pushed_authorization is not None:
        published["pushed_authorization_request_endpoint"] = f"{oauth2}/par"
        required = authority.pushed_authorization == "required"
        published["require_pushed_authorization_requests"] = required
    return published


def instance_discovery(
    authority: Authority, endpoint: str | None, api_version: str | None
) -> dict[str, Any]:
    """Answer whether `endpoint`, an authorization endpoint, belongs to this authority."""
    if not endpoint:
        raise missing("authorization_endpoint")
    if not api_version:
        raise missing("api-version")
    try:
        parts, host = urlsplit(endpoint), urlsplit(authority.base_url).netloc
    except ValueError:
        raise EntraError(50049) from None
    segments = [segment for segment in parts.path.split("/") if segment]
    if parts.netloc.lower() != host or not segments:
        raise EntraError(50049)
    authority.find_tenant(segments[0])
    suffix = "/v2.0" if "v2.0" in segments else ""
    answer: dict[str, Any] = {
        "tenant_discovery_endpoint": f"{authority.base_url}/{segments[0]}{suffix}"
        "/.well-known/openid-configuration",
        "api-version": api_version,
    }
    if api_version != "1.0":
        answer["metadata"] = [
            {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
        ]
    return answer


def key_set(authority: Authority, tenant: Tenant | None, version: int) -> dict[str, Any]:
    """Return the public signing keys as a JWK Set (RFC 7517), with Entra's `issuer` on each."""
    name = tenant.tenant_id if tenant else "{tenantid}"
    keys: list[dict[str, str]] = []
    for key in authority.signing_keys:
        numbers = key.private.public_key().public_numbers()
        keys.append(
            {
                "kty": "RSA",
                "use": "sig",
                "kid": key.key_id,
                "x5t": key.key_id,
                "n": _number(numbers.n),
                "e": _number(numbers.e),
                "issuer": issuer(authority, name, version),
            }
        )
    return {"keys": keys}


def _number(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
