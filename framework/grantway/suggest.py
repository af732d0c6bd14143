"""The wording of messages: names that resemble an unknown one, texts of anything, sentences."""

from collections.abc import Iterable
from typing import cast

# As Python has it: a metaclass may say something else, or raise.
_name_of = type.__dict__["__name__"].__get__


def nearest(
    word: str, known: Iterable[str], count: int = 3, cutoff: float = 0.6
) -> tuple[str, ...]:
    """The known names that resemble `word`, best first, compared without regard to case."""
    # Imported here: difflib is for mistakes, and start-up should not pay for it.
    from difflib import get_close_matches

    spelled = {name.casefold(): name for name in known}
    return tuple(
        spelled[match]
        for match in get_close_matches(word.casefold(), spelled, n=count, cutoff=cutoff)
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question to end a message with, or nothing where no known name resembles `word`."""
    names = nearest(word, known)
    return f"Did you mean {' or '.join(names)}?" if names else ""


def type_of(value: object) -> str:
    """The name of the type of something of a plugin's, whatever that does to be looked at."""
    return cast("str", _name_of(type(value)))


def text_of(value: object) -> str:
    """The text of something of a plugin's, whose own `__str__` may raise: then its type."""
    try:
        return str(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  # even an exit
        return f"<{type_of(value)}>"


def sentence(words: object) -> str:
    """The words with a full stop at their end, where they do not end a sentence already."""
    text = text_of(words)
    return text if text.endswith((".", "?", "!")) else f"{text}."
