"""Devices that wait for a person, and what they are told meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from grantway_sandbox.model import PUBLIC_APPLICATION_ID
from grantway_sandbox.person import Stuck
from grantway_sandbox.server import Sandbox
from sandbox.signing_in import SCOPE, Browser, path
from sandbox.support import GRAPH, FakeClock, claims_of, code_of, unverified

LONG = "urn:ietf:params:oauth:grant-type:device_code"
Begin = Callable[..., dict[str, Any]]
Poll = Callable[..., requests.Response]


def ask(sandbox: Sandbox, version: int, tenant: str, **fields: str | None) -> requests.Response:
    asked: dict[str, str | None] = {"client_id": sandbox.public_application_id}
    asked["scope" if version == 2 else "resource"] = SCOPE if version == 2 else GRAPH
    asked |= fields
    return requests.post(
        f"{sandbox.url}/{tenant}/{path('devicecode', version)}",
        data={name: value for name, value in asked.items() if value is not None},
        timeout=10,
    )


@pytest.fixture
def begin(sandbox: Sandbox) -> Begin:
    def start(version: int = 2, tenant: str = "common", **fields: str | None) -> dict[str, Any]:
        answer = ask(sandbox, version, tenant, **fields)
        assert answer.ok, answer.text
        body: dict[str, Any] = answer.json()
        return body

    return start


def poll_for(
    sandbox: Sandbox, device: dict[str, Any], version: int = 2, **fields: str | None
) -> requests.Response:
    asked: dict[str, str | None] = {
        "client_id": sandbox.public_application_id,
        "grant_type": LONG if version == 2 else "device_code",
        "device_code" if version == 2 else "code": device["device_code"],
    }
    asked |= fields
    return requests.post(
        f"{sandbox.url}/common/{path('token', version)}",
        data={name: value for name, value in asked.items() if value is not None},
        timeout=10,
    )


@pytest.fixture
def poll(sandbox: Sandbox) -> Poll:
    def post(device: dict[str, Any], version: int = 2, **fields: str | None) -> requests.Response:
        return poll_for(sandbox, device, version, **fields)

    return post


def test_v2_describes_the_wait_in_numbers(sandbox: Sandbox, begin: Begin) -> None:
    device = begin()
    assert device["verification_uri"] == f"{sandbox.url}/devicelogin"
    assert (device["expires_in"], device["interval"]) == (900, 5)
    assert device["user_code"] in device["message"]
    assert device["verification_uri"] in device["message"]
    assert "verification_url" not in device


def test_v1_describes_it_in_strings_under_another_name(sandbox: Sandbox, begin: Begin) -> None:
    device = begin(1)
    assert device["verification_url"] == f"{sandbox.url}/devicelogin"
    assert (device["expires_in"], device["interval"]) == ("900", "5")
    assert "verification_uri" not in device


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("page", ["/devicelogin", "/common/oauth2/deviceauth"])
def test_a_device_gets_tokens_once_a_person_approved(
    sandbox: Sandbox, begin: Begin, poll: Poll, version: int, page: str
) -> None:
    device = begin(version)
    waiting = poll(device, version)
    assert waiting.status_code == 400
    assert (waiting.json()["error"], code_of(waiting)) == ("authorization_pending", 70016)
    sandbox.person().enter_code(sandbox.url + page, device["user_code"])
    answer = poll(device, version)
    assert claims_of(answer)["oid"] == sandbox.user.object_id
    assert claims_of(answer)["amr"] == ["pwd", "mfa"]
    assert answer.json()["refresh_token"]
    assert "nonce" not in unverified(answer.json()["id_token"])


def test_tokens_come_once_and_a_second_time_revokes_them(
    sandbox: Sandbox, begin: Begin, poll: Poll
) -> None:
    device = begin()
    sandbox.person().enter_code(device["verification_uri"], device["user_code"])
    token = poll(device).json()["refresh_token"]
    assert code_of(poll(device)) == 54005
    refused = poll(device, grant_type="refresh_token", refresh_token=token, device_code=None)
    assert code_of(refused) == 50173


def test_of_many_polls_at_once_one_gets_tokens(sandbox: Sandbox, begin: Begin, poll: Poll) -> None:
    device = begin()
    sandbox.person().enter_code(device["verification_uri"], device["user_code"])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: poll(device), range(8)))
    assert sum(answer.ok for answer in answers) == 1


def test_who_declines_is_told_to_the_device(sandbox: Sandbox, begin: Begin, poll: Poll) -> None:
    device = begin()
    sandbox.person(accept=False).enter_code(device["verification_uri"], device["user_code"])
    for _ in range(2):
        answer = poll(device)
        assert answer.status_code == 400
        assert answer.json()["error"] == "authorization_declined"


def test_who_is_signed_in_already_is_asked_all_the_same(
    sandbox: Sandbox, begin: Begin, poll: Poll
) -> None:
    person = sandbox.person()
    first, second = begin(), begin()
    person.enter_code(first["verification_uri"], first["user_code"])
    person.accept = False
    person.enter_code(second["verification_uri"], second["user_code"])
    assert poll(first).ok
    assert poll(second).json()["error"] == "authorization_declined"


@pytest.mark.parametrize(
    ("version", "error", "number"), [(2, "expired_token", 70020), (1, "code_expired", 70019)]
)
def test_a_code_expires_after_fifteen_minutes(
    sandbox: Sandbox,
    begin: Begin,
    poll: Poll,
    clock: FakeClock,
    version: int,
    error: str,
    number: int,
) -> None:
    device = begin(version)
    clock.advance(899)
    assert code_of(poll(device, version)) == 70016
    clock.advance(1)
    answer = poll(device, version)
    assert (answer.json()["error"], code_of(answer)) == (error, number)
    with pytest.raises(Stuck, match="not known here, or it has expired"):
        sandbox.person().enter_code(f"{sandbox.url}/devicelogin", device["user_code"])


def test_who_approves_too_late_is_told(sandbox: Sandbox, begin: Begin, clock: FakeClock) -> None:
    browser = Browser(sandbox)
    browser.get(f"{sandbox.url}/devicelogin")
    browser.submit(user_code=begin()["user_code"], do="next")
    browser.enter_password()
    browser.enter_code()
    clock.advance(900)
    answer = browser.submit(do="accept")
    assert answer.status_code == 400
    assert browser.page.title == "That code has expired"


def test_a_hasty_device_is_told_to_slow_down_by_five_seconds_each_time(
    sandbox: Sandbox, begin: Begin, poll: Poll, clock: FakeClock
) -> None:
    device = begin()
    assert poll(device).json()["error"] == "authorization_pending"
    clock.advance(4)
    assert poll(device).json()["error"] == "slow_down"
    clock.advance(9)
    assert poll(device).json()["error"] == "slow_down"
    clock.advance(15)
    assert poll(device).json()["error"] == "authorization_pending"
    sandbox.person().enter_code(device["verification_uri"], device["user_code"])
    assert poll(device).ok


def test_haste_can_be_allowed_and_the_interval_chosen(clock: FakeClock) -> None:
    with Sandbox(clock=clock, slow_down=False, device_interval=1) as sandbox:
        device = ask(sandbox, 2, "common").json()
        assert device["interval"] == 1
        for _ in range(3):
            assert poll_for(sandbox, device).json()["error"] == "authorization_pending"


def test_an_unknown_code_and_anothers_code_are_bad(
    sandbox: Sandbox, begin: Begin, poll: Poll
) -> None:
    device, demo = begin(), sandbox.application
    stranger = {"client_id": demo.application_id, "client_secret": demo.secret}
    for answer in (
        poll({"device_code": "nothing"}),
        poll(device, **stranger),
        poll(device, 1),
    ):
        assert (answer.json()["error"], code_of(answer)) == ("bad_verification_code", 70018)


def test_a_confidential_application_may_wait_too_and_authenticates(
    sandbox: Sandbox, begin: Begin, poll: Poll
) -> None:
    demo = sandbox.application
    device = begin(client_id=demo.application_id)
    sandbox.person().enter_code(device["verification_uri"], device["user_code"])
    assert code_of(poll(device, client_id=demo.application_id)) == 7000218
    answer = poll(device, client_id=demo.application_id, client_secret=demo.secret)
    assert claims_of(answer)["appidacr"] == "1"


def test_v2_takes_the_old_name_of_the_grant_and_v1_no_other(
    sandbox: Sandbox, begin: Begin, poll: Poll
) -> None:
    assert code_of(poll(begin(), grant_type="device_code")) == 70016
    assert code_of(poll(begin(1), 1, grant_type=LONG)) == 70003


@pytest.mark.parametrize("version", [1, 2])
def test_a_poll_needs_its_code_under_the_versions_name(
    begin: Begin, poll: Poll, version: int
) -> None:
    names = {1: "code", 2: "device_code"}
    answer = poll(begin(version), version, **{names[version]: None})
    assert code_of(answer) == 900144
    assert f"'{names[version]}'" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("version", "fields", "number"),
    [
        (2, {"client_id": None}, 900144),
        (2, {"client_id": "5a9d0b0c-ffff-4a00-8a00-00000000c0de"}, 700016),
        (2, {"scope": None}, 900144),
        (2, {"scope": f"{GRAPH}/No.Such"}, 70011),
        (1, {"resource": None}, 900144),
        (1, {"resource": "api://nothing"}, 500011),
    ],
)
def test_a_device_that_asks_wrongly_is_refused(
    sandbox: Sandbox, version: int, fields: dict[str, str | None], number: int
) -> None:
    answer = ask(sandbox, version, "common", **fields)
    assert answer.status_code == 400
    assert code_of(answer) == number
    assert ask(sandbox, version, "nowhere.example").json()["error_codes"] == [90002]


def test_the_code_may_be_typed_in_small_letters_with_spaces_and_dashes(
    sandbox: Sandbox, begin: Begin, poll: Poll
) -> None:
    device = begin()
    typed = device["user_code"].lower()
    person = sandbox.person()
    person.enter_code(device["verification_uri"], f" {typed[:3]}-{typed[3:6]} {typed[6:]} ")
    assert poll(device).ok


def test_a_named_tenant_is_the_tokens_own(sandbox: Sandbox, begin: Begin, poll: Poll) -> None:
    customer = sandbox.customers[0]
    sandbox.consent(PUBLIC_APPLICATION_ID, customer.tenant_id, given=False)
    device = begin(tenant=customer.domain)
    sandbox.person().enter_code(device["verification_uri"], device["user_code"])
    assert claims_of(poll(device))["tid"] == customer.tenant_id


@pytest.mark.parametrize("version", [1, 2])
def test_auto_approval_needs_nobody(clock: FakeClock, version: int) -> None:
    with Sandbox(clock=clock, auto_approve=True) as sandbox:
        device = ask(sandbox, version, "common").json()
        assert claims_of(poll_for(sandbox, device, version))["oid"] == sandbox.user.object_id
