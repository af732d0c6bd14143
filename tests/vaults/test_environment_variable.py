"""An environment variable, `env:NAME`."""

import os

import pytest

from grantway.errors import VaultError

from .support import SENTINEL, VAULTS, assert_hides, context

ENV = VAULTS["env"]


def test_the_variable_is_given_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_SECRET", f" {SENTINEL}\n")
    assert ENV.get("APP_SECRET", context()).reveal() == f" {SENTINEL}\n"


def test_the_variable_is_read_at_each_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_SECRET", "one")
    assert ENV.get("APP_SECRET", context()).reveal() == "one"
    monkeypatch.setenv("APP_SECRET", "two")
    assert ENV.get("APP_SECRET", context()).reveal() == "two"


@pytest.mark.parametrize(
    ("value", "says"), [(None, "is not set"), ("", "is empty"), ("  ", "is empty")]
)
def test_a_variable_without_a_secret_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, value: str | None, says: str
) -> None:
    monkeypatch.delenv("APP_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("APP_SECRET", value)
    with pytest.raises(VaultError, match=f"APP_SECRET {says}") as caught:
        ENV.get("APP_SECRET", context())
    assert caught.value.scheme == "env"
    assert caught.value.remedy


@pytest.mark.parametrize(
    "name", [f"{SENTINEL}", f"a b {SENTINEL}", f"={SENTINEL}", f"\0{SENTINEL}"]
)
def test_what_is_no_name_is_not_repeated_for_it_may_be_the_secret(name: str) -> None:
    with pytest.raises(VaultError, match="is not set") as caught:
        ENV.get(name, context())
    assert SENTINEL not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="environment variables are text elsewhere")
def test_a_variable_of_other_bytes_than_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, b"APP_SECRET", SENTINEL.encode() + b"\x80")
    with pytest.raises(VaultError, match="is not text") as caught:
        ENV.get("APP_SECRET", context())
    assert_hides(caught.value)
