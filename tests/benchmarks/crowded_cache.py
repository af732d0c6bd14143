"""Token caches that are full already, mine and MSAL's, to measure one more token beside the others."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msal
import msal_extensions

from grantway import AuthenticationResult, Secret, StoredRefreshToken, UserInfo
from grantway.cache.encryption_key import EncryptionKey
from grantway.cache.sqlite import SqliteTokenCache

# As long as tokens of the large clouds are.
TOKEN = "x" * 1800
KEY = EncryptionKey(bytes(range(32)), "the benchmark")
ACCOUNT = UserInfo("a subject", "https://id.example", user_name="alice@contoso.example")
HOUR = timedelta(hours=1)

_OTHERS = """
    WITH RECURSIVE other(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM other WHERE n < ?)
    INSERT INTO {table} SELECT NULL, randomblob(16), ?, {columns}, ?, randomblob(?) FROM other
"""


def result() -> AuthenticationResult:
    now = datetime.now(UTC)
    return AuthenticationResult(
        TOKEN,
        acquired_on=now,
        expires_on=now + HOUR,
        scopes=("https://graph.example/.default",),
        tenant_id="contoso.example",
        environment="Benchmark",
        provider="ServicePrincipal",
    )


def refresh_token() -> StoredRefreshToken:
    return StoredRefreshToken(Secret("r" * 1000), ACCOUNT, "mine")


def crowded(path: Path, others: int, *, refresh_tokens: int = 0) -> SqliteTokenCache:
    """A cache that has this many other rows, as large as real ones and as good as any unopened."""
    cache = SqliteTokenCache(path, lambda: KEY)
    body = len(cache._rows.result("a" * 64, result()).body)
    small = len(cache._rows.refresh_token("a" * 64, refresh_token()).body)
    tag, now = cache._tag(), time.time()

    def fill(connection: sqlite3.Connection) -> None:
        results = _OTHERS.format(table="results", columns="?")
        connection.execute(results, (others, tag, now + 86400, now, body))
        if refresh_tokens:
            tokens = _OTHERS.format(table="refresh_tokens", columns="randomblob(16)")
            connection.execute(tokens, (refresh_tokens, tag, now, small))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    cache._database.run(fill)
    return cache


def msal_event(number: int) -> dict[str, object]:
    """What MSAL's cache is given for one token of a tenant."""
    return {
        "client_id": "a client",
        "scope": ["https://graph.example/.default"],
        "token_endpoint": f"https://id.example/tenant-{number}/oauth2/v2.0/token",
        "response": {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"},
        "params": {},
        "data": {},
    }


def crowded_msal(path: Path, others: int) -> msal_extensions.PersistedTokenCache:
    """MSAL's file cache with this many tokens; in clear, which is its fastest."""
    full = msal.TokenCache()
    for number in range(others):
        full.add(msal_event(number))
    persistence = msal_extensions.FilePersistence(str(path))
    persistence.save(json.dumps(full._cache))
    return msal_extensions.PersistedTokenCache(persistence)


def written_by_two(code: str, path: Path, seconds: float) -> int:
    """How many tokens two processes have written that begin together and stop after `seconds`."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    begin = time.time() + 2.0
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(number), str(begin), str(begin + seconds)],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    return sum(int(writer.communicate(timeout=seconds + 60)[0]) for writer in writers)


def write_until(add: Callable[[int], object], first: int, begin: float, end: float) -> int:
    """Write from `begin` to `end`, of the wall clock; how many."""
    time.sleep(max(0.0, begin - time.time()))
    number = first
    while time.time() < end:
        add(number)
        number += 1
    return number - first
