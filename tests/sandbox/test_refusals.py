"""Each refusal has Entra's number, OAuth code and shape."""

import json
import re
import uuid
from typing import Any

import pytest
import requests
from attrs import evolve

from grantway_sandbox.errors import CATALOGUE, EntraError
from grantway_sandbox.model import Application, ClientSecret
from grantway_sandbox.script import Fault, FaultSpec
from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH, Ask, FakeClock

SINGLE = "5a9d0b0c-0009-4a00-8a00-00000000c0de"


def refused(answer: requests.Response, code: int, error: str, status: int = 400) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (body["error_codes"], body["error"], answer.status_code) == ([code], error, status)
    return body


def test_a_refusal_has_all_that_entra_sends(sandbox: Sandbox, ask: Ask) -> None:
    body = refused(ask(client_secret="wrong"), 7000215, "invalid_client", 401)
    assert re.fullmatch(
        r"AADSTS7000215: Invalid client secret provided\. .*"
        r" Trace ID: [0-9a-f-]{36} Correlation ID: [0-9a-f-]{36}"
        r" Timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ",
        body["error_description"],
    )
    assert body["trace_id"] in body["error_description"]
    assert body["correlation_id"] in body["error_description"]
    assert body["timestamp"] == "2027-01-15 08:00:00Z"
    assert body["error_uri"] == f"{sandbox.url}/error?code=7000215"


def test_trace_ids_differ_and_the_callers_correlation_id_is_kept(ask: Ask) -> None:
    mine = str(uuid.uuid4())
    headers = {"client-request-id": mine, "return-client-request-id": "true"}
    answers = [ask(client_secret="wrong", headers=headers) for _ in range(2)]
    assert {answer.json()["correlation_id"] for answer in answers} == {mine}
    assert answers[0].headers["client-request-id"] == mine
    assert answers[0].json()["trace_id"] != answers[1].json()["trace_id"]


def test_a_correlation_id_that_is_no_guid_is_not_echoed(ask: Ask) -> None:
    body = ask(client_secret="wrong", headers={"client-request-id": "<script>"}).json()
    assert uuid.UUID(body["correlation_id"])


@pytest.mark.parametrize(
    ("fields", "code", "error", "status"),
    [
        ({"tenant": "nowhere.example"}, 90002, "invalid_request", 400),
        ({"tenant": "not-a-tenant"}, 900023, "invalid_request", 400),
        ({"tenant": "common"}, 9001023, "invalid_request", 400),
        ({"tenant": "organizations"}, 50059, "invalid_request", 400),
        ({"client_id": str(uuid.UUID(int=1))}, 700016, "unauthorized_client", 400),
        ({"client_secret": None}, 7000218, "invalid_client", 401),
        ({"client_id": None}, 900144, "invalid_request", 400),
        ({"grant_type": None}, 900144, "invalid_request", 400),
        ({"scope": None}, 900144, "invalid_request", 400),
        ({"scope": " "}, 70011, "invalid_scope", 400),
        ({"scope": f"{GRAPH}/User.Read"}, 1002012, "invalid_scope", 400),
        ({"scope": GRAPH}, 1002012, "invalid_scope", 400),
        ({"scope": "openid"}, 28002, "invalid_scope", 400),
        ({"scope": "https:///.default"}, 70011, "invalid_scope", 400),
        ({"scope": "https://unknown.example/.default"}, 500011, "invalid_resource", 400),
        ({"resource": GRAPH}, 901002, "invalid_request", 400),
        ({"grant_type": "password"}, 70003, "unsupported_grant_type", 400),
        ({"grant_type": "refresh_token"}, 900144, "invalid_request", 400),
        (
            {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"},
            900144,
            "invalid_request",
            400,
        ),
    ],
)
def test_v2_refuses(
    ask: Ask, fields: dict[str, str | None], code: int, error: str, status: int
) -> None:
    refused(ask(2, **fields), code, error, status)


@pytest.mark.parametrize(
    ("fields", "code", "error"),
    [
        ({"resource": None}, 900144, "invalid_request"),
        ({"resource": "https://unknown.example"}, 500011, "invalid_resource"),
        ({"resource": None, "scope": f"{GRAPH}/.default"}, 900144, "invalid_request"),
    ],
)
def test_v1_refuses(ask: Ask, fields: dict[str, str | None], code: int, error: str) -> None:
    refused(ask(1, **fields), code, error)


@pytest.mark.parametrize(
    "scope",
    [f"{GRAPH}/Nothing.Known", f"{GRAPH}/.default {GRAPH}/User.Read"],
)
def test_a_delegated_scope_must_exist_and_stand_apart_from_default(
    sandbox: Sandbox, ask: Ask, scope: str
) -> None:
    answer = ask(
        grant_type="refresh_token", scope=scope, refresh_token=sandbox.issue_refresh_token()
    )
    refused(answer, 70011, "invalid_scope")


def test_text_that_the_caller_sent_cannot_break_the_answer(ask: Ask) -> None:
    body = refused(ask(scope='"é\\\n/.default'), 1002012, "invalid_scope")
    assert "AADSTS1002012" in body["error_description"]


def test_a_get_at_the_token_endpoint_is_refused(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/common/oauth2/v2.0/token", timeout=10)
    refused(answer, 900561, "invalid_request")


def test_a_field_sent_twice_is_refused(sandbox: Sandbox) -> None:
    data = [("grant_type", "client_credentials"), ("scope", "a"), ("scope", "b")]
    answer = requests.post(f"{sandbox.url}/common/oauth2/v2.0/token", data=data, timeout=10)
    refused(answer, 9002313, "invalid_request")


def test_an_expired_secret_has_its_own_number(sandbox: Sandbox, ask: Ask, clock: FakeClock) -> None:
    application = sandbox.authority.find_application(sandbox.application.application_id)
    assert application is not None
    expiring = ClientSecret(sandbox.application.secret, expires_on=clock() + 60)
    sandbox.register(evolve(application, secrets=(expiring,)))
    assert ask().ok
    clock.advance(60)
    refused(ask(), 7000222, "invalid_client", 401)


def test_a_public_client_must_send_no_secret(sandbox: Sandbox, ask: Ask) -> None:
    answer = ask(client_id=sandbox.public_application_id, client_secret="x")
    refused(answer, 700025, "invalid_client", 401)


def test_a_public_client_gets_no_client_credentials(sandbox: Sandbox, ask: Ask) -> None:
    answer = ask(client_id=sandbox.public_application_id, client_secret=None)
    refused(answer, 7000218, "invalid_client", 401)


def test_an_application_without_consent_is_not_in_the_tenant(sandbox: Sandbox, ask: Ask) -> None:
    tenant = sandbox.add_tenant("stranger.example", consented=False)
    refused(ask(tenant=tenant.domain), 700016, "unauthorized_client")
    sandbox.consent(sandbox.application.application_id, tenant.tenant_id)
    assert ask(tenant=tenant.domain).ok


def test_a_single_tenant_application_is_at_home_only(sandbox: Sandbox, ask: Ask) -> None:
    secret = ClientSecret("its secret")
    sandbox.register(
        Application(SINGLE, "One", sandbox.tenant.tenant_id, (secret,), multi_tenant=False)
    )
    for tenant in sandbox.tenants:
        sandbox.consent(SINGLE, tenant.tenant_id)
    mine = {"client_id": SINGLE, "client_secret": secret.value}
    assert ask(**mine).ok
    refused(ask(tenant="common", **mine), 50194, "invalid_request")
    refused(ask(tenant=sandbox.customers[0].domain, **mine), 700016, "unauthorized_client")


# Faults on demand


@pytest.mark.parametrize("spec", [65001, "65001", "AADSTS65001", EntraError(65001)])
def test_the_next_answer_fails_as_told_and_the_one_after_does_not(
    sandbox: Sandbox, ask: Ask, spec: FaultSpec
) -> None:
    sandbox.fail_next(spec)
    refused(ask(), 65001, "invalid_grant")
    assert ask().ok


def test_faults_come_as_often_and_in_the_order_they_were_asked_for(
    sandbox: Sandbox, ask: Ask
) -> None:
    sandbox.fail_next(90002, times=2)
    sandbox.fail_next(7000215)
    codes = [ask().json().get("error_codes") for _ in range(4)]
    assert codes == [[90002], [90002], [7000215], None]


def test_a_fault_can_be_meant_for_certain_requests(sandbox: Sandbox, ask: Ask) -> None:
    customer = sandbox.customers[0]
    sandbox.fail_next(53003, when=lambda request: customer.tenant_id in request.path)
    assert ask().ok
    assert ask(tenant=customer.tenant_id).json()["error_codes"] == [53003]


def test_an_interactive_condition_differs_between_v1_and_v2(sandbox: Sandbox, ask: Ask) -> None:
    sandbox.fail_next(50076, times=2)
    old = refused(ask(1), 50076, "interaction_required")
    new = refused(ask(2), 50076, "invalid_grant")
    for body in (old, new):
        assert body["suberror"] == "basic_action"
        assert "capolids" in json.loads(body["claims"])["access_token"]


def test_a_number_that_nobody_knows_is_sent_all_the_same(sandbox: Sandbox, ask: Ask) -> None:
    sandbox.fail_next(123456)
    assert "AADSTS123456" in ask().json()["error_description"]


def test_a_raw_fault_is_sent_as_it_stands(sandbox: Sandbox, ask: Ask) -> None:
    sandbox.fail_next(Fault(status=503, headers={"Retry-After": "1"}, body="<html>busy</html>"))
    answer = ask()
    assert (answer.status_code, answer.text) == (503, "<html>busy</html>")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "text/html"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=403, content_type=None),
        Fault(status=200, body=b"[]", content_type="application/json"),
        Fault(status=302, headers={"Location": "https://elsewhere.example/"}),
    ],
)
def test_a_raw_fault_may_be_anything(sandbox: Sandbox, fault: Fault) -> None:
    sandbox.fail_next(fault)
    answer = requests.post(f"{sandbox.url}/common/oauth2/token", timeout=10, allow_redirects=False)
    assert answer.status_code == fault.status
    assert answer.headers.get("Location") == fault.headers.get("Location")
    assert answer.headers.get("Content-Type") == fault.content_type


def test_every_number_of_the_catalogue_makes_an_answer() -> None:
    for code in CATALOGUE:
        for version in (1, 2):
            status, body = EntraError(code).answer(
                base_url="http://127.0.0.1:1",
                version=version,
                correlation_id="c",
                clock=lambda: 0.0,
            )
            assert status in (400, 401)
            assert str(body["error_description"]).startswith(f"AADSTS{code}: ")
