"""Machines that have an identity: the variables of each kind of host, and an answer of theirs."""

import hashlib
import ssl
from collections.abc import Mapping
from typing import Any

from grantway import AuthenticationResult, Context, Environment, TokenRequest
from grantway_grants.managed_identity import hosts, managed_identity
from grantway_grants.managed_identity.hosts import Kind
from oauth.support import FakeClock, context
from servers.raw import RawServer
from servers.tls import Identity

RESOURCE = "https://management.example"
HEADER = "sentinel-identity-header"
TOKEN = "sentinel-access-token"
GUID = "11111111-2222-3333-4444-555555555555"
RESOURCE_ID = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/a-group"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/an-identity"
)
CLOUD = Environment(
    "Cloud",
    "https://login.example",
    resources={"arm": RESOURCE},
    default_resource="arm",
)
VARIABLES = (
    hosts.IDENTITY_ENDPOINT,
    hosts.IDENTITY_HEADER,
    hosts.THUMBPRINT,
    hosts.IMDS_ENDPOINT,
    hosts.MSI_ENDPOINT,
    hosts.MSI_SECRET,
    hosts.AUTHORITY_HOST,
)


def granted(now: float, **more: object) -> dict[str, object]:
    return {
        "access_token": TOKEN,
        "expires_on": str(int(now) + 3600),
        "expires_in": "3600",
        "resource": RESOURCE,
        "token_type": "Bearer",
        **more,
    }


def thumbprint(identity: Identity) -> str:
    der = ssl.PEM_cert_to_DER_cert(identity.certificate.read_text())
    return hashlib.sha1(der).hexdigest().upper()


def variables(kind: Kind, server: RawServer, pinned: str = "") -> dict[str, str]:
    """What a host of this kind sets, where its endpoint is a scripted server."""
    values = {
        hosts.IDENTITY_ENDPOINT: f"{server.url}/token",
        hosts.MSI_ENDPOINT: f"{server.url}/token",
        hosts.IDENTITY_HEADER: HEADER,
        hosts.MSI_SECRET: HEADER,
        hosts.IMDS_ENDPOINT: "http://localhost:40342",
        hosts.THUMBPRINT: pinned,
    }
    if kind is hosts.IMDS:
        return {hosts.AUTHORITY_HOST: server.url}
    return {name: values[name] for name in kind.variables}


def wanted(**values: object) -> TokenRequest:
    given = {"managed_identity": True, **values}
    return TokenRequest(CLOUD, "ManagedIdentity", "ManagedIdentity", given)


def authenticate(
    environ: Mapping[str, str],
    *,
    clock: FakeClock | None = None,
    timeout: float = 60,
    key_folder: str | None = None,
    given: Context | None = None,
    **values: Any,
) -> AuthenticationResult:
    provider = managed_identity(environ, key_folder)
    within = given or context(CLOUD, clock=clock or FakeClock(), timeout=timeout)
    return provider.authenticate(wanted(**values), within)
