"""Errors and misbehaviour on demand, for those who test clients."""

from typing import Any

import pytest
import requests

from grantway_sandbox.misbehaviour import Misbehaviour
from grantway_sandbox.script import Fault
from grantway_sandbox.server import Sandbox
from sandbox.signing_in import REDIRECT, authorization_url, path, redeem
from sandbox.support import GRAPH, code_of, unverified


def answer_to(sandbox: Sandbox, **fields: str | None) -> Any:
    return sandbox.person().answer(authorization_url(sandbox, **fields))


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (65004, "access_denied"),
        (65001, "consent_required"),
        (50076, "interaction_required"),
        (50058, "login_required"),
        (50000, "server_error"),
        (90055, "temporarily_unavailable"),
        (16000, "interaction_required"),
    ],
)
def test_an_authorization_answer_can_be_any_error(
    sandbox: Sandbox, number: int, error: str
) -> None:
    sandbox.fail_next(number, at="authorize")
    answer = answer_to(sandbox)
    assert answer.get("error") == error
    assert answer.get("error_description").startswith(f"AADSTS{number}: ")
    assert answer.get("state") == "a state"
    assert answer_to(sandbox).get("code")


def test_a_fault_waits_for_the_endpoint_it_is_meant_for(sandbox: Sandbox) -> None:
    sandbox.fail_next("AADSTS50076", at="token")
    sandbox.fail_next(Fault(502, body="<h1>Bad gateway</h1>"), at="device")
    answer = answer_to(sandbox)
    assert code_of(redeem(sandbox, answer.get("code"))) == 50076
    url = f"{sandbox.url}/common/{path('devicecode', 2)}"
    data = {"client_id": sandbox.public_application_id, "scope": f"{GRAPH}/.default"}
    assert requests.post(url, data=data, timeout=10).status_code == 502
    assert requests.post(url, data=data, timeout=10).ok


def test_a_device_can_be_refused_by_number(sandbox: Sandbox) -> None:
    sandbox.fail_next(90055, at="device")
    answer = requests.post(
        f"{sandbox.url}/common/{path('devicecode', 1)}",
        data={"client_id": sandbox.public_application_id, "resource": GRAPH},
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "temporarily_unavailable"


def test_a_fault_stands_in_place_of_the_page(sandbox: Sandbox) -> None:
    sandbox.fail_next(Fault(500, body="<h1>Oops</h1>"), at="authorize")
    answer = requests.get(authorization_url(sandbox), allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.text) == (500, "<h1>Oops</h1>")


def test_only_requests_that_were_meant_are_met(sandbox: Sandbox) -> None:
    sandbox.fail_next(
        50058, at="authorize", when=lambda request: ("prompt", "none") in request.query
    )
    assert answer_to(sandbox).get("code")
    assert answer_to(sandbox, prompt="none").get("error") == "login_required"


@pytest.mark.parametrize("at", ["token", "device"])
def test_a_misbehaviour_of_authorization_answers_is_for_these_only(
    sandbox: Sandbox, at: Any
) -> None:
    with pytest.raises(ValueError, match="authorize"):
        sandbox.fail_next("wrong_state", at=at)


def test_state_can_be_wrong_or_missing(sandbox: Sandbox) -> None:
    sandbox.fail_next(Misbehaviour.WRONG_STATE, at="authorize")
    answer = answer_to(sandbox)
    assert answer.get("state") not in (None, "a state")
    assert answer.get("code")
    sandbox.fail_next("missing_state", at="authorize")
    answer = answer_to(sandbox)
    assert answer.get("state") is None
    assert answer.get("code")


@pytest.mark.parametrize("response_iss", [True, False])
def test_the_issuer_can_be_wrong_or_missing(response_iss: bool) -> None:
    with Sandbox(response_iss=response_iss) as sandbox:
        right = f"{sandbox.url}/{sandbox.tenant.tenant_id}/v2.0" if response_iss else None
        assert answer_to(sandbox).get("iss") == right
        sandbox.fail_next("wrong_iss", at="authorize")
        assert answer_to(sandbox).get("iss") not in (None, right)
        sandbox.fail_next("missing_iss", at="authorize")
        assert answer_to(sandbox).get("iss") is None


def test_the_nonce_can_be_wrong(sandbox: Sandbox) -> None:
    sandbox.fail_next("wrong_nonce", at="authorize")
    token = redeem(sandbox, answer_to(sandbox).get("code")).json()["id_token"]
    assert unverified(token)["nonce"] not in ("", "a nonce")


def test_parameters_can_come_twice(sandbox: Sandbox) -> None:
    sandbox.fail_next("duplicate_parameters", at="authorize")
    names = [name for name, _ in answer_to(sandbox).parameters]
    assert names.count("code") == names.count("state") == 2


def test_the_code_can_be_missing(sandbox: Sandbox) -> None:
    sandbox.fail_next("missing_code", at="authorize")
    answer = answer_to(sandbox)
    assert answer.get("code") is None
    assert answer.get("error") is None
    assert answer.get("state") == "a state"


@pytest.mark.parametrize("mode", ["query", "form_post", "fragment"])
def test_an_errors_description_can_be_markup(sandbox: Sandbox, mode: str) -> None:
    sandbox.fail_next("html_error", at="authorize")
    answer = answer_to(sandbox, response_mode=mode)
    assert answer.get("error") == "access_denied"
    assert answer.get("error_description").startswith("<script>")
    assert answer.get("code") is None


def test_the_answer_can_go_to_another_path(sandbox: Sandbox) -> None:
    sandbox.fail_next("other_path", at="authorize")
    answer = answer_to(sandbox)
    assert answer.redirect_uri == f"{REDIRECT}somewhere/else"
    assert answer.get("code")


def test_every_misbehaviour_goes_away_again(sandbox: Sandbox) -> None:
    for kind in Misbehaviour:
        sandbox.fail_next(kind, at="authorize")
        answer_to(sandbox)
        answer = answer_to(sandbox)
        names = [name for name, _ in answer.parameters]
        assert names == ["code", "state"]
        token = redeem(sandbox, answer.get("code")).json()["id_token"]
        assert unverified(token)["nonce"] == "a nonce"
