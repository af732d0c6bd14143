"""What a token cache does across processes, across their ends, and where it rests."""

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import IO

import pytest

from grantway.secret import Secret
from grantway.testing.forked import CAN_FORK, in_a_child
from grantway.testing.gate import needs
from grantway.testing.imports import same_path
from grantway.testing.leaks import assert_unseen
from grantway.testing.patience import outcomes
from grantway.testing.token_cache_setting import (
    SECRETS,
    TokenCacheSetting,
    a_refresh_token,
    a_result,
)
from grantway.token_cache import Coordinator, TokenCache

_PROGRAM = "grantway.testing.cache_process"
_WRITTEN = 20


class TokenCacheProcessChecks(TokenCacheSetting):
    """Checks with more than one process, or more than one life of a cache."""

    @needs("persists")
    def test_what_was_put_is_there_when_it_is_opened_again(self, cache_url: str) -> None:
        """Tokens, refresh tokens, and the key under which they are found."""
        cache = self.open(cache_url)
        key = cache.fingerprint_key
        cache.put("a key", a_result())
        cache.put_refresh_token("a slot", a_refresh_token())
        cache.close()
        again = self.open(cache_url)
        assert again.get("a key") is not None, "The result is lost."
        assert again.get_refresh_token("a slot") is not None, "The refresh token is lost."
        assert again.fingerprint_key == key, "The fingerprint_key is another one."
        again.close()

    @needs("persists")
    def test_a_writer_that_is_killed_loses_no_refresh_token(self, cache_url: str) -> None:
        """`put_refresh_token` returns when it is safe: the old one may be spent already."""
        with self._process(cache_url, "write") as (process, said):
            names = [said.readline().strip() for _ in range(_WRITTEN)]
            assert all(names), "The other process does not write; what it said stands above."
            process.kill()
            names += said.read().split("\n")[:-1]
        cache = self.open(cache_url)
        for name in names:
            found = cache.get_refresh_token(name)
            assert found is not None, f"{name} had been put, and is lost."
            assert found.token == Secret(name.replace("slot", "token"))
        cache.put("a key", a_result())
        cache.close()

    @needs("shares_between_processes")
    def test_processes_see_what_others_put(self, cache: TokenCache, cache_url: str) -> None:
        """A token that one process has fetched is not fetched again by the next."""
        cache.put("of this process", a_result())
        with self._process(cache_url, "find") as (process, _):
            out, _ = process.communicate("of this process\nof nobody\n", timeout=60)
        assert out.splitlines() == ["of this process"], "The other process does not see it."
        assert cache.get("of the other process") is not None, "This process does not see it."

    @needs("shares_between_processes", "coordinates")
    def test_who_dies_while_holding_a_key_holds_it_no_longer(
        self, cache: TokenCache, cache_url: str
    ) -> None:
        """At once, or after a lease of seconds; until then others wait."""
        assert isinstance(cache, Coordinator), "It is no Coordinator; see grantway.token_cache."
        waits: list[float] = []
        until = time.monotonic() + 60

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if process.poll() is None:
                process.kill()
                process.wait()
            assert time.monotonic() + seconds < until, "The key is still held, by nobody."
            time.sleep(seconds)

        with self._process(cache_url, "hold") as (process, said):
            assert said.readline() == "held\n"
            with cache.lock("a key", sleep):
                assert waits, "Two processes held the same key at once."

    def test_a_forked_child_can_use_it(self, cache: TokenCache) -> None:
        """Servers load once and fork many times: threads and connections are the parent's alone."""
        if not CAN_FORK:
            pytest.skip("this system does not fork")

        def use(name: str) -> None:
            cache.put(name, a_result(name))
            cache.put_refresh_token(name, a_refresh_token(name))

        def live() -> None:
            found, stored = cache.get("0"), cache.get_refresh_token("0")
            assert found is not None, "The child does not see the result that was there."
            assert stored is not None, "The child does not see the refresh token that was there."
            use("child")
            assert cache.get("child") is not None, "The child does not see what it has put."
            listed = {slot for slot, _ in cache.refresh_tokens("an owner")}
            assert {"0", "child"} <= listed, f"The child sees these slots alone: {listed}"
            cache.remove_refresh_token("child", Secret("child"))
            if isinstance(cache, Coordinator):
                with cache.lock("a key", time.sleep):
                    pass

        outcomes([partial(use, str(number)) for number in range(4)], 60)
        failed = in_a_child(live, self.patience)
        assert not failed, f"A forked child cannot use it.\n{failed}"
        use("parent")
        assert cache.get("parent") is not None, "After a fork the parent cannot use it."
        is_seen = cache.get("child") is not None
        assert is_seen or not self.shares_between_processes, "What the child has put is not here."

    @needs("encrypts")
    def test_nothing_of_a_token_rests_in_clear(self, cache_url: str) -> None:
        """Disks are stolen and backed up; names of people are nobody's business either."""
        cache = self.open(cache_url)
        cache.put("a key", a_result())
        cache.put_refresh_token("a slot", a_refresh_token())
        cache.close()
        resting = self.at_rest(cache_url)
        assert resting, "There is nothing where the cache is said to rest."
        texts = (*SECRETS, "somebody@scripted.example", "sentinel-subject-90bd")
        assert_unseen(texts, "What rests there", resting.decode("latin-1"))

    @contextmanager
    def _process(
        self, url: str, action: str
    ) -> Generator[tuple["subprocess.Popen[str]", IO[str]], None, None]:
        process = subprocess.Popen(  # noqa: S603  # this very interpreter
            [sys.executable, "-m", _PROGRAM, self.import_name(), self.name, url, action],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=same_path(),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stdin.close()
