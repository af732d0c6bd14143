"""What else a process does that others can see: processes it starts, environment variables it sets.

And whether it turns to a terminal at which nobody sits.
"""

import errno
import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

from grantway.testing.audit import listening, text_of

# The arguments that other people's `ps` shows; the environment of a process is its owner's alone.
_COMMAND_LINES = {
    "subprocess.Popen": (0, 1),
    "os.system": (0,),
    "os.exec": (0, 1),
    "os.posix_spawn": (0, 1),
    "os.spawn": (1, 2),
    "os.startfile": (0,),
}
_TERMINALS = frozenset(
    ("con", "conin$", "conout$")
    if os.name == "nt"
    else ("/dev/tty", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
)


class Deeds:
    """What was done, as texts.

    Attributes:
        commands: the command line of each process that was started.
        variables: each environment variable of this process that was set.
    """

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.variables: list[str] = []


@contextmanager
def noting(done: Deeds) -> Generator[None, None, None]:
    """Note what this process does to others, and to those that it will start."""

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event in _COMMAND_LINES:
            shown = (arguments[each] for each in _COMMAND_LINES[event] if each < len(arguments))
            done.commands.append(" ".join(map(text_of, shown)))
        elif event == "os.putenv":
            done.variables.append("=".join(map(text_of, arguments)))

    with listening(note):
        yield


@contextmanager
def nobody_at_the_terminal() -> Generator[list[str], None, None]:
    """Put a terminal at which nobody sits in the place of standard input, and list what was tried.

    Standard input is at its end, and another terminal cannot be opened. The list tells even where
    whoever tried has made nothing of that.
    """
    tried: list[str] = []

    class Nobody(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def isatty(self) -> bool:
            return True

        def readinto(self, _: object, /) -> int:
            tried.append("sys.stdin was read")
            return 0

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and (path := text_of(arguments[0])).casefold() in _TERMINALS:
            tried.append(f"{path} was opened")
            raise OSError(errno.ENXIO, "nobody sits at the terminal of this test")

    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BufferedReader(Nobody()), "utf-8")
    try:
        with listening(refuse):
            yield tried
    finally:
        sys.stdin = before
