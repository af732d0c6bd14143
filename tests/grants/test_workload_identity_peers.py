"""An application for which its platform vouches asks as Microsoft's own libraries ask: field by field."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import msal
import pytest
from azure.core.pipeline.transport import RequestsTransport

from grants.workloads import authenticate, cluster, no_platform
from grantway import Environment, Secret, Trust
from grantway.certificate import ClientCertificate
from grantway.oauth.assertion import signed
from grantway.oauth.key_files import opened
from grantway_clouds import ENTRA_V1, ENTRA_V2
from grantway_sandbox.script import RecordedRequest
from grantway_sandbox.server import Sandbox
from oauth.support import context
from peers.oidc_provider import OidcProvider

azure = pytest.importorskip("azure.identity")

__all__ = ["no_platform"]

pytestmark = pytest.mark.usefixtures("no_platform")
GRAPH = "https://graph.microsoft.com"
SCOPE = f"{GRAPH}/.default"
# A wish of theirs to be told an account's id, which an application has not.
THEIRS = {"client_info"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tls=True) as running:
        yield running


def seen(request: RecordedRequest) -> dict[str, Any]:
    fields = {name: value for name, value in request.fields if name not in THEIRS}
    return {"method": request.method, "path": request.path, "fields": fields}


def token_requests(sandbox: Sandbox, since: int) -> list[dict[str, Any]]:
    return [seen(each) for each in sandbox.requests[since:] if each.path.endswith("/token")]


def test_azure_identity_and_msal_send_the_same(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(sandbox.platform_token())
    client, tenant = sandbox.application.application_id, sandbox.tenant.tenant_id
    environ = cluster(file, AZURE_CLIENT_ID=client, AZURE_TENANT_ID=tenant)
    before = len(sandbox.requests)
    authenticate(environ, sandbox.environment, "kubernetes", scopes=(SCOPE,))
    (ours,) = token_requests(sandbox, before)
    assert ours["fields"]["client_assertion"] == file.read_text()

    before = len(sandbox.requests)
    with azure.WorkloadIdentityCredential(
        tenant_id=tenant,
        client_id=client,
        token_file_path=str(file),
        authority=sandbox.url,
        disable_instance_discovery=True,
        transport=RequestsTransport(connection_verify=str(sandbox.ca_bundle)),
    ) as credential:
        assert credential.get_token(SCOPE).token
    assert token_requests(sandbox, before) == [ours]

    before = len(sandbox.requests)
    app = msal.ConfidentialClientApplication(
        client,
        client_credential={"client_assertion": file.read_text},
        authority=f"{sandbox.url}/{tenant}",
        instance_discovery=False,
        verify=str(sandbox.ca_bundle),
    )
    assert app.acquire_token_for_client([SCOPE])["access_token"]
    assert token_requests(sandbox, before) == [ours]


def test_the_older_endpoint_is_sent_a_resource(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(sandbox.platform_token())
    client, tenant = sandbox.application.application_id, sandbox.tenant.tenant_id
    environ = cluster(file, AZURE_CLIENT_ID=client, AZURE_TENANT_ID=tenant)
    fields: list[set[str]] = []
    for protocol in (ENTRA_V1, ENTRA_V2):
        cloud = attrs.evolve(sandbox.environment, protocol=protocol)
        authenticate(environ, cloud, "kubernetes", resource=GRAPH)
        fields.append(set(dict(sandbox.requests[-1].fields)))
    assert fields[0] - fields[1] == {"resource"}
    assert fields[1] - fields[0] == {"scope"}


def test_a_certified_server_takes_what_a_platform_has_signed(
    oidc_provider: OidcProvider, tmp_path: Path
) -> None:
    """At an authority that has the platform's key for the client's, whatever the platform."""
    client = oidc_provider.clients["assertion"].client_id
    signer = opened(ClientCertificate(Secret(oidc_provider.keys["p256"])), 0)
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": oidc_provider.issuer, "exp": now + 60}
    token = signed({"alg": "ES256"}, {**claims, "jti": f"a platform's {now}"}, signer)
    (tmp_path / "token").write_text(token.reveal())
    peer = Environment("Peer", oidc_provider.issuer, trust=Trust(loopback_http=True))
    result = authenticate(
        cluster(tmp_path / "token", AZURE_CLIENT_ID=client, AZURE_TENANT_ID=""),
        peer,
        "kubernetes",
        given=context(peer),
        resource=oidc_provider.resources["jwt"].uri,
    )
    assert result.provider == "WorkloadIdentity"
