"""Of all who ask for the same token at once, one does the work; each keeps its own patience."""

import asyncio
import gc
import linecache
import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest

import grantway.flights as flights_module
from grantway import (
    AuthenticationResult,
    Context,
    CredentialProvider,
    ParameterSet,
    TokenRequest,
    hookimpl,
)
from grantway.errors import (
    Cancelled,
    DeadlineExceeded,
    GrantwayError,
    InvalidClient,
    PluginError,
    TransportError,
)
from grantway.flights import Flights
from oauth.support import CLIENT_ID, CLIENT_SECRET, FakeClock, dispatcher, environment, granted
from servers.raw import RawServer, drip_headers, empty, json_answer, late, silence


def together(count: int, ask: Any) -> list[object]:
    """Ask from many threads at once; returns what each got or what it failed with."""
    found: list[object] = []
    start = threading.Barrier(count)

    def run(number: int) -> None:
        start.wait()
        try:
            found.append(ask(number))
        except BaseException as error:  # noqa: BLE001
            found.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def given(server: RawServer, **more: Any) -> dict[str, Any]:
    return {"environment": environment(server), "credential": (CLIENT_ID, CLIENT_SECRET), **more}


def test_64_threads_that_want_one_token_send_one_request(raw_server: RawServer) -> None:
    raw_server.serve(late(0.3, granted()))
    with dispatcher() as asking:
        call = given(raw_server)
        found = together(64, lambda _: asking.acquire(**call).access_token)
    assert found == ["sentinel-access-token"] * 64
    assert len(raw_server.requests) == 1


def test_different_tokens_never_wait_for_each_other(raw_server: RawServer) -> None:
    raw_server.serve(late(0.5, granted()))
    with dispatcher() as asking:
        call = given(raw_server)
        started = time.monotonic()
        found = together(16, lambda n: asking.acquire(**call, scopes=f"s{n}").access_token)
    assert found == ["sentinel-access-token"] * 16
    assert len(raw_server.requests) == 16
    assert time.monotonic() - started < 4


def test_a_leaders_failure_is_everybodys(raw_server: RawServer) -> None:
    raw_server.serve(late(0.3, json_answer({"error": "invalid_client"}, 401)))
    with dispatcher() as asking:
        call = given(raw_server)
        found = together(16, lambda _: asking.acquire(**call))
    assert all(isinstance(each, InvalidClient) for each in found)
    assert len(raw_server.requests) == 1


def test_a_follower_takes_over_when_the_leaders_time_is_up(raw_server: RawServer) -> None:
    raw_server.serve(silence(), granted())
    with dispatcher() as asking:
        call = given(raw_server)
        outcome: list[object] = []

        def lead() -> None:
            try:
                asking.acquire(**call, timeout=0.6)
            except DeadlineExceeded as error:
                outcome.append(error)

        leader = threading.Thread(target=lead)
        leader.start()
        while not raw_server.requests:
            leader.join(0.01)
        found = together(8, lambda _: asking.acquire(**call).access_token)
        leader.join()
    assert len(outcome) == 1
    assert found == ["sentinel-access-token"] * 8
    assert len(raw_server.requests) == 2


def test_a_follower_keeps_its_own_deadline(raw_server: RawServer) -> None:
    raw_server.serve(late(2, granted()))
    with dispatcher() as asking:
        call = given(raw_server)
        leader = threading.Thread(target=lambda: asking.acquire(**call))
        leader.start()
        while not raw_server.requests:
            leader.join(0.01)
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            asking.acquire(**call, timeout=0.4)
        assert time.monotonic() - started < 1
        leader.join()
    assert len(raw_server.requests) == 1


class Gate:
    """A flight's work that waits to be let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()
        self.calls = 0
        self.cancelled: threading.Event | None = None
        self.raises: BaseException | None = None

    def __call__(self, cancelled: threading.Event) -> str:
        self.calls += 1
        self.cancelled = cancelled
        self.entered.set()
        assert self.go.wait(10)
        if self.raises is not None and self.calls == 1:
            raise self.raises
        return "done"


def remaining() -> float:
    return 10.0


@pytest.mark.parametrize(
    ("raises", "is_personal"),
    [
        (KeyboardInterrupt(), True),
        (SystemExit(), True),
        (DeadlineExceeded("up"), True),
        (Cancelled("gone"), True),
        (TransportError("no"), False),
        (TimeoutError("of the work"), False),
        (RuntimeError("a plugin's"), False),
    ],
    ids=repr,
)
def test_what_is_the_leaders_own_affair_is_not_its_followers(
    raises: BaseException, is_personal: bool
) -> None:
    flights: Flights[str] = Flights()
    gate = Gate()
    gate.raises = raises
    outcome: list[object] = []

    def ask() -> None:
        try:
            outcome.append(flights.run("key", gate, remaining))
        except BaseException as error:  # noqa: BLE001
            outcome.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    threads[0].start()
    assert gate.entered.wait(5)
    for thread in threads[1:]:
        thread.start()
    while len(flights._flights["key"].aboard) < 4:
        time.sleep(0.001)
    gate.go.set()
    for thread in threads:
        thread.join(5)
    same = [each for each in outcome if type(each) is type(raises) and str(each) == str(raises)]
    assert len(same) == (1 if is_personal else 4)
    # Each has an exception of their own: a traceback shows nobody else's frames.
    assert len({id(each) for each in same}) == len(same)
    assert outcome.count("done") == (3 if is_personal else 0)
    assert flights._flights == {}


def interrupted_at(number: int, do: Any) -> bool:
    """Do something, with an interrupt before that line of the flights' code; False: it has fewer."""
    lines = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != flights_module.__file__:
            return None
        # No interrupt comes between a lock's release and the block's end, though a trace does.
        if event == "line" and "with self._lock" not in linecache.getline(
            frame.f_code.co_filename, frame.f_lineno
        ):
            lines += 1
            if lines == number:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        do()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return lines >= number


def test_an_interrupt_at_any_step_leaves_no_flight_that_others_would_wait_for() -> None:
    def impatient() -> float:
        raise DeadlineExceeded("The flight of before is still in the air.")

    number = 1
    flights: Flights[str] = Flights()
    while interrupted_at(number, lambda: flights.run("key", lambda _: "first", remaining)):
        assert flights.run("key", lambda _: "second", impatient) == "second"
        number += 1
    assert number > 20


def test_an_interrupt_of_one_who_waits_leaves_the_flight_to_the_others() -> None:
    def is_interrupted(number: int) -> bool:
        flights: Flights[str] = Flights()
        gate = Gate()
        leader = threading.Thread(target=flights.run, args=("key", gate, remaining))
        leader.start()
        assert gate.entered.wait(5)

        def follow() -> None:
            flights.run("key", gate, remaining, told=lambda _: gate.go.set())

        found = interrupted_at(number, follow)
        assert all(len(each.aboard) == 1 for each in tuple(flights._flights.values()))
        gate.go.set()
        leader.join(5)
        assert flights._flights == {}
        return found

    number = 1
    while is_interrupted(number):
        number += 1
    assert number > 10


async def test_a_thread_that_cannot_be_started_is_an_error_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flights: Flights[str] = Flights()
    start = threading.Thread.start

    def full(thread: threading.Thread) -> None:
        if thread.name == "grantway-flight":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", full)
        found = await asyncio.gather(
            *(flights.run_async("key", lambda _: "done", remaining) for _ in range(5)),
            return_exceptions=True,
        )
    assert {type(each) for each in found} == {GrantwayError}
    assert "No thread can be started" in str(found[0])
    assert flights._flights == {}
    assert await flights.run_async("key", lambda _: "done", remaining) == "done"
    assert flights.run("key", lambda _: "done", remaining) == "done"


async def test_a_thread_takes_over_from_a_task_that_got_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flights: Flights[str] = Flights()
    outcome: list[str] = []
    follower = threading.Thread(
        target=lambda: outcome.append(flights.run("key", lambda _: "done", remaining))
    )
    start = threading.Thread.start

    def full(thread: threading.Thread) -> None:
        if thread.name != "grantway-flight":
            start(thread)
            return
        follower.start()
        while len(flights._flights["key"].aboard) < 2:
            time.sleep(0.001)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    with pytest.raises(GrantwayError, match="No thread"):
        await flights.run_async("key", lambda _: "done", remaining)
    await asyncio.to_thread(follower.join, 5)
    assert outcome == ["done"]


@pytest.mark.parametrize("outer", ["thread", "task"])
@pytest.mark.parametrize("inner", ["thread", "task"])
def test_work_that_asks_for_itself_is_told_so_at_once(outer: str, inner: str) -> None:
    flights: Flights[str] = Flights()

    def ask(way: str, work: Any) -> str:
        if way == "thread":
            return flights.run("key", work, remaining)
        return asyncio.run(flights.run_async("key", work, remaining))

    with pytest.raises(PluginError, match="the very token"):
        ask(outer, lambda _: ask(inner, lambda _: "never"))
    assert flights._flights == {}


async def test_200_tasks_that_want_one_token_send_one_request(raw_server: RawServer) -> None:
    raw_server.serve(late(0.3, granted()))
    with dispatcher() as asking:
        before = threading.active_count()
        tasks = [asyncio.create_task(asking.acquire_async(**given(raw_server))) for _ in range(200)]
        await asyncio.sleep(0.1)
        flying = [each for each in threading.enumerate() if each.name == "grantway-flight"]
        assert len(flying) == 1
        found = await asyncio.gather(*tasks)
        assert {each.access_token for each in found} == {"sentinel-access-token"}
        # A fresh token comes at once, and no thread is made for it.
        assert (await asking.acquire_async(**given(raw_server))).access_token
    assert len(raw_server.requests) == 1
    assert before


async def test_a_failure_reaches_every_task(raw_server: RawServer) -> None:
    raw_server.serve(late(0.2, empty(401)))
    with dispatcher() as asking:
        found = await asyncio.gather(
            *(asking.acquire_async(**given(raw_server)) for _ in range(20)),
            return_exceptions=True,
        )
    assert all(isinstance(each, InvalidClient) for each in found)
    assert len(raw_server.requests) == 1


async def test_a_cancelled_task_leaves_the_others_their_token(raw_server: RawServer) -> None:
    raw_server.serve(late(0.4, granted()))
    with dispatcher() as asking:
        tasks = [asyncio.create_task(asking.acquire_async(**given(raw_server))) for _ in range(3)]
        await asyncio.sleep(0.1)
        tasks[0].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(each, AuthenticationResult) for each in found[1:])
    assert len(raw_server.requests) == 1


@pytest.mark.parametrize("behaviour", [silence(), drip_headers(0.05)])
async def test_when_the_last_task_is_cancelled_the_work_ends(
    raw_server: RawServer, behaviour: Any
) -> None:
    raw_server.serve(behaviour)
    with dispatcher() as asking:
        tasks = [asyncio.create_task(asking.acquire_async(**given(raw_server))) for _ in range(3)]
        while not raw_server.requests:
            await asyncio.sleep(0.01)
        (flying,) = (each for each in threading.enumerate() if each.name == "grantway-flight")
        for task in tasks:
            task.cancel()
        started = time.monotonic()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert time.monotonic() - started < 0.5
        assert all(isinstance(each, asyncio.CancelledError) for each in found)
        await asyncio.to_thread(flying.join, 2)
        assert not flying.is_alive()
        assert asking._flights._flights == {}
    gc.collect()


async def test_asyncios_own_timeout_ends_the_wait(raw_server: RawServer) -> None:
    raw_server.serve(silence())
    with dispatcher() as asking:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asking.acquire_async(**given(raw_server))


async def test_a_tasks_own_deadline_ends_its_wait(raw_server: RawServer) -> None:
    raw_server.serve(late(1.5, granted()))
    with dispatcher() as asking:
        patient = asyncio.create_task(asking.acquire_async(**given(raw_server)))
        await asyncio.sleep(0.1)
        with pytest.raises(DeadlineExceeded):
            await asking.acquire_async(**given(raw_server), timeout=0.3)
        assert (await patient).access_token
    assert len(raw_server.requests) == 1


async def test_a_task_takes_over_from_one_whose_time_is_up(raw_server: RawServer) -> None:
    raw_server.serve(silence(), granted())
    with dispatcher() as asking:
        hasty = asyncio.create_task(asking.acquire_async(**given(raw_server), timeout=0.5))
        await asyncio.sleep(0.1)
        patient = asyncio.create_task(asking.acquire_async(**given(raw_server)))
        with pytest.raises(DeadlineExceeded):
            await hasty
        assert (await patient).access_token
    assert len(raw_server.requests) == 2


async def test_threads_and_tasks_share_a_flight(raw_server: RawServer) -> None:
    raw_server.serve(late(0.4, granted()))
    with dispatcher() as asking:
        call = given(raw_server)
        task = asyncio.create_task(asking.acquire_async(**call))
        await asyncio.sleep(0.05)
        by_thread = asyncio.create_task(asyncio.to_thread(lambda: asking.acquire(**call)))
        assert (await task).access_token == (await by_thread).access_token
    assert len(raw_server.requests) == 1


async def test_a_works_own_timeout_error_is_shared_and_not_taken_for_the_waits() -> None:
    flights: Flights[str] = Flights()
    calls: list[int] = []

    def work(_: threading.Event) -> str:
        calls.append(1)
        time.sleep(0.1)
        raise TimeoutError("of the work")

    found = await asyncio.gather(
        *(flights.run_async("key", work, remaining) for _ in range(5)), return_exceptions=True
    )
    assert [str(each) for each in found] == ["of the work"] * 5
    assert len(calls) == 1


def test_an_interrupted_wait_for_a_wait_leaves_nothing(raw_server: RawServer) -> None:
    """Ctrl-C while the authority asks to wait: the wait ends, and the next call works."""

    class Interrupting(FakeClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            if not self.waits:
                self.waits.append(seconds)
                raise KeyboardInterrupt
            return super().wait(event, seconds)

    raw_server.serve(
        json_answer({}, 429, headers=[("Retry-After", "5")]),
        granted(),
    )
    with dispatcher(clock=Interrupting()) as asking:
        with pytest.raises(KeyboardInterrupt):
            asking.acquire(**given(raw_server))
        assert asking._flights._flights == {}
        assert asking.acquire(**given(raw_server)).access_token


@pytest.mark.skipif(sys.platform == "win32", reason="a fork is needed")
def test_a_child_forked_amid_a_flight_flies_by_itself(raw_server: RawServer) -> None:
    raw_server.serve(late(1.0, granted()), granted(), late(1.0, granted()))
    with dispatcher() as asking:
        call = given(raw_server)
        leader = threading.Thread(target=lambda: asking.acquire(**call))
        leader.start()
        while not raw_server.requests:
            leader.join(0.01)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asking.acquire(**call, timeout=5)
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        leader.join()
    assert len(raw_server.requests) == 2
    assert len({request.connection for request in raw_server.requests}) == 2


# The source of a token.


class Counting:
    """A provider that gives a new token each time, for as long as told."""

    def __init__(self, clock: FakeClock, lifetime: float | None = 1000) -> None:
        self.clock, self.lifetime, self.count = clock, lifetime, 0

    @hookimpl
    def grantway_providers(self) -> Iterable[CredentialProvider]:
        return [CredentialProvider("Counting", (ParameterSet("Counting"),), self.authenticate)]

    def authenticate(self, request: TokenRequest, context: Context) -> AuthenticationResult:
        from datetime import UTC, datetime

        self.count += 1
        now = self.clock.time()
        return AuthenticationResult(
            f"token-{self.count}",
            acquired_on=datetime.fromtimestamp(now, UTC),
            expires_on=datetime.fromtimestamp(now + self.lifetime, UTC) if self.lifetime else None,
        )


def source_of(clock: FakeClock, lifetime: float | None = 1000) -> Any:
    asking = dispatcher(Counting(clock, lifetime), clock=clock)
    return asking.bind(provider="Counting", environment=environment("https://login.example"))


def test_a_source_gives_the_same_token_until_it_is_nearly_over() -> None:
    clock = FakeClock()
    source = source_of(clock)
    assert source.token() == source.token() == "token-1"
    clock.advance(899)
    assert source.token() == "token-1"
    clock.advance(2)
    assert source.token() == source.result().access_token == "token-2"


def test_a_clock_that_is_set_back_does_not_make_a_token_last_longer() -> None:
    clock = FakeClock()
    source = source_of(clock)
    assert source.token() == "token-1"
    clock.now -= 100_000
    clock.advance(499)
    assert source.token() == "token-1"
    # Half of its life is over, and it is of the future by the clock as it is now.
    clock.advance(2)
    assert source.token() == source.token() == "token-2"


def test_a_clock_that_is_set_forward_brings_a_new_token() -> None:
    clock = FakeClock()
    source = source_of(clock)
    assert source.token() == "token-1"
    clock.now += 100_000
    assert source.token() == "token-2"


def test_a_token_of_unknown_lifetime_is_asked_for_each_time() -> None:
    source = source_of(FakeClock(), None)
    assert (source.token(), source.token()) == ("token-1", "token-2")
    assert repr(source) == "<TokenSource without a token>"


def test_threads_on_one_source_send_one_request(raw_server: RawServer) -> None:
    raw_server.serve(late(0.2, granted()))
    with dispatcher() as asking:
        source = asking.bind(**given(raw_server))
        assert together(32, lambda _: source.token()) == ["sentinel-access-token"] * 32
    assert len(raw_server.requests) == 1
