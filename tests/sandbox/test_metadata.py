"""What the authority publishes about itself."""

import pytest
import requests

from grantway_sandbox.server import Sandbox
from sandbox.support import Ask


@pytest.fixture
def get(sandbox: Sandbox) -> Ask:
    def fetch(path: str, **params: str) -> requests.Response:
        return requests.get(f"{sandbox.url}{path}", params=params, timeout=10)

    return fetch


@pytest.mark.parametrize("name", ["tenant_id", "domain"])
@pytest.mark.parametrize(("version", "path"), [(2, "/v2.0"), (1, "")])
def test_a_tenants_metadata_names_it_by_guid(
    sandbox: Sandbox, get: Ask, name: str, version: int, path: str
) -> None:
    tenant = sandbox.tenant
    body = get(f"/{getattr(tenant, name)}{path}/.well-known/openid-configuration").json()
    base = f"{sandbox.url}/{tenant.tenant_id}"
    assert body["issuer"] == (f"{base}/v2.0" if version == 2 else f"{base}/")
    assert body["token_endpoint"] == f"{base}/oauth2{path}/token"
    assert body["authorization_endpoint"] == f"{base}/oauth2{path}/authorize"
    assert body["device_authorization_endpoint"] == f"{base}/oauth2{path}/devicecode"
    assert "client_secret_basic" in body["token_endpoint_auth_methods_supported"]


def test_metadata_says_how_people_sign_in(get: Ask) -> None:
    for version in ("", "/v2.0"):
        body = get(f"/common{version}/.well-known/openid-configuration").json()
        assert body["response_types_supported"] == ["code"]
        assert body["response_modes_supported"] == ["query", "fragment", "form_post"]
        assert body["code_challenge_methods_supported"] == ["S256"]
        assert body["claims_parameter_supported"] is True
        assert "authorization_response_iss_parameter_supported" not in body
        assert "pushed_authorization_request_endpoint" not in body


@pytest.mark.parametrize("name", ["common", "organizations"])
def test_at_common_the_issuer_is_a_template(sandbox: Sandbox, get: Ask, name: str) -> None:
    body = get(f"/{name}/v2.0/.well-known/openid-configuration").json()
    assert body["issuer"] == f"{sandbox.url}/{{tenantid}}/v2.0"
    assert body["token_endpoint"] == f"{sandbox.url}/{name}/oauth2/v2.0/token"


def test_metadata_never_leads_away_from_the_sandbox(sandbox: Sandbox, get: Ask) -> None:
    for path in ("/common/v2.0", f"/{sandbox.tenant.domain}"):
        body = get(f"{path}/.well-known/openid-configuration").json()
        for value in body.values():
            if isinstance(value, str) and "://" in value:
                assert value.startswith(f"{sandbox.url}/")


@pytest.mark.parametrize(
    "path",
    [
        "/v2.0/.well-known/openid-configuration",
        "/.well-known/openid-configuration",
        "/discovery/v2.0/keys",
    ],
)
def test_an_unknown_tenant_has_no_metadata(get: Ask, path: str) -> None:
    answer = get(f"/nowhere.example{path}")
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_tenant"
    assert answer.json()["error_codes"] == [90002]


def test_keys_name_their_issuer(sandbox: Sandbox, get: Ask) -> None:
    for path in ("/common/discovery/v2.0/keys", "/common/discovery/keys"):
        (key,) = get(path).json()["keys"]
        assert key["issuer"].startswith(f"{sandbox.url}/{{tenantid}}/")
        assert (key["kty"], key["use"]) == ("RSA", "sig")


def test_instance_discovery_knows_its_own_host_only(sandbox: Sandbox, get: Ask) -> None:
    mine = f"{sandbox.url}/common/oauth2/v2.0/authorize"
    answer = get(
        "/common/discovery/instance", **{"api-version": "1.1", "authorization_endpoint": mine}
    )
    body = answer.json()
    host = sandbox.url.partition("//")[2]
    assert body["metadata"][0]["aliases"] == [host]
    assert requests.get(body["tenant_discovery_endpoint"], timeout=10).ok
    other = get(
        "/common/discovery/instance",
        **{"api-version": "1.1", "authorization_endpoint": "https://other.example/common"},
    )
    assert other.status_code == 400
    assert other.json()["error"] == "invalid_instance"
    broken = get(
        "/common/discovery/instance",
        **{"api-version": "1.1", "authorization_endpoint": "http://["},
    )
    assert (broken.status_code, broken.json()["error"]) == (400, "invalid_instance")
    assert get("/common/discovery/instance").json()["error_codes"] == [900144]
