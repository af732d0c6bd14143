"""The system's keyring, `keyring:SERVICE/NAME`, and what backends do to it."""

import sys
from collections.abc import Iterator
from importlib.metadata import metadata

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked, PasswordSetError

from grantway import Secret
from grantway.errors import VaultError

from .support import SENTINEL, VAULTS, assert_hides, context, keep

KEYRING = VAULTS["keyring"]


class Memory(KeyringBackend):
    """A keyring that forgets at the end of the test."""

    priority = 1  # type: ignore[assignment]  # as keyring's own documentation has it

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


class Failing(Memory):
    """A keyring that raises what it is told to, the secret in the message."""

    error: Exception

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise type(self.error)(f"{self.error}\n{password}")


class Deaf(Memory):
    """A keyring that says nothing and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


Windows = type("WinVaultKeyring", (Memory,), {"__module__": "keyring.backends.Windows"})


@pytest.fixture(autouse=True)
def memory() -> Iterator[Memory]:
    before = keyring.get_keyring()
    backend = Memory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def use(backend: KeyringBackend) -> None:
    keyring.set_keyring(backend)


def test_what_is_put_is_there_for_others_and_comes_back(memory: Memory) -> None:
    keep(KEYRING)("grantway/work", Secret(SENTINEL), context())
    assert memory.entries == {("grantway", "work"): SENTINEL}
    assert KEYRING.get("grantway/work", context()).reveal() == SENTINEL


def test_a_new_secret_takes_the_place_of_the_old(memory: Memory) -> None:
    for text in ("one", "two"):
        keep(KEYRING)("grantway/work", Secret(text), context())
    assert memory.entries == {("grantway", "work"): "two"}


def test_the_last_slash_divides_so_that_a_service_may_be_a_url(memory: Memory) -> None:
    memory.entries["https://id.example/realm", "me"] = SENTINEL
    assert KEYRING.get("https://id.example/realm/me", context()).reveal() == SENTINEL


@pytest.mark.parametrize("name", ["work", "/work", "grantway/", " /work", "/"])
def test_a_name_without_service_or_entry_is_refused(name: str) -> None:
    assert KEYRING.check is not None
    for call in (
        lambda: KEYRING.get(name, context()),
        lambda: keep(KEYRING)(name, Secret(SENTINEL), context()),
        lambda: KEYRING.check and KEYRING.check(name),
    ):
        with pytest.raises(VaultError, match="keyring:SERVICE/NAME"):
            call()


def test_no_such_entry_is_an_error_with_the_command_that_makes_one() -> None:
    with pytest.raises(VaultError, match="keyring set grantway work"):
        KEYRING.get("grantway/work", context())


def test_an_empty_entry_is_an_error(memory: Memory) -> None:
    memory.entries["grantway", "work"] = ""
    with pytest.raises(VaultError, match="is empty"):
        KEYRING.get("grantway/work", context())


def test_without_the_extra_the_error_has_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "keyring", None)
    for call in (
        lambda: KEYRING.get("grantway/work", context()),
        lambda: keep(KEYRING)("grantway/work", Secret(SENTINEL), context()),
        lambda: KEYRING.check and KEYRING.check("grantway/work"),
    ):
        with pytest.raises(VaultError) as caught:
            call()
        assert "pip install 'grantway[keyring]'" in caught.value.remedy
        assert_hides(caught.value)


def test_the_extra_of_that_command_exists() -> None:
    assert "keyring" in (metadata("grantway").get_all("Provides-Extra") or [])


@pytest.mark.parametrize(
    "backend", [keyring.backends.fail.Keyring(), keyring.backends.null.Keyring()]
)
def test_a_backend_that_keeps_nothing_is_found_out_before_and_refused(
    backend: KeyringBackend,
) -> None:
    use(backend)
    assert KEYRING.check is not None
    with pytest.raises(VaultError, match="no system keyring here"):
        KEYRING.check("grantway/work")
    with pytest.raises(VaultError, match="no system keyring here") as caught:
        keep(KEYRING)("grantway/work", Secret(SENTINEL), context())
    assert_hides(caught.value)


def test_a_good_backend_passes_the_check_untouched(memory: Memory) -> None:
    assert KEYRING.check is not None
    KEYRING.check("grantway/work")
    assert not memory.entries


def test_reading_without_a_backend_has_a_remedy() -> None:
    use(keyring.backends.fail.Keyring())
    with pytest.raises(VaultError, match=r"has no backend.*file:PATH"):
        KEYRING.get("grantway/work", context())


def test_a_backend_that_did_not_keep_it_is_found_out() -> None:
    use(Deaf())
    with pytest.raises(VaultError, match="did not keep") as caught:
        keep(KEYRING)("grantway/work", Secret(SENTINEL), context())
    assert_hides(caught.value)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyringLocked("locked"), "is locked"),
        (PasswordSetError("not allowed"), "PasswordSetError: not allowed"),
        (InitError("no bus"), "InitError: no bus"),
        (RuntimeError("(1783, 'CredWrite')"), "RuntimeError.*1783"),
        (OSError(5, "Input/output error"), "OSError"),
    ],
)
def test_whatever_a_backend_raises_becomes_an_error_without_the_secret(
    error: Exception, says: str
) -> None:
    backend = Failing()
    backend.error = error
    use(backend)
    with pytest.raises(VaultError, match=says) as caught:
        keep(KEYRING)("grantway/work", Secret(SENTINEL), context())
    assert caught.value.scheme == "keyring"
    assert_hides(caught.value)
    with pytest.raises(VaultError, match=says):
        KEYRING.get("grantway/work", context())


def test_an_interrupt_goes_through() -> None:
    class Interrupted(Memory):
        def get_password(self, service: str, username: str) -> str | None:
            raise KeyboardInterrupt

    use(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        KEYRING.get("grantway/work", context())


def test_a_keyring_that_cannot_be_set_up_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.core._keyring_backend", None)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "no.such.Backend")
    with pytest.raises(VaultError, match="ModuleNotFoundError"):
        KEYRING.get("grantway/work", context())


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_windows_store_is_measured_before_it_is_written_to(wrapped: bool) -> None:
    store = Windows()
    backend = store
    if wrapped:
        backend = Memory()
        backend.backends = [store]
    use(backend)
    store.entries["grantway", "work"] = "old"
    longest = "x" * 1_280
    with pytest.raises(VaultError, match=r"2,562 bytes long.*2,560.*file:PATH") as caught:
        keep(KEYRING)("grantway/work", Secret(longest + "x"), context())
    assert_hides(caught.value, longest)
    assert store.entries == {("grantway", "work"): "old"}
    keep(KEYRING)("grantway/work", Secret(longest), context())
    assert KEYRING.get("grantway/work", context()).reveal() == longest


def test_other_stores_take_long_secrets(memory: Memory) -> None:
    keep(KEYRING)("grantway/work", Secret("x" * 20_000), context())
    assert len(memory.entries["grantway", "work"]) == 20_000
