"""Nobody but an environment's own hosts is ever asked: recorded where sockets are made."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oauth.support import granted
from oauth.test_id_token import Authority
from servers.raw import RawServer, json_answer
from servers.tls import LocalCa

TESTS = Path(__file__).parents[1]
APP = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
LOGIN, KEYS = "login.hill.example", "keys.hill.example"
CLOUDS = {
    "GlobalCloud": "login.microsoftonline.com",
    "ChinaCloud": "login.partner.microsoftonline.cn",
    "USGovernment": "login.microsoftonline.us",
    "USGovernmentDoD": "login.microsoftonline.us",
    "GermanCloud": "login.microsoftonline.de",
    "PPE": "login.windows-ppe.net",
    "Bleu": "login.sovcloud-identity.fr",
    "Delos": "login.sovcloud-identity.de",
    "GovSG": "login.sovcloud-identity.sg",
    "Google": "accounts.google.com",
}


def recorded(plan: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(TESTS / "clouds" / "air_gap.py")],
        input=json.dumps(plan),
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("protocol", ["oidc", "entra-v2", "entra-v1"])
def test_in_a_whole_run_only_the_environments_own_hosts_are_asked(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa, protocol: str
) -> None:
    server = raw_servers(identity=local_ca.issue(LOGIN, KEYS))
    login, keys = f"https://{LOGIN}:{server.port}", f"https://{KEYS}:{server.port}"
    signer = Authority(server)
    issuer, metadata, token = {
        "oidc": (login, "", "/token"),
        "entra-v2": (f"{login}/{TENANT}/v2.0", "/common/v2.0", "/common/oauth2/v2.0/token"),
        "entra-v1": (f"{login}/{TENANT}/", "/common", "/common/oauth2/token"),
    }[protocol]
    server.serve(
        json_answer(
            {
                "issuer": issuer.replace(TENANT, "{tenantid}"),
                "token_endpoint": f"{login}/token",
                # What an authority says of others is not followed.
                "cloud_instance_name": "microsoftonline.com",
                "msgraph_host": "graph.microsoft.com",
                "jwks_uri": f"{keys}/keys",
            }
        ),
        path=f"{metadata}/.well-known/openid-configuration",
    )
    now = time.time()
    id_token = signer.token(iss=issuer, aud=APP, tid=TENANT, iat=now - 5, exp=now + 600)
    answers = (
        granted(access_token="alone"),
        granted(access_token="again"),
        granted(access_token="person", id_token=id_token, refresh_token="two"),
        granted(access_token="other", id_token=id_token, refresh_token="three"),
        json_answer(
            {"error": "invalid_client", "error_description": "AADSTS90002: not in this cloud"}, 401
        ),
    )
    mine = token.replace("common", "hill.example")
    if mine == token:
        server.serve(*answers, path=token)
    else:
        server.serve(*answers[:2], answers[4], path=mine)
        server.serve(*answers[2:4], path=token)
    found = recorded(
        {
            "protocol": protocol,
            "authority": login,
            "hosts": [f"{LOGIN}:{server.port}", f"{KEYS}:{server.port}"],
            "ca": str(local_ca.bundle),
            "resolve": {LOGIN: "127.0.0.1", KEYS: "127.0.0.1"},
        }
    )
    assert found["outcome"] == ["alone", "again", "person", "other", "InvalidClient"]
    assert set(found["names"]) == {LOGIN, KEYS}
    assert {tuple(each) for each in found["reached"]} == {("127.0.0.1", server.port)}
    paths = [request.path for request in server.requests]
    assert paths.count("/keys") == 1
    assert f"{metadata}/.well-known/openid-configuration" in paths


def test_no_cloud_asks_another_when_it_cannot_be_reached() -> None:
    found = recorded({"resolve": {}})
    assert found["outcome"] == {name: [host] for name, host in CLOUDS.items()}
    assert found["reached"] == []
