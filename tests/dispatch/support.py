"""What the tests of many callers share: crews of processes, and waiting for what must happen."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs

from grantway import Event, hookimpl
from grantway.clock import SystemClock

TESTS = Path(__file__).parents[1]


@attrs.frozen
class Life:
    """What one process of a crew noted until its end; `code` is its exit status."""

    member: int
    code: int
    notes: list[list[Any]]

    def of(self, kind: str) -> list[list[Any]]:
        return [rest for name, *rest in self.notes if name == kind]


def start(told: dict[str, Any]) -> "subprocess.Popen[str]":
    """Start a crew (see `dispatch.crew`)."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", "from dispatch.crew import main; main()"],
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(told))
    process.stdin.close()
    process.stdin = None
    return process


def lives(process: "subprocess.Popen[str]") -> list[Life]:
    """What a crew's processes have noted, when all have ended."""
    out, err = process.communicate(timeout=150)
    assert err == ""
    return [Life(**each) for each in json.loads(out)]


def crew(told: dict[str, Any]) -> list[Life]:
    return lives(start(told))


def notes(found: Iterable[Life], kind: str) -> list[list[Any]]:
    return [note for life in found for note in life.of(kind)]


def eventually(holds: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something that must happen has happened."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


def together(count: int, ask: Callable[[int], Any]) -> list[Any]:
    """Ask from many threads at once; what each got, or what it failed with, in their order."""
    found: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            found[number] = ask(number)
        except Exception as error:  # noqa: BLE001  # what became of it
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


class Watching:
    """An observer that keeps all events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @hookimpl
    def grantway_event(self, event: Event) -> None:
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


def said_in(folder: Path, secrets: Iterable[str]) -> list[str]:
    """Which of these texts any file of a folder holds in clear."""
    content = b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())
    assert content
    return [secret for secret in secrets if secret.encode() in content]


class ShiftedClock(SystemClock):
    """The system's clock, that a test puts forward: all of it, or what hangs on the wall alone."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = self._set = 0.0
        self.time = lambda: time.time() + self._passed + self._set
        self.monotonic = lambda: time.monotonic() + self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    def set(self, seconds: float) -> None:
        self._set += seconds
