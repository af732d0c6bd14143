"""A token is served while a new one is asked for behind the back, and a bit longer in trouble."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from cache.support import sqlite_cache
from dispatch.support import ShiftedClock, Watching, crew, eventually, notes, together
from grantway import AuthenticationResult, Dispatcher
from grantway.cache.memory import MemoryTokenCache
from grantway.errors import (
    AuthorityError,
    DeadlineExceeded,
    GrantwayError,
    InteractionRequired,
    InvalidClient,
    InvalidGrant,
    MalformedResponse,
    Throttled,
    TransportError,
)
from grantway.renewals import AT_ONCE
from oauth.browsing import Person, answering
from oauth.issuer import Issuer, sign_in
from oauth.support import CLIENT_ID, CLIENT_SECRET, dispatcher, environment, granted
from servers.raw import Behaviour, RawServer, html, json_answer, late, reset, silence

REFUSED = json_answer({"error": "invalid_client"}, 401)
BROKEN = json_answer({"error": "server_error"}, 500)


def new(name: str, **more: object) -> Behaviour:
    return granted(access_token=name, **more)


class Asking:
    """One call at a scripted server, again and again, by a clock that is put forward."""

    def __init__(self, server: RawServer) -> None:
        self.server, self.clock, self.watching = server, ShiftedClock(), Watching()
        self.cache = MemoryTokenCache()
        self.dispatcher = self.another()
        self.call: dict[str, Any] = {
            "environment": environment(server),
            "credential": (CLIENT_ID, CLIENT_SECRET),
        }

    def another(self) -> Dispatcher:
        return dispatcher(self.watching, clock=self.clock, cache=self.cache)

    def result(self, **more: Any) -> AuthenticationResult:
        return self.dispatcher.acquire(**self.call, **more)

    def token(self, **more: Any) -> str:
        return self.result(**more).access_token

    @property
    def asked(self) -> int:
        return len(self.server.requests)


@pytest.fixture
def asking(raw_server: RawServer) -> Iterator[Asking]:
    found = Asking(raw_server)
    yield found
    found.dispatcher.close()


# Until when it is served, and from when it is renewed.


@pytest.mark.parametrize(("life", "until"), [(3600, 3300), (1000, 900), (100, 90), (86400, 86100)])
def test_a_token_is_served_until_shortly_before_it_expires(
    asking: Asking, life: int, until: int
) -> None:
    asking.server.serve(new("one", expires_in=life, refresh_in=life), REFUSED)
    assert asking.token() == "one"
    asking.clock.advance(until - 2)
    assert asking.token() == "one"
    assert asking.asked == 1
    asking.clock.advance(3)
    with pytest.raises(InvalidClient):
        asking.token()


@pytest.mark.parametrize(("more", "due"), [({}, 1800), ({"refresh_in": 100}, 100)])
def test_from_then_on_it_is_served_at_once_and_renewed_once_behind_the_back(
    asking: Asking, more: dict[str, object], due: int
) -> None:
    asking.server.serve(new("one", **more), late(0.5, new("two")))
    asking.token()
    asking.clock.advance(due - 2)
    assert together(8, lambda _: asking.token()) == ["one"] * 8
    assert asking.asked == 1
    asking.clock.advance(3)
    started = time.monotonic()
    assert together(24, lambda _: asking.token()) == ["one"] * 24
    assert time.monotonic() - started < 0.5
    eventually(lambda: asking.token() == "two")
    assert asking.asked == 2


async def test_tasks_are_served_at_once_too(asking: Asking) -> None:
    asking.server.serve(new("one"), late(0.5, new("two")))
    asking.token()
    asking.clock.advance(1801)
    asked = (asking.dispatcher.acquire_async(**asking.call) for _ in range(50))
    assert {each.access_token for each in await asyncio.gather(*asked)} == {"one"}
    while (await asking.dispatcher.acquire_async(**asking.call)).access_token != "two":
        await asyncio.sleep(0.01)
    assert asking.asked == 2


def test_a_source_is_served_at_once_too(asking: Asking) -> None:
    asking.server.serve(new("one"), late(0.5, new("two")))
    source = asking.dispatcher.bind(**asking.call)
    assert source.token() == "one"
    asking.clock.advance(1801)
    assert together(24, lambda _: source.token()) == ["one"] * 24
    eventually(lambda: source.token() == "two")
    assert asking.asked == 2


def test_a_renewal_that_failed_is_tried_again_after_a_minute_and_not_before(
    asking: Asking,
) -> None:
    asking.server.serve(new("one"), BROKEN)
    asking.token()
    asking.clock.advance(1801)
    for attempt in range(2, 5):
        assert together(8, lambda _: asking.token()) == ["one"] * 8
        eventually(lambda attempt=attempt: asking.asked == attempt)  # type: ignore[misc]
        eventually(lambda n=attempt - 1: asking.watching.names.count("token.failed") == n)  # type: ignore[misc]
        asking.clock.advance(55)
        assert asking.token() == "one"
        asking.clock.advance(6)
    asking.dispatcher.close()
    assert asking.asked == 4


def test_whoever_needs_a_token_does_not_wait_for_that_minute(asking: Asking) -> None:
    asking.server.serve(new("one"), BROKEN, new("two"))
    asking.token()
    asking.clock.advance(3299 - 1)
    asking.token()
    eventually(lambda: "token.failed" in asking.watching.names)
    asking.clock.advance(5)
    assert asking.token() == "two"


def test_closing_waits_for_what_is_under_way(asking: Asking) -> None:
    asking.server.serve(new("one"), late(0.5, new("two")))
    asking.token()
    asking.clock.advance(1801)
    assert asking.token() == "one"
    asking.dispatcher.close()
    assert asking.watching.names == ["token.acquired", "token.acquired"]
    asking.dispatcher = asking.another()
    assert asking.token() == "two"
    assert asking.asked == 2


def test_few_are_renewed_at_once_and_all_of_them_in_time(asking: Asking) -> None:
    """Whoever goes through many tenants has no thread for each."""
    asking.server.serve(new("one"))
    scopes = [f"s{number}" for number in range(40)]
    for each in scopes:
        asking.token(scopes=each)
    asking.clock.advance(1801)
    asking.server.serve(late(0.5, new("two")))
    before = threading.active_count()
    assert [asking.token(scopes=each) for each in scopes] == ["one"] * 40
    assert renewing() == AT_ONCE
    assert threading.active_count() - before <= 3 * AT_ONCE
    eventually(lambda: {asking.token(scopes=each) for each in scopes} == {"two"})
    assert asking.asked == 80


def renewing() -> int:
    return [each.name for each in threading.enumerate()].count("grantway-renewal")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes")
def test_a_forked_child_renews_by_itself(asking: Asking) -> None:
    asking.server.serve(new("one"), late(0.5, new("two")), new("three"))
    asking.token()
    asking.clock.advance(1801)
    assert asking.token() == "one"
    eventually(lambda: asking.asked == 2)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            # Its parent's renewal is none of its own.
            if asking.token() == "one":
                asking.dispatcher.close()
                code = 0 if asking.token() == "three" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    eventually(lambda: asking.token() == "two")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes")
def test_of_all_processes_one_renews(raw_server: RawServer, tmp_path: Path) -> None:
    path = tmp_path / "own" / "tokens.db"
    # Due at once, and then not for long.
    raw_server.serve(new("one", refresh_in=0), late(0.5, new("two")))
    call: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": (CLIENT_ID, CLIENT_SECRET),
    }
    with dispatcher(cache=sqlite_cache(path)) as first:
        first.acquire(**call)
    told = {"credential": [CLIENT_ID, CLIENT_SECRET]}
    found = crew({"cache": str(path), "url": raw_server.url, "members": 6, "calls": [told]})
    assert {token for _, token in notes(found, "got")} <= {"one", "two"}
    assert len(notes(found, "got")) == 6
    assert len(raw_server.requests) == 2


# Where a person signed in.


def signed_in(issuer: Issuer, clock: ShiftedClock, cache: MemoryTokenCache) -> Person:
    who = Person(answering())
    issuer.server.serve(issuer.signs_in(who), path="/token")
    sign_in(issuer, who, cache=cache, clock=clock)
    return who


def test_a_sign_in_is_renewed_by_its_refresh_token(raw_server: RawServer) -> None:
    issuer, clock, cache = Issuer(raw_server), ShiftedClock(), MemoryTokenCache()
    who = signed_in(issuer, clock, cache)
    issuer.server.serve(new("two", refresh_token="second-refresh-token"), path="/token")
    clock.advance(1801)
    first = sign_in(issuer, who, cache=cache, clock=clock)
    assert first.access_token == "sentinel-access-token"
    assert sign_in(issuer, who, cache=cache, clock=clock).access_token == "two"
    grants = [each.form["grant_type"] for each in issuer.redeemed]
    assert grants == [["authorization_code"], ["refresh_token"]]
    assert len(who.opened) == 1


@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required", "invalid_scope"])
def test_a_renewal_never_asks_a_person(raw_server: RawServer, error: str) -> None:
    issuer, clock, cache = Issuer(raw_server), ShiftedClock(), MemoryTokenCache()
    who = signed_in(issuer, clock, cache)
    issuer.server.serve(json_answer({"error": error}, 400), path="/token")
    clock.advance(1801)
    for _ in range(2):
        found = sign_in(issuer, who, cache=cache, clock=clock)
        assert found.access_token == "sentinel-access-token"
    assert len(who.opened) == 1


def test_the_earlier_sign_in_serves_no_more(raw_server: RawServer) -> None:
    issuer, clock, cache = Issuer(raw_server), ShiftedClock(), MemoryTokenCache()
    signed_in(issuer, clock, cache)
    refusal = {"error": "invalid_grant", "error_description": "The session is over."}
    issuer.server.serve(json_answer(refusal, 400), path="/token")
    clock.advance(3600)
    with pytest.raises(InteractionRequired, match="The earlier sign-in serves no more") as caught:
        sign_in(issuer, None, cache=cache, clock=clock)
    assert "The session is over." in caught.value.message
    cause = caught.value.__cause__
    assert isinstance(cause, AuthorityError)
    assert cause.error == "invalid_grant"
    # It is gone: the next call asks nobody.
    before = len(issuer.redeemed)
    with pytest.raises(InteractionRequired):
        sign_in(issuer, None, cache=cache, clock=clock)
    assert len(issuer.redeemed) == before


def test_it_is_told_what_to_do_about_it(raw_server: RawServer) -> None:
    issuer, clock, cache = Issuer(raw_server), ShiftedClock(), MemoryTokenCache()
    signed_in(issuer, clock, cache)
    refusal = {"error": "invalid_grant", "suberror": "bad_token", "error_codes": [50173]}
    issuer.server.serve(json_answer(refusal, 400), path="/token")
    advised = attrs.evolve(issuer.environment, advice={50173: "The password was changed."})
    clock.advance(3600)
    with pytest.raises(InteractionRequired) as caught:
        sign_in(advised, None, cache=cache, clock=clock)
    assert caught.value.remedy.startswith("The password was changed. ")
    assert isinstance(caught.value.__cause__, InvalidGrant)


@pytest.mark.parametrize("suberror", ["bad_token", "token_expired"])
def test_a_refresh_token_that_is_called_bad_is_removed(
    raw_server: RawServer, suberror: str
) -> None:
    issuer, clock, cache = Issuer(raw_server), ShiftedClock(), MemoryTokenCache()
    signed_in(issuer, clock, cache)
    refusal = {"error": "invalid_grant", "suberror": suberror}
    issuer.server.serve(json_answer(refusal, 400), path="/token")
    clock.advance(3600)
    for _ in range(2):
        with pytest.raises(InteractionRequired):
            sign_in(issuer, None, cache=cache, clock=clock)
    assert [each.form["grant_type"][0] for each in issuer.redeemed].count("refresh_token") == 1


# In trouble.

TROUBLE = {
    "500": BROKEN,
    "503": html(503),
    "429": json_answer({}, 429),
    "429, for long": json_answer({}, 429, [("Retry-After", "900")]),
    "broken off": reset(),
    "silence": silence(),
    "slow": late(5, new("late")),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_in_its_last_minutes_a_token_is_better_than_trouble(
    asking: Asking, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    asking.server.serve(new("one", refresh_in=3600), TROUBLE[trouble], path="/token")
    asking.token()
    asking.clock.advance(3301)
    with caplog.at_level(logging.WARNING, "grantway"):
        assert asking.token(timeout=1) == "one"
    (told,) = [each.getMessage() for each in caplog.records if each.name.startswith("grantway")]
    assert told.startswith("a token that is about to expire is served: ")
    assert asking.watching.names == ["token.acquired", "token.failed"]
    asking.clock.advance(300)
    with pytest.raises(GrantwayError) as caught:
        asking.token(timeout=1)
    kinds = (AuthorityError, MalformedResponse, TransportError, DeadlineExceeded)
    assert isinstance(caught.value, kinds)


def test_nobody_listening_is_trouble_too(asking: Asking) -> None:
    asking.server.serve(new("one"))
    asking.token()
    asking.server.stop()
    asking.clock.advance(3301)
    assert asking.token(timeout=3) == "one"
    asking.clock.advance(300)
    with pytest.raises((TransportError, DeadlineExceeded)):
        asking.token(timeout=3)


@pytest.mark.parametrize("trouble", ["500", "silence", "429, for long"])
async def test_tasks_are_spared_trouble_too(asking: Asking, trouble: str) -> None:
    asking.server.serve(new("one"), TROUBLE[trouble])
    asking.token()
    asking.clock.advance(3301)
    asked = (asking.dispatcher.acquire_async(**asking.call, timeout=0.5) for _ in range(20))
    assert {each.access_token for each in await asyncio.gather(*asked)} == {"one"}


def test_sources_are_spared_trouble_too(asking: Asking) -> None:
    asking.server.serve(new("one"), BROKEN, BROKEN, new("two"))
    source = asking.dispatcher.bind(**asking.call)
    assert source.token() == "one"
    asking.clock.advance(3301)
    assert source.token() == "one"
    assert source.token() == "one"
    assert source.token() == "two"


def test_threads_that_follow_are_spared_trouble_too(asking: Asking) -> None:
    asking.server.serve(new("one"), silence())
    asking.token()
    asking.clock.advance(3301)
    # Each has less time than who went before.
    found = together(8, lambda number: asking.token(timeout=1.2 - number / 10))
    assert found == ["one"] * 8


@pytest.mark.parametrize(
    "answer",
    [
        REFUSED,
        json_answer({"error": "invalid_grant"}, 400),
        json_answer({"error": "unauthorized_client"}, 400),
        html(404),
    ],
)
def test_a_refusal_is_no_trouble(asking: Asking, answer: Behaviour) -> None:
    asking.server.serve(new("one"), answer)
    asking.token()
    asking.clock.advance(3301)
    with pytest.raises(GrantwayError):
        asking.token()


@pytest.mark.parametrize("more", [{"force_refresh": True}, {"claims": '{"access_token":{}}'}])
def test_who_wants_another_token_is_told_of_the_trouble(
    asking: Asking, more: dict[str, Any]
) -> None:
    asking.server.serve(new("one"), BROKEN)
    asking.token()
    asking.clock.advance(3301)
    with pytest.raises(AuthorityError):
        asking.token(**more)


def test_an_extended_life_is_for_trouble_only(asking: Asking) -> None:
    asking.server.serve(new("one", ext_expires_in=7200), BROKEN)
    asking.token()
    asking.clock.advance(3700)
    assert asking.token() == "one"
    asking.clock.advance(3400)
    assert asking.token() == "one"
    assert asking.asked == 3
    asking.clock.advance(200)
    with pytest.raises(AuthorityError):
        asking.token()
    asking.server.serve(new("two"))
    assert asking.token() == "two"


def test_a_long_pause_is_told_at_once_where_no_token_is_left(asking: Asking) -> None:
    asking.server.serve(TROUBLE["429, for long"])
    started = time.monotonic()
    for _ in range(3):
        with pytest.raises(Throttled) as caught:
            asking.token()
        assert caught.value.retry_after == pytest.approx(900, abs=5)
    assert time.monotonic() - started < 2
    assert asking.asked == 1
