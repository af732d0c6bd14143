"""A vault that keeps the contract, and some that break it; see `providers`."""

import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, cast

import pytest

from contracts.cabinet.shelf import Shelf
from grantway import Context, Secret, Vault
from grantway.errors import Cancelled, InteractionRequired, VaultError
from grantway.testing import VaultContract
from grantway.testing.vault_contract import SECRET

FULL = "full"
DRAWERS: dict[str, Secret] = {}


def get(name: str, context: Context) -> Secret:
    if name not in DRAWERS:
        raise VaultError("There is no such drawer.", remedy="Name another.", scheme="cabinet")
    return DRAWERS[name]


def put(name: str, secret: Secret, context: Context) -> None:
    check(name)
    DRAWERS[name] = secret


def check(name: str) -> None:
    if name == FULL:
        raise VaultError("The drawer is full.", remedy="Empty it.", scheme="cabinet")


def shelf(
    get: Callable[[str, Context], Any] = get,
    put: Callable[[str, Secret, Context], None] | None = put,
    scheme: str = "cabinet",
    **fields: Any,
) -> Shelf:
    given = {"check": check, "summary": "cabinet:DRAWER", **fields}
    return Shelf(vaults=[Vault(scheme, get, put, **given)])


class Cabinet(VaultContract):
    breaks: tuple[str, ...] = ()
    api_version = (0, 1)
    plugin: object = shelf()
    scheme = "cabinet"
    writable = True
    unwritable_name = FULL

    @pytest.fixture
    def kept(self) -> str:
        DRAWERS["drawer"] = Secret(SECRET)
        return "drawer"


class TestRight(Cabinet):
    pass


class TestRightToRead(Cabinet):
    plugin = shelf(put=None, check=None)
    writable = False


def asked(name: str, context: Context, *, secret: bool = True) -> Secret:
    if context.prompter is None:
        raise InteractionRequired("Nobody is here.", remedy="Be here.")
    return Secret(context.prompter.ask("What is it", secret=secret))


class TestRightWithAPerson(Cabinet):
    plugin = shelf(asked, put=None, check=None)
    writable = False
    interactive = True
    has_names = False


class TestNotAccepted(Cabinet):
    breaks = ("test_the_registry_accepts_its_plugin",)
    plugin = shelf(scheme="9 drawers")


class TestTakesAName(Cabinet):
    breaks = ("test_it_takes_no_name_of_a_built_in",)
    plugin = shelf(scheme="env")


class TestHeavy(Cabinet):
    breaks = ("test_importing_its_plugin_loads_nothing_heavy",)
    module = "contracts.cabinet.heavy"


class TestSaysLess(Cabinet):
    breaks = ("test_it_declares_what_it_can_do",)
    writable = False


class TestHasNoSummary(Cabinet):
    breaks = ("test_it_has_a_summary_for_lists",)
    plugin = shelf(summary="")


class TestHasNoName(Cabinet):
    breaks = ("test_a_reference_can_begin_with_its_scheme",)

    @pytest.fixture
    def kept(self) -> str:
        DRAWERS[""] = Secret(SECRET)
        return ""


def in_clear(name: str, context: Context) -> Any:
    return get(name, context).reveal()


class TestGivesText(Cabinet):
    breaks = ("test_what_is_kept_is_found",)
    plugin = shelf(in_clear)


class Once:
    """Gives its secret but once."""

    def __init__(self) -> None:
        self.given = 0

    def get(self, name: str, context: Context) -> Secret:
        self.given += 1
        if self.given > 1:
            raise VaultError("It is gone.", remedy="Bring another.", scheme="cabinet")
        return get(name, context)


class TestGivesOnce(Cabinet):
    breaks = ("test_a_crowd_finds_the_same",)
    plugin = shelf(Once().get)


def chatting(name: str, context: Context) -> Secret:
    if context.prompter is not None:
        context.prompter.show("By the way ...")
    return get(name, context)


class TestChats(Cabinet):
    breaks = ("test_nobody_is_asked",)
    plugin = shelf(chatting)


class TestEchoes(TestRightWithAPerson):
    breaks = ("test_a_person_is_asked_without_echo_or_the_lack_of_one_is_said",)
    plugin = shelf(lambda name, context: asked(name, context, secret=False), put=None, check=None)


class TestRaisesItsOwn(Cabinet):
    breaks = ("test_a_name_that_it_does_not_know_is_a_vault_error",)
    plugin = shelf(lambda name, context: DRAWERS[name])


def stripping(name: str, secret: Secret, context: Context) -> None:
    put(name, Secret(secret.reveal().strip()), context)


class TestStrips(Cabinet):
    breaks = ("test_what_is_put_is_found",)
    plugin = shelf(put=stripping)


def refusing(name: str) -> None:
    raise VaultError("It cannot be.", remedy="Do not.", scheme="cabinet")


class TestRefusesAll(Cabinet):
    breaks = ("test_it_says_beforehand_that_it_can_be_written_to",)
    plugin = shelf(check=refusing)


def telling(name: str, secret: Secret, context: Context) -> None:
    if name == FULL:
        raise VaultError(f"No place for {secret.reveal()}.", remedy="Look.", scheme="cabinet")
    put(name, secret, context)


class TestTells(Cabinet):
    breaks = ("test_what_cannot_be_kept_is_a_vault_error_and_stays_unseen",)
    plugin = shelf(put=telling)


def logging_it(name: str, context: Context) -> Secret:
    found = get(name, context)
    logging.getLogger("cabinet").info("found %s", found.reveal())
    return cast("Secret", found)


class TestLogs(Cabinet):
    breaks = ("test_nothing_that_is_said_shows_the_secret",)
    plugin = shelf(logging_it)


def saying(say: Callable[[str], object]) -> Callable[[str, Context], Secret]:
    def get_and_say(name: str, context: Context) -> Secret:
        found = get(name, context)
        say(f"found {found.reveal()}")
        return found

    return get_and_say


class TestPrints(Cabinet):
    breaks = ("test_nothing_that_is_said_shows_the_secret",)
    plugin = shelf(saying(print))


class TestComplains(Cabinet):
    breaks = ("test_nothing_that_is_said_shows_the_secret",)
    plugin = shelf(saying(lambda text: print(text, file=sys.stderr)))


class TestWarns(Cabinet):
    breaks = ("test_nothing_that_is_said_shows_the_secret",)
    plugin = shelf(saying(warnings.warn))


class TestHasAChildPrint(Cabinet):
    breaks = ("test_nothing_that_is_said_shows_the_secret",)
    plugin = shelf(saying(lambda text: subprocess.run(["echo", text], check=True)))


def quoting(name: str, context: Context) -> Secret:
    if name not in DRAWERS:
        there = {each: secret.reveal() for each, secret in DRAWERS.items()}
        raise VaultError(f"It is none of {there}.", remedy="Name another.", scheme="cabinet")
    return DRAWERS[name]


class TestQuotesWhatElseIsThere(Cabinet):
    breaks = ("test_the_error_for_a_name_that_it_does_not_know_shows_no_secret",)
    plugin = shelf(quoting)


def searching(name: str, context: Context) -> Secret:
    there = [(each, secret.reveal()) for each, secret in DRAWERS.items()]
    for each, text in there:
        if each == name:
            return Secret(text)
    return get(name, context)


class TestHasItAllInAVariable(Cabinet):
    breaks = ("test_the_error_for_a_name_that_it_does_not_know_shows_no_secret",)
    plugin = shelf(searching)


def patient(name: str, context: Context) -> Secret:
    # As one that has somebody approve, and looks again and again.
    for _ in range(5):
        context.clock.wait(threading.Event(), 10)
    return get(name, context)


class TestWaitsForNobody(Cabinet):
    breaks = ("test_it_waits_no_longer_than_its_caller",)
    plugin = shelf(patient)


def stubborn(name: str, context: Context) -> Secret:
    for _ in range(5):
        try:
            context.sleep(1)
        except Cancelled:
            context.clock.wait(threading.Event(), 1)
    return get(name, context)


class TestWaitsForThoseWhoHaveGone(Cabinet):
    breaks = ("test_it_waits_no_longer_than_its_caller",)
    plugin = shelf(stubborn)
