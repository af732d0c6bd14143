"""A private cloud is the same cloud from a plugin, from configuration, and from its own metadata."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.support import run
from clouds.arm_documents import cloud_2022
from grantway import Configuration, Dispatcher, Environment, Registry, Trust, discover
from grantway.config import load, parse, user_file
from servers.raw import RawServer, json_answer

APP = "11111111-2222-3333-4444-555555555555"
TENANT = "contoso.example"

CONFIGURED = """
[environments.PrivateCloud]
authority = "https://login.hill.example"
protocol = "entra-v2"

[environments.PrivateCloud.resources]
graph = "https://msgraph.hill.example/"
aadgraph = "https://graph.hill.example/"
arm = "https://management.core.hill.example/"
keyvault = "https://vault.hill.example"
"""

CALLS: tuple[dict[str, Any], ...] = (
    {"credential": (APP, "secret"), "tenant_id": TENANT, "resource": "arm"},
    {"credential": (APP, "secret"), "tenant_id": TENANT, "resource": "GRAPH"},
    {"credential": (APP, "secret"), "tenant_id": TENANT, "scopes": "urn:a urn:b"},
    {"application_id": APP, "resource": "keyvault"},
    {"application_id": APP, "resource": "aadgraph", "tenant_id": TENANT, "device_code": True},
    {"application_id": APP, "refresh_token": "a refresh token", "resource": "arm"},
    {"credential": (APP, "secret"), "consent": True, "resource": "graph", "tenant_id": TENANT},
)


def requests_of(environment: Environment) -> list[object]:
    """All that would be sent by each call, but for what is new each time."""
    with Dispatcher(config=Configuration(environ={}), prompter=False) as dispatcher:
        found: list[object] = []
        for call in CALLS:
            explained = dispatcher.explain(environment=environment, **call)
            assert explained.problem is None
            found.extend(each.as_dict() for each in explained.requests)
    return found


@pytest.fixture
def plugins(plugins_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.syspath_prepend(str(plugins_folder))
    return Registry.load(Configuration(environ={})).environment("PrivateCloud")


def learned(server: RawServer) -> Environment:
    server.serve(json_answer(cloud_2022(server.url)))
    return discover(f"arm={server.url}", name="PrivateCloud", trust=Trust(loopback_http=True))


def test_each_gives_the_same_requests(plugins: Environment, raw_server: RawServer) -> None:
    configured = Registry.load(parse(CONFIGURED), third_parties=False).environment("PrivateCloud")
    from_plugin = requests_of(plugins)
    assert len(from_plugin) >= len(CALLS)
    assert requests_of(configured) == from_plugin
    assert requests_of(learned(raw_server)) == from_plugin


def test_what_is_added_by_command_gives_them_too(
    plugins: Environment, raw_server: RawServer
) -> None:
    found = learned(raw_server)
    done = run(
        "environments", "add", "Another", "--discover", f"arm={raw_server.url}",
        "--loopback-http", "--yes",
    )  # fmt: skip
    assert done.code == 0
    added = Registry.load(load()).environment("Another")
    assert requests_of(added) == requests_of(plugins)
    assert added.advice == found.advice
    wanted = tomllib.loads(CONFIGURED)["environments"]["PrivateCloud"]
    table = tomllib.loads(user_file().read_text())["environments"]["Another"]
    assert {name: table[name] for name in wanted} == wanted
