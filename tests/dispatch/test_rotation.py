"""Refresh tokens that are replaced at each use: none is lost, and none is used twice at once."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

pytest.importorskip("flask", reason="the sandbox needs the extra grantway[sandbox]")
pytest.importorskip("authlib", reason="the sandbox needs the extra grantway[sandbox]")

from cache.support import sqlite_cache
from dispatch.support import Life, Watching, crew, notes, said_in, together
from grantway import Environment
from grantway_sandbox.server import Sandbox
from oauth.support import CLIENT_ID, dispatcher, environment, granted
from sandbox.support import GRAPH
from servers.raw import Behaviour, Exchange, RawServer, Request

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes")

# Of each kind of authority.
TENANTS = 500


def where(sandbox: Sandbox, *, stay: bool) -> Environment:
    found = sandbox.environment
    return attrs.evolve(found, protocol=attrs.evolve(found.protocol, refresh_tokens_stay=stay))


def told(sandbox: Sandbox, path: Path, members: int, *, stay: bool, **more: Any) -> dict[str, Any]:
    return {
        "cache": str(path),
        "url": sandbox.url,
        "sandbox": True,
        "refresh_tokens_stay": stay,
        "members": members,
        **more,
    }


def call(sandbox: Sandbox, token: str, tenant: str, **more: Any) -> dict[str, Any]:
    return {
        "application_id": sandbox.public_application_id,
        "refresh_token": token,
        "tenant_id": tenant,
        "resource": GRAPH,
        **more,
    }


def fresh_token(sandbox: Sandbox) -> str:
    return sandbox.issue_refresh_token(application_id=sandbox.public_application_id)


def redeemed(sandbox: Sandbox) -> list[str]:
    return [each.field("refresh_token") or "" for each in sandbox.requests.to_tokens()]


# One refresh token, many tenants at once.


def test_threads_take_turns_with_a_token_that_is_good_once(tmp_path: Path) -> None:
    with Sandbox(rotation="strict", latency=0.05) as sandbox:
        token = fresh_token(sandbox)
        tenants = [sandbox.add_tenant(f"t{n}.example").tenant_id for n in range(8)]
        place = where(sandbox, stay=False)
        with dispatcher(cache=sqlite_cache(tmp_path / "tokens.db")) as asking:
            found = together(
                8, lambda n: asking.acquire(environment=place, **call(sandbox, token, tenants[n]))
            )
            assert [each.tenant_id for each in found] == tenants
            # The family is alive: once more, for another resource.
            more = call(sandbox, token, tenants[0], force_refresh=True)
            assert asking.acquire(environment=place, **more).access_token
        assert len(redeemed(sandbox)) == 9
        assert len(set(redeemed(sandbox))) == 9


def test_processes_take_turns_with_a_token_that_is_good_once(tmp_path: Path) -> None:
    path = tmp_path / "own" / "tokens.db"
    with Sandbox(rotation="strict", latency=0.05) as sandbox:
        token = fresh_token(sandbox)
        tenants = [sandbox.add_tenant(f"t{n}.example").tenant_id for n in range(16)]
        calls = [call(sandbox, token, tenant) for tenant in tenants]
        found = crew(told(sandbox, path, 4, stay=False, calls=calls, each=True))
        assert notes(found, "failed") == []
        assert len(notes(found, "got")) == 16
        used = redeemed(sandbox)
        assert len(used) == len(set(used)) == 16
        assert said_in(path.parent, used) == []


def test_tokens_that_stay_are_used_side_by_side(tmp_path: Path) -> None:
    with Sandbox(latency=1.0) as sandbox:
        token = fresh_token(sandbox)
        tenants = [sandbox.add_tenant(f"t{n}.example").tenant_id for n in range(8)]
        place = where(sandbox, stay=True)
        with dispatcher(cache=sqlite_cache(tmp_path / "tokens.db")) as asking:
            found = together(
                8, lambda n: asking.acquire(environment=place, **call(sandbox, token, tenants[n]))
            )
        assert [each.tenant_id for each in found] == tenants
        # All of them set out before the first had an answer.
        assert Counter(redeemed(sandbox))[token] == 8


# Killed between the answer and the next step.


def token_of(request: Request) -> str:
    """What was to be redeemed; who is killed while sending may have sent a part."""
    return request.form.get("refresh_token", ["sentinel.0"])[0]


def successor() -> Behaviour:
    """Each token is followed by the next of its family: `r7.0` by `r7.1`."""

    def act(exchange: Exchange) -> None:
        assert exchange.request is not None
        family, _, number = token_of(exchange.request).partition(".")
        follower = f"{family}.{int(number) + 1}"
        granted(access_token=f"for-{follower}", refresh_token=follower).act(exchange)

    return Behaviour(act)


def test_who_is_killed_after_the_answer_has_kept_the_successor_first(
    raw_server: RawServer, tmp_path: Path
) -> None:
    raw_server.serve(successor())
    path = tmp_path / "own" / "tokens.db"
    calls = [{"application_id": CLIENT_ID, "refresh_token": f"sentinel{n}.0"} for n in range(400)]
    found = crew(
        {
            "cache": str(path),
            "url": raw_server.url,
            "members": 1,
            "calls": calls,
            "kills": 15,
            "kill_after": [0.1, 0.2],
            "resumed": True,
        }
    )
    kills = [life for life in found if life.code == -signal.SIGKILL]
    assert len(kills) >= 5
    assert notes(found, "failed") == []
    watching = Watching()
    with dispatcher(watching, cache=sqlite_cache(path)) as asking:
        for number in sorted({life.notes[-1][1] for life in kills if life.notes}):
            given = {"environment": environment(raw_server), **calls[number]}
            before = len(raw_server.requests)
            held = asking.acquire(**given)
            was_cached = len(raw_server.requests) == before
            asking.acquire(**given, force_refresh=True)
            used = token_of(raw_server.requests[-1])
            # Whatever access token rests, its refresh token rests too.
            assert held.access_token == f"for-{used}"
            assert was_cached or token_of(raw_server.requests[-2]) < used
    spoken = [token_of(each) for each in raw_server.requests]
    assert said_in(path.parent, [*spoken[-50:], "for-sentinel"]) == []
    assert "sentinel" not in repr(watching.events)


# A thousand tenants.


def lost(sandbox: Sandbox, path: Path, calls: list[dict[str, Any]], *, stay: bool) -> set[int]:
    """Which families no token can be had from any more."""
    crews = told(sandbox, path, 4, stay=stay, calls=calls, each=True)
    crews["calls"] = [{**each, "force_refresh": True} for each in calls]
    return {number for number, *_ in notes(crew(crews), "failed")}


def in_flight(found: list[Life]) -> set[int]:
    """What those who were killed were about to do."""
    killed = (life for life in found if life.code == -signal.SIGKILL and life.notes)
    return {life.notes[-1][1] for life in killed if life.notes[-1][0] == "begun"}


@pytest.mark.parametrize("rotation", ["strict", "lenient"])
def test_of_a_thousand_tenants_no_refresh_token_is_lost(tmp_path: Path, rotation: Any) -> None:
    """Eight processes renew all of them in orders of their own, and are killed at random.

    A token that is good once can be lost with the process that has just redeemed it, when it is
    killed before the answer has come: then that one alone.
    """
    path, stay = tmp_path / "own" / "tokens.db", rotation == "lenient"
    with Sandbox(rotation=rotation) as sandbox:
        tenants = [sandbox.add_tenant(f"t{n}.example").tenant_id for n in range(TENANTS)]
        calls = [call(sandbox, fresh_token(sandbox), tenant) for tenant in tenants]
        found = crew(
            told(
                sandbox,
                path,
                8,
                stay=stay,
                calls=calls,
                shuffled=True,
                kills=12,
                kill_after=[0.2, 0.6],
                resumed=True,
            )
        )
        kills = [life for life in found if life.code == -signal.SIGKILL]
        assert len(kills) >= 5
        assert {number for number, _ in notes(found, "got")} | in_flight(found) == set(
            range(TENANTS)
        )
        gone = lost(sandbox, path, calls, stay=stay)
        failed = {number for number, *_ in notes(found, "failed")}
        assert gone | failed <= (set() if stay else in_flight(found))
        used = redeemed(sandbox)
        if not stay:
            # Nothing was used twice but what a killed one had used.
            twice = [token for token, count in Counter(used).items() if count > 1]
            assert len(twice) <= 3 * len(in_flight(found))
        assert said_in(path.parent, used[:: len(used) // 100]) == []
