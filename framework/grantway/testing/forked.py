"""A child of this process, forked while it is in the middle of its life."""

import os
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress

CAN_FORK = hasattr(os, "fork")


def in_a_child(call: Callable[[], None], seconds: float) -> str:
    """Make a call in a forked child; what it raised there, as text, or "" where it went well.

    Raises:
        AssertionError: the child has not ended in time, or ended without a word.
    """
    theirs, ours = os.pipe()
    with warnings.catch_warnings():
        # Python warns who forks beside other threads. That is what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _be_the_child(call, ours)
    os.close(ours)
    try:
        said = _said(theirs, time.monotonic() + seconds)
    finally:
        os.close(theirs)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert said is not None, f"A forked child had not ended after {seconds:g} s."
    assert said, "A forked child ended without a word."
    return said[1:].decode(errors="replace")


def _be_the_child(call: Callable[[], None], pipe: int) -> None:
    """Call, tell, and end: nothing that this process would do at its end is the child's to do."""
    try:
        try:
            call()
            said = ""
        except BaseException:  # noqa: BLE001  # told to the parent
            said = traceback.format_exc()
        os.write(pipe, b"!" + said.encode(errors="replace"))
    finally:
        os._exit(0)


def _said(pipe: int, until: float) -> bytes | None:
    """All that comes before the end of a pipe; None: that has not come."""
    found = b""
    while select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
        piece = os.read(pipe, 65536)
        if not piece:
            return found
        found += piece
    return None
