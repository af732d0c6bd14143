"""What each grant would send in each cloud, to the letter, held against tables written by hand.

The hosts are those of the published table of clouds, the forms those of the two protocols. Nothing
here is read from the code under test, and nothing may touch the network.
"""

import socket
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import attrs
import pytest

from grantway import AuthorityRequest, Context, Credential, Dispatcher, Protocol
from grantway.errors import InvalidParameter
from grantway.explain import Explanation
from grantway_clouds import ENTRA_V1, ENTRA_V2
from oauth.support import acquire, environment, granted
from servers.raw import RawServer

APP = "11111111-2222-3333-4444-555555555555"
TENANT = "contoso.onmicrosoft.com"


class Row(NamedTuple):
    """A cloud: its names, the host that is asked, and the hosts of its resources."""

    names: str
    host: str
    partner: str = ""
    graph: str = ""
    aadgraph: str = ""
    arm: str = ""
    keyvault: str = ""
    exchange: str = ""


CLOUDS = [
    Row(
        "GlobalCloud AzureCloud",
        "login.microsoftonline.com",
        partner="api.partnercenter.microsoft.com",
        graph="graph.microsoft.com",
        aadgraph="graph.windows.net",
        arm="management.azure.com",
        keyvault="vault.azure.net",
        exchange="outlook.office365.com",
    ),
    Row(
        "ChinaCloud AzureChinaCloud",
        "login.partner.microsoftonline.cn",
        partner="partner.partnercenterapi.microsoftonline.cn",
        graph="microsoftgraph.chinacloudapi.cn",
        aadgraph="graph.chinacloudapi.cn",
        arm="management.chinacloudapi.cn",
        keyvault="vault.azure.cn",
        exchange="partner.outlook.cn",
    ),
    Row(
        "USGovernment AzureUSGovernment",
        "login.microsoftonline.us",
        partner="api.partnercenter.microsoft.com",
        graph="graph.microsoft.us",
        aadgraph="graph.windows.net",
        arm="management.usgovcloudapi.net",
        keyvault="vault.usgovcloudapi.net",
        exchange="outlook.office365.us",
    ),
    Row(
        "USGovernmentDoD",
        "login.microsoftonline.us",
        graph="dod-graph.microsoft.us",
        arm="management.usgovcloudapi.net",
        keyvault="vault.usgovcloudapi.net",
        exchange="outlook-dod.office365.us",
    ),
    Row(
        "GermanCloud AzureGermanCloud",
        "login.microsoftonline.de",
        partner="api.partnercenter.microsoft.com",
        graph="graph.microsoft.de",
        aadgraph="graph.cloudapi.de",
        arm="management.microsoftazure.de",
        keyvault="vault.microsoftazure.de",
        exchange="outlook.office.de",
    ),
    Row(
        "PPE AzurePPE",
        "login.windows-ppe.net",
        partner="api.partnercenter.microsoft-ppe.com",
        graph="graph.microsoft-ppe.com",
        aadgraph="graph.ppe.windows.net",
        arm="api-dogfood.resources.windows-int.net",
        keyvault="vault-int.azure-int.net",
    ),
    Row(
        "Bleu",
        "login.sovcloud-identity.fr",
        graph="graph.svc.sovcloud.fr",
        arm="management.core.sovcloud-api.fr/",
        keyvault="vault.sovcloud-api.fr",
        exchange="outlook.sovcloud.fr",
    ),
    Row(
        "Delos",
        "login.sovcloud-identity.de",
        graph="graph.svc.sovcloud.de",
        arm="management.core.sovcloud-api.de/",
        keyvault="vault.sovcloud-api.de",
        exchange="outlook.sovcloud.de",
    ),
    Row("GovSG", "login.sovcloud-identity.sg"),
]
RESOURCES = ("partner", "graph", "aadgraph", "arm", "keyvault", "exchange")
NAMED = [(name, row) for row in CLOUDS for name in row.names.split()]
MISSING = [(row, name) for row in CLOUDS for name in RESOURCES if not getattr(row, name)]

# How each grant is called. HERE stands for the tenant, which is "common" where none is given.
APPLICATION = Credential(APP, "sentinel-client-secret")
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "service principal": (TENANT, {"credential": APPLICATION, "tenant_id": TENANT}),
    "refresh": ("common", {"application_id": APP, "refresh_token": "sentinel-refresh-token"}),
    "refresh, confidential, in a tenant": (
        TENANT,
        {
            "credential": APPLICATION,
            "refresh_token": "sentinel-refresh-token",
            "tenant_id": TENANT,
        },
    ),
    "user, by browser": ("common", {"application_id": APP}),
    "user, by device code": (
        "organizations",
        {"application_id": APP, "tenant_id": "organizations", "device_code": True},
    ),
    "consent": ("common", {"credential": APPLICATION, "consent": True}),
    "consent, by device code": (
        TENANT,
        {"application_id": APP, "consent": True, "device_code": True, "tenant_id": TENANT},
    ),
}

V2_SCOPE = "scope=RESOURCE/.default openid profile offline_access"
PAGE = (
    f"client_id={APP}",
    "code_challenge=***",
    "code_challenge_method=S256",
    "nonce=***",
    "redirect_uri=http://localhost:(free port)/",
    "response_type=code",
    "state=***",
)
CODE = (
    f"client_id={APP}",
    "code=***",
    "code_verifier=***",
    "grant_type=authorization_code",
    "redirect_uri=http://localhost:(free port)/",
)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SECRET = "client_secret=***"

V2: dict[str, list[tuple[str, *tuple[str, ...]]]] = {
    "service principal": [
        (
            "POST https://HOST/HERE/oauth2/v2.0/token",
            f"client_id={APP}",
            SECRET,
            "grant_type=client_credentials",
            "scope=RESOURCE/.default",
        )
    ],
    "refresh": [
        (
            "POST https://HOST/HERE/oauth2/v2.0/token",
            f"client_id={APP}",
            "grant_type=refresh_token",
            "refresh_token=***",
            V2_SCOPE,
        )
    ],
    "refresh, confidential, in a tenant": [
        (
            "POST https://HOST/HERE/oauth2/v2.0/token",
            f"client_id={APP}",
            SECRET,
            "grant_type=refresh_token",
            "refresh_token=***",
            V2_SCOPE,
        )
    ],
    "user, by browser": [
        ("GET https://HOST/HERE/oauth2/v2.0/authorize", *PAGE, V2_SCOPE),
        ("POST https://HOST/HERE/oauth2/v2.0/token", *CODE),
    ],
    "user, by device code": [
        ("POST https://HOST/HERE/oauth2/v2.0/devicecode", f"client_id={APP}", V2_SCOPE),
        (
            "POST https://HOST/HERE/oauth2/v2.0/token",
            f"client_id={APP}",
            "device_code=***",
            f"grant_type={DEVICE_GRANT}",
        ),
    ],
    "consent": [
        ("GET https://HOST/HERE/oauth2/v2.0/authorize", *PAGE, "prompt=login", V2_SCOPE),
        ("POST https://HOST/HERE/oauth2/v2.0/token", *CODE, SECRET),
    ],
    "consent, by device code": [
        ("POST https://HOST/HERE/oauth2/v2.0/devicecode", f"client_id={APP}", V2_SCOPE),
        (
            "POST https://HOST/HERE/oauth2/v2.0/token",
            f"client_id={APP}",
            "device_code=***",
            f"grant_type={DEVICE_GRANT}",
        ),
    ],
}

V1: dict[str, list[tuple[str, *tuple[str, ...]]]] = {
    "service principal": [
        (
            "POST https://HOST/HERE/oauth2/token",
            f"client_id={APP}",
            SECRET,
            "grant_type=client_credentials",
            "resource=RESOURCE",
        )
    ],
    "refresh": [
        (
            "POST https://HOST/HERE/oauth2/token",
            f"client_id={APP}",
            "grant_type=refresh_token",
            "refresh_token=***",
            "resource=RESOURCE",
        )
    ],
    "refresh, confidential, in a tenant": [
        (
            "POST https://HOST/HERE/oauth2/token",
            f"client_id={APP}",
            SECRET,
            "grant_type=refresh_token",
            "refresh_token=***",
            "resource=RESOURCE",
        )
    ],
    "user, by browser": [
        ("GET https://HOST/HERE/oauth2/authorize", *PAGE, "resource=RESOURCE"),
        ("POST https://HOST/HERE/oauth2/token", *CODE, "resource=RESOURCE"),
    ],
    "user, by device code": [
        ("POST https://HOST/HERE/oauth2/devicecode", f"client_id={APP}", "resource=RESOURCE"),
        (
            "POST https://HOST/HERE/oauth2/token",
            f"client_id={APP}",
            "code=***",
            "grant_type=device_code",
            "resource=RESOURCE",
        ),
    ],
    "consent": [
        ("GET https://HOST/HERE/oauth2/authorize", *PAGE, "prompt=login", "resource=RESOURCE"),
        ("POST https://HOST/HERE/oauth2/token", *CODE, SECRET, "resource=RESOURCE"),
    ],
    "consent, by device code": [
        ("POST https://HOST/HERE/oauth2/devicecode", f"client_id={APP}", "resource=RESOURCE"),
        (
            "POST https://HOST/HERE/oauth2/token",
            f"client_id={APP}",
            "code=***",
            "grant_type=device_code",
            "resource=RESOURCE",
        ),
    ],
}


class NoTransport:
    """A road that nobody may take."""

    def fetch_token(self, request: AuthorityRequest, context: Context) -> NoReturn:
        raise AssertionError(request.url)

    def fetch_json(
        self, request: AuthorityRequest, context: Context, *, max_age: float = 0
    ) -> NoReturn:
        raise AssertionError(request.url)

    def close(self) -> None:
        pass


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dispatcher]:
    """A dispatcher without a transport, in a process without sockets."""

    def forbidden(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a socket was wanted")

    with Dispatcher(transport=NoTransport(), prompter=False) as asking:
        for name in ("socket", "create_connection", "getaddrinfo"):
            monkeypatch.setattr(socket, name, forbidden)
        yield asking


def explained(
    asking: Dispatcher, name: str, protocol: Protocol, grant: str, **more: Any
) -> Explanation:
    cloud: Any = asking.registry.environment(name)
    # The built-in clouds speak v2; v1 is one evolution away.
    of = name if protocol is ENTRA_V2 else attrs.evolve(cloud, protocol=protocol)
    found = asking.explain(environment=of, **CALLS[grant][1], **more)
    assert found.problem is None
    return found


def shown(found: Explanation) -> list[tuple[str, ...]]:
    """Each request as a line of the table: method and URL, then its fields by name."""
    assert all(dict(each.headers) == {"Accept": "application/json"} for each in found.requests)
    return [
        (
            f"{each.method} {each.url}",
            *sorted(f"{name}={value}" for name, value in each.fields),
        )
        for each in found.requests
    ]


def expected(
    table: dict[str, list[tuple[str, *tuple[str, ...]]]], row: Row, grant: str, resource: str
) -> list[tuple[str, ...]]:
    def filled(text: str) -> str:
        here = CALLS[grant][0]
        return text.replace("HOST", row.host).replace("HERE", here).replace("RESOURCE", resource)

    return [
        (filled(first), *sorted(filled(each) for each in rest)) for first, *rest in table[grant]
    ]


def stated(row: Row) -> dict[str, str]:
    return {name: f"https://{host}" for name in RESOURCES if (host := getattr(row, name))}


each_protocol = pytest.mark.parametrize(
    ("protocol", "table"), [(ENTRA_V2, V2), (ENTRA_V1, V1)], ids=["v2", "v1"]
)
each_name = pytest.mark.parametrize(("name", "row"), NAMED, ids=[name for name, _ in NAMED])
each_row = pytest.mark.parametrize("row", CLOUDS, ids=[row.names.split()[0] for row in CLOUDS])
each_grant = pytest.mark.parametrize("grant", CALLS)


@each_name
@each_protocol
@each_grant
def test_a_grant_in_a_cloud_is_these_requests(
    offline: Dispatcher, name: str, row: Row, protocol: Protocol, table: Any, grant: str
) -> None:
    """Without a resource Partner Center is meant; where a cloud has none, any is named."""
    resource = f"https://{row.partner or 'api.example.org'}"
    more = {} if row.partner else {"resource": resource}
    found = explained(offline, name, protocol, grant, **more)
    assert shown(found) == expected(table, row, grant, resource)
    assert "sentinel" not in repr(found)


@each_row
@each_protocol
def test_each_resource_of_a_cloud_is_named_in_its_own_terms(
    offline: Dispatcher, row: Row, protocol: Protocol, table: Any
) -> None:
    name = row.names.split()[0]
    for resource, uri in stated(row).items():
        for grant in CALLS:
            found = explained(offline, name, protocol, grant, resource=resource)
            assert shown(found) == expected(table, row, grant, uri)


@pytest.mark.parametrize(
    ("row", "missing"), MISSING, ids=[f"{row.names}-{missing}" for row, missing in MISSING]
)
def test_an_endpoint_that_a_cloud_does_not_have_is_said_to_be_missing(
    offline: Dispatcher, row: Row, missing: str
) -> None:
    name, has = row.names.split()[0], stated(row)
    with pytest.raises(InvalidParameter) as caught:
        offline.explain(environment=name, **CALLS["service principal"][1], resource=missing)
    assert f"{missing!r} is neither a resource of {name}" in caught.value.message
    assert f"({', '.join(has) or 'none'})" in caught.value.message


@pytest.mark.parametrize(
    "row", [row for row in CLOUDS if not row.partner], ids=lambda row: row.names
)
@pytest.mark.parametrize("grant", ["service principal", "refresh", "user, by browser"])
def test_without_partner_center_a_call_has_to_say_what_it_is_for(
    offline: Dispatcher, row: Row, grant: str
) -> None:
    name = row.names.split()[0]
    with pytest.raises(InvalidParameter, match=f"{name} has no default") as caught:
        offline.explain(environment=name, **CALLS[grant][1])
    assert all(each in caught.value.remedy for each in stated(row))


# The cloud that is closed.


@each_name
def test_only_the_closed_cloud_is_warned_of(offline: Dispatcher, name: str, row: Row) -> None:
    found = explained(offline, name, ENTRA_V2, "service principal", resource="https://a.example")
    if "GermanCloud" not in name:
        assert found.warnings == ()
        return
    (warning,) = found.warnings
    assert warning.startswith("GermanCloud is closed: ")
    assert "29 October 2021" in warning


def test_a_token_of_a_closed_cloud_comes_with_the_warning(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    closed = environment(raw_server, closed="It ended; name another.")
    acquire(raw_server, granted(), environment=closed)
    assert "Raw is closed: It ended; name another." in caplog.text


# Tenants.

SHARED = ("common", "organizations", "consumers")


@each_row
@each_protocol
@pytest.mark.parametrize("tenant", SHARED)
def test_an_application_by_itself_needs_a_tenant_of_its_own(
    offline: Dispatcher, row: Row, protocol: Protocol, table: Any, tenant: str
) -> None:
    cloud: Any = offline.registry.environment(row.names.split()[0])
    for spelling in (tenant, tenant.upper()):
        with pytest.raises(InvalidParameter, match="cannot sign in at") as caught:
            offline.explain(
                environment=attrs.evolve(cloud, protocol=protocol),
                credential=APPLICATION,
                tenant_id=spelling,
                resource="https://a.example",
            )
        assert caught.value.parameter == "tenant_id"
        assert "GUID or verified domain" in caught.value.remedy


@pytest.mark.parametrize("tenant", [*SHARED, TENANT, APP, f"{{{APP.upper()}}}"])
def test_a_person_may_sign_in_at_any_of_them(offline: Dispatcher, tenant: str) -> None:
    (page, code) = offline.explain(application_id=APP, tenant_id=tenant).requests
    here = tenant.strip("{}").lower()
    base = f"https://login.microsoftonline.com/{here}/oauth2/v2.0"
    assert (page.url, code.url) == (f"{base}/authorize", f"{base}/token")
