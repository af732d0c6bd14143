"""Locks between processes: single bytes of one file, so that keys hardly ever share one.

A key is hashed to a byte far beyond the file's end, and the operating system locks that byte for
the process. The file stays empty, however many keys there are, and two keys practically never
meet at one byte. Whoever dies, by whatever cause, holds nothing any more; a child that is forked
holds nothing of its parent's.

Such locks know processes only, and they are all gone once the process closes *any* descriptor of
the file. So within a process one table, for all caches at the same path, says who holds what; the
file is open for as long as anything of it is held. Whoever deletes the file gets a new one made:
before each lock it is looked at whether the path still means the file that is open.
"""

import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from grantway.cache import private

if sys.platform == "win32":
    import msvcrt

    # What `msvcrt` can seek to.
    _BYTES = 2**31 - 1

    def _lock(descriptor: int, offset: int) -> bool:
        os.lseek(descriptor, offset, os.SEEK_SET)
        with suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            return True
        return False

    def _unlock(descriptor: int, offset: int) -> None:
        os.lseek(descriptor, offset, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    _BYTES = 2**62

    def _lock(descriptor: int, offset: int) -> bool:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as POSIX has it
            return False
        return True

    def _unlock(descriptor: int, offset: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, offset)


FIRST_WAIT = 0.005
LONGEST_WAIT = 0.1
"""Seconds between two attempts at a lock that another holds."""


class _LockFile:
    """One open file, and who in this process holds which byte of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = private.open_file(path)
        status = os.fstat(self.descriptor)
        self.identity = (status.st_dev, status.st_ino)
        self.held: dict[int, object] = {}

    def close_if_idle(self) -> None:
        if not self.held:
            os.close(self.descriptor)
            if _files.get(self.path) is self:
                del _files[self.path]


# The lock files of which this process holds something, by path, and what guards the table.
_files: dict[Path, _LockFile] = {}
_guard = threading.Lock()


def _begin_anew() -> None:
    """In a forked child nothing is held, and the guard's owner may be a thread that is not here."""
    global _guard  # noqa: PLW0603
    _guard = threading.Lock()
    for file in tuple(_files.values()):
        file.held.clear()
        file.close_if_idle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


class Locks:
    """The locks whose bytes are those of the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def hold(self, key: str, sleep: Callable[[float], None]) -> Generator[None]:
        """Hold `key` alone; see `Coordinator.lock`.

        Raises:
            CacheError: the file cannot be had, or its file system knows no locks.
            Exception: what `sleep` raises.
        """
        offset, holder, wait = _offset(key), object(), FIRST_WAIT
        while (file := self._attempt(offset, holder)) is None:
            sleep(wait)
            wait = min(wait * 1.5, LONGEST_WAIT)
        try:
            yield
        finally:
            _release(file, offset, holder)

    def _attempt(self, offset: int, holder: object) -> _LockFile | None:
        with _guard:
            file = self._current()
            try:
                if offset in file.held or not _lock(file.descriptor, offset):
                    return None
                file.held[offset] = holder
            except OSError as error:
                private.fail(self._path, "cannot be locked", error)
            finally:
                file.close_if_idle()
            return file

    def _current(self) -> _LockFile:
        file = _files.get(self._path)
        if file is not None:
            with suppress(OSError):
                status = self._path.lstat()
                if file.identity == (status.st_dev, status.st_ino):
                    return file
        # The old file, if there was one, is closed by the last who holds something of it.
        file = _files[self._path] = _LockFile(self._path)
        return file


def _release(file: _LockFile, offset: int, holder: object) -> None:
    with _guard:
        # In a child that was forked while its parent held the key, it is not held.
        if file.held.get(offset) is holder:
            del file.held[offset]
            with suppress(OSError):
                _unlock(file.descriptor, offset)
            file.close_if_idle()


def _offset(key: str) -> int:
    # Imported here: a process whose tokens are all cached locks nothing.
    from hashlib import blake2b

    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % _BYTES
