"""Whatever is done to the wall clock: nothing that is over is served, and no storm breaks loose."""

import threading
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from grantway import (
    AuthenticationResult,
    Context,
    CredentialProvider,
    ParameterSet,
    TokenRequest,
    hookimpl,
)
from grantway.cache.memory import MemoryTokenCache
from oauth.support import dispatcher, environment

HALF = 0.5


class World:
    """Two clocks, and a provider whose tokens are over by the one that nobody can set."""

    def __init__(self, life: float) -> None:
        self.life = life
        self.wall, self.uptime = 1_700_000_000.0, 1000.0
        self.issued: dict[str, float] = {}
        self.jumps = 0
        #: Jumps so far, and the time that had passed, at each request.
        self.requests: list[tuple[int, float]] = []

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.uptime

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(0.001)

    @hookimpl
    def grantway_providers(self) -> list[CredentialProvider]:
        return [CredentialProvider("Clocked", (ParameterSet("Clocked"),), self.authenticate)]

    def authenticate(self, request: TokenRequest, context: Context) -> AuthenticationResult:
        token = f"token {len(self.issued)}"
        self.issued[token] = self.uptime
        self.requests.append((self.jumps, self.uptime))
        now = self.wall
        return AuthenticationResult(
            token,
            acquired_on=datetime.fromtimestamp(now, UTC),
            expires_on=datetime.fromtimestamp(now + self.life, UTC),
        )


class Clocks(RuleBasedStateMachine):
    """Two dispatchers with one cache, as two processes have, and a source of each."""

    call: dict[str, Any]

    @initialize(life=st.sampled_from([60.0, 1000.0, 3600.0, 86400.0]))
    def begin(self, life: float) -> None:
        self.world = World(life)
        cache = MemoryTokenCache()
        where = environment("http://127.0.0.1:9")
        self.call = {"environment": where, "provider": "Clocked"}
        self.asking = [dispatcher(self.world, clock=self.world, cache=cache) for _ in range(2)]
        self.own: list[set[str]] = [set(), set()]
        self.sources = [each.bind(**self.call) for each in self.asking]

    @rule(part=st.floats(0, 1.2))
    def time_passes(self, part: float) -> None:
        self.world.wall += part * self.world.life
        self.world.uptime += part * self.world.life

    @rule(seconds=st.floats(-100_000, 100_000) | st.floats(-400, 400))
    def somebody_sets_the_clock(self, seconds: float) -> None:
        self.world.wall += seconds
        self.world.jumps += 1

    @rule(which=st.integers(0, 1), how=st.sampled_from(["acquire", "token"]))
    def a_token_is_wanted(self, which: int, how: str) -> None:
        before = len(self.world.requests)
        if how == "acquire":
            token = self.asking[which].acquire(**self.call).access_token
        else:
            token = self.sources[which].token()
        for each in self.asking:
            each._renewals.close()
        self.own[which] |= set(list(self.world.issued)[before:])
        # Of another's token only the wall clock tells how old it is, at the first look.
        if token in self.own[which]:
            assert self.world.uptime < self.world.issued[token] + self.world.life
        assert len(self.world.requests) <= before + 1

    @invariant()
    def a_request_has_its_reason(self) -> None:
        """Half a life went by since the one before, or the clock was set."""
        requests = self.world.requests if hasattr(self, "world") else []
        for (jumps, asked), (later_jumps, later) in pairwise(requests):
            assert later_jumps > jumps or later - asked >= HALF * self.world.life - 1

    def teardown(self) -> None:
        for each in self.asking:
            each.close()


Clocks.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestClocks = Clocks.TestCase


def test_a_clock_set_back_after_a_token_was_obtained_serves_nothing_that_is_over() -> None:
    """It is not looked at in between."""
    world = World(3600)
    with dispatcher(world, clock=world) as asking:
        call: dict[str, Any] = {
            "environment": environment("http://127.0.0.1:9"),
            "provider": "Clocked",
        }
        asking.acquire(**call)
        world.wall, world.uptime = world.wall + 3550, world.uptime + 3550
        world.wall -= 3000
        for _ in range(20):
            token = asking.acquire(**call).access_token
            asking._renewals.close()
            assert world.uptime < world.issued[token] + 3600 - 300
            world.wall, world.uptime = world.wall + 60, world.uptime + 60
    assert len(world.requests) == 2


@pytest.mark.parametrize("seconds", [-86_400.0, -400.0, 86_400.0])
@pytest.mark.parametrize("which", [0, 1])
def test_a_clock_that_is_set_costs_one_token_and_no_more(seconds: float, which: int) -> None:
    """Whether it is asked for by who obtained the one before, or by another with the same cache."""
    world, cache = World(3600), MemoryTokenCache()
    call: dict[str, Any] = {"environment": environment("http://127.0.0.1:9"), "provider": "Clocked"}
    asking = [dispatcher(world, clock=world, cache=cache) for _ in range(2)]
    asking[0].acquire(**call)
    world.wall += seconds
    source = asking[which].bind(**call)
    found = {asking[which].acquire(**call).access_token for _ in range(20)}
    found |= {source.token() for _ in range(20)}
    assert found == {"token 1"}
    assert len(world.requests) == 2


def test_a_clock_that_is_set_a_little_costs_nothing() -> None:
    world = World(3600)
    call: dict[str, Any] = {"environment": environment("http://127.0.0.1:9"), "provider": "Clocked"}
    with dispatcher(world, clock=world) as asking:
        for seconds in (0, -250, 200, -200):
            world.wall += seconds
            assert asking.acquire(**call).access_token == "token 0"
