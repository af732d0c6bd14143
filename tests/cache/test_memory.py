"""The cache in memory is bounded, and hits go on while it is written."""

import os
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from cache.support import result, stored
from grantway.cache.memory import MemoryTokenCache


def test_of_very_many_results_those_used_the_longest_ago_go() -> None:
    cache = MemoryTokenCache(limit=10)
    for number in range(10):
        cache.put(str(number), result())
    assert cache.info().access_tokens == 10
    assert cache.get("0") is not None
    cache.put("10", result())
    assert cache.get("0") is not None
    assert cache.get("10") is not None
    assert cache.get("1") is None
    assert cache.info().access_tokens == 10


def test_of_very_many_refresh_tokens_those_used_the_longest_ago_go() -> None:
    cache = MemoryTokenCache(limit=3)
    for slot in "abc":
        cache.put_refresh_token(slot, stored())
    assert cache.get_refresh_token("a") is not None
    cache.put_refresh_token("d", stored())
    assert {slot for slot, _ in cache.refresh_tokens("an owner")} == {"a", "c", "d"}


def test_expired_results_do_not_pile_up() -> None:
    now = datetime.now(UTC).timestamp()
    cache = MemoryTokenCache(now=lambda: now)
    for number in range(20_000):
        now += 10
        soon = datetime.fromtimestamp(now + 3600, UTC)
        cache.put(str(number), result(expires_on=soon, extended_expires_on=None))
    # 360 of them are good at a time.
    assert cache.info().access_tokens <= 1100
    assert all(cache.get(str(number)) is not None for number in range(20_000 - 359, 20_000))


def test_a_hit_is_a_hit_while_others_write_prune_and_clear_up() -> None:
    cache = MemoryTokenCache(limit=200)
    kept = result()
    over = datetime.now(UTC) - timedelta(days=1)
    stop = threading.Event()
    failures: list[BaseException] = []

    def write(name: str) -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                cache.put(f"{name}{number % 50}", result(expires_on=over, extended_expires_on=over))
                cache.put_refresh_token(f"{name}{number % 20}", stored(owner=str(number % 3)))
                cache.refresh_tokens("1")
                if number % 10 == 0:
                    cache.prune()
        except BaseException as error:  # noqa: BLE001  # of a thread: told below
            failures.append(error)

    cache.put("kept", kept)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        hits = [cache.get("kept") is kept for _ in range(20_000)]
        stop.set()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures
    assert all(hits)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_goes_on_though_its_parent_was_writing() -> None:
    cache = MemoryTokenCache()
    cache.put("k", result())
    with cache._locked():
        child = os.fork()
        if child == 0:
            cache.put("k2", result())
            os._exit(0 if cache.get("k") is not None else 1)
    assert os.waitpid(child, 0)[1] == 0
