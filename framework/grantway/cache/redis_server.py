"""The Redis server of a token cache: how it is reached, what is asked of it, and leases on it.

redis-py sees to connections, threads and forks. Its errors never leave, for they carry what was
sent. A call waits for the server a few seconds at most.
"""

import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar, cast

from grantway.cache.references import opened
from grantway.errors import CacheError

PATIENCE = 3.0
"""Seconds to wait for the server, to connect and for each answer."""

_POLL = 0.05

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
    """

    def __init__(self, connect: Callable[[], object], address: str) -> None:
        self._connect = connect
        self._client: Client | None = None
        self.address = address

    def run(self, use: Callable[[Client], T]) -> T:
        """Ask the server.

        Raises:
            CacheError: it did not answer, or refused.
        """
        from redis.exceptions import RedisError

        client = self._client
        if client is None:
            client = self._client = cast("Client", self._connect())
        try:
            return use(client)
        except (RedisError, OSError) as error:
            failure = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise CacheError(
            f"The token cache {self.address} failed: {failure}.",
            remedy="Check that the server runs, lets this host in and has room.",
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
            with suppress(Exception):  # the lease ends it then
                lock.release()

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(Exception):  # they are broken already
                client.close()


def connect(address: str, password: str, options: Mapping[str, str]) -> object:
    """Make a client of redis-py; `password` is a reference. Nothing is sent yet.

    Raises:
        CacheError: the password cannot be had.
    """
    # Imported here: it is slow to import.
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    secret = opened(password, os.getenv) if password else None
    if isinstance(secret, CacheError):
        raise secret
    make = cast("Callable[..., object]", getattr(Redis, "from_url"))  # noqa: B009  # its own types are partial
    return make(
        address,
        password=secret,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        # Once more, for a connection that the server has closed meanwhile.
        retry=Retry(NoBackoff(), 1),
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
