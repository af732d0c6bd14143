"""An environment that is nowhere, for calls whose answers are a script."""

from grantway.environment import Environment
from grantway.protocol import Protocol

RESOURCE = "https://api.scripted.example"

_PROTOCOL = Protocol(
    name="scripted",
    audience="indicator",
    token_path="{authority}/token",  # noqa: S106  # a path
    authorization_path="{authority}/authorize",
    device_authorization_path="{authority}/device",
    metadata_urls=("{authority}/metadata",),
    issuers=("{issuer}",),
    client_authentication="client_secret_post",
)

_ENDPOINTS = {
    "token_endpoint": ("token_path", "token"),
    "authorization_endpoint": ("authorization_path", "authorize"),
    "device_authorization_endpoint": ("device_authorization_path", "device"),
}


def scripted_environment(name: str = "Scripted", protocol: Protocol = _PROTOCOL) -> Environment:
    """An environment at a host that does not exist, with one resource as its default."""
    return Environment(
        name,
        authority="https://authority.scripted.example",
        protocol=protocol,
        default_resource=RESOURCE if protocol.audience != "fixed" else None,
    )


def metadata_of(environment: Environment, **fields: object) -> dict[str, object]:
    """The metadata that the authority of an environment might publish (RFC 8414).

    Its issuer is the first that the protocol allows, its endpoints are where the protocol says, or
    else beside each other at the authority. `fields` are put in, in place of what has their name.
    """
    protocol = environment.protocol
    tenant = environment.tenant or protocol.default_tenant

    def at(template: str) -> str:
        return environment.expand(template, tenant=tenant, tenant_id="{tenantid}")

    endpoints = {
        name: at(getattr(protocol, field) or f"{{authority}}/{path}")
        for name, (field, path) in _ENDPOINTS.items()
    }
    issuer = at(protocol.issuers[0]) if protocol.issuers else environment.authority
    return {
        "issuer": issuer,
        **endpoints,
        "jwks_uri": at("{authority}/keys"),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        **fields,
    }
