"""The token cache in a file of this user's, shared by all of their processes.

A row per token, found by an index and encrypted by itself: what an operation costs does not
depend on how many others there are. Around the rows stand three helpers: `Rows` makes and reads
them, `Database` sees to the file, `Locks` to what one process at a time may do.

A result's use is noted once an hour at most, so that a hit writes nothing. Each thousandth new
row prunes: what has expired, what has been used the longest ago of more than `limit`, and what was
made under another key and has not been used for a month.
"""

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from grantway.cache import private, rows
from grantway.cache.database import (
    NOTED_EVERY,
    Database,
    beside,
    durably,
    suppress_unwritable,
    usual_path,
)
from grantway.cache.locks import Locks
from grantway.cache.rows import Rows
from grantway.errors import CacheError, ConfigurationError

if TYPE_CHECKING:
    from grantway.cache.encryption_key import EncryptionKey
    from grantway.cache.urls import CacheUrl
    from grantway.cache_inspection import CacheEntry, CacheInfo
    from grantway.result import AuthenticationResult
    from grantway.secret import Secret
    from grantway.token_cache import StoredRefreshToken

T = TypeVar("T")

NAME = "sqlite"
LIMIT = 100_000
PATIENCE = 5.0

_TABLES = {rows.RESULT: "results", rows.REFRESH_TOKEN: "refresh_tokens"}
_NEW_ROWS_PER_PRUNING = 1000
_AT_ONCE = 500

_PUT_RESULT = """
    INSERT INTO results (name, key, expires, used, body) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET
        key=excluded.key, expires=excluded.expires, used=excluded.used, body=excluded.body
"""
_PUT_REFRESHING = """
    INSERT INTO refresh_tokens (name, key, owner, used, body) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET
        key=excluded.key, owner=excluded.owner, used=excluded.used, body=excluded.body
"""
_PUT_PAUSE = """
    INSERT INTO pauses (name, until) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET until = max(until, excluded.until)
"""


class SqliteTokenCache:
    """A `TokenCache`, `Coordinator` and `Inspector` in an SQLite database.

    Args:
        path: the database file; made when the cache is first used. It must lie on a disk of this
            machine: SQLite's write-ahead log does not work over a network.
        named_key: the key to encrypt with that the user named. None, or what it returns is None:
            the one kept in the system's keyring or beside the database. See
            `grantway.cache.encryption_key`.
        limit: how many results to keep, and as many refresh tokens.
        patience: seconds an operation waits for another process at most.
        now: the wall clock.
    """

    def __init__(
        self,
        path: Path,
        named_key: "Callable[[], EncryptionKey | None] | None" = None,
        *,
        limit: int = LIMIT,
        patience: float = PATIENCE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path.absolute()
        self._locks = Locks(self._beside(".locks"))
        self._database = Database(self._path, self._locks, patience)
        self._named_key = named_key
        self._rows = Rows(self._find_key)
        self._limit = limit
        self._now = now
        self._pruned_at = 0
        self._told = False

    def __repr__(self) -> str:
        return f"<SqliteTokenCache {self._path}>"

    @property
    def fingerprint_key(self) -> bytes:
        """Derived from the key that the cache is encrypted with."""
        return self._rows.fingerprint_key

    # Results.

    def get(self, key: str) -> "AuthenticationResult | None":
        """See `TokenCache.get`."""
        found = self._find(rows.RESULT, key, self._rows.read_result)
        return found[1] if found else None

    def put(self, key: str, result: "AuthenticationResult") -> None:
        """See `TokenCache.put`."""
        from grantway.token_cache import expires

        row = self._rows.result(key, result)
        values = (row.name, self._tag(), expires(result), self._now(), row.body)
        cursor = self._database.run(lambda connection: connection.execute(_PUT_RESULT, values))
        self._prune_now_and_then(cursor.lastrowid or 0)

    # Refresh tokens.

    def get_refresh_token(self, slot: str) -> "StoredRefreshToken | None":
        """See `TokenCache.get_refresh_token`."""
        found = self._find(rows.REFRESH_TOKEN, slot, self._rows.read_refresh_token)
        return found[1] if found else None

    def put_refresh_token(self, slot: str, stored: "StoredRefreshToken") -> None:
        """See `TokenCache.put_refresh_token`."""
        row = self._rows.refresh_token(slot, stored)
        owner = self._name("owner", stored.owner)
        values = (row.name, self._tag(), owner, self._now(), row.body)
        self._database.run(lambda connection: durably(connection, _PUT_REFRESHING, values))

    def remove_refresh_token(self, slot: str, token: "Secret") -> None:
        """See `TokenCache.remove_refresh_token`."""
        found = self._find(rows.REFRESH_TOKEN, slot, self._rows.read_refresh_token)
        if found is not None and found[1].token == token:
            self._drop(rows.REFRESH_TOKEN, self._name(rows.REFRESH_TOKEN, slot), found[0])

    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, "StoredRefreshToken"]]:
        """See `TokenCache.refresh_tokens`."""
        values = (self._name("owner", owner),)
        found = self._database.run(
            lambda connection: connection.execute(
                "SELECT name, body FROM refresh_tokens WHERE owner=? ORDER BY id", values
            ).fetchall()
        )
        read: list[tuple[str, StoredRefreshToken]] = []
        for name, body in found:
            each = self._rows.read_refresh_token(name, body)
            if each is None:
                self._drop(rows.REFRESH_TOKEN, name, body)
            elif each[1].owner == owner:
                read.append(each)
        return read

    def clear(self) -> None:
        """See `TokenCache.clear`. The key stays."""

        def forget(connection: sqlite3.Connection) -> None:
            for table in ("results", "refresh_tokens", "keys", "pauses"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  # our own names
            # Gives the space back; it waits for nobody, and another time will do as well.
            with suppress(sqlite3.OperationalError):
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        self._database.run(forget)

    def close(self) -> None:
        """See `TokenCache.close`."""
        self._database.close()

    # For processes that share the cache.

    def lock(self, key: str, sleep: Callable[[float], None]) -> AbstractContextManager[None]:
        """See `Coordinator.lock`; the operating system releases what a dead process held."""
        private.prepare_folder(self._path.parent)
        return self._locks.hold(key, sleep)

    def get_pause(self, key: str) -> float:
        """See `Coordinator.get_pause`."""
        values = (self._name("pause", key),)
        found = self._database.run(
            lambda connection: connection.execute(
                "SELECT until FROM pauses WHERE name=? AND typeof(until)='real'", values
            ).fetchone()
        )
        return float(found[0]) if found else 0.0

    def put_pause(self, key: str, until: float) -> None:
        """See `Coordinator.put_pause`."""
        values = (self._name("pause", key), until)
        self._database.run(lambda connection: connection.execute(_PUT_PAUSE, values))

    # For people who look after it.

    def info(self) -> "CacheInfo":
        """See `Inspector.info`."""
        mine = {"key": self._tag()}

        def count(connection: sqlite3.Connection) -> tuple[int, int, int]:
            counted = "SELECT coalesce(sum(key=:key), 0), coalesce(sum(key<>:key), 0) FROM"
            results, others = connection.execute(f"{counted} results", mine).fetchone()
            tokens, more = connection.execute(f"{counted} refresh_tokens", mine).fetchone()
            return results, tokens, others + more

        # Imported here, as below: few look into a cache, and hardly any process prunes it.
        from grantway.cache_inspection import CacheInfo

        access_tokens, refresh_tokens, unreadable = self._database.run(count)
        return CacheInfo(
            kind="sqlite",
            location=str(self._path),
            encrypted_with=self._rows.source,
            access_tokens=access_tokens,
            refresh_tokens=refresh_tokens,
            unreadable=unreadable,
            limit=self._limit,
            size=self._database.size(),
        )

    def entries(self) -> Iterator["CacheEntry"]:
        """See `Inspector.entries`."""
        for kind, table in _TABLES.items():
            # Page by page, so that no connection is held while somebody reads.
            last, page = 0, [(0, b"", b"")]
            while page:
                page = self._page(table, last)
                for last, name, body in page:  # noqa: B007  # it is where the next page begins
                    entry = self._rows.entry(kind, name, body)
                    if entry is not None:
                        yield entry
                    else:
                        self._rows.tell_of_damage(kind)
                        self._drop(kind, name, body)

    def remove(self, key: str) -> bool:
        """See `Inspector.remove`."""
        # Both kinds are looked for, whatever the first one says.
        removed = [self._drop(kind, self._name(kind, key)) for kind in _TABLES]
        return any(removed)

    def prune(self) -> int:
        """See `Inspector.prune`."""
        from grantway.cache.pruning import prune

        return prune(self._database, self._now(), self._limit, self._tag())

    # Rows by name.

    def _name(self, kind: str, key: str) -> bytes:
        self._tag()
        return self._rows.sealer.name(kind, key)

    def _find(
        self, kind: str, key: str, read: Callable[[bytes, object], tuple[str, T] | None]
    ) -> tuple[object, T] | None:
        """Body and content of a row; one that cannot be read is dropped."""
        name = self._name(kind, key)
        body = self._body(kind, name)
        if body is None:
            return None
        found = read(name, body)
        if found is None:
            self._drop(kind, name, body)
            return None
        return body, found[1]

    def _body(self, kind: str, name: bytes) -> object:
        table, now = _TABLES[kind], self._now()

        def read(connection: sqlite3.Connection) -> object:
            found = connection.execute(
                f"SELECT body, used < ? FROM {table} WHERE name=?",  # noqa: S608  # our own names
                (now - NOTED_EVERY, name),
            ).fetchone()
            if found is None:
                return None
            body, long_ago = found
            if long_ago:
                _note_use(connection, table, name, now)
            return body

        return self._database.run(read)

    def _drop(self, kind: str, name: bytes, body: object = None) -> bool:
        """Delete a row, where a body is given only if it is still that."""
        # A damaged row may hold something else than a blob.
        same = "CAST(body AS BLOB)=CAST(coalesce(?, body) AS BLOB)"
        statement = f"DELETE FROM {_TABLES[kind]} WHERE name=? AND {same}"  # noqa: S608
        cursor = self._database.run(lambda connection: connection.execute(statement, (name, body)))
        return cursor.rowcount > 0

    def _page(self, table: str, after: int) -> list[tuple[int, bytes, bytes]]:
        statement = f"SELECT id, name, body FROM {table} WHERE id>? AND key=? ORDER BY id LIMIT ?"  # noqa: S608
        values = (after, self._tag(), _AT_ONCE)
        return self._database.run(
            lambda connection: connection.execute(statement, values).fetchall()
        )

    # Pruning.

    def _prune_now_and_then(self, row: int) -> None:
        if row % _NEW_ROWS_PER_PRUNING == 0 and row != self._pruned_at:
            self._pruned_at = row
            try:
                self.prune()
            except CacheError as error:
                # What was to be stored is stored.
                import logging

                logging.getLogger("grantway.cache").debug("pruning failed: %s", error)

    # The key.

    def _find_key(self) -> "EncryptionKey":
        from grantway.cache.encryption_key import kept

        named = self._named_key() if self._named_key else None
        if named is not None:
            return named
        private.prepare_folder(self._path.parent)
        return kept(self._beside(".key"), self._locks, self._database.wait())

    def _tag(self) -> int:
        tag = self._rows.sealer.tag
        if not self._told:
            self._tell_of_other_keys(tag)
        return tag

    def _tell_of_other_keys(self, tag: int) -> None:
        def note(connection: sqlite3.Connection) -> bool:
            known = [key for (key,) in connection.execute("SELECT key FROM keys")]
            if tag not in known:
                # Where nothing can be written, reading goes on.
                with suppress_unwritable():
                    connection.execute(
                        "INSERT OR IGNORE INTO keys VALUES (?, ?)", (tag, self._now())
                    )
            return tag not in known and bool(known)

        if self._database.run(note):
            import logging

            logging.getLogger("grantway.cache").warning(
                "the token cache %s has tokens that were encrypted with another key; they cannot "
                "be read, and are dropped after a month without use. If that is a mistake, bring "
                "the other key back",
                self._path,
            )
        self._told = True

    def _beside(self, ending: str) -> Path:
        return beside(self._path, ending)


def from_url(url: str) -> SqliteTokenCache:
    """The cache that a URL names; see `grantway.cache.urls`.

    Raises:
        ConfigurationError: the URL cannot be understood, or names no file.
    """
    if url.casefold() == NAME:
        return _made(usual_path(), None)
    # Imported here: most say the name alone.
    from grantway.cache.urls import CacheUrl

    parts = CacheUrl.parse(url, ("key_file", "limit"))
    if parts.host:
        raise ConfigurationError(
            "The URL of the token cache sqlite names a host, and its file is on this machine.",
            remedy="Write sqlite:///PATH, with three slashes, for an absolute path, or sqlite:PATH "
            "for one from the current folder.",
        )
    return _made(_path(parts), parts.file("key_file"), parts.number("limit", LIMIT))


def _made(path: Path, key_file: Path | None, limit: int = LIMIT) -> SqliteTokenCache:
    def named_key() -> "EncryptionKey | None":
        from grantway.cache.encryption_key import configured

        return configured(os.getenv, key_file)

    return SqliteTokenCache(path, named_key, limit=limit)


def _path(parts: "CacheUrl") -> Path:
    from grantway.cache.urls import expanded

    # As URLs have it the path begins with a slash; a drive or ~ comes after that.
    path = re.sub(r"^/+(?=/|~|[A-Za-z]:)", "", parts.path)
    if path:
        if path.endswith(("/", "\\")) or Path(path).name in ("", "..", "~"):
            raise ConfigurationError(
                "The URL of the token cache sqlite names no file.",
                remedy="Write sqlite:///PATH, or sqlite alone for the file in its usual place.",
            )
        return expanded(path)
    return usual_path()


def _note_use(connection: sqlite3.Connection, table: str, name: bytes, now: float) -> None:
    """Note when a row was last used; that can wait, so nobody is waited for."""
    with suppress(sqlite3.OperationalError):
        connection.execute(f"UPDATE {table} SET used=? WHERE name=?", (now, name))  # noqa: S608
