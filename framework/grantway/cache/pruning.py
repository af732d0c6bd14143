"""What goes from a token cache in SQLite, and how: few rows at once, so that nobody waits for long.

Results that have expired; results and refresh tokens beyond the limit, the one used the longest
ago first; and what was made under another key and has not been used for a month. Before that, the
other key may come back: a variable that was not set for once must not cost any refresh token.
"""

import sqlite3
from collections.abc import Callable
from functools import partial

from grantway.cache.database import Database

AT_ONCE = 500
OTHER_KEYS_KEPT = 30 * 86400.0
"""Seconds since its last use that a row of another key is kept."""


def prune(database: Database, now: float, limit: int, tag: int) -> int:
    """Remove what may go; how many rows that were. `tag` is that of the key in use.

    Raises:
        CacheError: the database failed.
    """
    removed = _repeat(database, partial(_expired, now=now))
    for table in ("results", "refresh_tokens"):
        removed += _repeat(database, partial(_unreadable, table=table, now=now, tag=tag))
        removed += _repeat(database, partial(_beyond, table=table, limit=limit))
    database.run(
        lambda connection: connection.execute("DELETE FROM pauses WHERE until < ?", (now,))
    )
    return removed


def _repeat(database: Database, delete: Callable[[sqlite3.Connection], int]) -> int:
    removed = 0
    while count := database.run(delete):
        removed += count
    return removed


def _expired(connection: sqlite3.Connection, now: float) -> int:
    return _delete(connection, "results", "WHERE expires < ?", (now,))


def _unreadable(connection: sqlite3.Connection, table: str, now: float, tag: int) -> int:
    values = (tag, now - OTHER_KEYS_KEPT)
    return _delete(connection, table, "WHERE key <> ? AND used < ?", values)


def _beyond(connection: sqlite3.Connection, table: str, limit: int) -> int:
    (there,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  # our own names
    excess = min(there - limit, AT_ONCE)
    return _delete(connection, table, "ORDER BY used", (), excess) if excess > 0 else 0


def _delete(
    connection: sqlite3.Connection,
    table: str,
    which: str,
    values: tuple[object, ...],
    most: int = AT_ONCE,
) -> int:
    statement = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} {which} LIMIT ?)"  # noqa: S608
    return connection.execute(statement, (*values, most)).rowcount
