"""The JSON object that a request carries in place of a form.

It may hold a `Secret` wherever a text may stand, and is a form's equal in all that follows from
that: a plan shows a mask there, the redactor learns it, and only the transport reveals it.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import cast

from grantway.secret import MASK, Secret

Json = str | int | float | bool | None | Secret | Sequence["Json"] | Mapping[str, "Json"]
"""What a member may be: as JSON has it, and a `Secret` in place of a text."""

JsonMembers = Mapping[str, Json]


def members(given: JsonMembers | None) -> JsonMembers | None:
    """A copy that nobody changes any more, down to the last member.

    Raises:
        TypeError: it is no mapping, or something in it is nothing that JSON has.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise TypeError("a JSON object is given as a mapping")
    return cast("JsonMembers", _frozen(given))


def _frozen(value: object) -> Json:
    match value:
        case None | str() | bool() | int() | Secret():
            return value
        case float() if isfinite(value):
            return value
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            if not all(type(name) is str for name, _ in pairs):
                raise TypeError("the members of a JSON object are named by str")
            return MappingProxyType({cast("str", name): _frozen(each) for name, each in pairs})
        case tuple() | list():
            return tuple(_frozen(each) for each in cast("Sequence[object]", value))
        case _:
            raise TypeError(f"a {type(value).__name__} cannot stand in JSON")


def secrets_in(value: Json) -> Iterator[Secret]:
    """Every secret in it, wherever it stands."""
    match value:
        case Secret():
            yield value
        case Mapping():
            for each in value.values():
                yield from secrets_in(each)
        case tuple() | list():
            for each in value:
                yield from secrets_in(each)
        case _:
            pass


def shown(value: Json) -> str:
    """A member as text that may be shown: a text as it is, any other in JSON; secrets masked."""
    # Imported here, as below: to describe a request costs nothing of it.
    import json

    plain = _plain(value, reveal=False)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def encoded(given: JsonMembers) -> bytes:
    """The object as it goes on the wire, its secrets revealed."""
    import json

    return json.dumps(_plain(given, reveal=True), separators=(",", ":")).encode()


def _plain(value: Json, *, reveal: bool) -> object:
    match value:
        case Secret():
            return value.reveal() if reveal else MASK
        case Mapping():
            return {name: _plain(each, reveal=reveal) for name, each in value.items()}
        case tuple() | list():
            return [_plain(each, reveal=reveal) for each in value]
        case _:
            return value
