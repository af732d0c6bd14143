"""Many at once: a sweep over tenants, and a herd that wants one token."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from benchmarks.clients import CREDENTIAL, TENANT, Place
from benchmarks.measuring import Comparison, Count, Report, compare, turns
from grantway import Dispatcher
from servers.json_authority import Stats

WORKERS = 16
TENANTS = [f"tenant-{number}.example" for number in range(500)]
HERD = 64


def exactly(number: int) -> range:
    return range(number, number + 1)


def at_most(number: int) -> range:
    return range(1, number + 1)


def test_sweep(report: Report, slow_place: Place) -> None:
    environment = slow_place.environment()
    seen: list[Stats] = []

    def sweep(token: Callable[[str], str]) -> float:
        slow_place.authority.reset()
        begin = perf_counter()
        with ThreadPoolExecutor(WORKERS) as workers:
            tokens = set(workers.map(token, TENANTS))
        wall = perf_counter() - begin
        assert len(tokens) == len(TENANTS)
        return wall

    def mine() -> float:
        with Dispatcher() as dispatcher:

            def token(tenant: str) -> str:
                return dispatcher.acquire(
                    environment=environment, credential=CREDENTIAL, tenant_id=tenant
                ).access_token

            wall = sweep(token)
        seen.append(slow_place.authority.stats())
        return wall

    def urllib3() -> float:
        return sweep(slow_place.urllib3(WORKERS))

    # Counted, but not timed: what is imported and made on first use has its own price.
    mine()

    def measure() -> list[Comparison]:
        costs = turns(5, mine=mine, urllib3=urllib3)
        return [
            compare(
                f"{len(TENANTS)} tenants, {WORKERS} threads, 20 ms (wall)",
                costs["mine"],
                "urllib3, as many threads",
                costs["urllib3"],
                at_most=1.5,
            )
        ]

    report.hold(measure)
    # The worst of all sweeps: none may ask twice, or open more connections than it has threads.
    # The first one also makes the transport, with all threads asking for it at once.
    connections = [each.connections for each in seen]
    report.count(
        Count("their token requests", max(each.tokens for each in seen), exactly(len(TENANTS))),
        Count("their metadata requests", max(each.metadata for each in seen), exactly(0)),
        Count("their connections, cold", connections[0], at_most(WORKERS)),
        Count("their connections, warm", max(connections[1:]), at_most(WORKERS)),
    )


def test_herd_of_threads(report: Report, slow_place: Place) -> None:
    environment = slow_place.environment()
    together = threading.Barrier(HERD)
    with Dispatcher() as dispatcher:

        def token(_: int) -> str:
            together.wait()
            return dispatcher.acquire(
                environment=environment, credential=CREDENTIAL, tenant_id=TENANT
            ).access_token

        slow_place.authority.reset()
        with ThreadPoolExecutor(HERD) as workers:
            tokens = set(workers.map(token, range(HERD)))
    assert len(tokens) == 1
    requests = slow_place.authority.stats().requests
    report.count(Count(f"{HERD} threads, one token: requests", requests, exactly(1)))


async def test_herd_of_tasks(report: Report, slow_place: Place) -> None:
    environment = slow_place.environment()
    with Dispatcher() as dispatcher:
        slow_place.authority.reset()
        results = await asyncio.gather(
            *(
                dispatcher.acquire_async(
                    environment=environment, credential=CREDENTIAL, tenant_id=TENANT
                )
                for _ in range(HERD)
            )
        )
    assert len({each.access_token for each in results}) == 1
    requests = slow_place.authority.stats().requests
    report.count(Count(f"{HERD} tasks, one token: requests", requests, exactly(1)))
