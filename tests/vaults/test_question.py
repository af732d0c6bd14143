"""A person who is asked, `prompt:TEXT`."""

import pytest

from grantway.errors import InteractionRequired, VaultError

from .support import SENTINEL, VAULTS, Answers, context

PROMPT = VAULTS["prompt"]


def test_the_person_is_asked_the_text_without_echo() -> None:
    person = Answers(SENTINEL)
    assert PROMPT.get("Secret of the app", context(person)).reveal() == SENTINEL
    assert person.asked == [("Secret of the app", True)]


def test_the_person_is_asked_at_each_use() -> None:
    person = Answers("one", "two")
    here = context(person)
    assert [PROMPT.get("Which", here).reveal() for _ in range(2)] == ["one", "two"]


def test_where_nobody_can_be_asked_a_person_is_required() -> None:
    with pytest.raises(InteractionRequired, match="env:NAME"):
        PROMPT.get("Secret", context())


@pytest.mark.parametrize("answer", ["", "  "])
def test_an_empty_answer_is_an_error(answer: str) -> None:
    with pytest.raises(VaultError, match="The answer is empty") as caught:
        PROMPT.get("Secret", context(Answers(answer)))
    assert caught.value.scheme == "prompt"
