"""Secrets mask themselves, references say where one is, and text is never a secret itself."""

import copy
import hmac
import json
import pickle
import traceback
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import Credential, Reference, Secret
from grantway.parameters import CREDENTIAL, REFRESH_TOKEN, SAVE_REFRESH_TOKEN
from grantway.secret import credential, from_text, secret

SENTINEL = "s3ntinel-of-a-secret"
HIDDEN = Secret(SENTINEL)

SHOWN: dict[str, Callable[[object], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda value: f"{value}",
    "format with width": lambda value: f"{value!s:>40}",
    "percent": lambda value: "%s %r" % (value, value),  # noqa: UP031
    "in a list": lambda value: str([value]),
    "in an exception": lambda value: repr(ValueError(value)),
    "dir": lambda value: str(dir(value)),
}


@pytest.mark.parametrize("show", list(SHOWN.values()), ids=list(SHOWN))
@pytest.mark.parametrize(
    "value", [HIDDEN, Credential("user", HIDDEN)], ids=["secret", "credential"]
)
def test_a_secret_is_a_mask_however_it_is_shown(
    show: Callable[[object], str], value: object
) -> None:
    assert SENTINEL not in show(value)


def test_only_reveal_gives_it() -> None:
    assert HIDDEN.reveal() == SENTINEL
    assert f"{HIDDEN:>5}" == "  ***"
    assert not hasattr(HIDDEN, "__dict__")


@pytest.mark.parametrize("value", [HIDDEN, Credential("user", HIDDEN)])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(value: object, protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(value, protocol)
    assert SENTINEL not in "".join(traceback.format_exception(caught.value))


def test_a_secret_gives_no_state_to_whoever_writes_it_down() -> None:
    assert HIDDEN.__getstate__() is None


def test_a_secret_is_not_json() -> None:
    with pytest.raises(TypeError):
        json.dumps(HIDDEN)


def test_copies_are_the_secret_itself() -> None:
    assert copy.copy(HIDDEN) is HIDDEN
    assert copy.deepcopy([HIDDEN])[0] is HIDDEN
    assert copy.deepcopy(Credential("user", HIDDEN)) == Credential("user", HIDDEN)


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        asked.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert Secret("one") == Secret("one")
    assert Secret("one") != Secret("two")
    assert len(asked) == 2


def test_equal_secrets_have_one_hash_and_no_text_is_equal_to_one() -> None:
    assert hash(Secret("a")) == hash(Secret("a"))
    assert hash(Secret("a")) != hash("a")
    assert Secret("a") != "a"
    assert Secret("ä") == Secret("ä")


@pytest.mark.parametrize("value", ["", None, 5, b"bytes", ["x"]])
def test_what_is_no_text_is_no_secret(value: object) -> None:
    with pytest.raises(ValueError, match="a secret"):
        Secret(value)  # type: ignore[arg-type]


def test_a_text_that_cannot_be_encoded_is_no_secret() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        Secret("half \ud800")


# References.


@pytest.mark.parametrize(
    ("text", "scheme", "name"),
    [
        ("env:NAME", "env", "NAME"),
        ("ENV:NAME", "env", "NAME"),
        ("file:/a:b", "file", "/a:b"),
        ("-", "-", ""),
        ("prompt:The secret?", "prompt", "The secret?"),
        ("keyring:service/name", "keyring", "service/name"),
        ("x-1.y+z:n", "x-1.y+z", "n"),
    ],
)
def test_a_reference_has_a_scheme_and_a_name(text: str, scheme: str, name: str) -> None:
    found = Reference(text)
    assert (found.scheme, found.name, str(found)) == (scheme, name, text)
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize("text", ["", "env:", ":x", SENTINEL, "1x:y", "--", "a b:c"])
def test_what_is_no_reference_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="not a reference to a secret") as caught:
        Reference(text)
    assert not text or text not in str(caught.value).partition(". ")[0]


def test_a_str_from_python_is_the_secret_itself_even_if_it_looks_like_a_reference() -> None:
    assert secret("env:NAME") == Secret("env:NAME")
    assert secret(Reference("env:NAME")) == Reference("env:NAME")
    assert REFRESH_TOKEN.read("env:NAME") == Secret("env:NAME")


@pytest.mark.parametrize("value", [None, 5, b"x", ("a", "b")])
def test_what_is_no_secret_is_refused_without_repeating_it(value: object) -> None:
    with pytest.raises(ValueError, match="expected the secret"):
        secret(value)


# Credentials.


def test_a_credential_is_a_user_name_and_a_secret() -> None:
    for given_ in (Credential("user", "s"), ("user", "s"), ["user", "s"], ("user", Secret("s"))):
        found = credential(given_)
        assert (found.user_name, found.password) == ("user", Secret("s"))
    assert credential(("user", Reference("env:S"))).password == Reference("env:S")
    assert repr(Credential("user", SENTINEL)) == (
        "Credential(user_name='user', password=Secret('***'))"
    )


@pytest.mark.parametrize(
    "value", [SENTINEL, ("user",), ("user", 5), ("user", "a", "b"), {"user": SENTINEL}, None]
)
def test_what_is_no_credential_is_refused_and_not_repeated(value: object) -> None:
    with pytest.raises(ValueError, match="expected a Credential") as caught:
        credential(value)
    assert SENTINEL not in str(caught.value)


@pytest.mark.parametrize("user_name", ["", "  ", None])
def test_a_credential_needs_a_user_name(user_name: str) -> None:
    with pytest.raises(ValueError, match="needs a user name"):
        Credential(user_name, "s")


# Text that others can read.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env:S", Reference("env:S")),
        ("-", Reference("-")),
        ("user=env:S", Credential("user", Reference("env:S"))),
        (" user = ignored".strip() + ":x", None),
        ("user=-", Credential("user", Reference("-"))),
    ],
)
def test_text_gives_references_only(text: str, expected: object) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="a secret is not accepted here"):
            from_text(text)
    else:
        assert from_text(text) == expected


@given(
    st.text(alphabet=st.characters(exclude_characters=":", exclude_categories=("Cs",)), min_size=2)
)
def test_a_bare_secret_in_text_is_refused_and_never_repeated(text: str) -> None:
    for parameter in (CREDENTIAL, REFRESH_TOKEN):
        with pytest.raises(ValueError, match="secret") as caught:
            parameter.read_text(f"{SENTINEL}{text}")
        assert SENTINEL not in "".join(traceback.format_exception(caught.value))


def test_where_a_secret_is_to_be_put_is_a_reference() -> None:
    assert SAVE_REFRESH_TOKEN.read("file:/token") == Reference("file:/token")
    assert SAVE_REFRESH_TOKEN.read_text("file:/token") == Reference("file:/token")
    with pytest.raises(ValueError, match="not a reference"):
        SAVE_REFRESH_TOKEN.read("somewhere")
