"""Whoever asks for the same token at once, in threads, tasks or processes: one request is sent."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cache.support import sqlite_cache
from dispatch.crew import cache_at
from dispatch.support import crew, eventually, lives, notes, said_in, start, together
from grantway.cache.memory import MemoryTokenCache
from grantway.errors import InvalidClient
from oauth.support import CLIENT_ID, CLIENT_SECRET, dispatcher, environment, granted
from peers.redis_server import RedisServer
from servers.raw import RawServer, json_answer, late, silence

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes")

REFUSED = json_answer({"error": "invalid_client"}, 401)


def given(server: RawServer, **more: Any) -> dict[str, Any]:
    return {"environment": environment(server), "credential": (CLIENT_ID, CLIENT_SECRET), **more}


def told(server: RawServer, where: str, members: int, **more: Any) -> dict[str, Any]:
    call = {"credential": [CLIENT_ID, CLIENT_SECRET]}
    return {"cache": where, "url": server.url, "members": members, "calls": [call], **more}


@pytest.fixture(params=["sqlite", "redis"])
def where(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer
) -> Callable[[], str]:
    if request.param == "sqlite":
        return lambda: str(tmp_path / "own" / "tokens.db")
    return lambda: f"{redis_server.url}#{request.node.nodeid}:"


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_64_threads_send_one_request(raw_server: RawServer, tmp_path: Path, kind: str) -> None:
    raw_server.serve(late(0.3, granted()))
    cache = MemoryTokenCache() if kind == "memory" else sqlite_cache(tmp_path / "tokens.db")
    with dispatcher(cache=cache) as asking:
        found = together(64, lambda _: asking.acquire(**given(raw_server)).access_token)
    assert found == ["sentinel-access-token"] * 64
    assert len(raw_server.requests) == 1


async def test_200_tasks_send_one_request(raw_server: RawServer, tmp_path: Path) -> None:
    raw_server.serve(late(0.3, granted()))
    with dispatcher(cache=sqlite_cache(tmp_path / "tokens.db")) as asking:
        asked = (asking.acquire_async(**given(raw_server)) for _ in range(200))
        found = await asyncio.gather(*asked)
    assert {each.access_token for each in found} == {"sentinel-access-token"}
    assert len(raw_server.requests) == 1


def test_16_processes_with_one_sqlite_cache_send_one_request(
    raw_server: RawServer, tmp_path: Path
) -> None:
    raw_server.serve(late(0.5, granted()))
    path = tmp_path / "own" / "tokens.db"
    found = crew(told(raw_server, str(path), 16))
    assert [token for _, token in notes(found, "got")] == ["sentinel-access-token"] * 16
    assert len(raw_server.requests) == 1
    assert said_in(path.parent, ["sentinel-access-token", CLIENT_SECRET]) == []


def test_4_processes_with_one_redis_server_send_one_request(
    raw_server: RawServer, redis_server: RedisServer
) -> None:
    raw_server.serve(late(0.5, granted()))
    found = crew(told(raw_server, f"{redis_server.url}#four:", 4))
    assert [token for _, token in notes(found, "got")] == ["sentinel-access-token"] * 4
    assert len(raw_server.requests) == 1


def test_a_failed_flight_fails_all_who_wait_alike_and_is_not_kept(
    raw_server: RawServer, tmp_path: Path
) -> None:
    raw_server.serve(late(3.0, REFUSED), granted())
    with dispatcher(cache=sqlite_cache(tmp_path / "tokens.db")) as asking:
        found = together(32, lambda _: asking.acquire(**given(raw_server)))
        assert all(isinstance(each, InvalidClient) for each in found)
        assert len({str(each) for each in found}) == 1
        assert len({id(each) for each in found}) == 32
        assert len(raw_server.requests) == 1
        assert asking.acquire(**given(raw_server)).access_token == "sentinel-access-token"


async def test_a_failed_flight_fails_all_tasks_alike(raw_server: RawServer) -> None:
    raw_server.serve(late(3.0, REFUSED), granted())
    with dispatcher() as asking:
        asked = (asking.acquire_async(**given(raw_server)) for _ in range(50))
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(each, InvalidClient) for each in found)
        assert len(raw_server.requests) == 1
        assert (await asking.acquire_async(**given(raw_server))).access_token


def test_who_is_killed_at_its_turn_does_not_hold_up_the_next(
    raw_server: RawServer, where: Callable[[], str]
) -> None:
    raw_server.serve(silence(), granted())
    at = where()
    first = start(told(raw_server, at, 1, kills=1, kill_after=[1.5, 1.5]))
    eventually(lambda: raw_server.requests)
    with dispatcher(cache=cache_at(at)) as asking:
        got = asking.acquire(**given(raw_server), timeout=20)
    assert got.access_token == "sentinel-access-token"
    assert [life.code for life in lives(first)] == [-signal.SIGKILL]
    assert len(raw_server.requests) == 2


def test_while_one_process_is_at_its_turn_another_waits_as_long_as_it_has_time(
    raw_server: RawServer, tmp_path: Path
) -> None:
    raw_server.serve(late(1.0, granted()))
    path = str(tmp_path / "own" / "tokens.db")
    first: subprocess.Popen[str] = start(told(raw_server, path, 1))
    eventually(lambda: raw_server.requests)
    with dispatcher(cache=cache_at(path)) as asking:
        got = asking.acquire(**given(raw_server))
    assert got.access_token == "sentinel-access-token"
    assert len(raw_server.requests) == 1
    assert lives(first)[0].of("got")
