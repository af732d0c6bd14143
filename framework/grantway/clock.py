"""The system's clock, the default wherever one is injected."""

import threading
import time


class SystemClock:
    """Time as the operating system tells it."""

    def __init__(self) -> None:
        # The very functions, so that the fast path pays for no call in between.
        self.time = time.time
        self.monotonic = time.monotonic

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set, `seconds` at most; whether it is set."""
        return event.wait(seconds)
