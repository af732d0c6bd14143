"""A store for what is short-lived: safe across threads, and never larger than it should be.

A sandbox may run for days, and anybody on the machine may start what nobody ends; then the oldest
goes.
"""

import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Bounded(Generic[T]):
    """Values by name. Take `lock` around what must happen in one go."""

    def __init__(self, most: int = 10_000) -> None:
        self.lock = threading.RLock()
        self._most = most
        self._values: dict[str, T] = {}

    def get(self, name: str) -> T | None:
        """Return a value, or None."""
        with self.lock:
            return self._values.get(name)

    def put(self, name: str, value: T) -> T:
        """Add or replace a value, and return it."""
        with self.lock:
            self._values[name] = value
            while len(self._values) > self._most:
                del self._values[next(iter(self._values))]
            return value

    def pop(self, name: str) -> T | None:
        """Remove a value and return it, or None: of many at once, one gets it."""
        with self.lock:
            return self._values.pop(name, None)

    def __iter__(self) -> Iterator[T]:
        with self.lock:
            return iter(list(self._values.values()))
