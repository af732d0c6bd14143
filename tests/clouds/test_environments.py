"""The clouds, held against a table written down here and against the data they were taken from."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import Environment, Registry
from grantway.config import parse
from grantway.errors import UnknownEnvironment
from grantway.oauth.metadata import is_issuer, issuers
from grantway_clouds import ENTRA_V1, ENTRA_V2, ENVIRONMENTS

ENDPOINTS: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parent / "endpoints.json").read_text(encoding="utf-8")
)
TENANT = "11111111-2222-3333-4444-555555555555"


class Cloud(NamedTuple):
    """One row of the table."""

    names: str
    hosts: str
    partner: str = ""
    graph: str = ""
    aadgraph: str = ""
    arm: str = ""
    keyvault: str = ""
    exchange: str = ""


# Hosts only: resources are https, and end in a slash where the table says so.
CLOUDS = {
    "Global": Cloud(
        names="GlobalCloud AzureCloud",
        hosts="login.microsoftonline.com login.windows.net login.microsoft.com sts.windows.net",
        partner="api.partnercenter.microsoft.com",
        graph="graph.microsoft.com",
        aadgraph="graph.windows.net",
        arm="management.azure.com",
        keyvault="vault.azure.net",
        exchange="outlook.office365.com",
    ),
    "China21Vianet": Cloud(
        names="ChinaCloud AzureChinaCloud",
        hosts="login.partner.microsoftonline.cn login.chinacloudapi.cn",
        partner="partner.partnercenterapi.microsoftonline.cn",
        graph="microsoftgraph.chinacloudapi.cn",
        aadgraph="graph.chinacloudapi.cn",
        arm="management.chinacloudapi.cn",
        keyvault="vault.azure.cn",
        exchange="partner.outlook.cn",
    ),
    "USGovL4": Cloud(
        names="USGovernment AzureUSGovernment",
        hosts="login.microsoftonline.us login.usgovcloudapi.net",
        partner="api.partnercenter.microsoft.com",
        graph="graph.microsoft.us",
        aadgraph="graph.windows.net",
        arm="management.usgovcloudapi.net",
        keyvault="vault.usgovcloudapi.net",
        exchange="outlook.office365.us",
    ),
    "USGovL5": Cloud(
        names="USGovernmentDoD",
        hosts="login.microsoftonline.us login.usgovcloudapi.net",
        graph="dod-graph.microsoft.us",
        arm="management.usgovcloudapi.net",
        keyvault="vault.usgovcloudapi.net",
        exchange="outlook-dod.office365.us",
    ),
    "GermanyClosed": Cloud(
        names="GermanCloud AzureGermanCloud",
        hosts="login.microsoftonline.de",
        partner="api.partnercenter.microsoft.com",
        graph="graph.microsoft.de",
        aadgraph="graph.cloudapi.de",
        arm="management.microsoftazure.de",
        keyvault="vault.microsoftazure.de",
        exchange="outlook.office.de",
    ),
    "PPE": Cloud(
        names="PPE AzurePPE",
        hosts="login.windows-ppe.net sts.windows-ppe.net login.microsoft-ppe.com",
        partner="api.partnercenter.microsoft-ppe.com",
        graph="graph.microsoft-ppe.com",
        aadgraph="graph.ppe.windows.net",
        arm="api-dogfood.resources.windows-int.net",
        keyvault="vault-int.azure-int.net",
    ),
    "Bleu": Cloud(
        names="Bleu",
        hosts="login.sovcloud-identity.fr",
        graph="graph.svc.sovcloud.fr",
        arm="management.core.sovcloud-api.fr/",
        keyvault="vault.sovcloud-api.fr",
        exchange="outlook.sovcloud.fr",
    ),
    "Delos": Cloud(
        names="Delos",
        hosts="login.sovcloud-identity.de",
        graph="graph.svc.sovcloud.de",
        arm="management.core.sovcloud-api.de/",
        keyvault="vault.sovcloud-api.de",
        exchange="outlook.sovcloud.de",
    ),
    "GovSG": Cloud(names="GovSG", hosts="login.sovcloud-identity.sg"),
}
NAMED = [(name, cloud) for cloud in CLOUDS.values() for name in cloud.names.split()]
RESOURCES = ("partner", "graph", "aadgraph", "arm", "keyvault", "exchange")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def environment(registry: Registry, cloud: Cloud) -> Environment:
    return registry.environment(cloud.names.split()[0])


each_name = pytest.mark.parametrize(("name", "cloud"), NAMED, ids=[name for name, _ in NAMED])
each_cloud = pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)


# The table.


def test_there_are_exactly_these_clouds() -> None:
    names = {name for each in ENVIRONMENTS for name in (each.name, *each.aliases)}
    assert names == {name for name, _ in NAMED}


@each_name
def test_every_name_in_any_case_is_its_cloud(registry: Registry, name: str, cloud: Cloud) -> None:
    for spelling in (name, name.lower(), name.upper()):
        found = registry.environment(spelling)
        assert found.authority == "https://" + cloud.hosts.split()[0]
        assert [found.name, *found.aliases] == cloud.names.split()


@each_cloud
def test_every_resource_is_as_verified_and_there_is_no_other(
    registry: Registry, cloud: Cloud
) -> None:
    stated = {name: f"https://{host}" for name in RESOURCES if (host := getattr(cloud, name))}
    found = environment(registry, cloud)
    assert dict(found.resources) == stated
    for name, uri in stated.items():
        assert found.resource(name) == uri
        assert found.resource(name.upper()) == uri


@each_cloud
def test_partner_center_is_the_default_where_there_is_one(registry: Registry, cloud: Cloud) -> None:
    found = environment(registry, cloud)
    assert found.default_resource == ("partner" if cloud.partner else None)


@each_cloud
def test_secrets_go_to_the_authoritys_hosts_and_nowhere_else(
    registry: Registry, cloud: Cloud
) -> None:
    assert environment(registry, cloud).secret_hosts == set(cloud.hosts.split())


@each_cloud
def test_the_clouds_speak_v2_and_are_told_nothing_that_v1_is_not(
    registry: Registry, cloud: Cloud
) -> None:
    found = environment(registry, cloud)
    assert found.protocol is ENTRA_V2
    assert found.tenant is None
    assert found.summary
    assert found.advice[7000215]


def test_global_is_what_a_call_means_that_names_none(registry: Registry) -> None:
    assert registry.environment().name == "GlobalCloud"
    assert [each.name for each in ENVIRONMENTS if each.default] == ["GlobalCloud"]


def test_only_germany_is_closed_and_it_says_since_when_and_what_to_do(registry: Registry) -> None:
    assert [each.name for each in ENVIRONMENTS if each.closed] == ["GermanCloud"]
    closed = registry.environment("GermanCloud").closed
    assert "29 October 2021" in closed
    assert "GlobalCloud" in closed


def test_a_name_that_is_nearly_one_is_refused_with_the_nearest(registry: Registry) -> None:
    with pytest.raises(UnknownEnvironment, match="GlobalCloud"):
        registry.environment("GlobalClod")


# The data.


@pytest.mark.parametrize(("key", "cloud"), CLOUDS.items(), ids=CLOUDS)
def test_the_published_data_agrees(registry: Registry, key: str, cloud: Cloud) -> None:
    data = ENDPOINTS[key]
    found = environment(registry, cloud)
    assert [found.authority, *found.hosts] == [
        f"https://{data['authority'][0]}",
        *data["authority"][1:],
    ]
    expected = {name: data[name] for name in ("partner", "graph", "aadgraph") if data.get(name)}
    if arm := data.get("arm_aud") or data.get("arm"):
        expected["arm"] = arm
    if suffix := data.get("kv"):
        expected["keyvault"] = f"https://{suffix}"
    if exchange := data.get("exo"):
        expected["exchange"] = exchange
    assert dict(found.resources) == expected


def test_the_published_data_has_no_other_clouds() -> None:
    assert set(ENDPOINTS) == set(CLOUDS)


# Hosts.


@pytest.mark.parametrize(
    "look_alike",
    [
        "login.microsoftonline.com.example.net",
        "evil-login.microsoftonline.com",
        "sub.login.microsoftonline.com",
        "microsoftonline.com",
        "login.microsoftonline.com.",
        "login.microsoftonline.com:8443",
        "login.microsoftonline.co",
        "login.microsoftonlíne.com",
        "graph.microsoft.com",
        "",
    ],
)
def test_a_host_that_looks_like_an_authoritys_is_not_one(look_alike: str) -> None:
    assert not any(each.names(look_alike) for each in ENVIRONMENTS)


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789.-:/@", min_size=1))
def test_nothing_put_before_or_after_a_host_is_that_host(more: str) -> None:
    for each in ENVIRONMENTS:
        for host in each.secret_hosts:
            assert not each.names(more + host)
            assert not each.names(host + more)


def test_no_cloud_lets_secrets_go_to_another_clouds_hosts() -> None:
    # The two American clouds are one authority; they differ in their resources.
    apart = [each for each in ENVIRONMENTS if each.name != "USGovernmentDoD"]
    for each in apart:
        for other in apart:
            assert each is other or each.secret_hosts.isdisjoint(other.secret_hosts)


def test_the_identity_host_of_bleu_is_not_its_api_host(registry: Registry) -> None:
    assert not registry.environment("Bleu").names("login.sovcloud-api.fr")


# Issuers.


def on_v1(each: Environment) -> Environment:
    registry = Registry.load(
        parse(f'[environments.Old]\nlike = "{each.name}"\nprotocol = "entra-v1"')
    )
    return registry.environment("Old")


@pytest.mark.parametrize("each", ENVIRONMENTS, ids=lambda each: each.name)
def test_tokens_of_any_host_of_the_authority_are_its_own(each: Environment) -> None:
    for host in each.secret_hosts:
        assert is_issuer(f"https://{host}/{TENANT}/v2.0", each, TENANT)
        assert is_issuer(f"https://{host}/{TENANT}/", on_v1(each), TENANT)
        assert is_issuer(f"https://{host}/{{tenantid}}/v2.0", each)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.microsoftonline.com/{tenantid}/v2.0",
        "https://login.microsoftonline.com/common/v2.0",
        f"https://login.microsoftonline.com/{TENANT}/v2.0/",
        f"https://login.microsoftonline.com/{TENANT}/",
        f"https://login.microsoftonline.com/{'0' * 8}{TENANT[8:]}/v2.0",
        f"https://login.microsoftonline.us/{TENANT}/v2.0",
        f"https://sts.windows.net/{TENANT}/",
        f"http://login.microsoftonline.com/{TENANT}/v2.0",
        f"https://login.microsoftonline.com.example.net/{TENANT}/v2.0",
    ],
)
def test_a_token_of_any_other_issuer_is_not(registry: Registry, issuer: str) -> None:
    assert not is_issuer(issuer, registry.environment("GlobalCloud"), TENANT)


def test_the_v1_issuer_of_the_global_cloud_is_accepted_on_v1(registry: Registry) -> None:
    old = on_v1(registry.environment("GlobalCloud"))
    assert "https://sts.windows.net/{tenantid}/" in issuers(old)
    assert old.protocol is ENTRA_V1


# What it costs.


def test_loading_the_plugin_loads_nothing_but_itself_and_values() -> None:
    script = """
import json, sys
import grantway.registry, urllib.parse
before = set(sys.modules)
import grantway_clouds
list(grantway_clouds.grantway_environments())
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout)
    assert all(name.partition(".")[0] == "grantway_clouds" for name in loaded), loaded
