"""A TOML file that knows where things stand in it.

TOML's reader forgets the lines; a message to whoever wrote the file needs them. A `Document`
finds the line of a key again, and reads values of a wanted type or fails with the place.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NoReturn, cast

import attrs

from grantway.errors import ConfigurationError
from grantway.suggest import did_you_mean, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Table = Mapping[str, object]
Keys = tuple[str, ...]

# Enough of TOML's grammar to find the line of a key again; compiled when it is first used.
# Nothing in it is tried twice: a line takes no longer than its length.
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"]*+"|'[^']*+')"""
_DOTTED = rf"{_PART}(?:\s*+\.\s*+{_PART})*+"
_HEADER = rf"\s*+\[\s*+({_DOTTED})\s*+\]"
_ASSIGNMENT = rf"\s*+({_DOTTED})\s*+="
# Keys below this depth are found by those above them.
_DEEPEST = 8


ELSEWHERE = "`grantway config check` checks the whole file."
"""What to do about a fault that says itself how it is put right."""


@attrs.frozen(eq=False, repr=False)
class Document:
    """The text of a configuration file, and where it was read from (None: nowhere)."""

    text: str = attrs.field(default="", repr=False)
    file: "Path | None" = None

    def parse(self) -> Table:
        """The file's values.

        Raises:
            ConfigurationError: it is not TOML.
        """
        import tomllib

        line = None
        remedy = "https://toml.io has the format."
        try:
            return tomllib.loads(self.text)
        except RecursionError:
            what = "its lists and tables are nested too deep"
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            line = int(found[1]) if found else None
            what = f"not TOML: {error}"
            remedy = "https://toml.io has the format; texts stand in quotes."
        except ValueError:
            what = "a number in it is too long"
        # Raised here, for the reader's own frames hold the text.
        raise ConfigurationError(
            f"{self._place(line)}: {what}.", remedy=remedy, file=str(self.file or ""), line=line
        )

    def parse_json(self) -> Table:
        """The file's values, where it is JSON.

        Raises:
            ConfigurationError: it is not, or a name in it stands twice.
        """
        import json

        line = None
        try:
            values: object = json.loads(self.text, object_pairs_hook=_without_repetition)
        except RecursionError:
            what = "its lists and objects are nested too deep"
        except json.JSONDecodeError as error:
            line, what = error.lineno, f"not JSON: {error.msg} (column {error.colno})"
        except ValueError as error:
            what = str(error)
        else:
            if isinstance(values, dict):
                return cast("Table", values)
            what = "it is no JSON object"
        # Raised here, as by `parse`.
        raise ConfigurationError(
            f"{self._place(line)}: {what}.", file=str(self.file or ""), line=line,
            remedy="https://json.org has the format.",
        )  # fmt: skip

    def fail(self, what: str, remedy: str = "", *, at: Keys = ()) -> NoReturn:
        """Raise a `ConfigurationError` that says where in the file it is: `at` these keys."""
        line = self.line_of(at)
        raise ConfigurationError(
            f"{self._place(line)}: {sentence(what)}",
            remedy=remedy or ELSEWHERE,
            file=str(self.file or ""),
            line=line,
        )

    def line_of(self, keys: Keys) -> int | None:
        """The line of the file that has this key of this table, or the nearest one above it."""
        stated, within = self._lines
        keys = tuple(part.replace("-", "_") for part in keys[:_DEEPEST])
        # An inline table holds the rest of the keys on the same line.
        above = (stated.get(keys[:depth]) for depth in range(len(keys) - 1, 0, -1))
        return within.get(keys) or next((line for line in above if line), None)

    def headers(self) -> "Iterator[tuple[int, Keys]]":
        """The number of each line that opens a table, and that table's keys."""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if header := re.match(_HEADER, line):
                yield number, _keys(header[1])

    @cached_property
    def _lines(self) -> tuple[Mapping[Keys, int], Mapping[Keys, int]]:
        """The first line that states each key, and the first that states each or a part of it."""
        stated: dict[Keys, int] = {}
        within: dict[Keys, int] = {}
        table = Keys()
        for number, line in enumerate(self.text.splitlines(), start=1):
            if header := re.match(_HEADER, line):
                found = table = _keys(header[1])
            elif assignment := re.match(_ASSIGNMENT, line):
                found = (*table, *_keys(assignment[1]))[:_DEEPEST]
            else:
                continue
            stated.setdefault(found, number)
            for depth in range(1, len(found) + 1):
                within.setdefault(found[:depth], number)
        return stated, within

    def _place(self, line: int | None) -> str:
        file = str(self.file or "the configuration")
        return f"{file}:{line}" if line else file

    def known(
        self, keys: "Iterable[str]", allowed: tuple[str, ...], at: Keys = (), *, whose: str = ""
    ) -> None:
        """Refuse a key of the table `at` that is not allowed; `whose` is the table, in words."""
        for key in keys:
            if key not in allowed:
                what = f"{whose} has an unknown key {key!r}".removeprefix(" has an ")
                remedy = did_you_mean(key, allowed) or f"There are: {', '.join(allowed)}."
                self.fail(what, remedy, at=(*at, key))

    def table(self, at: Keys, value: object) -> Table:
        """A table."""
        if not isinstance(value, dict):
            self.fail(f"{at[-1]} must be a table", at=at)
        return cast("Table", value)

    def tables(self, key: str, value: object) -> Mapping[str, Table]:
        """A table of tables."""
        tables = self.table((key,), value)
        return {name: self.table((key, name), table) for name, table in tables.items()}

    def texts(self, at: Keys, value: object) -> tuple[str, ...]:
        """A list of texts; one text is a list of one."""
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in items):
            self.fail(f"{at[-1]} must be a list of texts", at=at)
        return tuple(str(item) for item in items)

    def word(self, at: Keys, value: object) -> str:
        """A text."""
        if not isinstance(value, str):
            self.fail(f"{at[-1]} must be a text", at=at)
        return value

    def pair(self, at: Keys, value: object) -> tuple[str, ...]:
        """Two texts: a certificate and its key."""
        texts = self.texts(at, value)
        if len(texts) != len(("certificate", "key")):
            self.fail(f"{at[-1]} must be two texts: the certificate and its key", at=at)
        return texts

    def named_texts(self, at: Keys, value: object) -> Mapping[str, str]:
        """A table of texts."""
        table = self.table(at, value)
        return {name: self.word((*at, name), item) for name, item in table.items()}

    def flag(self, at: Keys, value: object) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            self.fail(f"{at[-1]} must be true or false", at=at)
        return value


def _keys(dotted: str) -> Keys:
    """The parts of a dotted key of TOML, as keys are compared; quotes are no part of them."""
    parts = (found[0] for found in islice(re.finditer(_PART, dotted), _DEEPEST))
    return tuple(part.strip("\"'").replace("-", "_") for part in parts)


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return found
