"""What the tests of token caches share: results, keys to encrypt with, caches of each kind."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import attrs

from grantway import AuthenticationResult, Secret, StoredRefreshToken, TokenCache, UserInfo
from grantway.cache.encryption_key import EncryptionKey
from grantway.cache.memory import MemoryTokenCache
from grantway.cache.redis import RedisTokenCache
from grantway.cache.redis_server import connect
from grantway.cache.sqlite import SqliteTokenCache
from grantway.cache_inspection import Inspector
from grantway.token_cache import Coordinator
from peers.redis_server import RedisServer

KEY = EncryptionKey(bytes(range(32)), "the tests")
OTHER_KEY = EncryptionKey(bytes(range(1, 33)), "the tests, otherwise")
NOW = datetime(2030, 1, 1, tzinfo=UTC)

_PREFIXES = itertools.count()

ALICE = UserInfo(
    "sentinel-subject",
    "https://id.example",
    user_name="sentinel-alice@contoso.example",
    tenant_id="sentinel-tenant",
    name="Sentinel Alice",
    claims={"sub": "sentinel-subject", "groups": ["a", {"b": 1.5}], "email_verified": True},
)


class WholeCache(TokenCache, Coordinator, Inspector, Protocol):
    """What all three kinds of cache are."""


def result(token: str = "sentinel-access-token", **changes: Any) -> AuthenticationResult:
    """A result with something in every field, good for an hour from now on."""
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "acquired_on": now,
        "expires_on": now + timedelta(hours=1),
        "extended_expires_on": now + timedelta(hours=2),
        "refresh_on": now + timedelta(minutes=30),
        "refresh_token": "sentinel-refresh-in-result",
        "id_token": "sentinel-id-token",
        "scopes": ("a", "b"),
        "resource": "https://sentinel-resource.example",
        "tenant_id": "sentinel-tenant",
        "account": ALICE,
        "environment": "Sentinel Cloud",
        "provider": "SentinelProvider",
        "authentication_methods": ("pwd", "mfa"),
        "refresh_token_expires_on": now + timedelta(days=90),
        "correlation_id": "sentinel-correlation",
    }
    return AuthenticationResult(token, **{**facts, **changes})


def stored(
    token: str = "sentinel-refresh-token", owner: str = "an owner", **changes: Any
) -> StoredRefreshToken:
    return StoredRefreshToken(Secret(token), ALICE, owner, **changes)


def facts(record: object) -> object:
    """All of a record, claims included, as something that compares by value."""
    if attrs.has(type(record)):
        return {
            each.name: facts(getattr(record, each.name))
            for each in attrs.fields(type(record))  # type: ignore[arg-type]
        }
    return dict(record) if isinstance(record, Mapping) else record


def sqlite_cache(path: Path, key: EncryptionKey = KEY, **options: Any) -> SqliteTokenCache:
    return SqliteTokenCache(path, lambda: key, **options)


def redis_cache(server: RedisServer, prefix: str = "", **options: Any) -> RedisTokenCache:
    key = options.pop("key", KEY)
    return RedisTokenCache(
        lambda: connect(server.url, "", {}),
        lambda: key,
        address=server.url,
        prefix=prefix or f"test-[*?]-{next(_PREFIXES)}:",
        **options,
    )


def opener(kind: str, folder: Path, server: Callable[[], RedisServer]) -> Callable[[], WholeCache]:
    """What opens the same cache of a kind again and again; one in memory is the same object."""
    if kind == "memory":
        memory = MemoryTokenCache()
        return lambda: memory
    if kind == "sqlite":
        return lambda: sqlite_cache(folder / "tokens.db")
    prefix = f"test-{next(_PREFIXES)}:"
    return lambda: redis_cache(server(), prefix)


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, which sees the tests' own modules."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
