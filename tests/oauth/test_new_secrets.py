"""A secret that was just made is waited for where the caller asks for it, and never otherwise."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from grantway import Dispatcher, Environment
from grantway.errors import AuthorityError, ConfigurationError, InvalidClient, InvalidParameter
from grantway.oauth.propagation import PAUSES
from grantway_clouds.protocols import ADFS
from grantway_sandbox.server import Sandbox
from oauth.browsing import Person, answering
from oauth.support import CLIENT_ID, FakeClock, dispatcher, environment

UNKNOWN = 7000215


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock.time) as running:
        yield running


@pytest.fixture
def asking(clock: FakeClock) -> Iterator[Dispatcher]:
    with dispatcher(clock=clock) as found:
        yield found


def call(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    application = sandbox.application
    return {
        "environment": sandbox.environment,
        "credential": (application.application_id, application.secret),
        "tenant_id": sandbox.tenant.domain,
        "retry_new_secret": True,
        **more,
    }


@pytest.mark.parametrize("failures", [1, 2, 4])
def test_it_is_asked_again_at_growing_pauses_until_the_secret_is_known(
    sandbox: Sandbox,
    asking: Dispatcher,
    clock: FakeClock,
    failures: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sandbox.fail_next(UNKNOWN, times=failures)
    assert asking.acquire(**call(sandbox)).access_token
    assert clock.waits == list(PAUSES[:failures])
    assert len(sandbox.requests.to_tokens()) == failures + 1
    told = [
        each.message for each in caplog.records if "does not know the secret yet" in each.message
    ]
    assert len(told) == failures
    assert "asking again in 2 s" in told[0]
    assert not any(sandbox.application.secret in each for each in told)


def test_the_pauses_are_a_minute_in_all() -> None:
    assert PAUSES[:4] == (2, 4, 8, 16)
    assert sum(PAUSES) == 60


def test_after_a_minute_it_is_a_wrong_secret(
    sandbox: Sandbox, asking: Dispatcher, clock: FakeClock
) -> None:
    sandbox.fail_next(UNKNOWN, times=20)
    with pytest.raises(InvalidClient) as caught:
        asking.acquire(**call(sandbox), timeout=300)
    assert caught.value.codes == (UNKNOWN,)
    assert clock.waits == list(PAUSES)
    assert len(sandbox.requests.to_tokens()) == len(PAUSES) + 1


@pytest.mark.parametrize(("timeout", "waits"), [(1, []), (7, [2, 4]), (60, [2, 4, 8, 16])])
def test_the_deadline_is_kept_and_the_refusal_is_what_is_raised(
    sandbox: Sandbox, asking: Dispatcher, clock: FakeClock, timeout: float, waits: list[float]
) -> None:
    sandbox.fail_next(UNKNOWN, times=20)
    with pytest.raises(InvalidClient):
        asking.acquire(**call(sandbox), timeout=timeout)
    assert clock.waits == waits


@pytest.mark.parametrize("given", [None, False])
def test_nobody_waits_who_has_not_asked(
    sandbox: Sandbox, asking: Dispatcher, clock: FakeClock, given: bool | None
) -> None:
    sandbox.fail_next(UNKNOWN)
    with pytest.raises(InvalidClient):
        asking.acquire(**call(sandbox, retry_new_secret=given))
    assert not clock.waits
    assert len(sandbox.requests.to_tokens()) == 1


@pytest.mark.parametrize("code", [7000222, 700025, 50076, 65001])
def test_no_other_refusal_is_waited_for(
    sandbox: Sandbox, asking: Dispatcher, clock: FakeClock, code: int
) -> None:
    sandbox.fail_next(code)
    with pytest.raises((AuthorityError,)):
        asking.acquire(**call(sandbox))
    assert not clock.waits
    assert len(sandbox.requests.to_tokens()) == 1


def test_another_refusal_afterwards_ends_it(
    sandbox: Sandbox, asking: Dispatcher, clock: FakeClock
) -> None:
    sandbox.fail_next(UNKNOWN)
    sandbox.fail_next(7000222)
    with pytest.raises(InvalidClient) as caught:
        asking.acquire(**call(sandbox))
    assert caught.value.codes == (7000222,)
    assert clock.waits == [2]


def test_a_refresh_token_is_redeemed_so_too(
    sandbox: Sandbox, asking: Dispatcher, clock: FakeClock
) -> None:
    sandbox.fail_next(UNKNOWN)
    token = sandbox.issue_refresh_token()
    assert asking.acquire(**call(sandbox, refresh_token=token)).access_token
    assert clock.waits == [2]


@pytest.mark.parametrize("kind", ["adfs", "oidc"])
def test_an_authority_that_cannot_tell_is_not_asked_again(kind: str) -> None:
    of: Environment = environment("https://login.example.org")
    of = attrs.evolve(of, protocol=ADFS) if kind == "adfs" else of
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match="cannot be told from a wrong one"):
            asking.acquire(environment=of, credential=(CLIENT_ID, "s"), retry_new_secret=True)
        explained = asking.explain(
            environment=of, credential=(CLIENT_ID, "s"), retry_new_secret=False
        )
    assert explained.problem is None


def test_a_profile_may_ask_for_it(sandbox: Sandbox, clock: FakeClock) -> None:
    from grantway import Configuration

    work = Configuration(profiles={"work": {"retry_new_secret": True}}, environ={})
    sandbox.fail_next(UNKNOWN)
    with Dispatcher(config=work, profile="work", prompter=False, clock=clock) as asking:
        asking.acquire(**call(sandbox, retry_new_secret=None))
        assert clock.waits == [2]
        with pytest.raises(ConfigurationError, match="retry_new_secret from profile work"):
            asking.acquire(environment=environment(sandbox.url), credential=(CLIENT_ID, "s"))


def test_a_device_waits_for_the_secret_too(clock: FakeClock) -> None:
    with Sandbox(clock=clock.time, auto_approve=True) as sandbox:
        sandbox.fail_next(UNKNOWN)
        with Dispatcher(prompter=Person(answering()), clock=clock) as asking:
            result = asking.acquire(**call(sandbox, consent=True, device_code=True))
    assert result.refresh_token
    assert 2 in clock.waits
