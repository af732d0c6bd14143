"""The two dialects: where their endpoints are, and what their identifiers look like."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import Environment, Protocol, Registry
from grantway.authority import planned_endpoints
from grantway.config import parse
from grantway.described import protocols_of
from grantway_clouds import ENTRA_V1, ENTRA_V2, ENVIRONMENTS
from grantway_clouds.protocols import TENANT

GUID = "11111111-2222-3333-4444-55555555555a"

both = pytest.mark.parametrize("protocol", [ENTRA_V1, ENTRA_V2], ids=lambda each: each.name)


def test_the_endpoints_of_v2_are_below_the_tenant() -> None:
    hill = Environment("Hill", "https://login.hill.example/", protocol=ENTRA_V2)
    found = planned_endpoints(hill, "contoso.example")
    base = "https://login.hill.example/contoso.example"
    assert found.token == f"{base}/oauth2/v2.0/token"
    assert found.authorization == f"{base}/oauth2/v2.0/authorize"
    assert found.device_authorization == f"{base}/oauth2/v2.0/devicecode"
    assert found.client_authentication == ("client_secret_post",)
    assert [hill.expand(url, tenant="common") for url in ENTRA_V2.metadata_urls] == [
        "https://login.hill.example/common/v2.0/.well-known/openid-configuration"
    ]


def test_the_endpoints_of_v1_are_below_the_tenant() -> None:
    hill = Environment("Hill", "https://login.hill.example:8443/x", protocol=ENTRA_V1)
    found = planned_endpoints(hill, "contoso.example")
    base = "https://login.hill.example:8443/x/contoso.example"
    assert found.token == f"{base}/oauth2/token"
    assert found.authorization == f"{base}/oauth2/authorize"
    assert found.device_authorization == f"{base}/oauth2/devicecode"
    assert found.client_authentication == ("client_secret_post",)
    assert [hill.expand(url, tenant="common") for url in ENTRA_V1.metadata_urls] == [
        "https://login.hill.example:8443/x/common/.well-known/openid-configuration"
    ]


def test_v2_has_scopes_and_v1_has_resources_and_its_own_name_for_a_device_code() -> None:
    assert (ENTRA_V2.audience, ENTRA_V2.device_code_field) == ("scope", "device_code")
    assert (ENTRA_V1.audience, ENTRA_V1.device_code_field) == ("resource", "code")
    assert ENTRA_V2.identity_scopes == ("openid", "profile", "offline_access")
    assert ENTRA_V1.identity_scopes == ()


def test_only_v1_sends_id_tokens_that_nobody_signed() -> None:
    assert ENTRA_V1.ignore_unsigned_id_token
    assert not ENTRA_V2.ignore_unsigned_id_token


@both
def test_without_a_tenant_common_is_asked(protocol: Protocol) -> None:
    assert protocol.default_tenant == "common"
    assert protocol.tenant is TENANT


def test_configuration_can_name_both() -> None:
    assert {"entra-v2", "entra-v1", "oidc"} <= {each.name for each in protocols_of(ENVIRONMENTS)}
    registry = Registry.load(
        parse('[environments.Old]\nauthority = "https://a.example"\nprotocol = "entra-v1"')
    )
    assert registry.environment("Old").protocol is ENTRA_V1


@both
@pytest.mark.parametrize(
    "client_id", [GUID, GUID.upper(), f"{{{GUID}}}"], ids=["plain", "upper", "braces"]
)
def test_a_client_id_is_a_guid_in_one_spelling(protocol: Protocol, client_id: str) -> None:
    assert protocol.client_id.read(client_id) == GUID


@both
@pytest.mark.parametrize(
    "client_id", [f"{{{GUID}", f"{GUID}}}", GUID[:-1], GUID.replace("-", ""), f"{GUID}\n", "app"]
)
def test_any_other_client_id_is_refused(protocol: Protocol, client_id: str) -> None:
    with pytest.raises(ValueError, match="is not a GUID"):
        protocol.client_id.read(client_id)


@pytest.mark.parametrize(
    ("given_", "tenant"),
    [
        (GUID, GUID),
        (GUID.upper(), GUID),
        (f"{{{GUID}}}", GUID),
        ("contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
        ("Contoso.Example", "contoso.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("3com.example", "3com.example"),
        ("a.b.c.d.e.example", "a.b.c.d.e.example"),
        ("common", "common"),
        ("Organizations", "organizations"),
        ("CONSUMERS", "consumers"),
    ],
)
def test_a_tenant_is_a_guid_a_domain_or_one_of_three_words(given_: str, tenant: str) -> None:
    assert TENANT.read(given_) == tenant


@pytest.mark.parametrize(
    "tenant",
    [
        "",
        "contoso",
        "contoso.example/",
        "contoso/example.com",
        "../common",
        "common/oauth2/token?x=",
        "contoso.example?x",
        "contoso.example#x",
        "contoso.example:443",
        "user@contoso.example",
        "contoso..example",
        ".contoso.example",
        "contoso.example.",
        "-contoso.example",
        "contoso-.example",
        "con_toso.example",
        "contoso.example\n",
        "contoso.example ",
        "contoso\\.example",
        "con%2Ftoso.example",
        "bücher.example",
        "10.0.0.1",
        "127.1",
        f"{{{GUID}",
        f"{GUID}}}",
        GUID[:-1],
        "{common}",
        f"{'a' * 64}.example",
        f"{'a.' * 127}example",
    ],
)
def test_what_is_no_tenant_is_refused_in_words(tenant: str) -> None:
    with pytest.raises(ValueError, match="is not a tenant: a GUID, a verified domain") as caught:
        TENANT.read(tenant)
    assert repr(tenant) in str(caught.value)


@given(st.text())
def test_a_tenant_that_is_read_is_safe_in_a_path_and_stays_the_same(text: str) -> None:
    try:
        tenant = TENANT.read(text)
    except ValueError:
        return
    assert re.fullmatch(r"[a-z0-9.-]+", tenant)
    assert TENANT.read(tenant) == tenant


@given(st.from_regex(TENANT.pattern, fullmatch=True))
def test_any_tenant_of_the_form_is_safe_in_a_path(text: str) -> None:
    tenant = TENANT.read(text)
    assert re.fullmatch(r"[a-z0-9.-]+", tenant)
    assert not tenant.startswith(".")
    assert ".." not in tenant
    assert TENANT.read(tenant) == tenant


def test_a_long_text_that_is_no_tenant_is_refused_at_once() -> None:
    for text in ("a." * 20_000 + "!", "a" * 40_000, "a-" * 20_000):
        with pytest.raises(ValueError, match="is not a tenant"):
            TENANT.read(text)
