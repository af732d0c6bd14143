"""A Redis server that accepts connections and never answers: waited for once, then left alone.

Each attempt at such a server is a connection, for one that was silent is not used again.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cache.support import KEY, result, stored
from dispatch.support import Watching
from grantway.cache.redis import RedisTokenCache
from grantway.cache.redis_server import PATIENCE, REST, connect
from grantway.errors import CacheError
from oauth.support import CLIENT_ID, CLIENT_SECRET, FakeClock, dispatcher, environment, granted
from peers.redis_server import RedisServer
from servers.raw import RawServer, deaf

SHORT = 0.2
TOKEN = "sentinel-refresh-token"


@pytest.fixture
def silent(raw_servers: Callable[..., RawServer]) -> RawServer:
    server = raw_servers()
    server.serve(deaf())
    return server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cache(silent: RawServer, clock: FakeClock) -> Iterator[RedisTokenCache]:
    url = silent.url.replace("http:", "redis:")
    made = RedisTokenCache(
        lambda: connect(f"{url}/0", "", {}, SHORT), lambda: KEY, address=url,
        monotonic=clock.monotonic,
    )  # fmt: skip
    yield made
    made.close()


def fails(use: Callable[[], object]) -> str:
    with pytest.raises(CacheError, match="did not answer in time") as caught:
        use()
    return str(caught.value)


def test_it_is_waited_for_a_few_seconds_by_default() -> None:
    assert 1 <= PATIENCE <= 3
    assert 5 <= REST <= 30


def test_one_that_was_silent_is_left_alone_by_all_that_can_wait(
    cache: RedisTokenCache, silent: RawServer, clock: FakeClock
) -> None:
    said = {fails(lambda: cache.get("k"))}
    assert silent.connections == 1
    for use in (
        lambda: cache.get("another"),
        lambda: cache.put("k", result()),
        lambda: cache.get_refresh_token("s"),
        lambda: cache.refresh_tokens("an owner"),
        lambda: cache.get_pause("a"),
        lambda: cache.put_pause("a", 4e9),
        lambda: cache.lock("k", lambda _: None).__enter__(),
        cache.info,
    ):
        said.add(fails(use))
    assert silent.connections == 1
    # One text, so that whoever tells each failure once tells one.
    assert len(said) == 1
    clock.advance(REST - 1)
    fails(lambda: cache.get("k"))
    assert silent.connections == 1
    clock.advance(2)
    fails(lambda: cache.get("k"))
    assert silent.connections == 2


def test_a_new_refresh_token_is_tried_to_be_stored_all_the_same_once(
    cache: RedisTokenCache, silent: RawServer, clock: FakeClock
) -> None:
    fails(lambda: cache.get("k"))
    for expected, token in enumerate(("first", "second"), 2):
        fails(lambda token=token: cache.put_refresh_token("s", stored(token)))
        assert silent.connections == expected
        # What is put once more because somebody is now known to be in it.
        fails(lambda token=token: cache.put_refresh_token("s", stored(token)))
        assert silent.connections == expected
    clock.advance(REST + 1)
    fails(lambda: cache.put_refresh_token("s", stored("second")))
    assert silent.connections == 4


def test_a_refresh_token_reaches_a_server_that_answers_again(
    redis_server: RedisServer, silent: RawServer, clock: FakeClock
) -> None:
    """It is back before its rest is over, and then all is as before."""
    url = [silent.url.replace("http:", "redis:")]
    cache = RedisTokenCache(
        lambda: connect(url[0], "", {}, SHORT), lambda: KEY, address="redis://one",
        prefix="again:", monotonic=clock.monotonic,
    )  # fmt: skip
    fails(lambda: cache.get("k"))
    # The address is the same for whoever looks at the cache; behind it is another machine.
    cache.close()
    url[0] = redis_server.url
    fails(lambda: cache.get("k"))
    cache.put_refresh_token("s", stored())
    assert cache.get_refresh_token("s") is not None
    cache.put("k", result())
    assert cache.get("k") is not None
    cache.close()


def test_a_lock_whose_server_falls_silent_ends_without_waiting(
    redis_server: RedisServer, silent: RawServer, clock: FakeClock
) -> None:
    url = [redis_server.url]
    cache = RedisTokenCache(
        lambda: connect(url[0], "", {}, SHORT), lambda: KEY, address="redis://one",
        prefix="silent-lock:", monotonic=clock.monotonic,
    )  # fmt: skip
    with cache.lock("k", lambda _: None):
        cache.close()
        url[0] = silent.url.replace("http:", "redis:")
        fails(lambda: cache.get("k"))
    assert silent.connections == 1
    cache.close()


# What it costs a call.


def application(server: RawServer) -> dict[str, Any]:
    return {"environment": environment(server), "credential": (CLIENT_ID, CLIENT_SECRET)}


def test_a_call_is_served_after_one_such_wait_and_the_next_ones_without(
    cache: RedisTokenCache,
    silent: RawServer,
    raw_server: RawServer,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    raw_server.serve(granted())
    with dispatcher(cache=cache, clock=clock) as asking:
        for _ in range(3):
            assert asking.acquire(**application(raw_server)).access_token
    assert silent.connections == 1
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert "did not answer in time" in caplog.text


def test_a_new_refresh_token_costs_one_more_and_that_it_is_not_kept_is_told(
    cache: RedisTokenCache,
    silent: RawServer,
    raw_server: RawServer,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watching = Watching()
    raw_server.serve(granted(refresh_token="second"), granted(refresh_token="third"))
    call = {**application(raw_server), "refresh_token": TOKEN}
    with dispatcher(watching, cache=cache, clock=clock) as asking:
        for count, token in ((2, "second"), (3, "third")):
            with caplog.at_level(logging.WARNING):
                assert asking.acquire(**call).refresh_token == token
            assert silent.connections == count
            lost = [each for each in caplog.messages if "the new refresh token" in each]
            assert len(lost) == count - 1
    assert "cache.failed" in watching.names
    assert "sentinel" not in caplog.text
