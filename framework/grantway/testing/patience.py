"""Calls that must end: what hangs is told, and hangs up nobody else."""

import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds of real time that a check waits at most for what takes none by the test's clock."""


def within(call: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What a call returns or raises, if it ends in time.

    Raises:
        AssertionError: it does not.
    """
    return outcomes([call], seconds)[0]


def outcomes(calls: Sequence[Callable[[], T]], seconds: float = PATIENCE) -> list[T]:
    """What calls return that are made at the same time, each in a thread of its own.

    Raises:
        AssertionError: one does not end in time.
        BaseException: what the first of them to fail has raised.
    """
    found: dict[int, T] = {}
    failed: list[BaseException] = []
    gate = threading.Barrier(len(calls))

    def run(number: int) -> None:
        gate.wait(seconds)
        try:
            found[number] = calls[number]()
        except BaseException as error:  # noqa: BLE001  # raised below
            failed.append(error)

    threads = [
        threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(calls))
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), (
        f"It had not ended after {seconds:g} s of real time, while the clock of the test did not "
        "make anybody wait. Wait by context.sleep alone."
    )
    if failed:
        raise failed[0]
    return [found[number] for number in range(len(calls))]


@contextmanager
def switching_often() -> Generator[None, None, None]:
    """Have threads take turns at every opportunity, so that what goes wrong between two does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
