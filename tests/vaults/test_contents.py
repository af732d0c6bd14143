"""What counts as a secret, whichever tool wrote it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grantway import Secret
from grantway_vaults.contents import ENOUGH, MOST, Fault, fault_of, from_bytes, from_text, to_bytes

anything = st.text(st.characters(exclude_categories=()), max_size=60)
secret_texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


def revealed(found: Secret | Fault) -> str:
    assert isinstance(found, Secret), found
    return found.reveal()


@pytest.mark.parametrize(
    ("written", "secret"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"s3cret\n\n", "s3cret\n"),
        (b"s3cret\r", "s3cret\r"),
        (b" s3cret ", " s3cret "),
        (b"-----BEGIN-----\nabc\n-----END-----\n", "-----BEGIN-----\nabc\n-----END-----"),
        (b"\xef\xbb\xbfs3cret\r\n", "s3cret"),
        ("clé\n".encode(), "clé"),
    ],
)
def test_one_newline_at_the_end_is_dropped_and_nothing_else(written: bytes, secret: str) -> None:
    assert revealed(from_bytes(written)) == secret


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b" \t\r\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xff\xfes\x00", "UTF-16"),
        (b"s\x003\x00", "NUL"),
        (b"\x80abc", "not UTF-8"),
        (b"x" * (MOST + 1), "65,536"),
        (b"x" * ENOUGH, "65,536"),
    ],
)
def test_what_cannot_be_a_secret_is_a_fault_that_says_why(written: bytes, why: str) -> None:
    found = from_bytes(written)
    assert isinstance(found, Fault)
    assert why in found.what
    assert found.remedy


def test_the_largest_secret_is_not_a_fault() -> None:
    largest = "x" * MOST
    assert revealed(from_bytes(largest.encode())) == largest
    assert revealed(from_bytes(largest.encode() + b"\r\n")) == largest


def test_text_that_stands_for_bytes_that_were_none_is_a_fault() -> None:
    assert from_text("s3cret\udc80") == Fault("is not text", "Save it as UTF-8 text.")


@given(secret_texts)
@example("\n")
@example("a\n")
@example("a\r\n")
@example("a\r")
@example("\ufeffa")
@example("a" * (MOST - 1) + "\n")
@example("\ufeff" + "a" * (MOST - 4) + "\n")
def test_what_is_fit_to_be_kept_reads_back_the_same(text: str) -> None:
    if not text or fault_of(Secret(text)) is not None:
        return
    assert revealed(from_bytes(to_bytes(Secret(text)))) == text


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1))
def test_an_ordinary_secret_is_written_as_it_is(text: str) -> None:
    assert to_bytes(Secret(text)) == text.encode()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_secret_or_a_fault(content: bytes) -> None:
    assert isinstance(from_bytes(content), Secret | Fault)
