"""How a person signed in is read from tokens of any kind, and from none that is no JWT."""

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway.oauth.authentication_methods import methods_of


def token(payload: object) -> str:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return f"h.{urlsafe_b64encode(body).decode().rstrip('=')}.s"


@pytest.mark.parametrize("name", ["id_token", "access_token"])
def test_either_token_may_say_it(name: str) -> None:
    assert methods_of({name: token({"amr": ["pwd", "mfa"]})}) == ("pwd", "mfa")


def test_the_id_token_comes_first_and_the_access_token_only_where_that_is_silent() -> None:
    access_token = token({"amr": ["mfa"]})
    for said, expected in ((["pwd"], ("pwd",)), ([], ("mfa",)), ([1, None, "\n"], ("mfa",))):
        answer = {"id_token": token({"amr": said}), "access_token": access_token}
        assert methods_of(answer) == expected


@pytest.mark.parametrize(
    "other",
    [
        None, 5, b"x", [], "", "opaque", "a.b", "a..c", "a.b.", "a.b.c", "\u00e9.\u00e9.\u00e9",
        token([]), token("mfa"), token({"amr": "mfa"}), token({"amr": {"mfa": 1}}), token({}),
        token(b"\xff"), token(b"{"), token(b"[" * 100_000), token(b"9" * 5000),
    ],
)  # fmt: skip
def test_what_says_nothing_says_nothing(other: object) -> None:
    assert methods_of({"id_token": other, "access_token": other}) == ()


@given(st.text() | st.binary().map(token))
def test_no_token_crashes_the_reading(text: str) -> None:
    assert methods_of({"access_token": text, "id_token": text}) == ()
