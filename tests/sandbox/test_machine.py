"""The sandbox's machine has an identity: grantway and others get tokens without a secret."""

import re
from typing import Any

import pytest
import requests

from grantway import Dispatcher
from grantway.errors import AuthorityError, GrantwayError
from grantway_sandbox.machine import ASSIGNED_RESOURCE_ID, METADATA_PATH
from grantway_sandbox.model import ASSIGNED_IDENTITY_ID, MACHINE_IDENTITY_ID, TENANT_ID
from grantway_sandbox.script import Fault
from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH, FakeClock, unverified

IDENTITY = {"client_id": ASSIGNED_IDENTITY_ID}
HOST = "AZURE_POD_IDENTITY_AUTHORITY_HOST"


@pytest.fixture
def on_app_service(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    for name, value in sandbox.identity_variables.items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture
def on_a_virtual_machine(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv(HOST, sandbox.url)
    return sandbox


@pytest.fixture(params=["on_app_service", "on_a_virtual_machine"])
def machine(request: pytest.FixtureRequest) -> Sandbox:
    sandbox: Sandbox = request.getfixturevalue(request.param)
    return sandbox


def acquire(sandbox: Sandbox, **given: Any) -> dict[str, Any]:
    """The claims of a token for code on this machine."""
    with Dispatcher(prompter=False) as dispatcher:
        result = dispatcher.acquire(managed_identity=True, environment=sandbox.environment, **given)
    return unverified(result.access_token)


def test_code_on_it_gets_a_token_of_the_system_assigned_identity(
    machine: Sandbox, clock: FakeClock
) -> None:
    claims = acquire(machine)
    assert (claims["azp"], claims["tid"]) == (MACHINE_IDENTITY_ID, TENANT_ID)
    assert claims["exp"] == clock.now + machine.token_lifetime
    assert (claims["idtyp"], claims["azpacr"]) == ("app", "2")
    assert acquire(machine, resource="graph")["appid"] == MACHINE_IDENTITY_ID


@pytest.mark.parametrize(
    "given",
    [
        {"identity_client_id": ASSIGNED_IDENTITY_ID},
        {"identity_resource_id": ASSIGNED_RESOURCE_ID},
        {"identity_resource_id": ASSIGNED_RESOURCE_ID.upper()},
    ],
)
def test_code_on_it_chooses_the_one_that_is_assigned(
    machine: Sandbox, given: dict[str, str]
) -> None:
    assert acquire(machine, **given)["azp"] == ASSIGNED_IDENTITY_ID


def test_an_identity_and_a_resource_that_are_not_there_are_refused(machine: Sandbox) -> None:
    for given, remedy in (
        ({"identity_object_id": TENANT_ID}, "identity_object_id names is assigned"),
        ({"resource": "https://nowhere.example"}, "Check "),
    ):
        with pytest.raises(AuthorityError) as caught:
            acquire(machine, **given)
        assert caught.value.status == 400
        assert remedy in caught.value.remedy


def test_it_can_be_told_to_fail(on_a_virtual_machine: Sandbox) -> None:
    on_a_virtual_machine.fail_next(Fault(410))
    with pytest.raises(GrantwayError), Dispatcher(prompter=False) as dispatcher:
        dispatcher.acquire(
            managed_identity=True, environment=on_a_virtual_machine.environment, timeout=2
        )
    assert acquire(on_a_virtual_machine)["azp"] == MACHINE_IDENTITY_ID


def test_a_page_in_a_browser_gets_nothing(on_app_service: Sandbox) -> None:
    sandbox, query = on_app_service, {"api-version": "2018-02-01", "resource": GRAPH}
    address = f"{sandbox.url}{METADATA_PATH}"
    assert requests.get(address, params=query, timeout=10).status_code == 400
    address = sandbox.identity_variables["IDENTITY_ENDPOINT"]
    for header in ({}, {"X-IDENTITY-HEADER": "another"}):
        query["api-version"] = "2019-08-01"
        answer = requests.get(address, params=query, headers=header, timeout=10)
        assert answer.status_code == 401
        assert "access_token" not in answer.text


def test_it_wants_the_version_that_it_speaks(on_a_virtual_machine: Sandbox) -> None:
    answer = requests.get(
        f"{on_a_virtual_machine.url}{METADATA_PATH}",
        params={"api-version": "2017-01-01", "resource": GRAPH},
        headers={"Metadata": "true"},
        timeout=10,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("given", [{}, IDENTITY])
def test_azure_identity_and_msal_get_one_too(machine: Sandbox, given: dict[str, str]) -> None:
    identity, msal = pytest.importorskip("azure.identity"), pytest.importorskip("msal")
    expected = given.get("client_id", MACHINE_IDENTITY_ID)
    with identity.ManagedIdentityCredential(**given) as credential:
        token = credential.get_token(f"{GRAPH}/.default").token
    assert unverified(token)["appid"] == expected
    chosen = msal.UserAssignedManagedIdentity(**given) if given else None
    with requests.Session() as session:
        client = msal.ManagedIdentityClient(
            chosen or msal.SystemAssignedManagedIdentity(), http_client=session
        )
        answer = client.acquire_token_for_client(resource=GRAPH)
    assert unverified(answer["access_token"])["appid"] == expected


def test_over_tls_the_environments_own_roots_are_believed(
    tls_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in tls_sandbox.identity_variables.items():
        monkeypatch.setenv(name, value)
    assert acquire(tls_sandbox)["azp"] == MACHINE_IDENTITY_ID


def test_its_header_is_a_secret_of_each_start(sandbox: Sandbox) -> None:
    header = sandbox.identity_variables["IDENTITY_HEADER"]
    assert re.fullmatch(r"[\w-]{30,}", header)
    assert header != Sandbox().authority.identity_header
    assert header not in repr(sandbox)
