"""Reaching a person: at the terminal, or by a stream that can only show.

There is a terminal when standard input and standard error both are ones. Questions and answers go
by standard error and standard input, so that standard output carries nothing but the answer of
the command. What continuous integration runs has nobody at its terminal, whatever it looks like.
"""

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from grantway.errors import InteractionRequired
from grantway.parts import Prompter

_NO = {"", "0", "false", "no", "off"}


class StreamPrompter:
    """A `Prompter` that can only show: on a container's log, in a notebook, on any text stream.

    That is enough for a device code. Each text is flushed at once, for logs are read as they come.

    >>> from grantway.terminal import StreamPrompter
    >>> import sys
    >>> StreamPrompter(sys.stdout).show("Enter the code ABCD-EFGH")
    Enter the code ABCD-EFGH

    Args:
        stream: where to show; None: standard error, as it is at the time.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def ask(self, question: str, *, secret: bool = False) -> str:  # noqa: ARG002  # of the protocol
        """Nobody can answer here.

        Raises:
            InteractionRequired: always.
        """
        raise InteractionRequired(
            f"{question}: nobody can be asked here.",
            remedy="Run it at a terminal, or give the value as a reference.",
        )

    def show(self, text: str) -> None:
        """Write a line."""
        stream = sys.stderr if self._stream is None else self._stream
        stream.write(f"{text}\n")
        stream.flush()

    def open(self, url: str) -> bool:  # noqa: ARG002  # of the protocol
        """No browser is opened here."""
        return False


class TerminalPrompter(StreamPrompter):
    """A `Prompter` on standard input and standard error, with a screen."""

    def __init__(self) -> None:
        super().__init__()
        self._line = ""

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Ask on standard error; a secret is not echoed."""
        self.progress("")
        try:
            if secret:
                from getpass import getpass

                return getpass(f"{question}: ", stream=sys.stderr)
            sys.stderr.write(f"{question}: ")
            sys.stderr.flush()
            answer = sys.stdin.readline()
            if not answer:
                raise EOFError
            return answer.rstrip("\r\n")
        except EOFError:
            raise InteractionRequired(
                "Nobody answered: standard input is at its end.",
                remedy="Run it at a terminal, or give the value as a reference.",
            ) from None

    def show(self, text: str) -> None:
        """Write a line, in the place of one of progress."""
        self.progress("")
        super().show(text)

    def open(self, url: str) -> bool:
        """Open the page in the system's browser."""
        from grantway.browser import open_page

        return open_page(url)

    def show_qr(self, url: str) -> None:
        """Draw a QR code, dark on light, where the terminal is wide and able enough."""
        import io

        import segno

        drawn = io.StringIO()
        try:
            segno.make(url, error="l", micro=False).terminal(drawn, border=2, compact=True)
        except segno.DataOverflowError:
            return
        lines = drawn.getvalue().splitlines()
        if max(map(len, lines)) >= _columns() or not _can_write(lines[0]):
            return
        if _has_colours():
            # White on black, whatever the terminal's own colours are: the blocks are the light.
            lines = [f"\x1b[97;40m{line}\x1b[0m" for line in lines]
        self.show("\n".join(("With a phone, scan this:", "", *lines, "")))

    def progress(self, text: str) -> None:
        """Write over the last line of progress; "" clears it."""
        if os.environ.get("TERM") == "dumb" or not (text or self._line):
            return
        # One column less: some terminals go on to the next line after the last.
        width = max(0, _columns() - 1)
        # Spaces, for not every terminal can be told to clear a line; two more for an echoed ^C.
        over = min(len(self._line) + 2, width)
        self._line = text[:width]
        sys.stderr.write(f"\r{self._line.ljust(over)}" if text else f"\r{' ' * over}\r")
        sys.stderr.flush()


def terminal(environ: Mapping[str, str]) -> Prompter | None:
    """The terminal's prompter, or None where there is no terminal or nobody at it."""
    if in_ci(environ):
        return None
    for stream in (sys.stdin, sys.stderr):
        try:
            if not stream.isatty():
                return None
        except (AttributeError, ValueError):
            # No stream at all (a windowed program), or a closed one.
            return None
    return TerminalPrompter()


def in_ci(environ: Mapping[str, str]) -> bool:
    """Whether this is continuous integration, by the variable that all such services set."""
    return environ.get("CI", "").strip().casefold() not in _NO


def _columns() -> int:
    """The width of the terminal that standard error is, which standard output need not be."""
    from shutil import get_terminal_size

    try:
        own = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError, AttributeError):
        own = 0
    return own or get_terminal_size().columns


def _has_colours() -> bool:
    """Whether the terminal may be told colours; an old one of Windows would show the commands."""
    unwanted = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not unwanted and sys.platform != "win32"


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
