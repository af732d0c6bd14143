"""The file that a token cache rests in: connections to SQLite, and what to do when they fail.

Connections are few and shared in turn: an operation takes one that is idle, or opens one more.
They are not bound to threads, so their number is that of operations at the same time. With
SQLite's write-ahead log, reads wait for nobody and a write waits for one other write.

*Forks.* A connection must not be used in a forked child, nor may a child open another one while
it has its parent's: SQLite would take its parent's file locks for its own. So before a fork all
operations come to their end and all connections are closed; both sides open new ones.

*Another file.* Before each operation it is looked at whether the path still means the file that
is open. If not (it was deleted or set aside), new connections are opened.

*A folder that cannot be written*, as on a disk that is mounted so, is read all the same: with the
write-ahead log of whoever writes there, if it is there, else the file as it is, which then nobody
has open. Such a connection serves one operation, for that may change.

*A corrupt file* is renamed to `NAME.corrupt` and a new one is made; so is what is no database at
all. What is a database of something else, or of a later version, is left as it is.

Each statement here and in `grantway.cache.sqlite` is right for the schema below. So whatever
SQLite says of one, other than that its environment failed it, means a corrupt file.
"""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs

from grantway.cache import private
from grantway.errors import CacheError
from grantway.folders import user_folder

if TYPE_CHECKING:
    from grantway.cache.locks import Locks

SCHEMA = 1
"""The version of the schema, as `PRAGMA user_version` has it."""

# "grwy": whose database it is.
_APPLICATION = 0x67727779

# What leads to each version from the one before. Written for version 1:
#   results, refresh_tokens: one row each; `name` and `owner` are keyed hashes, `key` tells which
#   encryption key, `expires` and `used` are seconds since the epoch, `body` is encrypted.
#   by_use has all that pruning asks for, so that it reads no row.
#   keys: the encryption keys that rows were made under. pauses: until when not to ask.
_MIGRATIONS = (
    """
    CREATE TABLE results (
        id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, key INTEGER NOT NULL,
        expires REAL, used REAL NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX by_use ON results (used, expires, key);
    CREATE TABLE refresh_tokens (
        id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, key INTEGER NOT NULL,
        owner BLOB NOT NULL, used REAL NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX by_owner ON refresh_tokens (owner);
    CREATE TABLE keys (key INTEGER PRIMARY KEY, since REAL NOT NULL);
    CREATE TABLE pauses (name BLOB PRIMARY KEY, until REAL NOT NULL);
    """,
)

# Failures of the disk, the system or another process: the file itself may be sound.
_ENVIRONMENT = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_NOLFS,
    }
)  # fmt: skip

# What is above it tells more closely.
_PRIMARY = 0xFF

# With the schema damaged, the text of an error may be no text.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)

_REMEDIES = {
    sqlite3.SQLITE_BUSY: "Another process holds it; try again.",
    sqlite3.SQLITE_LOCKED: "Another process holds it; try again.",
    sqlite3.SQLITE_FULL: "Free some space on its disk.",
    sqlite3.SQLITE_READONLY: "To store, it and its folder must be writable; or name another: "
    "sqlite:///PATH.",
    sqlite3.SQLITE_CANTOPEN: "It and its folder must be writable, or name another: sqlite:///PATH.",
}

NOTED_EVERY = 3600.0
"""Seconds after which it is noted again that a row is used."""

_FIRST_WAIT = 0.0001
_LONGEST_WAIT = 0.01
"""Seconds between two attempts to write while another process does."""

R = TypeVar("R")

_Identity = tuple[int, int]
Use = Callable[[sqlite3.Connection], R]


@attrs.frozen(eq=False, repr=False)
class _Link:
    """A connection, which file it is to, and whether it serves more than one operation."""

    connection: sqlite3.Connection
    file: _Identity | None
    lasts: bool

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.connection.close()


class Database:
    """The database at `path`, opened when it is first used; safe across threads and forks.

    Args:
        path: the file.
        locks: for what one process at a time may do: make, migrate and set aside the file.
        patience: seconds to wait for another process that writes.
    """

    def __init__(self, path: Path, locks: "Locks", patience: float) -> None:
        self.path = path
        self._locks = locks
        self._patience = patience
        self._name = str(path)
        self._lock = threading.Lock()
        self._gate = threading.Condition(self._lock)
        self._busy = 0
        self._forking = False
        self._idle: list[_Link] = []
        _databases.add(self)
        # An orderly end of the process closes them too, which tidies up the log.
        weakref.finalize(self, _close_all, self._idle)

    def run(self, use: Use[R]) -> R:
        """Do something with a connection, outside of a transaction.

        Raises:
            CacheError: it failed.
        """
        file = self._identity()
        try:
            return self._attempt(use, file)
        except _ERRORS as error:
            if not self._is_corrupt(error):
                raise self._failed(error) from None
            why = str(error)
        self._set_aside(file, why)
        try:
            return self._attempt(use, self._identity())
        except _ERRORS as error:
            raise self._failed(error) from None

    def look(self, use: Use[R]) -> R | None:
        """Do something with a connection to a file that is there; None where it cannot be done.

        Unlike `run` it makes no file, and sets none aside.

        Raises:
            CacheError: the file or its folder is not this user's alone.
        """
        file = self._identity()
        if file is None:
            return None
        try:
            return self._attempt(use, file)
        except _ERRORS:
            return None

    def wait(self) -> Callable[[float], None]:
        """What to wait with for a lock: `patience` seconds in all.

        Raises, when called:
            CacheError: these are over.
        """
        until = time.monotonic() + self._patience

        def sleep(seconds: float) -> None:
            if time.monotonic() + seconds > until:
                raise CacheError(
                    f"Another process holds the token cache {self.path}.", remedy="Try again."
                )
            time.sleep(seconds)

        return sleep

    def size(self) -> int:
        """Bytes on disk."""
        total = 0
        for path in (self.path, self._beside("-wal"), self._beside("-shm")):
            with suppress(OSError):
                total += path.stat().st_size
        return total

    def close(self) -> None:
        """Close all connections that are idle."""
        with self._gate:
            _close_all(self._idle)

    # Connections.

    def _attempt(self, use: Use[R], file: _Identity | None) -> R:
        with self._lock:
            while self._forking:
                self._gate.wait()
            self._busy += 1
            link = self._idle.pop() if self._idle else None
        sound = False
        try:
            if link is None or file is None or link.file != file:
                if link is not None:
                    link.close()
                link = self._open(file)
            result = self._patiently(use, link.connection)
            sound = link.lasts
            return result
        finally:
            if link is not None and not sound:
                link.close()
            with self._lock:
                self._busy -= 1
                if link is not None and sound:
                    self._idle.append(link)
                if self._forking:
                    self._gate.notify_all()

    def _patiently(self, use: Use[R], connection: sqlite3.Connection) -> R:
        """Try again while another process writes; `use` must stand being begun anew.

        SQLite's own patience sleeps for milliseconds where a write takes a tenth of one.
        """
        until, wait = 0.0, _FIRST_WAIT
        while True:
            try:
                return use(connection)
            except sqlite3.OperationalError as error:
                if _code(error) & _PRIMARY != sqlite3.SQLITE_BUSY or connection.in_transaction:
                    raise
                now = time.monotonic()
                until = until or now + self._patience
                if now >= until:
                    raise
            time.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _identity(self) -> _Identity | None:
        try:
            status = os.stat(self._name)  # noqa: PTH116  # before each operation, so it must be quick
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _open(self, file: _Identity | None) -> _Link:
        private.prepare_folder(self.path.parent)
        for name in ("-wal", "-shm", "-journal"):
            private.check_file(self._beside(name))
        # Never opened and closed by ourselves: that would undo the locks of other connections.
        if not private.check_file(self.path):
            private.write_new(self.path, b"")
            file = self._identity()
        writable = os.access(self.path.parent, os.W_OK)
        link = _Link(
            sqlite3.connect(
                self.path if writable else self._to_read(),
                timeout=self._patience,
                isolation_level=None,
                check_same_thread=False,
                uri=not writable,
            ),
            file,
            lasts=writable,
        )
        # A damaged row may hold text that is none.
        link.connection.text_factory = bytes
        try:
            if _version(link.connection, self.path) != SCHEMA:
                with self._locks.hold("the schema", self.wait()):
                    self._migrate(link.connection)
            # A commit reaches the operating system, which outlasts us; what must outlast a
            # power failure asks for more: see `durably`.
            link.connection.execute("PRAGMA synchronous=NORMAL")
            link.connection.execute("PRAGMA busy_timeout=0")  # see `_patiently`
        except BaseException:
            link.close()
            raise
        return link

    def _to_read(self) -> str:
        """The URI by which SQLite makes no file beside the database."""
        # What a log holds must be seen: the refresh token of before may be spent.
        unfinished = False
        with suppress(FileNotFoundError):
            unfinished = self._beside("-wal").stat().st_size > 0
        return f"{self.path.as_uri()}?{'mode=ro' if unfinished else 'mode=ro&immutable=1'}"

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = _version(connection, self.path)
        if version == 0:
            connection.execute(f"PRAGMA application_id={_APPLICATION}")
            connection.execute("PRAGMA journal_mode=WAL")
        for number in range(version, SCHEMA):
            connection.executescript(
                f"BEGIN IMMEDIATE; {_MIGRATIONS[number]} PRAGMA user_version={number + 1}; COMMIT;"
            )

    # Failures.

    def _set_aside(self, file: _Identity | None, why: str) -> None:
        with self._locks.hold("setting aside", self.wait()):
            if file is None or self._identity() != file:
                return  # another process has done so
            aside = self._beside(".corrupt")
            try:
                self.path.replace(aside)
                for name in ("-wal", "-shm", "-journal"):
                    with suppress(FileNotFoundError):
                        self._beside(name).replace(aside.with_name(aside.name + name))
            except OSError as error:
                private.fail(self.path, "is corrupt and cannot be set aside", error)
        import logging

        logging.getLogger("grantway.cache").warning(
            "the token cache %s is corrupt (%s); it was set aside as %s, and a new one is made",
            self.path,
            why,
            aside.name,
        )

    def _is_corrupt(self, error: Exception) -> bool:
        code = _code(error)
        if code == sqlite3.SQLITE_READONLY:
            # Where the system would let us write, the file says so of itself.
            files = (
                self.path.parent, self.path, self._beside("-wal"), self._beside("-shm")
            )  # fmt: skip
            return all(os.access(each, os.W_OK) for each in files if each.exists())
        if code == 0:
            return isinstance(error, UnicodeDecodeError)
        return code & _PRIMARY not in _ENVIRONMENT

    def _failed(self, error: Exception) -> CacheError:
        return CacheError(
            f"The token cache {self.path} failed: {error}.",
            remedy=_REMEDIES.get(
                _code(error) & _PRIMARY, "Check its disk and folder, or name another place."
            ),
        )

    def _beside(self, ending: str) -> Path:
        return beside(self.path, ending)

    # Forks.

    def before_fork(self) -> None:
        """Let nobody begin, wait for the others' end, and close all connections."""
        with self._gate:
            self._forking = True
            self._gate.wait_for(lambda: self._busy == 0, 2 * self._patience)
            _close_all(self._idle)

    def after_fork(self, *, in_child: bool) -> None:
        """Go on."""
        if in_child:
            # Who worked or waited there is not in this process.
            self._busy, self._lock = 0, threading.Lock()
            self._gate = threading.Condition(self._lock)
        with self._gate:
            self._forking = False
            self._gate.notify_all()


def usual_path() -> Path:
    """Where the database of a user's token cache is, unless they say otherwise."""
    # State, not cache: people empty that, and a refresh token is not had anew without a person.
    return user_folder("state") / "token-cache" / "tokens.db"


def beside(path: Path, ending: str) -> Path:
    """Where what belongs to a database rests: its key `.key`, its locks `.locks`."""
    return path.with_name(path.name + ending)


def _code(error: Exception) -> int:
    """The result code of SQLite; 0: it is not SQLite who failed."""
    return int(getattr(error, "sqlite_errorcode", 0))


def durably(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    """Execute one statement that outlasts a power failure."""
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(statement, values)
    connection.execute("PRAGMA synchronous=NORMAL")


@contextmanager
def suppress_unwritable() -> Generator[None]:
    """Go on where a statement wants to write and the database can only be read."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _code(error) & _PRIMARY != sqlite3.SQLITE_READONLY:
            raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the schema; 0: the file is empty.

    Raises:
        CacheError: the database is none of ours, or of a later version.
    """
    # In the opposite order to that in which `_migrate` makes them, for it may be at it now.
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION and (version or tables):
        raise CacheError(
            f"{path} is a database of something else, and is left as it is.",
            remedy="Name another file: sqlite:///PATH.",
        )
    if not 0 <= version <= SCHEMA:
        raise CacheError(
            f"The token cache {path} is of a later version of grantway, and is left as it is.",
            remedy="Update grantway, or name another file: sqlite:///PATH.",
        )
    return int(version)


def _close_all(links: list[_Link]) -> None:
    while links:
        links.pop().close()


_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()
_forking = threading.Lock()
_stopped: list[Database] = []


def _before_fork() -> None:
    _forking.acquire()
    for database in tuple(_databases):
        database.before_fork()
        _stopped.append(database)


def _after_fork(*, in_child: bool) -> None:
    while _stopped:
        _stopped.pop().after_fork(in_child=in_child)
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(in_child=False),
        after_in_child=lambda: _after_fork(in_child=True),
    )
