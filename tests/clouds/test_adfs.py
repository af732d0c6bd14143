"""AD FS: how it is spoken to, and learned from its metadata."""

from collections.abc import Callable
from typing import Any

import pytest

from clouds.arm_documents import hub_with_adfs_1_0
from grantway import Dispatcher, Environment, Registry, Trust, discover
from grantway.authority import planned_endpoints
from grantway.config import parse
from grantway.errors import InvalidParameter, MalformedResponse, ProtocolViolation
from grantway.oauth.metadata import is_issuer
from grantway_clouds import ADFS
from servers.raw import RawServer, json_answer


@pytest.mark.parametrize("authority", ["https://sts.hill.example", "https://sts.hill.example/adfs"])
def test_an_adfs_is_at_one_path_of_its_host(authority: str) -> None:
    hill = Environment("Hill", authority, protocol=ADFS)
    found = planned_endpoints(hill, "adfs")
    base = "https://sts.hill.example/adfs/oauth2"
    assert (found.token, found.authorization) == (f"{base}/token", f"{base}/authorize")
    assert found.device_authorization == f"{base}/devicecode"
    assert is_issuer("https://sts.hill.example/adfs", hill)
    assert not is_issuer("https://sts.hill.example", hill)
    assert not is_issuer("http://sts.hill.example/adfs/services/trust", hill)


def test_configuration_can_name_it() -> None:
    registry = Registry.load(
        parse(
            '[environments.Hill]\nauthority = "https://sts.hill.example"\nprotocol = "adfs"\n'
            'resources = {api = "https://api.hill.example"}\n'
        )
    )
    assert registry.environment("Hill").protocol is ADFS


def explained(**parameters: Any) -> list[tuple[str, dict[str, str]]]:
    hill = Environment("Hill", "https://sts.hill.example/adfs", protocol=ADFS)
    with Dispatcher() as dispatcher:
        found = dispatcher.explain(environment=hill, **parameters)
    assert found.problem is None
    return [(each.url, dict(each.fields)) for each in found.requests]


def test_a_resource_is_named_as_on_v1_and_no_tenant_is_needed() -> None:
    [(url, fields)] = explained(credential=("any id", "secret"), resource="urn:hill:api")
    assert url == "https://sts.hill.example/adfs/oauth2/token"
    assert fields["resource"] == "urn:hill:api"
    assert fields["client_id"] == "any id"
    assert "scope" not in fields


def test_a_device_code_is_that_of_the_standard() -> None:
    assert ADFS.device_code_field == "device_code"
    assert ADFS.device_grant_type == "urn:ietf:params:oauth:grant-type:device_code"
    [(url, _), *_] = explained(application_id="any id", resource="urn:hill:api", device_code=True)
    assert url == "https://sts.hill.example/adfs/oauth2/devicecode"


def test_the_word_adfs_is_its_tenant_and_no_other() -> None:
    explained(credential=("a", "b"), resource="urn:hill:api", tenant_id="adfs")
    with pytest.raises(InvalidParameter, match="single tenant 'adfs'"):
        explained(credential=("a", "b"), resource="urn:hill:api", tenant_id="contoso.example")


def document(base: str, **changes: object) -> dict[str, object]:
    """The OpenID metadata of an AD FS, as it publishes it."""
    facts: dict[str, object] = {
        "issuer": f"{base}/adfs",
        "authorization_endpoint": f"{base}/adfs/oauth2/authorize/",
        "token_endpoint": f"{base}/adfs/oauth2/token/",
        "jwks_uri": f"{base}/adfs/discovery/keys",
        "device_authorization_endpoint": f"{base}/adfs/oauth2/devicecode",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post", "client_secret_basic", "private_key_jwt",
            "windows_client_authentication",
        ],
        "access_token_issuer": "http://sts.hill.example/adfs/services/trust",
        "capabilities": ["kdf_ver2"],
    }  # fmt: skip
    return {name: value for name, value in {**facts, **changes}.items() if value is not None}


def learn(server: RawServer, path: str = "", **changes: object) -> Environment:
    server.serve(json_answer(document(server.url, **changes)))
    return discover(f"adfs={server.url}{path}", name="Hill", trust=Trust(loopback_http=True))


@pytest.mark.parametrize("path", ["", "/", "/adfs", "/adfs/.well-known/openid-configuration"])
def test_an_adfs_is_learned_from_any_of_its_addresses(raw_server: RawServer, path: str) -> None:
    hill = learn(raw_server, path)
    assert (hill.authority, hill.protocol) == (raw_server.url, ADFS)
    assert raw_server.requests[0].target == "/adfs/.well-known/openid-configuration"


def test_an_adfs_of_another_name_is_refused(raw_server: RawServer) -> None:
    with pytest.raises(ProtocolViolation, match="is of the issuer 'https://other"):
        learn(raw_server, issuer="https://other.example/adfs")


def test_keys_on_another_host_are_refused_by_name(raw_server: RawServer) -> None:
    with pytest.raises(
        ProtocolViolation, match=r"keys\.example \(jwks_uri\).*--host keys\.example"
    ):
        learn(raw_server, jwks_uri="https://keys.example/keys")


def test_what_has_no_token_endpoint_is_no_adfs(raw_server: RawServer) -> None:
    with pytest.raises(MalformedResponse, match="no token_endpoint"):
        learn(raw_server, token_endpoint=None)


def test_what_an_adfs_is_sent_and_nobody_else(raw_servers: Callable[..., RawServer]) -> None:
    arm, sts = raw_servers(), raw_servers()
    hub = hub_with_adfs_1_0()
    hub["authentication"]["loginEndpoint"] = f"{sts.url}/adfs"
    arm.serve(json_answer(hub))
    sts.serve(json_answer({"access_token": "a-token", "token_type": "bearer", "expires_in": 600}))
    found = discover(f"arm={arm.url}", trust=Trust(loopback_http=True))
    assert sts.connections == 0
    with Dispatcher(prompter=False) as dispatcher:
        result = dispatcher.acquire(
            environment=found, credential=("an application", "a secret"), resource="arm"
        )
    assert result.access_token == "a-token"
    [request] = sts.requests
    assert request.path == "/adfs/oauth2/token"
    assert request.form == {
        "grant_type": ["client_credentials"],
        "client_id": ["an application"],
        "client_secret": ["a secret"],
        "resource": [hub["authentication"]["audiences"][0]],
    }
    assert len(arm.requests) == 1
