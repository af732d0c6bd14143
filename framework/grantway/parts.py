"""The parts of the world that a provider is given: time and people.

Each is a protocol, and is passed in: the real ones by the dispatcher, others by tests and by
whoever has a clock or a window of their own.
"""

import threading
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """Time, as the whole framework sees it; tests pass one of their own."""

    def time(self) -> float:
        """Seconds since the epoch (UTC), as `time.time`."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, as `time.monotonic`."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set, `seconds` at most; whether it is set."""
        ...


class Prompter(Protocol):
    """A way to reach a person. One that can only show is enough for a device code."""

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Ask and return the answer; a secret one is not echoed.

        Raises:
            InteractionRequired: nobody can answer here.
        """
        ...

    def show(self, text: str) -> None:
        """Show a text."""
        ...

    def open(self, url: str) -> bool:
        """Open a page in the person's browser; False where that cannot be done."""
        ...


@runtime_checkable
class Screen(Prompter, Protocol):
    """A prompter with a screen, which can draw and keep a line up to date. Both are extras."""

    def show_qr(self, url: str) -> None:
        """Draw an address as a QR code, where there is room for it."""
        ...

    def progress(self, text: str) -> None:
        """Show a line in place of the last such; "" ends it."""
        ...
