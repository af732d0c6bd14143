"""The peer itself: what the tests rely on it to do, asked without grantway."""

import json
import subprocess
from pathlib import Path

import jwt
import pytest
import requests

from servers.tls import LocalCa

from .oidc_provider import FOLDER, OidcProvider
from .oidc_provider_login import (
    ClientAuth,
    SignInFailed,
    approve_device,
    basic,
    post,
    sign_in,
    token_request,
)

REDIRECT_URI = "http://localhost:49152/"
OFFLINE = "openid offline_access"

every_client = pytest.mark.parametrize("name", ["basic", "post", "public"])
confidential_client = pytest.mark.parametrize("name", ["basic", "post"])


def refresh(server: OidcProvider, name: str, refresh_token: str) -> requests.Response:
    client = server.clients[name]
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return token_request(server.issuer, client.client_id, form, client.auth)


def signed_in(server: OidcProvider, name: str, resource: str | None = None) -> dict[str, str]:
    client = server.clients[name]
    scope = OFFLINE if resource is None else f"{OFFLINE} api:read"
    return sign_in(server.issuer, client.client_id, REDIRECT_URI, scope, resource, client.auth)


@every_client
def test_login_by_plain_http_gives_a_refresh_token(oidc_provider: OidcProvider, name: str) -> None:
    token = signed_in(oidc_provider, name)
    assert token["refresh_token"]
    assert token["id_token"]
    assert token["token_type"] == "Bearer"


@every_client
def test_refresh_rotates_and_reuse_kills_the_family(oidc_provider: OidcProvider, name: str) -> None:
    first = signed_in(oidc_provider, name)["refresh_token"]
    second = refresh(oidc_provider, name, first).json()["refresh_token"]
    assert second != first
    reuse = refresh(oidc_provider, name, first)
    assert (reuse.status_code, reuse.json()["error"]) == (400, "invalid_grant")
    orphan = refresh(oidc_provider, name, second)
    assert (orphan.status_code, orphan.json()["error"]) == (400, "invalid_grant")


@confidential_client
def test_client_credentials_are_accepted(oidc_provider: OidcProvider, name: str) -> None:
    client = oidc_provider.clients[name]
    form = {"grant_type": "client_credentials"}
    answer = token_request(oidc_provider.issuer, client.client_id, form, client.auth)
    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"]


@pytest.mark.parametrize("auth", [basic("wrong"), post("wrong")])
def test_a_wrong_secret_is_an_invalid_client(oidc_provider: OidcProvider, auth: ClientAuth) -> None:
    client = oidc_provider.clients["basic"]
    answer = token_request(
        oidc_provider.issuer, client.client_id, {"grant_type": "client_credentials"}, auth
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_each_resource_gives_tokens_of_its_format(oidc_provider: OidcProvider) -> None:
    client = oidc_provider.clients["basic"]
    tokens: dict[str, str] = {}
    for name, resource in oidc_provider.resources.items():
        form = {
            "grant_type": "client_credentials",
            "resource": resource.uri,
            "scope": "api:read",
        }
        answer = token_request(oidc_provider.issuer, client.client_id, form, client.auth).json()
        assert answer["scope"] == "api:read"
        tokens[name] = answer["access_token"]
    claims = jwt.decode(tokens["jwt"], options={"verify_signature": False})
    assert claims["aud"] == oidc_provider.resources["jwt"].uri
    assert "." not in tokens["opaque"]


def test_an_unknown_resource_is_an_invalid_target(oidc_provider: OidcProvider) -> None:
    client = oidc_provider.clients["basic"]
    form = {"grant_type": "client_credentials", "resource": "https://unknown.example/"}
    answer = token_request(oidc_provider.issuer, client.client_id, form, client.auth)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


def test_a_refresh_that_names_no_resource_keeps_the_granted_one(
    oidc_provider: OidcProvider,
) -> None:
    resource = oidc_provider.resources["jwt"].uri
    token = signed_in(oidc_provider, "public", resource)
    renewed = refresh(oidc_provider, "public", token["refresh_token"]).json()
    claims = jwt.decode(renewed["access_token"], options={"verify_signature": False})
    assert claims["aud"] == resource


def test_a_redirect_uri_with_another_path_is_refused(oidc_provider: OidcProvider) -> None:
    client = oidc_provider.clients["public"]
    with pytest.raises(SignInFailed, match="redirect_uri"):
        sign_in(oidc_provider.issuer, client.client_id, "http://localhost:1/x", OFFLINE)


def test_a_device_code_is_approved_by_plain_http(oidc_provider: OidcProvider) -> None:
    client = oidc_provider.clients["public"]
    started = requests.post(
        f"{oidc_provider.issuer}/device/auth",
        data={"client_id": client.client_id, "scope": OFFLINE, "prompt": "consent"},
        timeout=10,
    ).json()
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": started["device_code"],
    }
    pending = token_request(oidc_provider.issuer, client.client_id, form)
    assert pending.json()["error"] == "authorization_pending"
    approve_device(started["verification_uri_complete"])
    answer = token_request(oidc_provider.issuer, client.client_id, form)
    assert answer.json()["refresh_token"]


def test_metadata_offers_what_later_tests_need(oidc_provider: OidcProvider) -> None:
    metadata = requests.get(
        f"{oidc_provider.issuer}/.well-known/openid-configuration", timeout=10
    ).json()
    assert metadata["issuer"] == oidc_provider.issuer
    assert metadata["authorization_response_iss_parameter_supported"] is True
    for name in (
        "device_authorization_endpoint",
        "dpop_signing_alg_values_supported",
        "introspection_endpoint",
        "jwks_uri",
        "pushed_authorization_request_endpoint",
        "registration_endpoint",
        "revocation_endpoint",
    ):
        assert metadata[name]


@pytest.mark.usefixtures("oidc_provider")
def test_the_server_speaks_tls_and_ends_with_its_standard_input(local_ca: LocalCa) -> None:
    identity = local_ca.issue("localhost", "127.0.0.1")
    with OidcProvider(certificate=identity.certificate, key=identity.key) as server:
        assert server.issuer.startswith("https://127.0.0.1:")
        client = server.clients["public"]
        token = sign_in(
            server.issuer,
            client.client_id,
            REDIRECT_URI,
            OFFLINE,
            verify=str(local_ca.bundle),
        )
        assert token["refresh_token"]
    with pytest.raises(requests.ConnectionError):
        requests.get(server.issuer, timeout=2)


@pytest.mark.usefixtures("oidc_provider")
def test_a_server_whose_parent_is_gone_ends() -> None:
    done = subprocess.run(
        ["node", "server.mjs"],
        cwd=FOLDER,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads(Path(FOLDER, "package-lock.json").read_text("utf-8"))
    assert not [path for path, package in lock["packages"].items() if "resolved" in package]
