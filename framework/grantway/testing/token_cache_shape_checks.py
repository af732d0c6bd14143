"""What a token cache does within one process."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle
from typing import TypeVar

import pytest

from grantway.cache_inspection import Inspector
from grantway.errors import CacheError, ConfigurationError
from grantway.secret import Secret
from grantway.testing.gate import needs
from grantway.testing.hearing import hearing
from grantway.testing.leaks import assert_unseen
from grantway.testing.patience import outcomes, switching_often, within
from grantway.testing.token_cache_setting import (
    SECRETS,
    TokenCacheSetting,
    a_refresh_token,
    a_result,
    facts_of,
)
from grantway.token_cache import Coordinator, TokenCache

T = TypeVar("T")

# As long as those that the dispatcher makes, and like another but for one character.
_ALIKE = tuple("a" * place + "b" + "a" * (63 - place) for place in range(0, 64, 9))
_KEYS = (
    *_ALIKE, "a" * 64, "b" * 64, "A" * 64, "", "\0", "ключ", "one:two*", "100%", "../up", "a b"
)  # fmt: skip
_THREADS = 8
_KEYS_EACH = 10
_SECONDS = 0.4


def _crowd(
    put: Callable[[str, T], None],
    get: Callable[[str], T | None],
    make: Callable[[str], T],
    token_of: Callable[[T], str],
) -> None:
    """Have threads put and look at once, as fast as they can, each under keys of its own.

    What they put is made beforehand: one that makes much else between two operations seldom meets
    another in the middle of one.
    """
    until = time.monotonic() + _SECONDS

    def check(key: str, wanted: T) -> None:
        found = get(key)
        assert found is not None, f"What was put under {key!r} is lost."
        assert token_of(found) == token_of(wanted), f"Under {key!r} an earlier one is back."

    def use(number: int) -> None:
        keys = [f"{number}-{each}" for each in range(_KEYS_EACH)]
        versions = [{key: make(f"{key} of turn {turn}") for key in keys} for turn in range(3)]
        last = versions[0]
        for turn, latest in enumerate(cycle(versions)):
            for key, made in latest.items():
                if turn:
                    check(key, last[key])
                put(key, made)
            last = latest
            if turn and time.monotonic() > until:
                break
        for key, made in last.items():
            check(key, made)

    with switching_often():
        outcomes([partial(use, number) for number in range(_THREADS)], 60)


def _never(_: float) -> None:
    raise AssertionError("A key that nobody holds makes nobody wait.")


class TokenCacheShapeChecks(TokenCacheSetting):
    """Checks that need no other process."""

    def test_it_declares_what_it_can_do(self, cache: TokenCache) -> None:
        """What has the methods is used by them, whatever its author meant to offer."""
        for name, claimed, found in (
            ("coordinates", self.coordinates, isinstance(cache, Coordinator)),
            ("inspects", self.inspects, isinstance(cache, Inspector)),
        ):
            assert found is claimed, (
                f"{name} = {claimed} of this contract and the methods of the cache disagree."
            )

    def test_a_result_is_found_whole(self, cache: TokenCache) -> None:
        """What is served from the cache is what the authority gave, to the last field."""
        for result in (a_result(), a_result(account=None, expires_on=None, refresh_token=None)):
            cache.put("a key", result)
            assert facts_of(cache.get("a key")) == facts_of(result)

    def test_a_later_result_takes_the_place_of_an_earlier(self, cache: TokenCache) -> None:
        """`force_refresh` and `claims` rely on it."""
        cache.put("a key", a_result("an earlier one"))
        cache.put("a key", a_result("a later one"))
        found = cache.get("a key")
        assert found is not None, "The result is lost."
        assert found.access_token == "a later one"  # noqa: S105  # made up

    def test_keys_are_apart(self, cache: TokenCache) -> None:
        """One caller's token is never another's, whatever characters are in a key."""
        for number, key in enumerate(_KEYS):
            cache.put(key, a_result(f"token {number}"))
            cache.put_refresh_token(key, a_refresh_token(f"refresh token {number}"))
        for number, key in enumerate(_KEYS):
            result, stored = cache.get(key), cache.get_refresh_token(key)
            assert result is not None, f"The result under {key!r} is lost."
            assert result.access_token == f"token {number}", f"{key!r} gives another key's result."
            assert stored is not None, f"The refresh token in {key!r} is lost."
            assert stored.token == Secret(f"refresh token {number}")

    def test_what_is_not_there_is_none(self, cache: TokenCache) -> None:
        """A miss is an everyday thing, and no error."""
        cache.put("a key", a_result())
        cache.put_refresh_token("a slot", a_refresh_token())
        assert cache.get("another") is None
        assert cache.get("a slot") is None, "A refresh token's slot is no result's key."
        assert cache.get_refresh_token("a key") is None
        assert list(cache.refresh_tokens("nobody")) == []
        cache.remove_refresh_token("another", Secret("whatever"))

    def test_a_refresh_token_is_found_whole(self, cache: TokenCache) -> None:
        """A person's sign-in hangs on it."""
        cache.put_refresh_token("a slot", a_refresh_token())
        assert facts_of(cache.get_refresh_token("a slot")) == facts_of(a_refresh_token())

    def test_a_newer_refresh_token_stays_when_an_older_is_removed(self, cache: TokenCache) -> None:
        """Who finds that a token is spent may be late: its successor is there already."""
        cache.put_refresh_token("a slot", a_refresh_token("the older"))
        cache.put_refresh_token("a slot", a_refresh_token("the newer"))
        cache.remove_refresh_token("a slot", Secret("the older"))
        found = cache.get_refresh_token("a slot")
        assert found is not None, "The newer one is lost."
        cache.remove_refresh_token("a slot", Secret("the newer"))
        assert cache.get_refresh_token("a slot") is None, "What was removed is still there."

    def test_refresh_tokens_are_listed_by_their_owner(self, cache: TokenCache) -> None:
        """The accounts of one client at one authority, and of no other."""
        for slot, owner in (("one", "mine"), ("two", "mine"), ("three", "theirs")):
            cache.put_refresh_token(slot, a_refresh_token(slot, owner))
        found = {slot: stored.token for slot, stored in cache.refresh_tokens("mine")}
        assert found == {"one": Secret("one"), "two": Secret("two")}
        for owner in _ALIKE:
            cache.put_refresh_token(f"of {owner}", a_refresh_token(owner, owner))
        for owner in _ALIKE:
            listed = [slot for slot, _ in cache.refresh_tokens(owner)]
            assert listed == [f"of {owner}"], f"{owner!r} is given the slots of others: {listed}"

    def test_clearing_forgets_everything(self, cache: TokenCache) -> None:
        """It is how people sign out of everything."""
        cache.put("a key", a_result())
        cache.put_refresh_token("a slot", a_refresh_token())
        cache.clear()
        assert cache.get("a key") is None, "A result is still there."
        assert cache.get_refresh_token("a slot") is None, "A refresh token is still there."
        assert not cache.refresh_tokens("an owner"), "A refresh token is still listed."

    def test_its_fingerprint_key_is_32_bytes_and_stays(self, cache: TokenCache) -> None:
        """Keys are made under it: with another one nothing would be found again."""
        key = cache.fingerprint_key
        assert type(key) is bytes
        assert len(key) >= 32, f"It is {len(key)} bytes long."
        assert len(set(key)) > 4, "It is not random."
        cache.put("a key", a_result())
        assert cache.fingerprint_key == key

    def test_many_threads_use_it_at_once(self, cache: TokenCache) -> None:
        """Each finds what it has put, whatever others put meanwhile, and nothing breaks."""
        _crowd(cache.put, cache.get, a_result, lambda found: found.access_token)
        _crowd(
            cache.put_refresh_token,
            cache.get_refresh_token,
            partial(a_refresh_token, owner="a crowd"),
            lambda found: found.token.reveal(),
        )
        left, put = len(cache.refresh_tokens("a crowd")), _THREADS * _KEYS_EACH
        assert left == put, f"Of {put} refresh tokens that were put {left} are there."

    def test_it_shows_no_secret(self, cache: TokenCache) -> None:
        """A dispatcher, a debugger and a traceback show the cache."""
        cache.put("a key", a_result())
        cache.put_refresh_token("a slot", a_refresh_token())
        assert_unseen((*SECRETS, repr(cache.fingerprint_key)), "The repr of the cache", repr(cache))

    def test_nothing_that_is_said_shows_a_token(self, cache_url: str) -> None:
        """Logs, terminals and warnings are others' to read."""
        with hearing() as heard:
            self._use_in_every_way(self.open(cache_url))
            if self.unreachable_url:
                failing = self.open(self.unreachable_url)
                with suppress(CacheError):
                    failing.put("a key", a_result())
                failing.close()
        heard.assert_unseen(SECRETS)

    @needs("wrong_url")
    def test_a_url_that_cannot_be_understood_is_a_configuration_error(self) -> None:
        """It is the user's word, and wrong before anything is opened."""
        with pytest.raises(ConfigurationError) as caught:
            self.open(self.wrong_url)
        assert caught.value.remedy.strip(), "The error says nothing of what to do."

    @needs("unreachable_url")
    def test_one_that_cannot_be_reached_fails_when_it_is_used(self) -> None:
        """By CacheError, within seconds: the token that was to be kept is not lost by it."""
        made = self.open(self.unreachable_url)
        began = time.monotonic()
        with pytest.raises(CacheError):
            within(lambda: made.get("a key"), 60)
        with pytest.raises(CacheError):
            within(lambda: made.put("a key", a_result()), 60)
        made.close()
        assert time.monotonic() - began < 60

    @needs("inspects")
    def test_what_is_listed_shows_no_secret(self, cache: TokenCache) -> None:
        """`grantway cache` is for people, who look over each other's shoulders."""
        assert isinstance(cache, Inspector), "It is no Inspector; see grantway.cache_inspection."
        cache.put("a key", a_result())
        cache.put_refresh_token("a slot", a_refresh_token())
        entries, info = list(cache.entries()), cache.info()
        assert {(each.kind, each.key) for each in entries} == {
            ("access_token", "a key"),
            ("refresh_token", "a slot"),
        }
        assert (info.access_tokens, info.refresh_tokens) == (1, 1)
        assert_unseen(SECRETS, "What is listed", entries, info)
        assert cache.remove("a key")
        assert not cache.remove("a key")
        assert cache.get("a key") is None

    @needs("inspects")
    def test_pruning_takes_what_has_expired_and_no_refresh_token(self, cache: TokenCache) -> None:
        """A result that an outage may still need stays; a refresh token never expires here."""
        assert isinstance(cache, Inspector), "It is no Inspector; see grantway.cache_inspection."
        long_ago = datetime.now(UTC) - timedelta(days=400)
        cache.put("old", a_result(expires_on=long_ago, extended_expires_on=None))
        cache.put("outage", a_result(expires_on=long_ago))
        cache.put_refresh_token("a slot", a_refresh_token())
        cache.prune()
        assert cache.get("old") is None, "What has expired is still there."
        assert cache.get("outage") is not None, "What an outage may need is gone."
        assert cache.get_refresh_token("a slot") is not None, "A refresh token is gone."

    @needs("coordinates")
    def test_a_key_is_held_by_one_at_a_time(self, cache: TokenCache) -> None:
        """So that a fleet asks the authority once; different keys do not wait for each other."""
        assert isinstance(cache, Coordinator), "It is no Coordinator; see grantway.token_cache."
        within_it: list[int] = []
        most: list[int] = []

        def hold(number: int) -> None:
            with cache.lock("a key", time.sleep):
                within_it.append(number)
                most.append(len(within_it))
                time.sleep(0.01)
                within_it.remove(number)

        outcomes([partial(hold, number) for number in range(4)], 60)
        assert max(most) == 1, f"{max(most)} threads held one key at once."
        with cache.lock("one", _never), cache.lock("another", _never):
            pass

    @needs("coordinates")
    def test_of_two_pauses_the_later_stands(self, cache: TokenCache) -> None:
        """All who share the cache keep away from an authority that asked for it."""
        assert isinstance(cache, Coordinator), "It is no Coordinator; see grantway.token_cache."
        assert cache.get_pause("an authority") == 0.0
        for until in (4e9, 5e9, 4.5e9):
            cache.put_pause("an authority", until)
        until = cache.get_pause("an authority")
        assert until == 5e9, f"Until {until:g} stands, not the latest of them."

    def _use_in_every_way(self, cache: TokenCache) -> None:
        for _ in range(2):
            cache.put("a key", a_result())
            cache.put_refresh_token("a slot", a_refresh_token())
        for key in ("a key", "another"):
            cache.get(key)
        for slot in ("a slot", "another"):
            cache.get_refresh_token(slot)
        cache.refresh_tokens("an owner")
        for token in ("another", SECRETS[1]):
            cache.remove_refresh_token("a slot", Secret(token))
        if isinstance(cache, Inspector):
            cache.info()
            list(cache.entries())
            cache.prune()
            cache.remove("a key")
        if isinstance(cache, Coordinator):
            with cache.lock("a key", _never):
                pass
        cache.clear()
        cache.close()
