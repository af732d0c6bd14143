"""Where the key comes from: what counts before what, what is refused, and that one is never lost."""

import base64
import logging
import re
import traceback
from collections.abc import Callable
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked

from cache.support import result
from grantway.cache.encryption_key import ENTRY, SERVICE, VARIABLE, EncryptionKey, configured
from grantway.cache.sqlite import SqliteTokenCache, from_url
from grantway.errors import CacheError

RAW = bytes(range(200, 232))
HEX = RAW.hex()


class InMemoryKeyring(KeyringBackend):
    """A backend that keeps secrets, or is locked."""

    # Never chosen by itself, where other tests ask for the system's keyring.
    priority = -1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked
        self.kept[service, username] = password


class ForgetfulKeyring(InMemoryKeyring):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


@pytest.fixture
def system() -> InMemoryKeyring:
    backend = InMemoryKeyring()
    keyring.set_keyring(backend)
    return backend


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "tokens.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite://{path}"


def source(url: str) -> str:
    cache = from_url(url)
    cache.put("k", result())
    try:
        assert cache.get("k") is not None
        return cache.info().encrypted_with
    finally:
        cache.close()


def key_file(tmp_path: Path, content: str) -> Path:
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_text(content)
    return file


@pytest.mark.parametrize(
    "text",
    [
        HEX,
        HEX.upper(),
        f" {HEX}\n",
        base64.b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode(),
        base64.b64encode(RAW).decode().rstrip("="),
    ],
)
def test_a_key_may_be_spelled_in_any_of_these_ways(text: str) -> None:
    assert configured({VARIABLE: text}.get, None) == EncryptionKey(RAW, VARIABLE)


@pytest.mark.parametrize(
    "text",
    ["sentinel", HEX[:-1], HEX[:-2], HEX + "00", "g" * 64, base64.b64encode(RAW[:-1]).decode(),
     f"keyring:{HEX}", "env:", "file:", "file:/nowhere", "file:~nobody-at-all/x", "file:\0", "é" * 64],
)  # fmt: skip
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(CacheError) as caught:
        configured({VARIABLE: text}.get, None)
    assert caught.value.remedy
    if not text.startswith(("file:", "env:")):
        assert text not in str(caught.value)
        # The first frame is the test's own.
        for frame, _ in list(traceback.walk_tb(caught.value.__traceback__))[1:]:
            assert text not in {each for each in frame.f_locals.values() if isinstance(each, str)}


def said_of(use: Callable[[], object]) -> str:
    with pytest.raises(CacheError) as caught:
        use()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("no key", f"no 256-bit key in {VARIABLE}"),
        ("file:/nowhere", rf"{VARIABLE} \(file:/nowhere\): /nowhere cannot be read"),
        ("file:/tmp", rf"{VARIABLE} \(file:/tmp\): /tmp is not a regular file"),
        ("env:NONE", rf"{VARIABLE} \(env:NONE\): The environment variable NONE is not set"),
    ],
)
def test_a_remedy_for_the_variable_says_what_to_set_it_to(text: str, wrong: str) -> None:
    said = said_of(lambda: configured({VARIABLE: text}.get, None))
    assert re.search(rf"{wrong}.*[Ss]et {VARIABLE} to a key, or to file:PATH or env:NAME", said)
    assert "sqlite" not in said


def test_a_remedy_for_a_key_file_names_its_parameter_and_the_variable(
    url: str, tmp_path: Path
) -> None:
    empty, open_to_all, link = key_file(tmp_path, ""), tmp_path / "open", tmp_path / "link"
    open_to_all.touch(0o644)
    link.symlink_to(empty)
    for file in (tmp_path / "none", tmp_path, empty, open_to_all, link):
        said = said_of(lambda file=file: from_url(f"{url}?key_file={file}").get("k"))
        assert str(file) in said
        assert f"by {VARIABLE}, or by key_file=PATH in the URL" in said
        assert "sqlite" not in said


def test_a_remedy_for_a_key_that_was_made_says_how_to_go_on_without_it(
    url: str, path: Path, system: InMemoryKeyring
) -> None:
    system.kept[SERVICE, ENTRY] = "not a key"
    said = said_of(lambda: source(url))
    assert "remove the entry, and a new key is made" in said
    assert VARIABLE in said
    beside = path.with_name("tokens.db.key")
    beside.touch(0o600)
    said = said_of(lambda: source(url))
    assert f"no 256-bit key in the file {beside}" in said
    assert "remove the file, and a new key is made" in said
    assert VARIABLE in said
    beside.unlink()
    beside.mkdir()
    said = said_of(lambda: source(url))
    assert "is not a regular file" in said
    assert VARIABLE in said


def test_a_traceback_shows_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails later, with the key in hand."""
    monkeypatch.setenv(VARIABLE, HEX)
    (tmp_path / "file").touch(0o600)
    cache = from_url(f"sqlite://{tmp_path / 'file' / 'tokens.db'}")
    with pytest.raises(CacheError) as caught:
        cache.put("k", result())
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    for secret in (HEX, repr(RAW), repr(cache.fingerprint_key), "sentinel-access-token"):
        assert secret not in shown


def test_the_variable_counts_before_all_else(
    url: str, tmp_path: Path, system: InMemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = key_file(tmp_path, HEX)
    assert source(url) == f"the entry {SERVICE}/{ENTRY} of the keyring"
    assert source(f"{url}?key_file={named}") == f"the file {named}"
    monkeypatch.setenv(VARIABLE, HEX[::-1])
    assert source(f"{url}?key_file={named}") == VARIABLE


def test_the_variable_may_be_a_reference(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = key_file(tmp_path, f"{HEX}\n")
    monkeypatch.setenv(VARIABLE, f"file:{named}")
    assert source(url) == f"{VARIABLE} (file:{named})"
    monkeypatch.setenv(VARIABLE, "env:ANOTHER")
    monkeypatch.setenv("ANOTHER", HEX)
    assert source(url) == f"{VARIABLE} (env:ANOTHER)"
    # The same key by either way: nothing was lost.
    assert from_url(url).info().unreadable == 0


def test_a_named_file_that_others_can_read_is_refused(url: str, tmp_path: Path) -> None:
    named = key_file(tmp_path, HEX)
    named.chmod(0o644)
    cache = from_url(f"{url}?key_file={named}")
    with pytest.raises(CacheError, match="open to other users"):
        cache.get("k")
    with pytest.raises(CacheError, match="cannot be read"):
        from_url(f"{url}?key_file={tmp_path}/none").get("k")


def test_without_a_keyring_the_key_is_made_beside_the_database(url: str, path: Path) -> None:
    beside = path.with_name("tokens.db.key")
    assert source(url) == f"the file {beside}"
    content = beside.read_bytes()
    assert len(bytes.fromhex(content.decode())) == 32
    assert source(url) == f"the file {beside}"
    assert beside.read_bytes() == content
    assert from_url(url).info().access_tokens == 1


def test_with_a_keyring_the_key_is_made_there_and_in_no_file(
    url: str, path: Path, system: InMemoryKeyring
) -> None:
    first = source(url)
    made = dict(system.kept)
    assert [len(each) for each in made.values()] == [64]
    assert source(url) == first == f"the entry {SERVICE}/{ENTRY} of the keyring"
    assert system.kept == made
    assert not path.with_name("tokens.db.key").exists()


def test_a_key_file_that_is_there_is_kept_when_a_keyring_comes(
    url: str, system: InMemoryKeyring
) -> None:
    keyring.set_keyring(fail.Keyring())
    first = source(url)
    keyring.set_keyring(system)
    assert source(url) == first
    assert not system.kept


def test_a_locked_keyring_counts_as_none(
    url: str, system: InMemoryKeyring, caplog: pytest.LogCaptureFixture
) -> None:
    system.locked = True
    with caplog.at_level(logging.DEBUG):
        assert source(url).startswith("the file ")
    assert "KeyringLocked" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_keyring_that_keeps_nothing_is_found_out(url: str) -> None:
    keyring.set_keyring(ForgetfulKeyring())
    assert source(url).startswith("the file ")


def test_an_entry_that_is_no_key_is_an_error_and_is_not_replaced(
    url: str, system: InMemoryKeyring
) -> None:
    system.kept[SERVICE, ENTRY] = "sentinel-own-notes"
    with pytest.raises(CacheError, match="no 256-bit key in the entry") as caught:
        source(url)
    assert "sentinel" not in str(caught.value)
    assert system.kept == {(SERVICE, ENTRY): "sentinel-own-notes"}


def test_a_key_file_that_is_damaged_is_an_error_and_is_not_replaced(url: str, path: Path) -> None:
    source(url)
    beside = path.with_name("tokens.db.key")
    beside.write_text("")
    cache = from_url(url)
    with pytest.raises(CacheError, match="no 256-bit key in the file"):
        cache.get("k")
    assert beside.read_text() == ""
    assert len(cache.fingerprint_key) == 32


def test_a_lost_key_file_is_made_anew_with_a_warning(
    url: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source(url)
    path.with_name("tokens.db.key").unlink()
    cache = from_url(url)
    with caplog.at_level(logging.WARNING):
        assert cache.get("k") is None
    assert "another key" in caplog.text
    cache.put("k", result())
    assert cache.get("k") is not None
    cache.close()


def test_what_the_dispatcher_is_given_is_derived(path: Path) -> None:
    def fingerprint(key: Callable[[], EncryptionKey]) -> bytes:
        return SqliteTokenCache(path, key).fingerprint_key

    one = fingerprint(lambda: EncryptionKey(RAW, "x"))
    assert one == fingerprint(lambda: EncryptionKey(RAW, "y"))
    assert one != fingerprint(lambda: EncryptionKey(RAW[::-1], "x"))
    assert len(one) == 32
    assert one != RAW
