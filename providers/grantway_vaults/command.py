"""`command:PROGRAM ARG ...`: what a program writes on its standard output. Read only.

No shell comes in: the words are divided as a shell divides them, quotes and all, and nothing in
them means anything else (on Windows a backslash is part of a path). The program has no standard
input, and its standard error goes nowhere, for it may say there what it should not. What it may
write is limited, and one newline at the end is dropped, for programs add one.

It has the time of the call. It is in a process group of its own, which is ended with it: when it
has finished, when the time is up or nobody waits any more, when Ctrl-C is pressed. So what it has
started and left behind ends too, and a child that keeps standard output open keeps nobody waiting.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from grantway import Secret
from grantway.errors import VaultError
from grantway_vaults.arriving import PERIOD
from grantway_vaults.contents import ENOUGH, from_bytes, settled

if sys.platform != "win32":
    import select

if TYPE_CHECKING:
    from io import BufferedReader

    from grantway import Context

SCHEME = "command"


def get(name: str, context: "Context") -> Secret:
    """Run the program.

    Raises:
        VaultError: it cannot be run, it failed, or what it wrote is no secret.
        DeadlineExceeded, Cancelled: it took longer than there is time.
    """
    words = _words(name)
    output = _Output()
    with _started(words) as process:
        try:
            output.read(process, context)
            # One that writes too much would go on for ever.
            status = None if output.is_full else _ended(process, context)
        finally:
            _end(process)
    if status:
        how = f"failed with exit status {status}" if status > 0 else f"ended by signal {-status}"
        raise _error(f"The command {words[0]} {how}", "Run it by hand to see what it says.")
    return settled(from_bytes(output.content()), f"What the command {words[0]} wrote", SCHEME)


class _Output:
    """What has been written so far. Shows nothing of it: a wait may end with an error."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._at_end = False

    @property
    def is_full(self) -> bool:
        """Whether it is as much as is enough."""
        return len(self._content) >= ENOUGH

    def content(self) -> bytes:
        """All of it."""
        return bytes(self._content)

    def read(self, process: "subprocess.Popen[bytes]", context: "Context") -> None:
        """Read to the end, which is at the latest when the program has ended.

        Raises:
            DeadlineExceeded, Cancelled: it was not there in time.
        """
        stream = cast("BufferedReader", process.stdout)
        if sys.platform == "win32":
            self._read_aside(process, stream, context)
            return
        descriptor = stream.fileno()
        os.set_blocking(descriptor, False)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not self.is_full:
            context.remaining()
            # Asked before: what it has written is there by the time that it has ended.
            has_ended = process.poll() is not None
            if self._take(descriptor):
                continue
            if has_ended or self._at_end:
                return
            poll.poll(1000 * PERIOD)

    def _take(self, descriptor: int) -> bool:
        """Read what is there; False where nothing is."""
        try:
            more = os.read(descriptor, ENOUGH - len(self._content))
        except BlockingIOError:
            return False
        self._content += more
        self._at_end = not more
        return bool(more)

    def _read_aside(
        self, process: "subprocess.Popen[bytes]", stream: "BufferedReader", context: "Context"
    ) -> None:
        """The same where a pipe cannot be asked whether there is anything: in a thread."""

        def read() -> None:
            with suppress(OSError, ValueError):
                while not self.is_full and (more := stream.read1(ENOUGH)):
                    self._content += more

        thread = threading.Thread(target=read, name="grantway-command", daemon=True)
        thread.start()
        while thread.is_alive():
            context.remaining()
            has_ended = process.poll() is not None
            thread.join(PERIOD)
            if has_ended:
                return


def _words(name: str) -> list[str]:
    # Windows has no escape but its quotes.
    divider = shlex.shlex(name, posix=True, punctuation_chars=False)
    divider.whitespace_split = True
    divider.commenters = ""
    if sys.platform == "win32":
        divider.escape = ""
    try:
        words = list(divider)
    except ValueError:
        words = []
    if not words or not words[0] or "\0" in name:
        raise _error(
            "A reference to a command names a program, with every quote closed",
            "Write command:PROGRAM ARG ...",
        )
    return words


def _started(words: list[str]) -> "subprocess.Popen[bytes]":
    program = words[0]
    flags = 0
    if sys.platform == "win32":
        # Finds what has another ending than .exe, too.
        program = shutil.which(program) or program
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    try:
        return subprocess.Popen(  # noqa: S603  # the user's own program, and no shell
            [program, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            creationflags=flags,
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise _error(
        f"The command {words[0]} cannot be run: {reason}",
        "Check its name, that it is on PATH, and that this user may run it.",
    )


def _ended(process: "subprocess.Popen[bytes]", context: "Context") -> int:
    """The exit status, once there is one: a program may close its output before it ends."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(min(context.remaining(), PERIOD))


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the program, and whatever it has started and not sent into a session of its own."""
    if sys.platform == "win32":
        if process.poll() is None:
            process.kill()
    else:
        # Its group may have no member left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _error(what: str, remedy: str) -> VaultError:
    return VaultError(f"{what}.", remedy=remedy, scheme=SCHEME)
