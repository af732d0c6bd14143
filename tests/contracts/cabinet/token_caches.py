"""A token cache that keeps the contract, and many that break it; see `providers`."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import attrs
import pytest

from contracts.cabinet import forgetful
from contracts.cabinet.shelf import APART, Shelf
from grantway import AuthenticationResult, Secret, StoredRefreshToken, TokenCacheFactory
from grantway.cache.memory import MemoryTokenCache, _Entry
from grantway.cache_inspection import CacheEntry
from grantway.errors import CacheError, ConfigurationError
from grantway.testing import TokenCacheContract


def shelf(create: Callable[[str], Any], name: str = "cabinet", summary: str = "a cabinet") -> Shelf:
    return Shelf(token_caches=[TokenCacheFactory(name, create, summary=summary)])


class Nowhere(MemoryTokenCache):
    """One that nobody can reach."""

    def get(self, key: str) -> AuthenticationResult | None:
        raise CacheError("It is nowhere.")

    def put(self, key: str, result: AuthenticationResult) -> None:
        raise CacheError("It is nowhere.")


def create(url: str) -> MemoryTokenCache:
    if "wrong" in url:
        raise ConfigurationError("It is wrong.", remedy="Write cabinet.")
    return Nowhere() if "nowhere" in url else MemoryTokenCache()


class Cabinet(TokenCacheContract):
    breaks: tuple[str, ...] = ()
    api_version = (0, 1)
    plugin: object = shelf(create)
    name = "cabinet"
    coordinates = True
    inspects = True
    wrong_url = "cabinet:wrong"
    unreachable_url = "cabinet:nowhere"


class TestRight(Cabinet):
    pass


class TestNotAccepted(Cabinet):
    breaks = ("test_the_registry_accepts_its_plugin",)
    plugin = shelf(create, summary="a \x1b[2Jcabinet")


class TestTakesAName(Cabinet):
    breaks = ("test_it_takes_no_name_of_a_built_in",)
    plugin = shelf(create, "sqlite")


class TestDeclaresLittle(Cabinet):
    breaks = ("test_it_declares_what_it_can_do",)
    coordinates = False


class TestHeavy(Cabinet):
    breaks = ("test_importing_its_plugin_loads_nothing_heavy",)
    module = "contracts.cabinet.heavy"


class Halving(MemoryTokenCache):
    def get(self, key: str) -> AuthenticationResult | None:
        found = super().get(key)
        return found and attrs.evolve(found, id_token=None)

    def get_refresh_token(self, slot: str) -> StoredRefreshToken | None:
        found = super().get_refresh_token(slot)
        return found and attrs.evolve(found, account=None)


class TestHalves(Cabinet):
    breaks = ("test_a_result_is_found_whole", "test_a_refresh_token_is_found_whole")
    plugin = shelf(lambda _: Halving())


class Stubborn(MemoryTokenCache):
    def put(self, key: str, result: AuthenticationResult) -> None:
        if self.get(key) is None:
            super().put(key, result)


class TestIsStubborn(Cabinet):
    breaks = ("test_a_later_result_takes_the_place_of_an_earlier",)
    plugin = shelf(lambda _: Stubborn())


class Careless(MemoryTokenCache):
    def get(self, key: str) -> AuthenticationResult | None:
        return super().get(key.casefold())

    def put(self, key: str, result: AuthenticationResult) -> None:
        super().put(key.casefold(), result)


class TestIsCareless(Cabinet):
    breaks = ("test_keys_are_apart",)
    plugin = shelf(lambda _: Careless())


class Raising(MemoryTokenCache):
    def get(self, key: str) -> AuthenticationResult | None:
        found = super().get(key)
        if found is None:
            raise KeyError(key)
        return found


class TestRaises(Cabinet):
    breaks = ("test_what_is_not_there_is_none",)
    plugin = shelf(lambda _: Raising())


class Thorough(MemoryTokenCache):
    def remove_refresh_token(self, slot: str, token: Secret) -> None:
        if (found := self.get_refresh_token(slot)) is not None:
            super().remove_refresh_token(slot, found.token)


class TestIsThorough(Cabinet):
    breaks = ("test_a_newer_refresh_token_stays_when_an_older_is_removed",)
    plugin = shelf(lambda _: Thorough())


class Sharing(MemoryTokenCache):
    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, StoredRefreshToken]]:
        return [*super().refresh_tokens("mine"), *super().refresh_tokens("theirs")]


class TestMixesOwners(Cabinet):
    breaks = ("test_refresh_tokens_are_listed_by_their_owner",)
    plugin = shelf(lambda _: Sharing())


class Keeping(MemoryTokenCache):
    def clear(self) -> None:
        """Later."""


class TestKeepsAll(Cabinet):
    breaks = ("test_clearing_forgets_everything",)
    plugin = shelf(lambda _: Keeping())


class Plain(MemoryTokenCache):
    @property
    def fingerprint_key(self) -> bytes:
        return b"0" * 32


class TestHasAPlainKey(Cabinet):
    breaks = ("test_its_fingerprint_key_is_32_bytes_and_stays",)
    plugin = shelf(lambda _: Plain())


class TestIsSmall(Cabinet):
    breaks = ("test_many_threads_use_it_at_once",)
    plugin = shelf(lambda _: MemoryTokenCache(limit=20))


class Showing(MemoryTokenCache):
    def put(self, key: str, result: AuthenticationResult) -> None:
        self.last = result.access_token
        super().put(key, result)

    def __repr__(self) -> str:
        return f"<Showing {self.last}>"

    def entries(self) -> Iterator[CacheEntry]:
        for each in super().entries():
            yield attrs.evolve(each, user_name=self.last)


class TestShows(Cabinet):
    breaks = ("test_it_shows_no_secret", "test_what_is_listed_shows_no_secret")
    plugin = shelf(lambda _: Showing())


class TestTakesAnyUrl(Cabinet):
    breaks = (
        "test_a_url_that_cannot_be_understood_is_a_configuration_error",
        "test_one_that_cannot_be_reached_fails_when_it_is_used",
    )
    plugin = shelf(lambda _: MemoryTokenCache())


class Sweeping(MemoryTokenCache):
    def prune(self) -> int:
        self.clear()
        return 0


class TestSweeps(Cabinet):
    breaks = ("test_pruning_takes_what_has_expired_and_no_refresh_token",)
    plugin = shelf(lambda _: Sweeping())


class Open(MemoryTokenCache):
    def lock(self, key: str, sleep: Callable[[float], None]) -> AbstractContextManager[None]:
        return nullcontext()


class TestIsOpen(Cabinet):
    breaks = ("test_a_key_is_held_by_one_at_a_time",)
    plugin = shelf(lambda _: Open())


class Hasty(MemoryTokenCache):
    def __init__(self) -> None:
        super().__init__()
        self.pauses: dict[str, float] = {}

    def get_pause(self, key: str) -> float:
        return self.pauses.get(key, 0.0)

    def put_pause(self, key: str, until: float) -> None:
        self.pauses[key] = until


class TestIsHasty(Cabinet):
    breaks = ("test_of_two_pauses_the_later_stands",)
    plugin = shelf(lambda _: Hasty())


class TestForgets(Cabinet):
    breaks = (
        "test_what_was_put_is_there_when_it_is_opened_again",
        "test_a_writer_that_is_killed_loses_no_refresh_token",
        "test_processes_see_what_others_put",
        "test_who_dies_while_holding_a_key_holds_it_no_longer",
    )
    plugin = forgetful
    name = "forgetful"
    persists = True
    shares_between_processes = True
    wrong_url = unreachable_url = ""


class Writing(MemoryTokenCache):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def put(self, key: str, result: AuthenticationResult) -> None:
        super().put(key, result)
        self.path.write_text(result.access_token)


class TestWritesInClear(Cabinet):
    breaks = ("test_nothing_of_a_token_rests_in_clear",)
    plugin = shelf(lambda url: Writing(Path(url.removeprefix("cabinet:"))))
    encrypts = True
    wrong_url = unreachable_url = ""

    @pytest.fixture
    def cache_url(self, tmp_path: Path) -> str:
        return f"cabinet:{tmp_path / 'tokens'}"

    def at_rest(self, url: str) -> bytes:
        return Path(url.removeprefix("cabinet:")).read_bytes()


# What a short look does not show.


class Sly(Cabinet):
    """One that takes any URL, which is no fault of what is shown here."""

    wrong_url = unreachable_url = ""


class Shortening(MemoryTokenCache):
    def get(self, key: str) -> AuthenticationResult | None:
        return super().get(key[:32])

    def put(self, key: str, result: AuthenticationResult) -> None:
        super().put(key[:32], result)


class TestShortensKeys(Sly):
    breaks = ("test_keys_are_apart",)
    plugin = shelf(lambda _: Shortening())


class ShorteningSlots(MemoryTokenCache):
    def get_refresh_token(self, slot: str) -> StoredRefreshToken | None:
        return super().get_refresh_token(slot[-32:])

    def put_refresh_token(self, slot: str, stored: StoredRefreshToken) -> None:
        super().put_refresh_token(slot[-32:], stored)


class TestShortensSlots(Sly):
    breaks = ("test_keys_are_apart",)
    plugin = shelf(lambda _: ShorteningSlots())


class ShorteningOwners(MemoryTokenCache):
    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, StoredRefreshToken]]:
        there = list(self._refresh_tokens.items())
        return [(slot, each) for slot, each in there if each.owner[:32] == owner[:32]]


class TestShortensOwners(Sly):
    breaks = ("test_refresh_tokens_are_listed_by_their_owner",)
    plugin = shelf(lambda _: ShorteningOwners())


class Saying(MemoryTokenCache):
    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__()
        self.say = say

    def get(self, key: str) -> AuthenticationResult | None:
        found = super().get(key)
        if found is not None:
            self.say(f"found {found.access_token}")
        return found

    def remove_refresh_token(self, slot: str, token: Secret) -> None:
        self.say(f"{token.reveal()} goes")
        super().remove_refresh_token(slot, token)


class TestLogs(Sly):
    breaks = ("test_nothing_that_is_said_shows_a_token",)
    plugin = shelf(lambda _: Saying(logging.getLogger("cabinet").debug))


class TestLogsByItself(Sly):
    breaks = ("test_nothing_that_is_said_shows_a_token",)
    plugin = shelf(lambda _: Saying(APART.debug))


class TestPrints(Sly):
    breaks = ("test_nothing_that_is_said_shows_a_token",)
    plugin = shelf(lambda _: Saying(print))


class TestComplains(Sly):
    breaks = ("test_nothing_that_is_said_shows_a_token",)
    plugin = shelf(lambda _: Saying(lambda text: print(text, file=sys.stderr)))


class TestWarns(Sly):
    breaks = ("test_nothing_that_is_said_shows_a_token",)
    plugin = shelf(lambda _: Saying(warnings.warn))


class Losing(MemoryTokenCache):
    """Takes what is there, and puts it back with one thing more."""

    def put(self, key: str, result: AuthenticationResult) -> None:
        results = dict(self._results)
        results[key] = _Entry(result, 0)
        self._results = results


class TestLosesWhatOthersPut(Sly):
    breaks = ("test_many_threads_use_it_at_once",)
    plugin = shelf(lambda _: Losing())


class LosingSlots(MemoryTokenCache):
    def get_refresh_token(self, slot: str) -> StoredRefreshToken | None:
        return self._refresh_tokens.get(slot)

    def put_refresh_token(self, slot: str, stored: StoredRefreshToken) -> None:
        tokens = dict(self._refresh_tokens)
        tokens[slot] = stored
        self._refresh_tokens = tokens

    def remove_refresh_token(self, slot: str, token: Secret) -> None:
        stored = self._refresh_tokens.get(slot)
        if stored is not None and stored.token == token:
            del self._refresh_tokens[slot]

    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, StoredRefreshToken]]:
        there = list(self._refresh_tokens.items())
        return [(slot, each) for slot, each in there if each.owner == owner]


class TestLosesRefreshTokensOfOthers(Sly):
    breaks = ("test_many_threads_use_it_at_once",)
    plugin = shelf(lambda _: LosingSlots())


class OfOneProcess(MemoryTokenCache):
    def __init__(self) -> None:
        super().__init__()
        self.process = os.getpid()

    def get(self, key: str) -> AuthenticationResult | None:
        if os.getpid() != self.process:
            raise CacheError("The connection is another process's.")
        return super().get(key)


class TestIsOfOneProcess(Sly):
    breaks = ("test_a_forked_child_can_use_it",)
    plugin = shelf(lambda _: OfOneProcess())


class Delegating(MemoryTokenCache):
    """Has a thread do it, which no child has."""

    def __init__(self) -> None:
        super().__init__()
        self.worker = ThreadPoolExecutor(1)

    def put(self, key: str, result: AuthenticationResult) -> None:
        self.worker.submit(super().put, key, result).result()

    def close(self) -> None:
        self.worker.shutdown()


class TestHangsInAChild(Sly):
    breaks = ("test_a_forked_child_can_use_it",)
    plugin = shelf(lambda _: Delegating())
    patience = 0.5
