"""Asking the person at the terminal.

There is one when standard input and standard error both are terminals. Questions and answers go
by standard error and standard input, so that standard output carries nothing but the answer of
the command.
"""

import sys

from grantway.errors import InteractionRequired
from grantway.provider import Prompter


class TerminalPrompter:
    """A `Prompter` on standard input and standard error."""

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

    def show(self, text: str) -> None:
        """Show on standard error."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def open(self, url: str) -> bool:
        """Open the page in the system's browser."""
        import webbrowser

        return webbrowser.open(url)


def terminal() -> Prompter | None:
    """The terminal's prompter, or None where there is no terminal."""
    for stream in (sys.stdin, sys.stderr):
        try:
            if not stream.isatty():
                return None
        except (AttributeError, ValueError):
            # No stream at all (a windowed program), or a closed one.
            return None
    return TerminalPrompter()
