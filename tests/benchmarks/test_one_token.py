"""What one token costs, cached and not: CPU of this process; the server is another one."""

import itertools
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from benchmarks.clients import CREDENTIAL, SCOPE, TENANT, Place
from benchmarks.measuring import Comparison, Report, compare, cpu_per_call, turns
from grantway import AuthenticationResult, Dispatcher

LOCK_AND_DICT = "lock, dict, expiry"
MSAL_CACHED = "MSAL, cached"
MSAL_UNCACHED = "MSAL, uncached"
BARE_SESSION = "requests-oauthlib, one session"


class LockAndDict:
    """The least that a token cache shared by threads can do."""

    def __init__(self, key: str, token: str, expires: float) -> None:
        self.lock = threading.Lock()
        self.tokens = {key: (expires, token)}

    def token(self, key: str) -> str:
        with self.lock:
            expires, token = self.tokens[key]
        if time.time() < expires:
            return token
        raise LookupError(key)


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    with Dispatcher() as dispatcher:
        yield dispatcher


def test_cached(report: Report, place: Place, dispatcher: Dispatcher) -> None:
    environment, app = place.environment(), place.msal()
    source = dispatcher.bind(environment=environment, credential=CREDENTIAL, tenant_id=TENANT)
    floor = LockAndDict("key", "token", time.time() + 3600)

    def acquire() -> AuthenticationResult:
        return dispatcher.acquire(environment=environment, credential=CREDENTIAL, tenant_id=TENANT)

    def by_msal() -> str:
        return str(app.acquire_token_for_client([SCOPE])["access_token"])

    assert acquire().access_token == source.token()
    assert by_msal() == by_msal()
    place.authority.reset()

    def measure() -> list[Comparison]:
        costs = turns(
            21,
            floor=cpu_per_call(partial(floor.token, "key"), 20_000),
            source=cpu_per_call(source.token, 20_000),
            acquire=cpu_per_call(acquire, 2_000),
            msal=cpu_per_call(by_msal, 500),
        )
        mine, msal = costs["source"], costs["msal"]
        return [
            compare("TokenSource.token()", mine, LOCK_AND_DICT, costs["floor"], at_most=3),
            compare("TokenSource.token()", mine, MSAL_CACHED, msal, at_most=0.1),
            compare("Dispatcher.acquire, cached", costs["acquire"], MSAL_CACHED, msal, at_most=1),
        ]

    report.hold(measure)
    assert place.authority.stats().requests == 0


def test_uncached(report: Report, place: Place, dispatcher: Dispatcher) -> None:
    environment, app = place.environment(), place.msal()
    bare, floor = place.requests_oauthlib(), place.urllib3(1)
    tenants = (f"tenant-{number}.example" for number in itertools.count())

    def again() -> AuthenticationResult:
        return dispatcher.acquire(
            environment=environment, credential=CREDENTIAL, tenant_id=TENANT, force_refresh=True
        )

    def by_msal() -> str:
        # Claims make it pass its cache by, and replace the entry.
        answer = app.acquire_token_for_client([SCOPE], claims_challenge="{}")
        return str(answer["access_token"])

    assert len({again().access_token, again().access_token}) == 2
    assert len({by_msal(), by_msal()}) == 2
    assert len({bare(), bare()}) == 2
    place.authority.reset()
    rounds, calls = 21, 40
    fetched = 0

    def measure() -> list[Comparison]:
        nonlocal fetched
        costs = turns(
            rounds,
            again=cpu_per_call(again, calls),
            other=cpu_per_call(
                lambda: dispatcher.acquire(
                    environment=environment, credential=CREDENTIAL, tenant_id=next(tenants)
                ),
                calls,
            ),
            bare=cpu_per_call(bare, calls),
            bare_other=cpu_per_call(lambda: bare(next(tenants)), calls),
            msal=cpu_per_call(by_msal, calls),
            floor=cpu_per_call(floor, calls),
        )
        fetched += len(costs) * rounds * calls
        mine, other, msal = costs["again"], costs["other"], costs["msal"]
        return [
            compare("a token by force_refresh", mine, BARE_SESSION, costs["bare"], at_most=1.2),
            compare("a token by force_refresh", mine, MSAL_UNCACHED, msal, at_most=1),
            compare(
                "a token of a new tenant", other, BARE_SESSION, costs["bare_other"], at_most=1.2
            ),
            compare("a token by force_refresh", mine, "urllib3", costs["floor"]),
        ]

    report.hold(measure)
    stats = place.authority.stats()
    assert (stats.tokens, stats.metadata) == (fetched, 0)
    assert stats.connections == 4, "each client keeps its connection"
