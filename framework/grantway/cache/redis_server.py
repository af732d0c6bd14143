"""The Redis server of a token cache: how it is reached, what is asked of it, and leases on it.

redis-py sees to connections, threads and forks. Its errors never leave, for they carry what was
sent.

*A server that does not answer* is waited for once, a few seconds, and then left alone for a while:
whoever asks meanwhile is told at once that it failed. So it costs a call for a token one such wait,
not one for each step. What must not be lost is asked for all the same, once.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar, cast

from grantway.cache.references import opened
from grantway.errors import CacheError

PATIENCE = 2.0
"""Seconds to wait for the server, to connect and for each answer."""

REST = 15.0
"""Seconds that a server which did not answer in time is left alone."""

_POLL = 0.05
# Said without the sign that a password follows: what does is masked wherever it is shown.
_PARAMETER = "the parameter password, as env:NAME or file:PATH"
_OTHERWISE = f"name another in the URL of the token cache: {_PARAMETER}"

T = TypeVar("T")


# ruff: noqa: D102  # what the methods do is in redis-py's own documentation


class Lock(Protocol):
    """What is used of redis-py's `Lock`."""

    def acquire(self, *, blocking: bool) -> bool: ...

    def reacquire(self) -> bool: ...

    def release(self) -> None: ...


class Client(Protocol):
    """What is used of redis-py's `Redis`, whose own types cover its asyncio twin as well."""

    def get(self, name: str) -> bytes | None: ...

    def mget(self, keys: Sequence[bytes | str]) -> list[bytes | None]: ...

    def set(self, name: str, value: bytes, *, px: int | None) -> object: ...

    def delete(self, *names: bytes | str) -> int: ...

    def smembers(self, name: bytes | str) -> AbstractSet[bytes]: ...

    def srem(self, name: bytes | str, *values: bytes) -> int: ...

    def zscore(self, name: str, value: bytes) -> float | None: ...

    def zadd(self, name: str, mapping: Mapping[bytes, float], *, gt: bool) -> int: ...

    def zremrangebyscore(self, name: str, min: str, max: str) -> int: ...  # noqa: A002  # theirs

    def scan_iter(self, match: str, count: int) -> Iterator[bytes]: ...

    def eval(self, script: str, numkeys: int, *keys_and_args: bytes | str) -> object: ...

    def pipeline(self, *, transaction: bool) -> "Pipeline": ...

    def lock(self, name: str, *, timeout: float, thread_local: bool) -> Lock: ...

    def close(self) -> None: ...


class Pipeline(Protocol):
    """What is used of redis-py's `Pipeline`."""

    def set(self, name: str, value: bytes) -> object: ...

    def sadd(self, name: str, *values: bytes) -> object: ...

    def execute(self) -> list[object]: ...


class Server:
    """A Redis server, connected to when it is first asked.

    Args:
        connect: makes the client of redis-py.
        address: the server, as people are told of it.
        monotonic: a clock that nobody sets.
    """

    def __init__(
        self,
        connect: Callable[[], object],
        address: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._monotonic = monotonic
        self._alone_until = float("-inf")
        #: What was insisted on in vain while it is left alone.
        self._insisted: set[bytes] = set()
        self.address = address

    def run(self, use: Callable[[Client], T], *, insist: bytes = b"") -> T:
        """Ask the server.

        Args:
            use: what to ask.
            insist: a name for what is asked, which then is asked once though the server is being
                left alone.

        Raises:
            CacheError: it did not answer, or refused.
        """
        if self._monotonic() < self._alone_until and (not insist or insist in self._insisted):
            raise self._silent()
        try:
            found = self._asked(use)
        except TimeoutError:
            now = self._monotonic()
            if now >= self._alone_until:
                self._insisted.clear()
            self._insisted.add(insist)
            self._alone_until = now + REST
            raise self._silent() from None
        self._alone_until = float("-inf")
        return found

    def _asked(self, use: Callable[[Client], T]) -> T:
        """Ask, whatever became of it the last time.

        Raises:
            TimeoutError: no answer came in time.
            CacheError: another failure.
        """
        from redis import exceptions

        client = self._client
        if client is None:
            client = self._client = cast("Client", self._connect())
        remedy = "Check that the server runs, lets this host in and has room."
        try:
            return use(client)
        except (exceptions.TimeoutError, TimeoutError):
            failure = ""
        except (exceptions.RedisError, OSError) as error:
            failure = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
            if isinstance(error, exceptions.AuthenticationError):
                remedy = (
                    f"Check the password in its URL, {_PARAMETER}, and what is there; and the "
                    "user, redis://USER@HOST/0, where the server has several."
                )
            elif isinstance(error, exceptions.NoPermissionError):
                remedy = "Let the user do all of it, with the keys that begin with the prefix."
        if not failure:
            raise TimeoutError
        raise CacheError(f"The token cache {self.address} failed: {failure}.", remedy=remedy)

    def _silent(self) -> CacheError:
        # The same text each time, so that it is told once.
        return CacheError(
            f"The token cache {self.address} failed: it did not answer in time.",
            remedy="Check that the server runs and that the way to it is open; it is tried again "
            f"after {REST:g} seconds.",
        )

    @contextmanager
    def leased(self, name: str, lease: float, sleep: Callable[[float], None]) -> Generator[None]:
        """Hold a lock whose lease, in seconds, is renewed for as long as its holder works."""
        lock = self.run(lambda client: client.lock(name, timeout=lease, thread_local=False))
        while not self.run(lambda _: lock.acquire(blocking=False)):
            sleep(_POLL)
        done = threading.Event()
        try:
            threading.Thread(
                target=_renew, args=(lock, lease / 3, done), name="grantway-lease", daemon=True
            ).start()
            yield
        finally:
            done.set()
            with suppress(CacheError):  # the lease ends it then
                self.run(lambda _: lock.release())

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(Exception):  # they are broken already
                client.close()


def connect(
    address: str, password: str, options: Mapping[str, str], patience: float = PATIENCE
) -> object:
    """Make a client of redis-py; `password` is a reference. Nothing is sent yet.

    Raises:
        CacheError: the password cannot be had.
    """
    # Imported here: it is slow to import.
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as BrokenOff
    from redis.retry import Retry

    secret = opened(password, os.getenv, _OTHERWISE) if password else None
    if isinstance(secret, CacheError):
        raise secret
    make = cast("Callable[..., object]", getattr(Redis, "from_url"))  # noqa: B009  # its own types are partial
    return make(
        address,
        password=secret,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        # Once more, for a connection that the server has closed meanwhile; not for one that is
        # silent, which would be waited for twice.
        retry=Retry(NoBackoff(), 1, (BrokenOff,)),
        **options,
    )


def _renew(lock: Lock, every: float, done: threading.Event) -> None:
    """Keep a lease for as long as its holder works."""
    while not done.wait(every):
        try:
            lock.reacquire()
        except Exception as error:  # noqa: BLE001  # of a thread of its own: there is nobody to raise to
            if not done.is_set():
                logging.getLogger("grantway.cache").warning(
                    "the lease of a lock could not be renewed: %s", type(error).__name__
                )
