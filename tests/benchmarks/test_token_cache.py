"""What a token at rest costs, beside few others and beside very many."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles

import pytest

from benchmarks.crowded_cache import (
    KEY,
    crowded,
    crowded_msal,
    msal_event,
    refresh_token,
    result,
    written_by_two,
)
from benchmarks.measuring import Comparison, Count, Report, compare, turns
from grantway.cache.sqlite import SqliteTokenCache

SIZES = (10, 1_000, 10_000, 100_000)
SMALLEST, LARGEST = SIZES[0], SIZES[-1]
CALLS = 20
ROUNDS = 25
SECONDS = 5.0

MINE = """
import sys
from pathlib import Path
from benchmarks.crowded_cache import KEY, result, write_until
from grantway.cache.sqlite import SqliteTokenCache
cache, first = SqliteTokenCache(Path(sys.argv[1]), lambda: KEY), int(sys.argv[2]) * 10**7
print(write_until(lambda number: cache.put(f"{number:064x}", result()), first, *map(float, sys.argv[3:])))
cache.close()
"""
MSAL = """
import sys
from benchmarks.crowded_cache import msal_event, write_until
from msal_extensions import FilePersistence, PersistedTokenCache
from msal_extensions.filelock import LockError
cache, first = PersistedTokenCache(FilePersistence(sys.argv[1])), int(sys.argv[2]) * 10**7
def add(number):
    while True:
        try:
            return cache.add(msal_event(number))
        except LockError:  # another holds its lock for long, and it gives up
            pass
print(write_until(add, first, *map(float, sys.argv[3:])))
"""


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, SqliteTokenCache]]:
    folder = tmp_path_factory.mktemp("token-caches")
    made = {
        size: crowded(folder / str(size) / "tokens.db", size, refresh_tokens=size) for size in SIZES
    }
    yield made
    for cache in made.values():
        cache.close()


def keys() -> list[str]:
    """New ones each time: as random as the dispatcher's."""
    from secrets import token_hex

    return [token_hex(32) for _ in range(CALLS)]


def cpu(each: Callable[[str], object], after: Callable[[str], object]) -> Callable[[], float]:
    """A contender: CPU for each of some new keys; what was added goes afterwards, unmeasured."""

    def cost() -> float:
        chosen = keys()
        begin = time.process_time()
        for key in chosen:
            each(key)
        spent = time.process_time() - begin
        for key in chosen:
            after(key)
        return spent / CALLS

    return cost


def nothing(key: str) -> None:
    pass


def test_one_more(report: Report, caches: dict[int, SqliteTokenCache]) -> None:
    token = result()

    def add_and_find(cache: SqliteTokenCache) -> Callable[[str], object]:
        def each(key: str) -> None:
            cache.put(key, token)
            assert cache.get(key) is not None

        return each

    def measure() -> list[Comparison]:
        costs = turns(
            ROUNDS,
            **{str(size): cpu(add_and_find(each), each.remove) for size, each in caches.items()},
        )
        return [
            compare(
                f"add and find a token beside {size:,}",
                costs[str(size)],
                f"beside {SMALLEST:,}",
                costs[str(SMALLEST)],
                at_most=1.5,
            )
            for size in SIZES[1:]
        ]

    report.hold(measure)


def test_a_miss_and_a_list(report: Report, caches: dict[int, SqliteTokenCache]) -> None:
    few, many = caches[SMALLEST], caches[LARGEST]
    for cache in (few, many):
        for number in range(3):
            cache.put_refresh_token(str(number), refresh_token())

    def accounts(cache: SqliteTokenCache) -> Callable[[str], object]:
        def each(key: str) -> None:
            assert len(cache.refresh_tokens("mine")) == 3

        return each

    def measure() -> list[Comparison]:
        costs = turns(
            ROUNDS,
            few=cpu(few.get, nothing),
            many=cpu(many.get, nothing),
            few_listed=cpu(accounts(few), nothing),
            many_listed=cpu(accounts(many), nothing),
        )
        beside = f"beside {SMALLEST:,}"
        return [
            compare(f"a miss beside {LARGEST:,}", costs["many"], beside, costs["few"], at_most=1.5),
            compare(
                f"an account list beside {LARGEST:,}",
                costs["many_listed"],
                beside,
                costs["few_listed"],
                at_most=1.5,
            ),
        ]

    report.hold(measure)


def test_encryption(report: Report, caches: dict[int, SqliteTokenCache], tmp_path: Path) -> None:
    cache, token = caches[1_000], result()
    body = cache._rows.result("a" * 64, token).body
    bare = sqlite3.connect(tmp_path / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=NORMAL")
    bare.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB)")

    def insert(key: str) -> None:
        bare.execute("INSERT INTO rows (name, body) VALUES (?, ?)", (key, body))

    def delete(key: str) -> None:
        bare.execute("DELETE FROM rows WHERE name=?", (key,))

    for key in (key for _ in range(1_000 // CALLS) for key in keys()):
        insert(key)

    def measure() -> list[Comparison]:
        costs = turns(
            ROUNDS,
            mine=cpu(lambda key: cache.put(key, token), cache.remove),
            bare=cpu(insert, delete),
        )
        return [
            compare(
                "add a token, encrypted",
                costs["mine"],
                "bare SQLite insert",
                costs["bare"],
                at_most=4,
            )
        ]

    report.hold(measure)
    bare.close()


def test_against_msal(report: Report, caches: dict[int, SqliteTokenCache], tmp_path: Path) -> None:
    cache, token = caches[10_000], result()
    theirs, numbers = crowded_msal(tmp_path / "msal.json", 10_000), iter(range(10**6, 10**7))

    def wall(each: Callable[[], object]) -> Callable[[], float]:
        def cost() -> float:
            begin = time.perf_counter()
            each()
            return time.perf_counter() - begin

        return cost

    def mine() -> float:
        chosen = keys()
        spent = wall(lambda: [cache.put(key, token) for key in chosen])() / CALLS
        for key in chosen:
            cache.remove(key)
        return spent

    def measure() -> list[Comparison]:
        costs = turns(5, mine=mine, msal=wall(lambda: theirs.add(msal_event(next(numbers)))))
        return [
            compare(
                "add a token beside 10,000 (wall)",
                costs["mine"],
                "MSAL's file cache",
                costs["msal"],
                at_most=0.001,
            )
        ]

    report.hold(measure)


def test_hits_while_others_miss(report: Report, caches: dict[int, SqliteTokenCache]) -> None:
    cache, token = caches[10_000], result()
    cache.put("hit", token)

    def miss() -> None:
        for key in keys():
            assert cache.get(key) is None
            cache.put(key, token)
            cache.remove(key)

    def compute() -> None:
        sum(range(20_000))

    def slowest_hits(work: Callable[[], None]) -> Callable[[], float]:
        """A contender: the 99th percentile of hits while three other threads work."""

        def cost() -> float:
            stop = threading.Event()

            def others() -> None:
                while not stop.is_set():
                    work()

            threads = [threading.Thread(target=others) for _ in range(3)]
            for thread in threads:
                thread.start()
            hits = []
            for _ in range(200):
                begin = time.perf_counter()
                assert cache.get("hit") is not None
                hits.append(time.perf_counter() - begin)
            stop.set()
            for thread in threads:
                thread.join()
            return quantiles(hits, n=100)[98]

        return cost

    def measure() -> list[Comparison]:
        costs = turns(3, missing=slowest_hits(miss), computing=slowest_hits(compute))
        return [
            compare(
                "99th percentile of hits, 3 threads miss",
                costs["missing"],
                "3 threads compute",
                costs["computing"],
                at_most=1.5,
            )
        ]

    report.hold(measure)


def test_two_processes(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "own" / "tokens.db"

    def measure() -> list[Comparison]:
        # Both begin with as many as there are tenants of a middling partner.
        crowded(path, 1_000).close()
        mine = written_by_two(MINE, path, SECONDS)
        crowded_msal(tmp_path / "msal.json", 1_000)
        theirs = written_by_two(MSAL, tmp_path / "msal.json", SECONDS)
        cache = SqliteTokenCache(path, lambda: KEY)
        report.count(
            Count(
                "tokens two processes wrote, and lost",
                1_000 + mine - cache.info().access_tokens,
                range(1),
            )
        )
        cache.clear()
        cache.close()
        (tmp_path / "msal.json").unlink()
        return [
            compare(
                f"a token beside 1,000, two processes for {SECONDS:g} s (wall)",
                [SECONDS / mine],
                "MSAL's file cache, likewise",
                [SECONDS / theirs],
                at_most=1 / 50,
            )
        ]

    report.hold(measure)
