"""`-`: a secret on standard input. Read only.

Standard input can be read once, while a call may need the same secret again: a refresh, another
resource. So it is read to its end once, and what was found is remembered, be it a secret or the
lack of one. It is remembered of the stream, not of the process: a test runner or a notebook that
puts another stream in its place gets that one read. Who writes to it has the time of the call;
what has come until then is not lost, the next call reads on.

Where standard input is a terminal, nobody would know that it is to be typed at; the person is
asked instead, without echo.
"""

import sys
import threading
from typing import TYPE_CHECKING, TextIO, cast

from grantway import Secret
from grantway.errors import VaultError
from grantway_vaults.arriving import PERIOD, Arriving
from grantway_vaults.contents import ENOUGH, Fault, from_bytes, from_text, settled
from grantway_vaults.question import ask

if TYPE_CHECKING:
    from io import BufferedReader

    from grantway import Context

SCHEME = "-"


class StandardInput:
    """Reads the stream that is `sys.stdin`, once."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._lock = threading.Lock()
        self._read: tuple[object, Secret | Fault] | None = None
        self._arriving: tuple[object, Arriving] | None = None

    def get(self, name: str, context: "Context") -> Secret:  # noqa: ARG002  # it has no name
        """Read the secret, or give the one that was read.

        Raises:
            InteractionRequired: it is a terminal, and nobody can be asked.
            VaultError: there is no standard input, or no secret on it.
            DeadlineExceeded, Cancelled: it did not end in time; the next call reads on.
        """
        stream = cast("TextIO | None", sys.stdin)
        if stream is None or stream.closed:
            raise VaultError(
                "There is no standard input.",
                remedy="Give another reference: env:NAME, file:PATH or keyring:SERVICE/NAME.",
                scheme=SCHEME,
            )
        while not self._lock.acquire(timeout=min(context.remaining(), PERIOD)):
            pass
        try:
            if self._read is None or self._read[0] is not stream:
                self._read = (stream, self._find(stream, context))
            found = self._read[1]
            if isinstance(found, Fault) and stream.isatty():
                # A person may do better next time.
                self._read = None
        finally:
            self._lock.release()
        return settled(found, "Standard input", SCHEME)

    def _find(self, stream: TextIO, context: "Context") -> Secret | Fault:
        if stream.isatty():
            return from_text(ask("Secret", context))
        try:
            buffer = cast("BufferedReader | None", getattr(stream, "buffer", None))
            if buffer is None:
                return _of_text(stream.read(ENOUGH))
            if self._arriving is None or self._arriving[0] is not stream:
                self._arriving = (stream, Arriving(buffer.read1, _descriptor(buffer)))
            return from_bytes(self._arriving[1].content(context))
        except OSError as error:
            return Fault(f"cannot be read: {error.strerror or type(error).__name__}")


def _descriptor(buffer: "BufferedReader") -> int | None:
    # One that a program has put in place has none, and makes nobody wait.
    try:
        return buffer.fileno()
    except OSError:
        return None


def _of_text(text: str) -> Secret | Fault:
    # Only a stream put in place by a program is of text alone.
    try:
        return from_bytes(text.encode())
    except UnicodeEncodeError:
        return Fault("is not text")


get = StandardInput().get
