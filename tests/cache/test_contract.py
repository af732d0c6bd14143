"""Token caches do what two dictionaries would, each kind of them, a real Redis server among them.

That they keep the contract of `grantway.testing` is tested in `contracts`.
"""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cache.support import ALICE, WholeCache, facts, opener, result
from grantway import AuthenticationResult, Secret, StoredRefreshToken
from grantway.cache_inspection import CacheEntry
from grantway.token_cache import expires

KINDS = ("memory", "sqlite", "redis")

keys = st.sampled_from(["a" * 64, "b" * 64, "", "\0", "ключ", "\ud800", "one:two*"])
owners = st.sampled_from(["", "first", "second"])
tokens = st.sampled_from(["t1", "t2", "long " * 500, "ünï"])
hours = st.sampled_from([-3, -1, 1, 100])
accounts = st.sampled_from([None, ALICE])


class CacheMachine(RuleBasedStateMachine):
    """A cache beside two dictionaries that say what must be in it."""

    open: Callable[[], WholeCache]

    @initialize()
    def begin(self) -> None:
        self.results: dict[str, AuthenticationResult] = {}
        self.refresh: dict[str, StoredRefreshToken] = {}
        self.pauses: dict[str, float] = {}
        self.cache = self.open()
        self.cache.clear()

    @rule(key=keys, token=tokens, account=accounts, left=hours, longer=hours, scopes=st.booleans())
    def put(self, key: str, token: str, account: Any, left: int, longer: int, scopes: bool) -> None:
        now = datetime.now(UTC)
        made = result(
            token,
            account=account,
            expires_on=now + timedelta(hours=left),
            extended_expires_on=now + timedelta(hours=longer) if longer > left else None,
            scopes=("x", "y") if scopes else (),
        )
        self.cache.put(key, made)
        self.results[key] = made

    @rule(key=keys)
    def put_without_end(self, key: str) -> None:
        self.results[key] = result("forever", expires_on=None, extended_expires_on=None)
        self.cache.put(key, self.results[key])

    @rule(key=keys)
    def get(self, key: str) -> None:
        self._check(key)

    def _check(self, key: str) -> None:
        found, wanted = self.cache.get(key), self.results.get(key)
        if found is None:
            # Only what has expired may be gone.
            assert wanted is None or _is_over(wanted)
        else:
            assert facts(found) == facts(wanted)

    @rule(slot=keys, token=tokens, owner=owners, account=accounts)
    def put_refresh_token(self, slot: str, token: str, owner: str, account: Any) -> None:
        self.refresh[slot] = StoredRefreshToken(
            Secret(token), account, owner, environment="Somewhere", provider="Some"
        )
        self.cache.put_refresh_token(slot, self.refresh[slot])

    @rule(slot=keys)
    def get_refresh_token(self, slot: str) -> None:
        assert facts(self.cache.get_refresh_token(slot)) == facts(self.refresh.get(slot))

    @rule(slot=keys, token=tokens)
    def remove_refresh_token(self, slot: str, token: str) -> None:
        self.cache.remove_refresh_token(slot, Secret(token))
        if slot in self.refresh and self.refresh[slot].token == Secret(token):
            del self.refresh[slot]

    @rule(owner=owners)
    def list_an_owner(self, owner: str) -> None:
        found = {slot: facts(each) for slot, each in self.cache.refresh_tokens(owner)}
        assert found == {
            slot: facts(each) for slot, each in self.refresh.items() if each.owner == owner
        }

    @rule(key=keys, until=st.sampled_from([4e9, 5e9]))
    def pause(self, key: str, until: float) -> None:
        self.cache.put_pause(key, until)
        self.pauses[key] = max(until, self.pauses.get(key, 0.0))

    @rule(key=keys)
    def get_pause(self, key: str) -> None:
        assert self.cache.get_pause(key) == self.pauses.get(key, 0.0)

    @rule(key=keys)
    def remove(self, key: str) -> None:
        removed = self.cache.remove(key)
        result, token = self.results.pop(key, None), self.refresh.pop(key, None)
        if token is not None or (result is not None and not _is_over(result)):
            assert removed
        if token is None and result is None:
            assert not removed

    @rule()
    def prune(self) -> None:
        self.cache.prune()
        self.results = {key: each for key, each in self.results.items() if not _is_over(each)}
        for key in ("a" * 64, "b" * 64):
            assert (self.cache.get(key) is None) == (key not in self.results)

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.results, self.refresh, self.pauses = {}, {}, {}

    @rule()
    def open_again(self) -> None:
        self.cache.close()
        before = self.cache.fingerprint_key
        self.cache = self.open()
        assert self.cache.fingerprint_key == before

    @rule(key=keys)
    def hold(self, key: str) -> None:
        with self.cache.lock(key, _never):
            self._check(key)

    @invariant()
    def what_is_listed_is_there(self) -> None:
        listed = list(self.cache.entries())
        assert len({(each.kind, each.key) for each in listed}) == len(listed)
        over = {key for key, each in self.results.items() if _is_over(each)}
        found = [each for each in listed if each.kind == "refresh_token" or each.key not in over]
        wanted = [
            *(
                CacheEntry.of_result(key, each)
                for key, each in self.results.items()
                if key not in over
            ),
            *(CacheEntry.of_refresh_token(slot, each) for slot, each in self.refresh.items()),
        ]
        assert sorted(found, key=repr) == sorted(wanted, key=repr)
        info = self.cache.info()
        assert info.refresh_tokens == len(self.refresh)
        assert len(self.results) - len(over) <= info.access_tokens <= len(self.results)

    def teardown(self) -> None:
        self.cache.close()


def _is_over(result: AuthenticationResult) -> bool:
    until = expires(result)
    return until is not None and until < datetime.now(UTC).timestamp()


def _never(seconds: float) -> None:
    raise AssertionError("nobody else holds it")


@pytest.mark.parametrize("kind", KINDS)
def test_a_cache_keeps_its_contract(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def server() -> Any:
        return request.getfixturevalue("redis_server")

    if kind == "redis":
        server()  # it starts, or the test ends, before anything else

    class Machine(CacheMachine):
        @initialize()
        def begin(self) -> None:
            self.folder = tempfile.TemporaryDirectory(dir=tmp_path)
            self.open = opener(kind, Path(self.folder.name), server)
            super().begin()

        def teardown(self) -> None:
            super().teardown()
            self.folder.cleanup()

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
    )
