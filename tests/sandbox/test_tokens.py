"""What a successful answer holds, on v1 and on v2."""

import base64
import hashlib
from typing import Any

import jwt
import pytest
import requests

from grantway_sandbox.model import SANDBOX_API_ID
from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH, Ask, FakeClock, unverified


def verified(sandbox: Sandbox, token: str, audience: str) -> dict[str, Any]:
    """Read a token as a careful client does: by the keys that metadata names."""
    tenant = unverified(token)["tid"]
    config = requests.get(
        f"{sandbox.url}/{tenant}/v2.0/.well-known/openid-configuration", timeout=10
    ).json()
    keys = jwt.PyJWKSet.from_dict(requests.get(config["jwks_uri"], timeout=10).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=audience,
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    return claims


def test_v1_answers_with_numbers_as_strings_and_echoes_the_resource(
    ask: Ask, clock: FakeClock
) -> None:
    answer = ask(1).json()
    assert list(answer) == [
        "token_type",
        "expires_in",
        "ext_expires_in",
        "expires_on",
        "not_before",
        "resource",
        "access_token",
    ]
    assert answer["expires_in"] == answer["ext_expires_in"] == "3600"
    assert answer["expires_on"] == str(int(clock()) + 3600)
    assert answer["not_before"] == str(int(clock()))
    assert answer["resource"] == GRAPH


def test_v2_answers_with_numbers_and_neither_refresh_token_nor_scope_for_an_application(
    ask: Ask,
) -> None:
    answer = ask(2).json()
    assert list(answer) == ["token_type", "expires_in", "ext_expires_in", "access_token"]
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600


def test_a_v1_access_token_names_the_sts_style_issuer_and_the_resource_as_asked(
    sandbox: Sandbox, ask: Ask
) -> None:
    claims = verified(sandbox, ask(2).json()["access_token"], GRAPH)
    assert claims["iss"] == f"{sandbox.url}/{sandbox.tenant.tenant_id}/"
    assert claims["ver"] == "1.0"
    assert claims["appid"] == sandbox.application.application_id
    assert claims["appidacr"] == "1"
    assert claims["idtyp"] == "app"
    assert "User.Read.All" in claims["roles"]
    assert "scp" not in claims


def test_a_v2_access_token_names_the_v2_issuer_and_the_api_by_guid(
    sandbox: Sandbox, ask: Ask
) -> None:
    token = ask(2, scope=f"{sandbox.url}/.default").json()["access_token"]
    claims = verified(sandbox, token, SANDBOX_API_ID)
    assert claims["iss"] == f"{sandbox.url}/{sandbox.tenant.tenant_id}/v2.0"
    assert claims["ver"] == "2.0"
    assert claims["azp"] == sandbox.application.application_id


def test_a_resource_with_a_slash_at_its_end_keeps_it_as_audience(
    sandbox: Sandbox, ask: Ask
) -> None:
    token = ask(2, scope="https://management.azure.com//.default").json()["access_token"]
    assert verified(sandbox, token, "https://management.azure.com/")


@pytest.mark.parametrize("version", [1, 2])
def test_a_user_token_says_who_and_how(sandbox: Sandbox, ask: Ask, version: int) -> None:
    answer = ask(
        version,
        grant_type="refresh_token",
        refresh_token=sandbox.issue_refresh_token(),
        scope=f"{GRAPH}/.default openid offline_access" if version == 2 else None,
    ).json()
    claims = verified(sandbox, answer["access_token"], GRAPH)
    assert claims["oid"] == sandbox.user.object_id
    assert claims["upn"] == sandbox.user.user_name
    assert claims["amr"] == ["pwd", "mfa"]
    assert claims["scp"] == "User.Read Directory.Read.All Mail.Read"
    identity = verified(sandbox, answer["id_token"], sandbox.application.application_id)
    assert identity["ver"] == f"{version}.0"
    assert identity["sub"] != claims["sub"]
    assert identity["oid"] == claims["oid"]
    if version == 2:
        assert identity["preferred_username"] == sandbox.user.user_name
        digest = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
        assert identity["at_hash"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert f"{GRAPH}/User.Read" in answer["scope"].split()
        assert f"{GRAPH}/.default" in answer["scope"].split()
        assert "offline_access" not in answer["scope"]
    else:
        assert identity["upn"] == sandbox.user.user_name
        assert answer["scope"] == "User.Read Directory.Read.All Mail.Read"


def test_a_long_lived_token_comes_with_a_hint_to_renew_it_early(sandbox: Sandbox, ask: Ask) -> None:
    sandbox.token_lifetime = 86400
    assert ask(2).json()["refresh_in"] == 43200
    assert ask(1).json()["refresh_in"] == "43200"


def test_tokens_signed_before_a_key_rotation_stay_verifiable(sandbox: Sandbox, ask: Ask) -> None:
    before = ask(2).json()["access_token"]
    sandbox.authority.rotate_signing_key()
    after = ask(2).json()["access_token"]
    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    assert verified(sandbox, before, GRAPH)
    assert verified(sandbox, after, GRAPH)


def test_the_api_returns_the_claims_of_a_good_token(sandbox: Sandbox, ask: Ask) -> None:
    token = ask(2, scope=f"{sandbox.url}/.default").json()["access_token"]
    answer = requests.get(sandbox.api, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 200
    assert answer.json()["azp"] == sandbox.application.application_id


def test_graph_takes_tokens_for_graph(sandbox: Sandbox, ask: Ask) -> None:
    token = ask(1).json()["access_token"]
    url = f"{sandbox.url}/graph/v1.0/me"
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.json()["aud"] == GRAPH


@pytest.mark.parametrize("spoil", ["missing", "other audience", "expired", "forged", "id_token"])
def test_the_api_refuses_other_tokens(
    sandbox: Sandbox, ask: Ask, clock: FakeClock, spoil: str
) -> None:
    token = ask(2, scope=f"{sandbox.url}/.default").json()["access_token"]
    if spoil == "other audience":
        token = ask(1).json()["access_token"]
    elif spoil == "expired":
        clock.advance(3600)
    elif spoil == "forged":
        token = token[:-8] + "AAAAAAAA"
    elif spoil == "id_token":
        token = ask(
            1, grant_type="refresh_token", refresh_token=sandbox.issue_refresh_token()
        ).json()["id_token"]
    headers = {} if spoil == "missing" else {"Authorization": f"Bearer {token}"}
    answer = requests.get(sandbox.api, headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
