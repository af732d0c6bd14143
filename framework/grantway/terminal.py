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
from grantway.provider import Prompter

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
        self._is_in_progress = False

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Ask on standard error; a secret is not echoed."""
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

    def open(self, url: str) -> bool:
        """Open the page in the system's browser."""
        from grantway.browser import open_page

        return open_page(url)

    def show_qr(self, url: str) -> None:
        """Draw a QR code, dark on light, where the terminal is wide and able enough."""
        import io
        from shutil import get_terminal_size

        import segno

        drawn = io.StringIO()
        segno.make(url, error="l", micro=False).terminal(drawn, border=2, compact=True)
        text = drawn.getvalue().rstrip("\n")
        width = max(map(len, text.splitlines()))
        if width < get_terminal_size().columns and _can_write(text):
            self.show(text)

    def progress(self, text: str) -> None:
        """Write over the last line of progress; "" clears it."""
        if os.environ.get("TERM") == "dumb" or not (text or self._is_in_progress):
            return
        from shutil import get_terminal_size

        # One column less: some terminals go on to the next line after the last.
        shown = text[: max(0, get_terminal_size().columns - 1)]
        sys.stderr.write(f"\r\x1b[K{shown}")
        sys.stderr.flush()
        self._is_in_progress = bool(text)


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


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
