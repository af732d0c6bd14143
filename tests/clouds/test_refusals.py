"""A refusal carries all that the authority said, for programs and for people."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from grantway import Protocol
from grantway.errors import AuthorityError, InteractionRequired, InvalidClient, InvalidGrant
from grantway_clouds import ADVICE
from grantway_clouds.protocols import ENTRA_V1, ENTRA_V2
from grantway_sandbox.script import Fault
from grantway_sandbox.server import Sandbox
from oauth.support import FakeClock, dispatcher

NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
POLICY = {
    "access_token": {
        "capolids": {"essential": True, "values": ["5a9d0b0c-4000-4a00-8a00-0000000000dd"]}
    }
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=FakeClock(NOW).time) as running:
        yield running


def refused(sandbox: Sandbox, protocol: Protocol = ENTRA_V2, **more: Any) -> Exception:
    """What a redemption of a refresh token fails with."""
    with (
        dispatcher(clock=FakeClock(NOW)) as asking,
        pytest.raises((AuthorityError, InteractionRequired)) as caught,
    ):
        asking.acquire(
            environment=attrs.evolve(sandbox.environment, protocol=protocol),
            application_id=sandbox.public_application_id,
            refresh_token=sandbox.issue_refresh_token(application_id=sandbox.public_application_id),
            **more,
        )
    return caught.value


def test_all_that_the_authority_said_is_there(sandbox: Sandbox) -> None:
    sandbox.fail_next(50076)
    error = refused(sandbox)
    assert isinstance(error, InvalidGrant)
    assert error.error == "invalid_grant"
    assert error.suberror == "basic_action"
    assert error.codes == (50076,)
    assert json.loads(error.claims) == POLICY
    assert error.description.startswith("AADSTS50076: Due to a configuration change")
    assert uuid.UUID(error.correlation_id)
    assert uuid.UUID(error.trace_id)
    assert f"Trace ID: {error.trace_id}" in error.description
    assert f"Correlation ID: {error.correlation_id}" in error.description
    assert error.timestamp == "2027-01-15 08:00:00Z"
    assert error.status == 400
    assert error.retryable is False
    assert error.advice == error.remedy == ADVICE[50076]
    request = sandbox.requests.to_tokens()[-1]
    assert request.header("client-request-id") == error.correlation_id
    told = error.as_dict()
    assert {"error", "description", "codes", "suberror", "claims", "correlation_id"} <= told.keys()
    assert {"trace_id", "timestamp", "status", "retryable", "advice"} <= told.keys()


def test_where_a_person_is_needed_the_claims_are_carried_and_the_answer_is_the_cause(
    sandbox: Sandbox,
) -> None:
    sandbox.fail_next(50076)
    error = refused(sandbox, ENTRA_V1)
    assert isinstance(error, InteractionRequired)
    assert json.loads(error.claims) == POLICY
    assert error.remedy == ADVICE[50076]
    cause = error.__cause__
    assert isinstance(cause, AuthorityError)
    assert (cause.error, cause.codes) == ("interaction_required", (50076,))
    assert cause.claims == error.claims


def test_the_claims_that_are_carried_are_what_the_next_call_sends(sandbox: Sandbox) -> None:
    sandbox.fail_next(50076)
    error = refused(sandbox, ENTRA_V1)
    assert isinstance(error, InteractionRequired)
    with dispatcher(clock=FakeClock(NOW)) as asking:
        asking.acquire(
            environment=attrs.evolve(sandbox.environment, protocol=ENTRA_V1),
            application_id=sandbox.public_application_id,
            refresh_token=sandbox.issue_refresh_token(application_id=sandbox.public_application_id),
            claims=error.claims,
        )
    sent = sandbox.requests.to_tokens()[-1]
    assert json.loads(sent.field("claims") or "") == POLICY
    assert sent.field("grant_type") == "refresh_token"


@pytest.mark.parametrize(
    ("fault", "retryable"),
    [
        (90055, True),
        (50000, True),
        (70008, False),
        (7000218, False),
        (Fault(429, {"Retry-After": "3600"}, '{"error": "x"}', "application/json"), True),
        (Fault(503, {}, '{"error": "temporarily_unavailable"}', "application/json"), True),
        (Fault(400, {}, '{"error": "invalid_scope"}', "application/json"), False),
    ],
)
def test_it_is_told_whether_the_same_may_succeed_later(
    sandbox: Sandbox, fault: Any, retryable: bool
) -> None:
    sandbox.fail_next(fault, times=9)
    error = refused(sandbox, timeout=5)
    assert isinstance(error, AuthorityError)
    assert error.retryable is retryable


def test_a_wrong_secret_has_its_number_and_what_to_do(sandbox: Sandbox) -> None:
    with dispatcher(clock=FakeClock(NOW)) as asking, pytest.raises(InvalidClient) as caught:
        asking.acquire(
            environment=sandbox.environment,
            tenant_id=sandbox.tenant.domain,
            credential=(sandbox.application.application_id, "sentinel-wrong-secret"),
        )
    assert caught.value.codes == (7000215,)
    assert caught.value.remedy == ADVICE[7000215]
    assert "sentinel" not in json.dumps(caught.value.as_dict())
