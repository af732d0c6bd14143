"""The token cache on a Redis server, shared by the hosts of a fleet.

    redis://cache.example/0?prefix=fleet:&password=env:REDIS_PASSWORD
    rediss://...                                the same over TLS

Rows are the same as in a file and encrypted alike; the server sees keyed hashes and ciphertext.
The key has to be one that all hosts have: `GRANTWAY_CACHE_KEY`, or the file that `key_file` names.
Results expire by the server's clock. Refresh tokens do not: a server that is to throw out something
when it is full should be told `maxmemory-policy volatile-lru`, which leaves them alone, and to keep
them at all it needs persistence (`appendonly yes`). All keys begin with the prefix:

    result:NAME, refresh:NAME       the rows
    owner:NAME                      a set: the names of an owner's refresh tokens
    lock:NAME                       held keys; see below
    pauses                          a sorted set: name to instant

A lock is a key with a lease of ten seconds that its holder renews; when the holder dies, it ends
with the lease. A holder that is itself suspended for longer may find that it was not alone.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from grantway.cache import rows
from grantway.cache.encryption_key import VARIABLE, configured
from grantway.cache.redis_server import Client, Server, connect
from grantway.cache.references import is_reference
from grantway.cache.rows import Rows
from grantway.cache.urls import CacheUrl
from grantway.cache_inspection import CacheEntry, CacheInfo
from grantway.errors import CacheError, ConfigurationError
from grantway.token_cache import StoredRefreshToken, expires

if TYPE_CHECKING:
    from grantway.cache.encryption_key import EncryptionKey
    from grantway.result import AuthenticationResult
    from grantway.secret import Secret

PREFIX = "grantway:"
LEASE = 10.0
"""Seconds after which a lock of a dead holder ends."""

_AT_ONCE = 500
_WORDS = {rows.RESULT: "result", rows.REFRESH_TOKEN: "refresh"}
_OURS = ("prefix", "key_file", "password")
_THEIRS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")

# Deletes a row if it is still that, and its entry in the index.
_DROP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if KEYS[2] then redis.call('SREM', KEYS[2], ARGV[2]) end
return 1
"""


class RedisTokenCache:
    """A `TokenCache`, `Coordinator` and `Inspector` on a Redis server.

    Args:
        connect: makes the client of redis-py; called once, when the cache is first used.
        find_key: the key to encrypt with.
        address: the server, as people are told of it.
        prefix: what all keys begin with.
        lease: seconds after which a lock of a dead holder ends.
        now: the wall clock.
        monotonic: the clock that nobody sets; see `Server`.
    """

    def __init__(
        self,
        connect: Callable[[], object],
        find_key: "Callable[[], EncryptionKey]",
        *,
        address: str,
        prefix: str = PREFIX,
        lease: float = LEASE,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = Server(connect, address, monotonic)
        self._rows = Rows(find_key)
        self._prefix = prefix
        self._lease = lease
        self._now = now

    def __repr__(self) -> str:
        return f"<RedisTokenCache {self._server.address}>"

    @property
    def fingerprint_key(self) -> bytes:
        """Derived from the key that the cache is encrypted with: the same on all hosts."""
        return self._rows.fingerprint_key

    # Results.

    def get(self, key: str) -> "AuthenticationResult | None":
        """See `TokenCache.get`."""
        name = self._name(rows.RESULT, key)
        body = self._server.run(lambda client: client.get(self._at("result", name)))
        found = self._rows.read_result(name, body) if body is not None else None
        if body is not None and found is None:
            self._drop(self._at("result", name), body)
        return found[1] if found else None

    def put(self, key: str, result: "AuthenticationResult") -> None:
        """See `TokenCache.put`. What has expired already is not stored."""
        row, until = self._rows.result(key, result), expires(result)
        at = self._at("result", row.name)
        left = None if until is None else int((until - self._now()) * 1000)
        if left is not None and left <= 0:
            self._server.run(lambda client: client.delete(at))
        else:
            self._server.run(lambda client: client.set(at, row.body, px=left))

    # Refresh tokens.

    def get_refresh_token(self, slot: str) -> StoredRefreshToken | None:
        """See `TokenCache.get_refresh_token`."""
        found = self._find_refresh_token(slot)
        return found[1] if found else None

    def put_refresh_token(self, slot: str, stored: StoredRefreshToken) -> None:
        """See `TokenCache.put_refresh_token`. A server that is silent is tried all the same."""
        row = self._rows.refresh_token(slot, stored)
        owner = self._at("owner", self._name("owner", stored.owner))

        def put(client: Client) -> None:
            pipeline = client.pipeline(transaction=True)
            pipeline.set(self._at("refresh", row.name), row.body)
            pipeline.sadd(owner, row.name)
            pipeline.execute()

        # Each token for once: it is put again as soon as more is known of it.
        self._server.run(put, insist=self._name("insisted", f"{slot}\0{stored.token.reveal()}"))

    def remove_refresh_token(self, slot: str, token: "Secret") -> None:
        """See `TokenCache.remove_refresh_token`."""
        found = self._find_refresh_token(slot)
        if found is None or found[1].token != token:
            return
        name = self._name(rows.REFRESH_TOKEN, slot)
        owner = self._at("owner", self._name("owner", found[1].owner))
        at, body = self._at("refresh", name), found[0]
        self._server.run(lambda client: client.eval(_DROP, 2, at, owner, body, name))

    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, StoredRefreshToken]]:
        """See `TokenCache.refresh_tokens`."""
        at = self._at("owner", self._name("owner", owner))

        def read(client: Client) -> list[tuple[bytes, bytes | None]]:
            names = sorted(client.smembers(at))
            at_rows = [self._at("refresh", name) for name in names]
            bodies = client.mget(at_rows) if names else []
            return list(zip(names, bodies, strict=True))

        found: list[tuple[str, StoredRefreshToken]] = []
        for name, body in self._server.run(read):
            each = self._rows.read_refresh_token(name, body) if body is not None else None
            if each is not None and each[1].owner == owner:
                found.append(each)
            elif each is None and body is not None:
                self._drop(self._at("refresh", name), body)
        return found

    def clear(self) -> None:
        """See `TokenCache.clear`. Held locks stay, and the key."""

        def forget(client: Client) -> None:
            for kind in ("result", "refresh", "owner"):
                for keys in self._keys(client, kind):
                    client.delete(*keys)
            client.delete(self._pauses)

        self._server.run(forget)

    def close(self) -> None:
        """See `TokenCache.close`."""
        self._server.close()

    # For processes that share the cache.

    def lock(self, key: str, sleep: Callable[[float], None]) -> AbstractContextManager[None]:
        """See `Coordinator.lock`; what a dead process held is free after the lease."""
        return self._server.leased(self._at("lock", self._name("lock", key)), self._lease, sleep)

    def get_pause(self, key: str) -> float:
        """See `Coordinator.get_pause`."""
        name = self._name("pause", key)
        return self._server.run(lambda client: client.zscore(self._pauses, name)) or 0.0

    def put_pause(self, key: str, until: float) -> None:
        """See `Coordinator.put_pause`."""
        name = self._name("pause", key)
        self._server.run(lambda client: client.zadd(self._pauses, {name: until}, gt=True))

    # For people who look after it.

    def info(self) -> CacheInfo:
        """See `Inspector.info`. All rows are read for it: none tells which key it is of."""
        readable = dict.fromkeys(_WORDS, 0)
        unreadable = 0
        for kind, entry in self._looked_over():
            if entry is None:
                unreadable += 1
            else:
                readable[kind] += 1
        return CacheInfo(
            kind="redis",
            location=self._server.address,
            encrypted_with=self._rows.source,
            access_tokens=readable[rows.RESULT],
            refresh_tokens=readable[rows.REFRESH_TOKEN],
            unreadable=unreadable,
        )

    def entries(self) -> Iterator[CacheEntry]:
        """See `Inspector.entries`."""
        return (entry for _, entry in self._looked_over() if entry is not None)

    def remove(self, key: str) -> bool:
        """See `Inspector.remove`."""
        result = self._at("result", self._name(rows.RESULT, key))
        refresh = self._at("refresh", self._name(rows.REFRESH_TOKEN, key))
        # The owner's index still names it; that is looked over by `prune`.
        return bool(self._server.run(lambda client: client.delete(result, refresh)))

    def prune(self) -> int:
        """See `Inspector.prune`: here the server does, and only its indices are looked over."""

        def tidy(client: Client) -> None:
            client.zremrangebyscore(self._pauses, "-inf", f"({self._now()}")
            for owners in self._keys(client, "owner"):
                for owner in owners:
                    for name in client.smembers(owner):
                        if client.get(self._at("refresh", name)) is None:
                            client.srem(owner, name)

        self._server.run(tidy)
        return 0

    # The server.

    def _looked_over(self) -> Iterator[tuple[str, CacheEntry | None]]:
        """The kind of each row, and what it is, where that can be read."""
        for kind, word in _WORDS.items():
            for keys, bodies in self._pages(word):
                for key, body in zip(keys, bodies, strict=True):
                    if body is not None:
                        yield kind, self._rows.entry(kind, _name_in(key), body)

    @property
    def _pauses(self) -> str:
        return f"{self._prefix}pauses"

    def _at(self, kind: str, name: bytes) -> str:
        return f"{self._prefix}{kind}:{name.hex()}"

    def _name(self, kind: str, key: str) -> bytes:
        return self._rows.sealer.name(kind, key)

    def _keys(self, client: Client, kind: str) -> Iterator[tuple[bytes, ...]]:
        prefix = re.sub(r"([\\*?\[\]])", r"\\\1", self._prefix)
        found = client.scan_iter(match=f"{prefix}{kind}:*", count=_AT_ONCE)
        while keys := tuple(islice(found, _AT_ONCE)):
            yield keys

    def _pages(self, kind: str) -> Iterator[tuple[Sequence[bytes], list[bytes | None]]]:
        keys = self._server.run(
            lambda client: [each for page in self._keys(client, kind) for each in page]
        )
        for start in range(0, len(keys), _AT_ONCE):
            page = keys[start : start + _AT_ONCE]
            yield page, self._page(page)

    def _page(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return self._server.run(lambda client: client.mget(keys))

    def _find_refresh_token(self, slot: str) -> tuple[bytes, StoredRefreshToken] | None:
        """Body and content of a row; one that cannot be read is dropped."""
        name = self._name(rows.REFRESH_TOKEN, slot)
        body = self._server.run(lambda client: client.get(self._at("refresh", name)))
        if body is None:
            return None
        found = self._rows.read_refresh_token(name, body)
        if found is None:
            self._drop(self._at("refresh", name), body)
            return None
        return body, found[1]

    def _drop(self, at: str, body: bytes) -> None:
        self._server.run(lambda client: client.eval(_DROP, 1, at, body))


def _name_in(key: bytes) -> bytes:
    """The name of a row in its key; nobody's, where the key is none of ours."""
    try:
        return bytes.fromhex(key.rpartition(b":")[2].decode())
    except ValueError:
        return b""


def from_url(url: str) -> RedisTokenCache:
    """The cache that a URL names. Nothing is sent yet.

    Raises:
        ConfigurationError: the URL cannot be understood, redis-py is not installed, or no key is
            configured.
    """
    parts = CacheUrl.parse(url, (*_OURS, *_THEIRS))
    if not re.fullmatch(r"rediss?://[^/?#]+(/[0-9]*)?", parts.address):
        raise ConfigurationError(
            "The URL of the token cache names no server.",
            remedy=f"Write {parts.scheme}://HOST:PORT/0.",
        )
    try:
        server = urlsplit(parts.address)
        (server.hostname or "").encode("idna")
        is_server = server.port != 0
    except ValueError:
        is_server = False
    if not is_server:
        raise ConfigurationError(
            "The server in the URL of the token cache has a name or port that cannot be.",
            remedy=f"Write {parts.scheme}://HOST:PORT/0.",
        )
    if find_spec("redis") is None:
        raise ConfigurationError(
            "The token cache redis needs a package that is not installed.",
            remedy="Install it: pip install 'grantway[redis]'",
        )
    key_file = parts.file("key_file")
    if key_file is None and not os.getenv(VARIABLE):
        raise ConfigurationError(
            "The token cache redis has no encryption key.",
            remedy=f"Give all hosts the same: set {VARIABLE}, or add the parameter key_file=PATH.",
        )
    password = parts.parameters.get("password", "")
    if password and not is_reference(password):
        raise ConfigurationError(
            "The password of the token cache redis is not a reference.",
            remedy="Give it as env:NAME or file:PATH.",
        )
    options = {name: parts.parameters[name] for name in _THEIRS if name in parts.parameters}
    if parts.scheme == "redis" and options:
        raise ConfigurationError(
            f"{min(options)} in the URL of the token cache is for TLS; redis:// speaks none.",
            remedy="Write rediss://, or leave it out.",
        )
    return RedisTokenCache(
        lambda: connect(parts.address, password, options),
        lambda: _key(key_file),
        address=parts.address,
        prefix=parts.parameters.get("prefix", PREFIX),
    )


def _key(key_file: Path | None) -> "EncryptionKey":
    key = configured(os.getenv, key_file)
    if key is None:
        raise CacheError(f"{VARIABLE} is not set any more.", remedy="Set it again.")
    return key
