"""Independent clients get tokens from the sandbox: what shows it to be true.

None of them is treated specially: each speaks over TLS to the routes that everybody uses.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from grantway_sandbox.model import APPLICATION_ID
from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH, unverified

msal = pytest.importorskip("msal")
identity = pytest.importorskip("azure.identity")
azure_errors = pytest.importorskip("azure.core.exceptions")
oauth2client = pytest.importorskip("requests_oauth2client")

OWN_API = f"api://{APPLICATION_ID}/access_as_user"


MakeClient = Callable[..., Any]


@pytest.fixture(autouse=True)
def _fresh_log(tls_sandbox: Sandbox) -> None:
    tls_sandbox.requests.clear()


@pytest.fixture
def application(tls_sandbox: Sandbox) -> MakeClient:
    def make(credential: str | dict[str, str], tenant: str | None = None) -> object:
        return msal.ConfidentialClientApplication(
            tls_sandbox.application.application_id,
            client_credential=credential,
            authority=f"{tls_sandbox.url}/{tenant or tls_sandbox.tenant.tenant_id}",
            instance_discovery=False,
            verify=str(tls_sandbox.ca_bundle),
        )

    return make


@pytest.fixture
def user_token(tls_sandbox: Sandbox) -> str:
    answer = requests.post(
        f"{tls_sandbox.url}/{tls_sandbox.tenant.tenant_id}/oauth2/v2.0/token",
        data={
            "client_id": tls_sandbox.public_application_id,
            "grant_type": "refresh_token",
            "scope": OWN_API,
            "refresh_token": tls_sandbox.issue_refresh_token(
                application_id=tls_sandbox.public_application_id
            ),
        },
        verify=str(tls_sandbox.ca_bundle),
        timeout=10,
    )
    return str(answer.json()["access_token"])


def certificate(sandbox: Sandbox, kind: str) -> dict[str, str]:
    demo = sandbox.application
    if kind == "thumbprint":
        return {"private_key": demo.private_key, "thumbprint": demo.thumbprint}
    return {"private_key": demo.private_key, "public_certificate": demo.certificate}


def test_msal_gets_a_token_by_secret(tls_sandbox: Sandbox, application: MakeClient) -> None:
    result = application(tls_sandbox.application.secret).acquire_token_for_client(
        [f"{GRAPH}/.default"]
    )
    assert unverified(result["access_token"])["idtyp"] == "app"


@pytest.mark.parametrize("kind", ["thumbprint", "public_certificate"])
def test_msal_gets_several_tokens_by_one_certificate(
    tls_sandbox: Sandbox, application: MakeClient, kind: str
) -> None:
    client = application(certificate(tls_sandbox, kind))
    for resource in (GRAPH, "https://management.azure.com"):
        result = client.acquire_token_for_client([f"{resource}/.default"])
        assert unverified(result["access_token"])["appidacr"] == "2"
        assert unverified(result["access_token"])["aud"] == resource


def test_msal_gets_a_token_by_refresh_token_in_every_tenant(
    tls_sandbox: Sandbox, application: MakeClient
) -> None:
    token = tls_sandbox.issue_refresh_token()
    for tenant in tls_sandbox.tenants:
        client = application(tls_sandbox.application.secret, tenant.domain)
        result = client.acquire_token_by_refresh_token(token, [f"{GRAPH}/User.Read"])
        assert unverified(result["access_token"])["tid"] == tenant.tenant_id
        assert result["refresh_token"] != token
        assert result["id_token_claims"]["oid"] == tls_sandbox.user.object_id


def test_msal_finds_the_account_and_answers_from_its_cache(
    tls_sandbox: Sandbox, application: MakeClient
) -> None:
    client = application(tls_sandbox.application.secret)
    client.acquire_token_by_refresh_token(tls_sandbox.issue_refresh_token(), [f"{GRAPH}/.default"])
    (account,) = client.get_accounts()
    assert account["username"] == tls_sandbox.user.user_name
    assert account["home_account_id"] == (
        f"{tls_sandbox.user.object_id}.{tls_sandbox.tenant.tenant_id}"
    )
    before = len(tls_sandbox.requests)
    assert client.acquire_token_silent([f"{GRAPH}/.default"], account)
    assert len(tls_sandbox.requests) == before
    assert client.acquire_token_silent(["https://management.azure.com/.default"], account)
    assert len(tls_sandbox.requests) == before + 1


def test_msal_gets_a_token_on_behalf_of_a_user(
    tls_sandbox: Sandbox, application: MakeClient, user_token: str
) -> None:
    result = application(tls_sandbox.application.secret).acquire_token_on_behalf_of(
        user_token, [f"{GRAPH}/User.Read"]
    )
    assert unverified(result["access_token"])["oid"] == tls_sandbox.user.object_id


def test_msal_public_client_gets_a_token_by_refresh_token(tls_sandbox: Sandbox) -> None:
    client = msal.PublicClientApplication(
        tls_sandbox.public_application_id,
        authority=f"{tls_sandbox.url}/organizations",
        instance_discovery=False,
        verify=str(tls_sandbox.ca_bundle),
    )
    token = tls_sandbox.issue_refresh_token(application_id=tls_sandbox.public_application_id)
    result = client.acquire_token_by_refresh_token(token, [f"{GRAPH}/User.Read"])
    assert unverified(result["access_token"])["appidacr"] == "0"


def test_msal_understands_the_refusals(tls_sandbox: Sandbox, application: MakeClient) -> None:
    result = application("wrong").acquire_token_for_client([f"{GRAPH}/.default"])
    assert result["error"] == "invalid_client"
    assert result["error_codes"] == [7000215]
    tls_sandbox.fail_next(50076)
    client = application(tls_sandbox.application.secret)
    refused = client.acquire_token_by_refresh_token(
        tls_sandbox.issue_refresh_token(), [f"{GRAPH}/User.Read"]
    )
    assert refused["suberror"] == "basic_action"
    with pytest.raises(ValueError, match="tenant"):
        application("any", "nowhere.example")


def test_msal_told_of_an_instance_that_is_not_known_stops(tls_sandbox: Sandbox) -> None:
    # MSAL leaves the port out of what it asks about, and there is no authority without it here.
    with pytest.raises(ValueError, match="invalid_instance"):
        msal.ConfidentialClientApplication(
            tls_sandbox.application.application_id,
            client_credential=tls_sandbox.application.secret,
            authority=f"{tls_sandbox.url}/{tls_sandbox.tenant.tenant_id}",
            instance_discovery=f"{tls_sandbox.url}/common/discovery/instance",
            verify=str(tls_sandbox.ca_bundle),
        )


@pytest.fixture
def azure(tls_sandbox: Sandbox) -> dict[str, Any]:
    return {
        "authority": tls_sandbox.url,
        "disable_instance_discovery": True,
        "connection_verify": str(tls_sandbox.ca_bundle),
    }


def test_azure_identity_gets_a_token_by_secret(tls_sandbox: Sandbox, azure: dict[str, Any]) -> None:
    demo = tls_sandbox.application
    credential = identity.ClientSecretCredential(
        tls_sandbox.tenant.tenant_id, demo.application_id, demo.secret, **azure
    )
    token = credential.get_token(f"{GRAPH}/.default")
    assert unverified(token.token)["appidacr"] == "1"
    assert token.expires_on == unverified(token.token)["exp"]


def test_azure_identity_gets_a_token_by_certificate(
    tls_sandbox: Sandbox, azure: dict[str, Any]
) -> None:
    demo = tls_sandbox.application
    credential = identity.CertificateCredential(
        tls_sandbox.tenant.tenant_id, demo.application_id, str(demo.certificate_path), **azure
    )
    token = credential.get_token(f"{GRAPH}/.default")
    assert unverified(token.token)["appidacr"] == "2"


def test_azure_identity_gets_a_token_on_behalf_of_a_user(
    tls_sandbox: Sandbox, azure: dict[str, Any], user_token: str
) -> None:
    demo = tls_sandbox.application
    credential = identity.OnBehalfOfCredential(
        tls_sandbox.tenant.tenant_id,
        demo.application_id,
        client_secret=demo.secret,
        user_assertion=user_token,
        **azure,
    )
    token = credential.get_token(f"{GRAPH}/User.Read")
    assert unverified(token.token)["oid"] == tls_sandbox.user.object_id


def test_azure_identity_understands_a_wrong_secret(
    tls_sandbox: Sandbox, azure: dict[str, Any]
) -> None:
    credential = identity.ClientSecretCredential(
        tls_sandbox.tenant.tenant_id, tls_sandbox.application.application_id, "wrong", **azure
    )
    with pytest.raises(azure_errors.ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(f"{GRAPH}/.default")


@pytest.fixture
def session(tls_sandbox: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.verify = str(tls_sandbox.ca_bundle)
        yield session


@pytest.mark.parametrize("method", ["ClientSecretPost", "ClientSecretBasic"])
def test_requests_oauth2client_gets_client_credentials_and_refreshes(
    tls_sandbox: Sandbox, session: requests.Session, method: str
) -> None:
    demo = tls_sandbox.application
    client = oauth2client.OAuth2Client(
        token_endpoint=f"{tls_sandbox.url}/{tls_sandbox.tenant.tenant_id}/oauth2/v2.0/token",
        auth=getattr(oauth2client, method)(demo.application_id, demo.secret),
        session=session,
    )
    token = client.client_credentials(scope=f"{GRAPH}/.default")
    assert unverified(str(token))["idtyp"] == "app"
    first = tls_sandbox.issue_refresh_token()
    refreshed = client.refresh_token(first, scope=f"{GRAPH}/.default offline_access")
    assert refreshed.refresh_token not in (None, first)
    assert unverified(str(refreshed))["oid"] == tls_sandbox.user.object_id


def test_requests_oauth2client_finds_its_way_by_metadata(
    tls_sandbox: Sandbox, session: requests.Session
) -> None:
    demo = tls_sandbox.application
    client = oauth2client.OAuth2Client.from_discovery_endpoint(
        f"{tls_sandbox.url}/{tls_sandbox.tenant.tenant_id}/v2.0/.well-known/openid-configuration",
        issuer=f"{tls_sandbox.url}/{tls_sandbox.tenant.tenant_id}/v2.0",
        client_id=demo.application_id,
        client_secret=demo.secret,
        session=session,
    )
    assert client.client_credentials(scope=f"{GRAPH}/.default")


def test_the_certificate_file_is_what_azure_identity_expects(tls_sandbox: Sandbox) -> None:
    text = Path(tls_sandbox.application.certificate_path).read_text()
    assert text.count("-----BEGIN") == 2
