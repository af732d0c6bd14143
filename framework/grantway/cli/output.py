"""How answers look: JSON for programs; tables and pairs for people.

Only what goes to a terminal is coloured, and nothing where `NO_COLOR` is set (no-color.org).
Texts that come from a plugin, a token or an authority are made printable before a terminal sees
them, for a terminal obeys control characters.
"""

import os
import re
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from datetime import datetime

_STYLES = {
    "bold": "1", "dim": "2", "red": "1;31", "green": "32", "yellow": "33", "cyan": "36",
}  # fmt: skip
# Compiled when they are first used: a bare token needs neither.
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_ANSI = r"\x1b\[[0-9;]*m"


def coloured(stream: TextIO) -> bool:
    """Whether what goes to `stream` is coloured."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:
        return False


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """`text` in a style (`bold`, `dim`, `red`, `green`, `yellow`, `cyan`), if `stream` has one."""
    if not text or not coloured(stream or _answer()):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def printable(text: str) -> str:
    """`text` with every character that would steer a terminal written as its escape."""
    return re.sub(_CONTROL, _escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def printable_lines(text: str) -> str:
    """As `printable`, line by line."""
    return "\n".join(printable(line) for line in text.split("\n"))


class Unwritable(Exception):
    """Standard output cannot take the answer: it is closed, or a disk is full."""


def prepare() -> None:
    """Make the two streams ready for whatever is written.

    Raises:
        Unwritable: there is no standard output.
    """
    if sys.stderr is None or sys.stderr.closed:  # pyright: ignore[reportUnnecessaryComparison]  # closed by a parent
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # to the end
    if sys.stdout is None or sys.stdout.closed:  # pyright: ignore[reportUnnecessaryComparison]  # likewise
        raise Unwritable("Standard output is closed; there is no place for an answer.")
    for stream in (sys.stdout, sys.stderr):
        # What the terminal's encoding cannot show is shown escaped; no answer fails by it.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def answers_in_json(args: Sequence[str]) -> bool:
    """Whether errors are to be told in JSON: known before, and whether or not, parsing works."""
    return any(
        arg in ("--json", "-ojson", "--output=json")
        or (arg == "json" and before in ("-o", "--output"))
        for before, arg in zip(("", *args), args, strict=False)
    )


_reserved: list[TextIO] = []


@contextmanager
def reserved() -> Generator[None]:
    """Have standard output for the answer alone: what a plugin prints goes to standard error."""
    _reserved.append(sys.stdout)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = _reserved.pop()


def _answer() -> TextIO:
    """Where the answer goes."""
    return _reserved[-1] if _reserved else sys.stdout


def write(text: str) -> None:
    """Write the answer, or a line of it, to standard output.

    Raises:
        Unwritable: it cannot be written.
        BrokenPipeError: nobody reads any more.
    """
    with _written():
        _answer().write(f"{text}\n")


def flush() -> None:
    """Have all that was written arrive; raises as `write`."""
    with _written():
        _answer().flush()


@contextmanager
def _written() -> Generator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable(f"The answer cannot be written: {error.strerror}.") from None
    except ValueError:
        raise Unwritable("The answer cannot be written: standard output is closed.") from None


def note(text: str) -> None:
    """Tell the person something beside the answer, on standard error."""
    sys.stderr.write(f"{text}\n")


def write_json(value: object) -> None:
    """Write a list or object as JSON, in ASCII so that any terminal and program can take it."""
    write(to_json(value))


def to_json(value: object, *, indent: int | None = 2) -> str:
    """A list or object as JSON text."""
    import json

    return json.dumps(value, indent=indent, default=str)


def counted(number: int, one: str, several: str = "") -> str:
    """How many there are, in words; of several an "s" more unless told otherwise."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def instant(when: "datetime") -> str:
    """An instant for people: to the second, in UTC."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def heading(text: str) -> str:
    """A heading, for standard output."""
    return paint(text, "bold")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns under headings, as wide as their contents; the last one ends where it ends."""
    cells = [[heading(each) for each in headings], *([*row] for row in rows)]
    return "\n".join(_columns(cells))


def pairs(rows: Iterable[tuple[str, str]], *, indent: int = 0) -> str:
    """Names and their values, the values below each other; further lines of one are indented."""
    return "\n".join(" " * indent + line for line in _columns([[*row] for row in rows]))


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Columns without headings."""
    return "\n".join(_columns([[*row] for row in rows]))


def _columns(cells: Sequence[Sequence[str]]) -> Iterable[str]:
    if not cells:
        return
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        *firsts, last = row
        padded = "".join(
            f"{cell}{' ' * (width - _width(cell) + 2)}"
            for cell, width in zip(firsts, widths, strict=False)
        )
        hanging = " " * (sum(widths[:-1]) + 2 * len(firsts))
        for number, line in enumerate(last.split("\n")):
            yield ((hanging if number else padded) + line).rstrip()


def _width(cell: str) -> int:
    return len(re.sub(_ANSI, "", cell))
