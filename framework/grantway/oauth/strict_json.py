"""JSON of others' making, read so that it cannot mean two things to two readers (RFC 8259).

`json.loads` takes `NaN`, of two members of one name the last, and any depth that the stack bears.
What decides whether somebody is believed is read here instead: there a name stands once, numbers
are numbers, and nothing is nested deeper than any real document.
"""

import json
from typing import NoReturn, cast

DEEPEST = 32
"""How deep objects and lists may be in one another."""


class Twice(ValueError):
    """A name stands twice in one object; the text is the name."""


def parsed(data: bytes) -> object:
    """The value that a JSON text stands for.

    Raises:
        Twice: a name stands twice in one object.
        ValueError: it is no JSON in UTF-8, is nested too deeply, or has in it what is no text.
    """
    text, value, too_deep = data.decode(), None, False
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        too_deep = True
    if too_deep or is_too_deep(value):
        raise ValueError("it is nested too deeply")
    if "\\u" in text:
        # An escape may stand for half a character, which nobody could write down again.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def is_too_deep(value: object, deepest: int = DEEPEST) -> bool:
    """Whether more than so many objects and lists of a parsed value are in one another."""
    level = [value]
    for _ in range(deepest):
        level = [inner for outer in level for inner in _members(outer)]
    return any(isinstance(each, dict | list) for each in level)


def _members(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(cast("dict[str, object]", value).values())
    return cast("list[object]", value) if isinstance(value, list) else []


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise Twice(name)
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
