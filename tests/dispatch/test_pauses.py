"""An authority that asks for a pause is left alone by all who are the same client."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cache.support import sqlite_cache
from dispatch.crew import cache_at
from dispatch.support import ShiftedClock, crew, eventually, lives, start, together
from grantway import Credential, TokenRequest
from grantway.cache.keys import pause_key
from grantway.cache.memory import MemoryTokenCache
from grantway.errors import Throttled
from oauth.support import CLIENT_ID, CLIENT_SECRET, dispatcher, environment, granted, oidc
from peers.redis_server import RedisServer
from servers.raw import Behaviour, Exchange, RawServer, json_answer

OTHER = ("another application", CLIENT_SECRET)


def given(server: RawServer, **more: Any) -> dict[str, Any]:
    return {"environment": environment(server), "credential": (CLIENT_ID, CLIENT_SECRET), **more}


def wait(seconds: int, status: int = 429) -> Behaviour:
    return json_answer({}, status, [("Retry-After", str(seconds))])


def clocked(times: list[float], *behaviours: Behaviour) -> list[Behaviour]:
    """The same, and when each was asked for."""

    def timed(then: Behaviour) -> Behaviour:
        def act(exchange: Exchange) -> None:
            times.append(time.monotonic())
            then.act(exchange)

        return Behaviour(act)

    return [timed(each) for each in behaviours]


def is_told(server: RawServer, cache: Any) -> bool:
    """Whether whoever was asked to wait has told all who share the cache."""
    values = {"credential": Credential(CLIENT_ID, CLIENT_SECRET)}
    request = TokenRequest(environment(server), "ServicePrincipal", "ServicePrincipal", values)
    return bool(cache.get_pause(pause_key(cache.fingerprint_key, request)))


@pytest.mark.parametrize("status", [429, 503])
def test_other_threads_keep_the_pause(raw_server: RawServer, status: int) -> None:
    times: list[float] = []
    raw_server.serve(*clocked(times, wait(2, status), granted()))
    cache = MemoryTokenCache()
    with dispatcher(cache=cache) as asking:
        first: list[object] = []
        call = given(raw_server, scopes="first")

        def ask(number: int) -> str:
            if number:
                eventually(lambda: is_told(raw_server, cache))
            scopes = f"s{number}" if number else "first"
            return asking.acquire(**{**call, "scopes": scopes}).access_token

        first += together(6, ask)
    assert first == ["sentinel-access-token"] * 6
    # The one that was refused, then nobody for two seconds, then all.
    assert len(times) == 7
    assert min(times[1:]) - times[0] >= 1.95


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_other_processes_keep_the_pause(
    raw_server: RawServer, tmp_path: Path, redis_server: RedisServer, kind: str
) -> None:
    at = str(tmp_path / "own" / "tokens.db") if kind == "sqlite" else f"{redis_server.url}#pause:"
    times: list[float] = []
    raw_server.serve(*clocked(times, wait(5), granted()))
    call = {"credential": [CLIENT_ID, CLIENT_SECRET]}
    told = {"cache": at, "url": raw_server.url, "members": 1, "calls": [{**call, "scopes": "a"}]}
    first: subprocess.Popen[str] = start(told)
    cache = cache_at(at)
    with dispatcher(cache=cache) as asking:
        eventually(lambda: is_told(raw_server, cache))
        with pytest.raises(Throttled) as caught:
            asking.acquire(**given(raw_server, scopes="b"), timeout=2)
        got = asking.acquire(**given(raw_server, scopes="c"))
    assert got.access_token == "sentinel-access-token"
    assert caught.value.retry_after == pytest.approx(3.5, abs=1.5)
    assert lives(first)[0].of("got")
    assert len(times) == 3
    assert min(times[1:]) - times[0] >= 4.95


def test_other_clients_are_not_held_up(raw_server: RawServer) -> None:
    raw_server.serve(wait(600), granted())
    with dispatcher() as asking:
        with pytest.raises(Throttled):
            asking.acquire(**given(raw_server))
        started = time.monotonic()
        assert asking.acquire(**given(raw_server, credential=OTHER)).access_token
        assert time.monotonic() - started < 2
        with pytest.raises(Throttled) as caught:
            asking.acquire(**given(raw_server, scopes="other"))
    assert caught.value.retry_after == pytest.approx(600, abs=5)
    assert "asked this client to wait" in str(caught.value)
    assert len(raw_server.requests) == 2


def test_other_authorities_are_not_held_up(raw_servers: Callable[..., RawServer]) -> None:
    one, other = raw_servers(), raw_servers()
    one.serve(wait(600))
    other.serve(granted())
    with dispatcher() as asking:
        with pytest.raises(Throttled):
            asking.acquire(**given(one))
        assert asking.acquire(**given(other)).access_token


METADATA = "/.well-known/openid-configuration"


def described(server: RawServer) -> Behaviour:
    at = server.url
    return json_answer({"issuer": at, "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/keys"})


def test_what_anybody_may_read_is_not_held_up(raw_server: RawServer) -> None:
    raw_server.serve(described(raw_server), path=METADATA)
    raw_server.serve(wait(600), path="/token")
    call = given(raw_server, environment=oidc(raw_server))
    cache = MemoryTokenCache()
    for _ in range(2):
        # Each has a transport of its own, which knows no metadata yet.
        with dispatcher(cache=cache) as asking:
            with pytest.raises(Throttled):
                asking.acquire(**call)
    assert [each.path for each in raw_server.requests] == [METADATA, "/token", METADATA]


def test_what_anybody_may_read_holds_nobody_up(raw_server: RawServer) -> None:
    raw_server.serve(wait(600, 503), described(raw_server), path=METADATA)
    raw_server.serve(granted(), path="/token")
    call = given(raw_server, environment=oidc(raw_server))
    with dispatcher() as asking:
        with pytest.raises(Throttled):
            asking.acquire(**call)
        assert asking.acquire(**call).access_token


def test_no_pause_is_longer_than_an_hour_for_others(raw_server: RawServer) -> None:
    clock, cache = ShiftedClock(), MemoryTokenCache()
    raw_server.serve(wait(86_400), granted())
    with dispatcher(cache=cache, clock=clock) as asking:
        with pytest.raises(Throttled) as caught:
            asking.acquire(**given(raw_server))
        assert caught.value.retry_after == 86_400
        with pytest.raises(Throttled) as caught:
            asking.acquire(**given(raw_server, scopes="b"))
        assert caught.value.retry_after == pytest.approx(3600, abs=5)
        clock.advance(3601)
        assert asking.acquire(**given(raw_server, scopes="b")).access_token


def test_a_clock_that_is_set_back_makes_no_pause_longer(raw_server: RawServer) -> None:
    clock = ShiftedClock()
    clock.set(7 * 86_400)
    raw_server.serve(wait(600), granted())
    with dispatcher(clock=clock) as asking:
        with pytest.raises(Throttled):
            asking.acquire(**given(raw_server))
        clock.set(-7 * 86_400)
        assert asking.acquire(**given(raw_server)).access_token


def test_of_many_processes_one_hears_of_the_pause(raw_server: RawServer, tmp_path: Path) -> None:
    """Who comes later is told without asking the authority."""
    path = tmp_path / "own" / "tokens.db"
    raw_server.serve(wait(900))
    with dispatcher(cache=sqlite_cache(path)) as asking:
        with pytest.raises(Throttled):
            asking.acquire(**given(raw_server))
    calls = [{"credential": [CLIENT_ID, CLIENT_SECRET], "scopes": f"s{n}"} for n in range(3)]
    found = crew({"cache": str(path), "url": raw_server.url, "members": 4, "calls": calls})
    kinds = [note[1] for life in found for note in life.of("failed")]
    assert kinds == ["Throttled"] * 12
    assert len(raw_server.requests) == 1


pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes")
