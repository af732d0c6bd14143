"""A cloud learned from its resource manager, in every published shape; and from hostile documents."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from clouds.arm_documents import cloud_2022, clouds_2020, hub_1_0, hub_with_adfs_1_0
from grantway import Dispatcher, Environment, Trust, discover
from grantway.errors import (
    AuthorityError,
    DeadlineExceeded,
    GrantwayError,
    InvalidParameter,
    MalformedResponse,
    ProtocolViolation,
    TransportError,
)
from grantway_clouds import ADFS, ADVICE, ENTRA_V2
from servers.raw import Behaviour, RawServer, drip_body, json_answer, large, redirect, silence

LOOPBACK = Trust(loopback_http=True)
UNKNOWN = json_answer({"error": {"code": "InvalidApiVersionParameter"}}, 400)


def learn(server: RawServer, *answers: Behaviour, **more: Any) -> Environment:
    server.serve(*answers)
    return discover(f"arm={server.url}", name="Hill", **{"trust": LOOPBACK, **more})


def test_the_newest_version_is_asked_first_and_is_enough(raw_server: RawServer) -> None:
    hill = learn(raw_server, json_answer(cloud_2022(raw_server.url)))
    assert [each.target for each in raw_server.requests] == [
        "/metadata/endpoints?api-version=2022-09-01"
    ]
    assert (hill.name, hill.authority) == ("Hill", "https://login.hill.example")
    assert (hill.protocol, hill.tenant, hill.advice) == (ENTRA_V2, None, ADVICE)
    assert dict(hill.resources) == {
        "graph": "https://msgraph.hill.example/",
        "aadgraph": "https://graph.hill.example/",
        "arm": "https://management.core.hill.example/",
        "keyvault": "https://vault.hill.example",
    }
    assert hill.secret_hosts == {"login.hill.example"}
    assert hill.trust == LOOPBACK


def test_of_a_list_the_cloud_of_this_resource_manager_is_taken(raw_server: RawServer) -> None:
    hill = learn(raw_server, UNKNOWN, json_answer(clouds_2020(raw_server.url)))
    assert [each.target.rpartition("=")[2] for each in raw_server.requests] == [
        "2022-09-01",
        "2020-06-01",
    ]
    assert hill.authority == "https://login.hill.example"
    assert hill.resources["keyvault"] == "https://vault.hill.example"
    assert "graph" not in hill.resources


def test_a_list_is_taken_whatever_version_was_asked_for(raw_server: RawServer) -> None:
    assert learn(raw_server, json_answer(clouds_2020(raw_server.url))).protocol is ENTRA_V2


def test_an_azure_stack_hub_is_asked_by_the_oldest_version(raw_server: RawServer) -> None:
    hub = learn(raw_server, UNKNOWN, UNKNOWN, json_answer(hub_1_0()))
    assert raw_server.requests[-1].target == "/metadata/endpoints?api-version=1.0"
    assert (hub.authority, hub.protocol) == ("https://login.hill.example", ENTRA_V2)
    assert dict(hub.resources) == {
        "aadgraph": "https://graph.hub.example/",
        "arm": "https://management.contoso.example/3cc5febd-e4b7-4a85-a2ed-1d730e2f5928",
    }


def test_an_azure_stack_hub_with_adfs_speaks_adfs(raw_server: RawServer) -> None:
    hub = learn(raw_server, UNKNOWN, UNKNOWN, json_answer(hub_with_adfs_1_0()))
    assert (hub.authority, hub.protocol) == ("https://adfs.hub.example", ADFS)
    assert hub.single_tenant == "adfs"
    with Dispatcher() as dispatcher:
        planned = dispatcher.explain(
            environment=hub, credential=("an application", "secret"), resource="arm"
        ).requests[0]
    assert planned.url == "https://adfs.hub.example/adfs/oauth2/token"
    assert dict(planned.fields)["resource"] == hub.resources["arm"]
    assert "scope" not in dict(planned.fields)


def test_a_newer_document_tells_adfs_by_its_identity_provider(raw_server: RawServer) -> None:
    cloud = cloud_2022(raw_server.url, "https://sts.hill.example/adfs/")
    cloud["authentication"] |= {"identityProvider": "ADFS", "tenant": "adfs"}
    hill = learn(raw_server, json_answer(cloud))
    assert (hill.authority, hill.protocol) == ("https://sts.hill.example", ADFS)


def test_a_cloud_of_one_tenant_says_so(raw_server: RawServer) -> None:
    cloud = cloud_2022(raw_server.url)
    cloud["authentication"]["tenant"] = "Contoso.example"
    assert learn(raw_server, json_answer(cloud)).tenant == "contoso.example"


def test_the_address_of_the_metadata_itself_will_do(raw_server: RawServer) -> None:
    raw_server.serve(json_answer(cloud_2022(raw_server.url)))
    url = f"{raw_server.url}/metadata/endpoints?api-version=2020-06-01"
    found = discover(f"arm={url}", trust=LOOPBACK)
    assert found.name == raw_server.url.removeprefix("http://").replace(":", "-")
    assert raw_server.requests[0].target == "/metadata/endpoints?api-version=2022-09-01"


def test_only_the_named_host_is_asked(raw_servers: Callable[..., RawServer]) -> None:
    arm, login = raw_servers(), raw_servers()
    found = learn(arm, json_answer(cloud_2022(arm.url, f"{login.url}/")))
    assert found.authority == login.url
    assert login.connections == 0


def without(*path: str) -> Callable[[str], object]:
    def document(arm: str) -> object:
        cloud = cloud_2022(arm)
        inner = cloud
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]
        return cloud

    return document


def changed(**facts: object) -> Callable[[str], object]:
    return lambda arm: {**cloud_2022(arm), **facts}


def login(url: object) -> Callable[[str], object]:
    return lambda arm: cloud_2022(arm, url)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("document", "error", "says"),
    [
        (without("authentication"), MalformedResponse, "no login endpoint"),
        (without("authentication", "loginEndpoint"), MalformedResponse, "no login endpoint"),
        (login(5), MalformedResponse, "no login endpoint"),
        (login("http://login.hill.example/"), ProtocolViolation, "not https"),
        (login("https://user@login.hill.example/"), ProtocolViolation, "user information"),
        (login("https://login.hill.example\\@evil.example"), ProtocolViolation, "backslash"),
        (login("https://login.hill.example/?next=1"), ProtocolViolation, "query"),
        (login("https://löginn.example/"), ProtocolViolation, "ASCII"),
        (login("https://login.hill.example./"), ProtocolViolation, "host name"),
        (login("javascript:alert(1)"), ProtocolViolation, "not an http"),
        (changed(resourceManager="https://management.vale.example"), ProtocolViolation, "Ask the"),
        (lambda arm: clouds_2020("https://management.dale.example"), ProtocolViolation, "Vale"),
        (lambda arm: [], MalformedResponse, "no login endpoint"),
        (lambda arm: [5, None], MalformedResponse, "no login endpoint"),
        (lambda arm: "a text", MalformedResponse, "JSON object"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_is_refused(
    raw_server: RawServer,
    document: Callable[[str], object],
    error: type[GrantwayError],
    says: str,
) -> None:
    with pytest.raises(error, match=says):
        learn(raw_server, json_answer(document(raw_server.url)))


@pytest.mark.parametrize(
    "facts",
    [
        {"graph": ["no text"], "graphAudience": None},
        {"suffixes": "none"},
        {"suffixes": {"keyVaultDns": "vault with spaces"}},
        {"microsoftGraphResourceId": "javascript:alert(1)"},
        {"microsoftGraphResourceId": "https://graph.example/\x1b[2J"},
    ],
)
def test_a_resource_that_is_no_uri_is_left_out(
    raw_server: RawServer, facts: dict[str, object]
) -> None:
    cloud = {**cloud_2022(raw_server.url), **facts}
    found = learn(raw_server, json_answer(cloud))
    assert "arm" in found.resources
    assert all(uri.isprintable() and " " not in uri for uri in found.resources.values())


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (redirect("https://elsewhere.example/"), ProtocolViolation),
        (large(), MalformedResponse),
        (json_answer({}, 404), AuthorityError),
    ],
)
def test_a_server_that_misbehaves_is_told(
    raw_server: RawServer, behaviour: Behaviour, error: type[GrantwayError]
) -> None:
    with pytest.raises(error):
        learn(raw_server, behaviour)


@pytest.mark.parametrize("behaviour", [silence(), drip_body(b"{" * 500)])
def test_a_slow_server_costs_no_more_than_the_time_given(
    raw_server: RawServer, behaviour: Behaviour
) -> None:
    with pytest.raises((DeadlineExceeded, TransportError)):
        learn(raw_server, behaviour, timeout=0.5)


def test_plain_http_is_for_loopback_that_says_so(raw_server: RawServer) -> None:
    with pytest.raises(InvalidParameter, match="loopback_http"):
        discover(f"arm={raw_server.url}")
    assert raw_server.connections == 0


def test_at_the_socket_layer_nobody_else_is_met(raw_server: RawServer) -> None:
    raw_server.serve(UNKNOWN, json_answer(clouds_2020(raw_server.url)))
    script = f"""
import sys
met = []
def watch(event, args):
    if event == "socket.getaddrinfo":
        met.append(str(args[0]))
    elif event == "socket.connect":
        met.append(str(args[1][0]))
sys.addaudithook(watch)
from grantway import Dispatcher, Trust, discover
hill = discover("arm={raw_server.url}", name="Hill", trust=Trust(loopback_http=True))
with Dispatcher() as dispatcher:
    dispatcher.explain(environment=hill, application_id=None)
print(*sorted(set(met)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["127.0.0.1"]
