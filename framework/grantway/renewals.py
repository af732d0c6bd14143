"""New tokens behind the back of whoever is served the one that is at hand.

From half of its life on, or from when the authority says, a token is served while a new one is
asked for. So nobody waits, and an authority in trouble has half a lifetime to get well.

What is at work when the program ends is waited for, a few seconds at most: cut off in the middle,
it could lose a refresh token that the authority has already replaced.
"""

import os
import threading
from collections.abc import Callable

from grantway.errors import GrantwayError
from grantway.parts import Clock

TIMEOUT = 10.0
"""Seconds that such a renewal may take."""

AGAIN = 60.0
"""Seconds that pass at least before another attempt for the same token."""

AT_ONCE = 8
"""How many are under way at most: whoever goes through thousands of tenants must not have as many
threads, nor ask the authority for all of them in one moment. The others wait for the next call."""


class Renewals:
    """The renewals under way: a few, and one attempt a minute per key. Safe across threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._not_before: dict[str, float] = {}
        self._threads: set[threading.Thread] = set()
        self._pid = os.getpid()

    def begin(self, key: str, work: Callable[[], object]) -> None:
        """Do the work in a thread of its own, unless that was just tried, or many are at work."""
        if self._pid != os.getpid():
            # A fork: the threads are not in this process, and nor may be the lock's owner.
            self._begin_anew()
        now = self._clock.monotonic()
        with self._lock:
            if len(self._threads) >= AT_ONCE or now < self._not_before.get(key, 0.0):
                return
            self._not_before[key] = now + AGAIN
            if len(self._not_before) > 1000:
                due = self._not_before.items()
                self._not_before = {each: until for each, until in due if until > now}
            thread = threading.Thread(target=self._run, args=(work,), name="grantway-renewal")
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            # No thread can be started: the next who asks tries again.
            with self._lock:
                self._threads.discard(thread)
                self._not_before.pop(key, None)

    def close(self) -> None:
        """Wait for those under way."""
        if self._pid != os.getpid():
            return
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            if thread.is_alive():
                thread.join()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except GrantwayError as error:
            import logging

            # Whoever was served has a good token; when it is over, they will hear of it.
            logging.getLogger("grantway").info(
                "a token could not be renewed ahead of time: %s", error
            )
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
