"""A secret that arrives bit by bit: from a pipe, a device or a file, in the time of the call.

What has come so far is in an object that shows nothing of it, for a wait that ends ends with an
error, and the frames of that must hold no part of a secret. Where reading is taken up again, as on
standard input by the next call, it goes on where it was.
"""

import os
import select
import stat
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from grantway_vaults.contents import ENOUGH

if TYPE_CHECKING:
    from grantway import Context

# Seconds between two looks at whether anybody still waits.
PERIOD = 0.1


class Arriving:
    """What there is to read, or as much as is enough.

    Args:
        read: reads at most so many bytes; none at the end.
        descriptor: what it reads from; None: something that never makes wait.
    """

    def __init__(self, read: Callable[[int], bytes], descriptor: int | None = None) -> None:
        self._read = read
        self._descriptor = descriptor
        self._content = bytearray()

    def content(self, context: "Context") -> bytes:
        """All of it; whoever writes it has the time of the call.

        Raises:
            DeadlineExceeded, Cancelled: the other end of a pipe kept silent.
            OSError: it cannot be read.
        """
        while len(self._content) < ENOUGH and self._take(context):
            pass
        return bytes(self._content)

    def _take(self, context: "Context") -> bool:
        """Read what has come next; False at the end."""
        self._await(context)
        try:
            more = self._read(ENOUGH - len(self._content))
        except BlockingIOError:
            # Somebody else has read it.
            return True
        self._content += more
        return bool(more)

    def _await(self, context: "Context") -> None:
        descriptor = self._descriptor
        if sys.platform == "win32" or descriptor is None:
            return
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not poll.poll(1000 * min(context.remaining(), PERIOD)):
            pass
