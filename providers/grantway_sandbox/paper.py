"""Text for a terminal of any width: wrapping, colour, and what may be printed at all.

Colour is for terminals only, and for none where `NO_COLOR` is set (no-color.org). Whatever came
over the network is made printable first, for a terminal obeys control characters.
"""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from grantway.errors import ConfigurationError

_STYLES = {"bold": "1", "dim": "2", "red": "1;31", "green": "32", "yellow": "33"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NARROWEST, _WIDEST = 40, 88


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """`text` in a style (`bold`, `dim`, `red`, `green`, `yellow`), if `stream` has one."""
    stream = sys.stdout if stream is None else stream
    if not text or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if stream and stream.isatty() else text


def printable(text: str) -> str:
    """`text` in one line, with every character that would steer a terminal as its escape."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def write(text: str = "") -> None:
    """Write to standard output, and have it arrive: the program may go on for long.

    Raises:
        ConfigurationError: it cannot be written.
        BrokenPipeError: nobody reads any more.
    """
    reason = "it is closed"
    if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            return
    raise ConfigurationError(f"Standard output cannot be written to: {reason}.")


def note(text: str) -> None:
    """Write to standard error; that nobody reads it is no reason to stop."""
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def width() -> int:
    """Columns to use: those of the terminal, within reason."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns))


def paragraph(text: str, indent: int = 0) -> str:
    """`text` in lines of the terminal's width; a word longer than that is broken."""
    blank = " " * indent
    lines = textwrap.wrap(
        text, width(), initial_indent=blank, subsequent_indent=blank, break_on_hyphens=False
    )
    return "\n".join(lines)


def pairs(rows: Iterable[tuple[str, str]], indent: int = 0) -> str:
    """Names and values, the values below each other."""
    rows = list(rows)
    column = max((len(name) for name, _ in rows), default=0) + 2
    room = max(width() - indent - column, 10)
    found: list[str] = []
    for name, value in rows:
        lines = textwrap.wrap(printable(value), room, break_on_hyphens=False) or [""]
        found.append(f"{' ' * indent}{name:<{column}}{lines[0]}".rstrip())
        found += [" " * (indent + column) + line for line in lines[1:]]
    return "\n".join(found)
