"""Locks between real processes: one at a time for a key, and whoever dies holds nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cache.support import WholeCache, redis_cache, sqlite_cache
from grantway import Context
from grantway.cache.locks import _files
from grantway.errors import Cancelled, DeadlineExceeded
from oauth.support import FakeClock, context, environment

PROCESSES = 16
TURNS = 12
LEASE = 1.5

# A process that holds a key again and again: who finds a mark there was not alone.
CONTENDING = """
import os, sys, time
from pathlib import Path
from cache.test_locks import opened
kind, place, mark, turns = sys.argv[1:]
cache, mark = opened(kind, place), Path(mark)
for _ in range(int(turns)):
    with cache.lock("one key", time.sleep):
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        count = Path(f"{mark}.count")
        number = int(count.read_text()) if count.exists() else 0
        time.sleep(0.001)
        count.write_text(str(number + 1))
        mark.unlink()
"""
HOLDING = """
import sys, time
from cache.test_locks import opened
cache = opened(sys.argv[1], sys.argv[2])
with cache.lock(sys.argv[3], time.sleep):
    print("holding", flush=True)
    sys.stdin.read()
print("done", flush=True)
"""


def opened(kind: str, place: str) -> WholeCache:
    """A cache of a kind, in any process."""
    if kind == "sqlite":
        return sqlite_cache(Path(place))
    server: Any = type("Server", (), {"url": place})
    return redis_cache(server, "locks:", lease=LEASE)


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    if request.param == "sqlite":
        return "sqlite", str(tmp_path / "own" / "tokens.db")
    return "redis", request.getfixturevalue("redis_server").url


def process(code: str, *arguments: str) -> "subprocess.Popen[str]":
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def holder(place: tuple[str, str], key: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds a key until its standard input ends."""
    held = process(HOLDING, *place, key)
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == "holding\n", held.communicate()
        yield held
    finally:
        held.kill()
        held.communicate()


def never(seconds: float) -> None:
    raise AssertionError("somebody else holds it")


class Busy(Exception):
    pass


def not_now(seconds: float) -> None:
    raise Busy


def soon(seconds: float) -> Callable[[float], None]:
    until = time.monotonic() + seconds

    def sleep(wait: float) -> None:
        assert time.monotonic() < until, "the lock stays"
        time.sleep(wait)

    return sleep


def test_of_many_processes_one_holds_a_key(place: tuple[str, str], tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    contenders = [process(CONTENDING, *place, str(mark), str(TURNS)) for _ in range(PROCESSES)]
    errors = [each.communicate(timeout=120)[1] for each in contenders]
    assert errors == [""] * PROCESSES
    assert Path(f"{mark}.count").read_text() == str(PROCESSES * TURNS)


def test_a_key_that_is_held_is_waited_for_and_others_are_not(place: tuple[str, str]) -> None:
    cache = opened(*place)
    with holder(place, "held"):
        with pytest.raises(Busy), cache.lock("held", not_now):
            pass
        for number in range(200):
            with cache.lock(f"other {number}", never):
                pass
    cache.close()


def test_what_a_finished_holder_held_is_free(place: tuple[str, str]) -> None:
    cache = opened(*place)
    with holder(place, "held") as held:
        assert held.communicate("", timeout=30)[0] == "done\n"
        with cache.lock("held", never):
            pass
    cache.close()


def test_what_a_killed_holder_held_is_free(place: tuple[str, str]) -> None:
    """In a file at once, on a server when the lease is over."""
    cache = opened(*place)
    for _ in range(3):
        with holder(place, "held") as held:
            held.send_signal(signal.SIGKILL)
            held.wait()
            with cache.lock("held", never if place[0] == "sqlite" else soon(LEASE + 5)):
                pass
    cache.close()


def test_a_lease_is_renewed_while_the_work_goes_on(redis_server: Any) -> None:
    place = ("redis", redis_server.url)
    cache = opened(*place)
    with holder(place, "long"):
        until = time.monotonic() + 2 * LEASE
        while time.monotonic() < until:
            with pytest.raises(Busy), cache.lock("long", not_now):
                pass
            time.sleep(0.05)
    cache.close()


def test_threads_of_one_process_wait_for_each_other(place: tuple[str, str]) -> None:
    """Through caches of their own, as two dispatchers in a process have them."""
    inside, most, failures = 0, 0, []

    def work() -> None:
        nonlocal inside, most
        cache = opened(*place)
        try:
            for _ in range(10):
                with cache.lock("threads", time.sleep):
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.001)
                    inside -= 1
        except BaseException as error:  # noqa: BLE001  # of a thread: told below
            failures.append(error)
        finally:
            cache.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert most == 1


def test_another_key_may_be_taken_inside(place: tuple[str, str]) -> None:
    cache = opened(*place)
    with cache.lock("outer", never):
        with cache.lock("inner", never):
            pass
        with pytest.raises(Busy), opened(*place).lock("outer", not_now):
            pass
    with cache.lock("outer", never):
        pass
    cache.close()


def waiting(clock: FakeClock, cancelled: threading.Event) -> Context:
    return context(environment("https://id.example"), clock=clock, timeout=7.0, cancelled=cancelled)


def test_a_wait_ends_with_the_callers_time(place: tuple[str, str]) -> None:
    cache, clock = opened(*place), FakeClock()
    with holder(place, "held"):
        begin = clock.monotonic()
        with pytest.raises(DeadlineExceeded):
            with cache.lock("held", waiting(clock, threading.Event()).sleep):
                pass
        assert 6.9 < clock.monotonic() - begin < 7.2
    cache.close()


def test_a_wait_ends_when_nobody_waits_any_more(place: tuple[str, str]) -> None:
    cache, cancelled = opened(*place), threading.Event()
    cancelled.set()
    with holder(place, "held"):
        with pytest.raises(Cancelled):
            with cache.lock("held", waiting(FakeClock(), cancelled).sleep):
                pass
    cache.close()


def test_what_the_holder_raises_is_its_own_and_the_lock_is_free(place: tuple[str, str]) -> None:
    cache = opened(*place)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), cache.lock("k", never):
            _ = 1 // 0
    cache.close()


def open_files() -> int:
    """How many this process has; 0 where that cannot be told."""
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0


def test_lock_files_do_not_pile_up(tmp_path: Path) -> None:
    cache = sqlite_cache(tmp_path / "own" / "tokens.db")
    before = open_files()
    for number in range(2000):
        with cache.lock(str(number), never):
            pass
    assert [each.name for each in (tmp_path / "own").iterdir()] == ["tokens.db.locks"]
    assert (tmp_path / "own" / "tokens.db.locks").stat().st_size == 0
    assert not _files
    assert open_files() == before


def test_a_removed_lock_file_is_made_again_and_the_old_lock_ends(tmp_path: Path) -> None:
    path = tmp_path / "own" / "tokens.db"
    cache = sqlite_cache(path)
    with cache.lock("k", never):
        path.with_name("tokens.db.locks").unlink()
        with cache.lock("k", never):
            with holder(("sqlite", str(path)), "other"):
                pass
            with pytest.raises(Busy), cache.lock("k", not_now):
                pass
    assert not _files
    with cache.lock("k", never):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_holds_nothing_of_its_parents(tmp_path: Path) -> None:
    """Neither does it end its parent's lock, nor does it keep it when the parent has ended it."""
    code = """
import os, sys, time
from pathlib import Path
from cache.test_locks import Busy, never, not_now, opened
cache = opened("sqlite", sys.argv[1])
reader, writer = os.pipe()
with cache.lock("k", never):
    child = os.fork()
    if child == 0:
        try:
            with cache.lock("k", not_now):
                os._exit(1)
        except Busy:
            pass
    if child:
        assert os.read(reader, 1) == b"x"
        third = os.fork()
        if third == 0:
            try:
                with cache.lock("k", not_now):
                    os._exit(1)
            except Busy:
                os._exit(0)
        assert os.waitpid(third, 0)[1] == 0
if child == 0:
    os.write(writer, b"x")
    time.sleep(60)
with cache.lock("k", never):
    pass
os.kill(child, 9)
os.waitpid(child, 0)
print("ok")
"""
    done = process(code, str(tmp_path / "own" / "tokens.db"))
    assert done.communicate(timeout=60) == ("ok\n", "")
