"""Each kind of host is asked as Microsoft's own libraries ask it: field by field."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from grants.machines import (
    GUID,
    HEADER,
    RESOURCE,
    RESOURCE_ID,
    TOKEN,
    VARIABLES,
    authenticate,
    thumbprint,
    variables,
)
from grants.machines import granted as granted_at
from grantway.secret import Unshown
from grantway_grants.managed_identity import hosts
from grantway_grants.managed_identity.hosts import Kind
from servers.raw import RawServer, Request, json_answer
from servers.tls import self_signed

azure = pytest.importorskip("azure.identity")
msal = pytest.importorskip("msal")

HEADERS = ("metadata", "secret", "x-identity-header", "authorization")
KINDS = {
    "service-fabric": hosts.SERVICE_FABRIC,
    "app-service": hosts.APP_SERVICE,
    "arc": hosts.AZURE_ARC,
    "machine-learning": hosts.MACHINE_LEARNING,
    "cloud-shell": hosts.CLOUD_SHELL,
    "imds": hosts.IMDS,
}
# Parameter, and what azure-identity and MSAL call it.
NAMES = {
    "identity_client_id": ("client_id", GUID),
    "identity_object_id": ("object_id", GUID),
    "identity_resource_id": ("resource_id", RESOURCE_ID),
}
ASKED = [
    (kind, name)
    for kind, host in KINDS.items()
    for name in ("", *NAMES)
    if not name or name in host.identities
]


def seen(request: Request) -> dict[str, Any]:
    """What matters of a request."""
    parts = urlsplit(request.target)
    return {
        "method": request.method,
        "path": parts.path,
        "query": dict(parse_qsl(parts.query)),
        "form": request.form,
        "headers": {name: request.headers[name] for name in HEADERS if name in request.headers},
    }


@pytest.fixture
def host(
    monkeypatch: pytest.MonkeyPatch, raw_servers: Callable[..., RawServer], tmp_path: Path
) -> Callable[[Kind], RawServer]:
    def start(kind: Kind) -> RawServer:
        identity = self_signed(tmp_path, "127.0.0.1") if kind is hosts.SERVICE_FABRIC else None
        server = raw_servers(identity=identity)
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        pinned = thumbprint(identity) if identity else ""
        for name, value in variables(kind, server, pinned).items():
            monkeypatch.setenv(name, value)
        told = {"client_id": GUID, "object_id": GUID, "msi_res_id": RESOURCE_ID}
        good = json_answer(granted_at(time.time(), **told))
        server.serve(good)
        if kind.challenges:
            tokens = tmp_path / "tokens"
            tokens.mkdir(exist_ok=True)
            (tokens / "one.key").write_text("sentinel-key")
            # The file that MSAL follows a challenge to is fixed, and only root can make it.
            prefixes = msal.managed_identity._supported_arc_platforms_and_their_prefixes
            monkeypatch.setitem(prefixes, "linux", str(tokens))
            where = [("WWW-Authenticate", f"Basic realm={tokens}/one.key")]
            server.serve(*[json_answer({}, 401, headers=where), good] * 3)
        return server

    return start


@pytest.mark.parametrize(("kind", "name"), ASKED)
def test_a_host_is_asked_as_azure_identity_and_msal_ask_it(
    host: Callable[[Kind], RawServer], tmp_path: Path, kind: str, name: str
) -> None:
    server = host(KINDS[kind])
    word, value = NAMES.get(name, ("", ""))
    given = {name: value} if name else {}
    result = authenticate(
        os.environ, key_folder=str(tmp_path / "tokens"), resource=RESOURCE, **given
    )
    ours = [seen(request) for request in server.requests]

    config = {word: value} if word not in ("", "client_id") else None
    client_id = value if word == "client_id" else None
    with azure.ManagedIdentityCredential(client_id=client_id, identity_config=config) as credential:
        token = credential.get_token(f"{RESOURCE}/.default").token
    theirs = [seen(request) for request in server.requests[len(ours) :]]
    assert ours == theirs
    assert result.access_token == token == TOKEN
    if KINDS[kind] is hosts.CLOUD_SHELL:
        # There, MSAL takes another road.
        return
    before = len(server.requests)
    assigned = msal.UserAssignedManagedIdentity(**{word: value}) if word else None
    with requests.Session() as session:
        client = msal.ManagedIdentityClient(
            assigned or msal.SystemAssignedManagedIdentity(), http_client=session
        )
        assert client.acquire_token_for_client(resource=RESOURCE)["access_token"] == TOKEN
    assert ours == [seen(request) for request in server.requests[before:]]


def test_of_the_variables_of_several_hosts_the_same_ones_count(
    host: Callable[[Kind], RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = host(hosts.APP_SERVICE)
    monkeypatch.setenv(hosts.MSI_ENDPOINT, f"{server.url}/old")
    monkeypatch.setenv(hosts.MSI_SECRET, "old")
    monkeypatch.setenv(hosts.IMDS_ENDPOINT, f"{server.url}/other")
    authenticate(os.environ)
    with azure.ManagedIdentityCredential() as credential:
        credential.get_token(f"{RESOURCE}/.default")
    ours, theirs = (seen(request) for request in server.requests)
    assert ours["path"] == theirs["path"] == "/token"
    assert ours["headers"] == theirs["headers"]
    assert ours["headers"]["x-identity-header"] == HEADER


def test_the_default_address_is_the_one_of_the_peers() -> None:
    from azure.identity._credentials import imds

    assert hosts.host(Unshown()).url == imds.IMDS_AUTHORITY + imds.IMDS_TOKEN_PATH
