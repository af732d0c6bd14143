"""A clock that goes on only when it is told to, or when somebody waits by it."""

import threading


class ManualClock:
    """A `Clock` for tests: an hour passes in no time.

    Args:
        now: seconds since the epoch at the beginning.
        tick: seconds that pass at each look at `monotonic`, as in a process that is busy.

    Attributes:
        now, uptime: what `time` and `monotonic` say.
        waits: how long each wait was to be; a wait for an event that is set is none.
    """

    def __init__(self, now: float = 1_700_000_000.0, tick: float = 0.0) -> None:
        self.now = now
        self.tick = tick
        self.uptime = 1000.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def time(self) -> float:
        """Seconds since the epoch."""
        return self.now

    def monotonic(self) -> float:
        """Seconds that never go back; they begin at 1000."""
        self.uptime += self.tick
        return self.uptime

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.now += seconds
            self.uptime += seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let the whole wait pass at once, unless `event` is set."""
        if not event.is_set():
            self.waits.append(seconds)
            self.advance(seconds)
        return event.is_set()
