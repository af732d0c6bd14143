"""The cache on a Redis server: shared by hosts, in clear for nobody, and never waited for long."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from cache.support import KEY, OTHER_KEY, redis_cache, result, stored
from grantway import Secret
from grantway.cache.encryption_key import VARIABLE
from grantway.cache.redis import RedisTokenCache, from_url
from grantway.cli.logs import masked
from grantway.errors import CacheError, ConfigurationError
from peers.redis_server import RedisServer

HEX = KEY.value.hex()


@pytest.fixture
def cache(redis_server: RedisServer) -> Iterator[RedisTokenCache]:
    made = redis_cache(redis_server)
    yield made
    made.close()


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Any]:
    made = redis.Redis.from_url(redis_server.url)
    made.flushall()
    yield made
    made.close()


def all_there_is(client: Any) -> bytes:
    content = b""
    for key in client.keys("*"):
        kind = client.type(key)
        if kind == b"string":
            content += key + b" " + client.get(key)
        else:
            members = client.smembers(key) if kind == b"set" else client.zrange(key, 0, -1)
            content += key + b" " + b" ".join(members)
    return content


def test_the_server_sees_no_token_and_nobodys_name(cache: RedisTokenCache, client: Any) -> None:
    cache.put("sentinel-key", result())
    cache.put_refresh_token("sentinel-slot", stored())
    cache.put_pause("sentinel-authority", 4e9)
    with cache.lock("sentinel-lock", time.sleep):
        content = all_there_is(client)
    assert len(content) > 1000
    for sentinel in ("sentinel", "Sentinel", "contoso", "an owner", "id.example", HEX):
        assert sentinel.encode() not in content


def test_hosts_with_the_same_key_share_all(redis_server: RedisServer) -> None:
    one, other = (redis_cache(redis_server, "shared:") for _ in range(2))
    assert one.fingerprint_key == other.fingerprint_key
    one.put("k", result())
    one.put_refresh_token("s", stored())
    one.put_pause("a", 4e9)
    assert other.get("k") is not None
    assert [slot for slot, _ in other.refresh_tokens("an owner")] == ["s"]
    assert other.get_pause("a") == 4e9
    one.close()
    other.close()


def test_another_key_finds_nothing_counts_it_and_loses_nothing(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    one = redis_cache(redis_server, "keys:")
    other = redis_cache(redis_server, "keys:", key=OTHER_KEY)
    one.put("k", result())
    one.put_refresh_token("s", stored())
    assert other.get("k") is None
    assert list(other.entries()) == []
    other.put("k", result("mine"))
    assert one.get("k") is not None
    assert one.get_refresh_token("s") is not None
    for cache, refresh_tokens, unreadable in ((one, 1, 1), (other, 0, 2)):
        info = cache.info()
        assert (info.access_tokens, info.refresh_tokens) == (1, refresh_tokens)
        assert info.unreadable == unreadable
        assert len(list(cache.entries())) == 1 + refresh_tokens
    assert "dropped" not in caplog.text
    # No key, no entry: what an administrator clears is all of it.
    other.clear()
    assert one.info().access_tokens == one.info().unreadable == 0
    one.close()
    other.close()


def test_a_damaged_row_is_dropped(
    cache: RedisTokenCache, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("k", result())
    cache.put_refresh_token("s", stored())
    for key in client.keys("*:result:*") + client.keys("*:refresh:*"):
        client.set(key, b"x" * 100)
    assert cache.get("k") is None
    assert cache.get_refresh_token("s") is None
    assert "cannot be read" in caplog.text
    assert client.keys("*:result:*") + client.keys("*:refresh:*") == []


def test_a_damaged_row_is_dropped_by_whoever_lists_its_owner(
    cache: RedisTokenCache, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put_refresh_token("s", stored())
    (key,) = client.keys("*:refresh:*")
    client.set(key, b"x" * 100)
    assert cache.info().unreadable == 1
    assert cache.refresh_tokens("an owner") == []
    assert "is damaged, cannot be read, and is dropped" in caplog.text
    assert client.keys("*:refresh:*") == []


def test_what_others_put_under_the_prefix_is_counted_and_left_alone(
    redis_server: RedisServer, client: Any
) -> None:
    cache = redis_cache(redis_server, "theirs:")
    cache.put("k", result())
    client.set("theirs:result:no-name", b"x")
    client.set("theirs:refresh:\xff", b"x")
    client.sadd("theirs:refresh:00", b"x")
    assert [each.key for each in cache.entries()] == ["k"]
    assert cache.info().unreadable == 2
    assert len(client.keys("theirs:*")) == 4
    cache.close()


def test_the_server_forgets_what_has_expired_and_keeps_refresh_tokens(
    cache: RedisTokenCache, client: Any
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    cache.put("soon", result(expires_on=soon, extended_expires_on=None))
    cache.put("later", result())
    cache.put_refresh_token("s", stored())
    left = sorted(client.pttl(key) for key in client.keys("*:result:*"))
    assert 0 < left[0] <= 1000
    assert 3600_000 < left[1] <= 7200_000
    assert [client.pttl(key) for key in client.keys("*:refresh:*")] == [-1]


def test_an_index_does_not_name_for_ever_what_is_gone(cache: RedisTokenCache, client: Any) -> None:
    for number in range(5):
        cache.put_refresh_token(str(number), stored(owner="first"))
    cache.put_refresh_token("4", stored(owner="second"))
    cache.remove("0")
    cache.remove_refresh_token("1", Secret("sentinel-refresh-token"))
    cache.prune()
    assert sorted(slot for slot, _ in cache.refresh_tokens("first")) == ["2", "3"]
    assert [slot for slot, _ in cache.refresh_tokens("second")] == ["4"]
    # 2, 3 and, until it goes itself, 4.
    assert sorted(client.scard(key) for key in client.keys("*:owner:*")) == [1, 3]


def test_pauses_that_are_over_go(cache: RedisTokenCache, client: Any) -> None:
    cache.put_pause("over", 5.0)
    cache.put_pause("not yet", 4e9)
    cache.prune()
    assert (cache.get_pause("over"), cache.get_pause("not yet")) == (0.0, 4e9)


# Failures.


def test_a_server_that_is_gone_is_a_cache_error_and_its_return_is_noticed() -> None:
    with RedisServer() as server:
        cache = redis_cache(server)
        cache.put("k", result())
        server.stop()
        for use in (
            lambda: cache.get("k"),
            lambda: cache.put("k", result()),
            lambda: cache.put_refresh_token("s", stored()),
            lambda: cache.refresh_tokens("an owner"),
            lambda: cache.lock("k", time.sleep).__enter__(),
            cache.info,
            cache.clear,
        ):
            with pytest.raises(CacheError, match=r"redis://127.*Check that the server runs"):
                use()
        server.start()
        cache.put("k", result())
        assert cache.get("k") is not None
        cache.close()


def test_a_lock_whose_server_goes_ends_without_an_error() -> None:
    with RedisServer() as server:
        cache = redis_cache(server)
        with cache.lock("k", time.sleep):
            server.stop()
        cache.close()


def test_a_full_server_is_a_cache_error(cache: RedisTokenCache, client: Any) -> None:
    client.config_set("maxmemory", "1mb")
    client.config_set("maxmemory-policy", "noeviction")
    try:
        with pytest.raises(CacheError, match="has room"):
            cache.put("k", result())
    finally:
        client.config_set("maxmemory", "0")


# URLs.


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("redis", "names no server"),
        ("redis:///0", "names no server"),
        ("redis://host/abc", "names no server"),
        ("redis://a..b/0", "cannot be"),
        (f"redis://{'a' * 80}/0", "cannot be"),
        ("redis://host:99999/0", "cannot be"),
        ("redis://host/0?ssl_ca_certs=/x", "is for TLS"),
        ("redis://host:port/0", "cannot be understood"),
        ("redis://:sentinel@host/0", "password in clear"),
        ("redis://user:sentinel@host/0", "password in clear"),
        ("redis://host/0?password=sentinel", "not a reference"),
        ("redis://host/0?prefx=a", "no parameter 'prefx'"),
        ("redis://host/0?prefix=a&prefix=b", "twice"),
    ],
)
def test_what_a_url_cannot_be(url: str, match: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, HEX)
    with pytest.raises(ConfigurationError, match=match) as caught:
        from_url(url)
    assert "sentinel" not in str(caught.value)
    assert caught.value.remedy


def test_hosts_have_to_be_given_a_key() -> None:
    with pytest.raises(ConfigurationError, match=rf"no encryption key.*set {VARIABLE}"):
        from_url("redis://host/0")


def test_a_password_is_a_reference(
    redis_server: RedisServer, client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, HEX)
    monkeypatch.setenv("PASSWORD", "sentinel-password")
    client.acl_setuser(
        "fleet", enabled=True, passwords=["+sentinel-password"], keys=["mine:*"], commands=["+@all"]
    )
    address = redis_server.url.replace("//", "//fleet@")
    cache = from_url(f"{address}?password=env:PASSWORD&prefix=mine:")
    cache.put("k", result())
    assert cache.get("k") is not None
    assert "sentinel" not in repr(cache) + repr(cache.info())
    cache.close()
    monkeypatch.setenv("PASSWORD", "sentinel-wrong")
    with pytest.raises(
        CacheError, match=r"Check the password in its URL, the parameter password, as env:NAME"
    ) as caught:
        from_url(f"{address}?password=env:PASSWORD").get("k")
    assert "sentinel" not in str(caught.value)
    for missing in ("env:NONE", f"file:{tmp_path}/none"):
        with pytest.raises(
            CacheError,
            match=r"(?i:none).*name another in the URL.*the parameter password, as env:NAME",
        ) as caught:
            from_url(f"{address}?password={missing}").get("k")
        assert "sqlite" not in str(caught.value)
        # What masks passwords leaves it as it is.
        assert "as env:NAME or file:PATH" in masked(str(caught.value))
    client.acl_deluser("fleet")


def test_a_password_that_is_missing_is_told_as_such(
    redis_server: RedisServer, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, HEX)
    client.config_set("requirepass", "sentinel-password")
    try:
        with pytest.raises(CacheError, match=r"Check the password in its URL") as caught:
            from_url(redis_server.url).get("k")
        assert "sentinel" not in str(caught.value)
    finally:
        client.config_set("requirepass", "")


def test_a_user_that_may_not_do_it_is_told_as_such(
    redis_server: RedisServer, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, HEX)
    monkeypatch.setenv("PASSWORD", "sentinel-password")
    client.acl_setuser(
        "reader",
        enabled=True,
        passwords=["+sentinel-password"],
        keys=["mine:*"],
        commands=["+@all"],
    )
    address = redis_server.url.replace("//", "//reader@")
    with pytest.raises(CacheError, match=r"begin with the prefix"):
        from_url(f"{address}?password=env:PASSWORD&prefix=theirs:").put("k", result())
    client.acl_deluser("reader")


def test_making_a_cache_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, HEX)
    cache = from_url("rediss://nowhere.invalid:1/5?prefix=a:")
    assert repr(cache) == "<RedisTokenCache rediss://nowhere.invalid:1/5>"
    assert cache.fingerprint_key
    cache.close()
