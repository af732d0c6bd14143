"""One flight per key: of all who ask for the same thing at once, one does the work.

The first to ask leads; who comes while the work goes on follows and is given the same outcome.
Different keys never wait for each other. Followers keep their own deadlines. A leader's failure
is its followers' too, unless it is one of the leader's own circumstances (its time was up, it
was interrupted): then a follower takes over.

Threads that lead do the work themselves. Asyncio tasks wait on a future, and a thread is made
for the work; when the last who waits is cancelled, `cancelled` is set, which ends every wait
inside the work.
"""

import os
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Generic, TypeVar

from grantway.errors import Cancelled, DeadlineExceeded, GrantwayError, PluginError

if TYPE_CHECKING:
    from concurrent.futures import Future

R = TypeVar("R")

Work = Callable[[threading.Event], R]

# Failures of the leader's own circumstances, which say nothing about the followers'.
_PERSONAL = (DeadlineExceeded, Cancelled)


class _Flight(Generic[R]):
    def __init__(self, variant: Hashable, pilot: object) -> None:
        # Imported here, as asyncio is below: a process whose tokens are all cached flies nothing.
        from concurrent.futures import Future

        self.future: Future[R] = Future()
        self.future.set_running_or_notify_cancel()
        self.cancelled = threading.Event()
        self.variant = variant
        #: Who has to see to it that it ends; None: its own thread, which does so by itself.
        self.pilot: object | None = pilot
        self.aboard = {pilot}
        #: The thread that does the work.
        self.leader: int | None = None


class Flights(Generic[R]):
    """The flights that are in the air, by key. Safe across threads, tasks and forks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight[R]] = {}
        self._pid = os.getpid()

    def run(
        self,
        key: Hashable,
        work: Work[R],
        remaining: Callable[[], float],
        *,
        variant: Hashable = None,
        told: Callable[[float], None] = lambda _: None,
    ) -> R:
        """Do the work for `key`, or wait for whoever does it already.

        `remaining` gives the seconds this caller can still wait, and raises when there are none;
        `told` is told them before each wait.
        Of a flight with another `variant` only the end is waited for, not the outcome: then the
        work is done for this one.

        Raises:
            DeadlineExceeded: the wait was too long.
            Exception: what the work raised.
        """
        while True:
            me = object()
            # An interrupt may come between any two steps: wherever it does, `_leave` cleans up.
            try:
                flight = self._join(key, me, variant)
                if flight.pilot is me:
                    return self._lead(flight, work)
                _check_leader(flight)
                told(remaining())
                failure = _failure(flight.future, remaining)
            finally:
                self._leave(key, me)
            if flight.variant == variant:
                if failure is None:
                    return flight.future.result()
                if not isinstance(failure, _PERSONAL):
                    raise _twin(failure)
            remaining()

    async def run_async(
        self,
        key: Hashable,
        work: Work[R],
        remaining: Callable[[], float],
        *,
        variant: Hashable = None,
        told: Callable[[float], None] = lambda _: None,
    ) -> R:
        """As `run`, for an asyncio task: it waits without a thread of its own.

        Raises:
            GrantwayError: no thread can be started for the work.
        """
        import asyncio

        while True:
            me = object()
            landing: asyncio.Future[R] | None = None
            try:
                flight = self._join(key, me, variant)
                leads = flight.pilot is me
                if leads:
                    self._start(key, flight, work)
                else:
                    _check_leader(flight)
                    told(remaining())
                landing = asyncio.wrap_future(flight.future)
                # The time may be prolonged while the work goes on.
                while not landing.done():
                    await asyncio.wait((landing,), timeout=remaining())
            finally:
                self._leave(key, me)
                if landing is not None:
                    # What it may yet bring is nobody's then, and not asyncio's to complain of.
                    with suppress(RuntimeError):  # the loop is closed
                        landing.cancel()
            if flight.variant == variant:
                failure = landing.exception()
                if failure is None:
                    return landing.result()
                if leads or not isinstance(failure, _PERSONAL):
                    raise _twin(failure)
            remaining()

    def cancel(self) -> None:
        """End the waits inside all work that goes on; whoever waits for it is told `Cancelled`."""
        with self._lock:
            flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancelled.set()

    def _join(self, key: Hashable, me: object, variant: Hashable) -> _Flight[R]:
        """The flight in the air, else a new one, whose pilot is `me`."""
        if self._pid != os.getpid():
            # A fork: the threads that led here are not in this process, nor is their lock's owner.
            self._lock, self._flights, self._pid = threading.Lock(), {}, os.getpid()
        with self._lock:
            flight = self._flights.get(key)
            if flight is None or flight.future.done():
                flight = self._flights[key] = _Flight(variant, me)
            flight.aboard.add(me)
            return flight

    def _leave(self, key: Hashable, me: object) -> None:
        """Take one off the flight that it joined, if it did.

        A flight without its pilot, or without anybody, is over; who still waits takes over.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is None or me not in flight.aboard:
                return
            flight.aboard.remove(me)
            if flight.aboard and flight.pilot is not me:
                return
            del self._flights[key]
        if not flight.future.done():
            flight.cancelled.set()
            with suppress(Exception):  # its thread has ended it at this very moment
                flight.future.set_exception(Cancelled("Interrupted."))

    def _start(self, key: Hashable, flight: _Flight[R], work: Work[R]) -> None:
        """Have a thread of its own do a flight's work."""

        def fly() -> None:
            # What it raises is in the future, for whoever waits.
            with suppress(BaseException):
                self._lead(flight, work)
            self._land(key, flight)

        try:
            threading.Thread(target=fly, name="grantway-flight", daemon=True).start()
        except RuntimeError:
            raise GrantwayError(
                "No thread can be started to get the token.",
                remedy="This process or its user has as many as the system allows: end some, or "
                "raise the limit.",
            ) from None
        flight.pilot = None

    def _lead(self, flight: _Flight[R], work: Work[R]) -> R:
        flight.leader = threading.get_ident()
        try:
            result = work(flight.cancelled)
        except BaseException as error:
            # An interrupt is the leader's alone; a follower then takes over.
            shared = error if isinstance(error, Exception) else Cancelled("Interrupted.")
            flight.future.set_exception(shared)
            raise
        flight.future.set_result(result)
        return result

    def _land(self, key: Hashable, flight: _Flight[R]) -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]


def _check_leader(flight: _Flight[R]) -> None:
    """Refuse to wait for oneself."""
    if flight.leader == threading.get_ident():
        raise PluginError(
            "A provider or vault asked for the very token that it is to bring.",
            remedy="Its author has to ask for another one, or none.",
        )


def _failure(future: "Future[R]", remaining: Callable[[], float]) -> BaseException | None:
    """What the work raised, once it has ended.

    Raises:
        DeadlineExceeded: as `remaining` raises it.
    """
    while True:
        try:
            # Told from this wait's own end by where it comes from: both may be TimeoutError.
            return future.exception(remaining())
        except TimeoutError:
            continue


def _twin(failure: BaseException) -> BaseException:
    """A failure for one more caller: each has a traceback of their own, and none of the others'."""
    try:
        twin = copy(failure)
    except Exception:  # noqa: BLE001  # an exception that cannot be made again is shared
        return failure
    vars(twin).update(vars(failure))
    twin.__cause__ = failure.__cause__
    twin.__suppress_context__ = True
    return twin
