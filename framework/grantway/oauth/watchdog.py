"""The caller's deadline and cancellation, in waits that no socket's own timeout bounds.

A socket's timeout starts anew with each byte, so a server that drips outlasts every deadline; and
no timeout knows that everybody who waited has gone. So one daemon thread, started when it is first
needed, looks ten times a second at the requests under way, and shuts down the socket of each
whose time is up. Whoever waits on the socket then wakes at once; `Watch.cut` tells why.

The thread sleeps while nothing is under way. A forked child has none until it needs one.
"""

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Self

from grantway.context import Context

PERIOD = 0.1
"""Seconds between two looks: by so much at most is a deadline overrun."""

_local = threading.local()


class Watch:
    """One request under way: within it, the socket it waits on is watched.

    with Watch(context) as watch:
        watch.socket = ...
    """

    __slots__ = ("_lock", "_over", "asked", "context", "cut", "socket")

    def __init__(self, context: Context) -> None:
        self.context = context
        #: What the request waits on at present.
        self.socket: socket.socket | None = None
        #: Whether the request has been sent, and its answer is awaited.
        self.asked = False
        #: Whether the socket was shut down, for the request's time was up.
        self.cut = False
        # Once it is over its socket may be another request's.
        self._over = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        _local.watch = self
        _watchdog.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        _watchdog.watches.discard(self)
        _local.watch = None
        with self._lock:
            self._over = True

    def look(self) -> None:
        """End the wait, if its time is up."""
        try:
            self.context.remaining()
        except Exception:  # noqa: BLE001  # time is up, or nobody waits; or the clock is broken
            with self._lock:
                if not self._over:
                    self._end()

    def _end(self) -> None:
        self.cut = True
        if isinstance(waited := self.socket, socket.socket):
            # The socket's own method: that of TLS would change the state the reader is in.
            with suppress(OSError):
                socket.socket.shutdown(waited, socket.SHUT_RDWR)


def current() -> Watch | None:
    """The watch of the request that this thread is sending."""
    watch: Watch | None = getattr(_local, "watch", None)
    return watch


class _Watchdog:
    def __init__(self) -> None:
        self.watches: set[Watch] = set()
        self._starting = threading.Lock()
        self._awake = threading.Event()
        self._started = False

    def add(self, watch: Watch) -> None:
        self.watches.add(watch)
        if not self._awake.is_set():
            self._awake.set()
        if not self._started:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                # While the interpreter ends no thread can be started, and none is needed.
                with suppress(RuntimeError):
                    thread = threading.Thread(target=self._run, name="grantway-watchdog")
                    thread.daemon = True
                    thread.start()
                    self._started = True

    def _run(self) -> None:
        while True:
            if not self.watches:
                self._awake.clear()
                # One may have come in between; then it has not waited for the clearing.
                if not self.watches:
                    self._awake.wait()
            for watch in tuple(self.watches):
                watch.look()
            time.sleep(PERIOD)


_watchdog = _Watchdog()


def _forget() -> None:
    global _watchdog  # noqa: PLW0603  # a forked child has neither the thread nor the requests
    _watchdog = _Watchdog()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
