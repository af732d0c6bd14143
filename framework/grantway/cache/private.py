"""Files that are one user's alone: how they are made, and when they are refused.

A folder that belongs to this user and lets nobody else in is what all else rests on: in it nobody
can put a link or another file in the place of ours between a look and an opening. So the folder
is looked at first; what lies in it is made with its final permissions from the first moment.
Windows has no permission bits, and the folders of a user's profile are the user's alone.

What is refused here may be a database or a key: `otherwise` says, in the remedy, how else that can
be given.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from grantway.errors import CacheError

DATABASE = "name another place: sqlite:///PATH"
"""How else a database can be given."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def prepare_folder(folder: Path) -> None:
    """Make the folder, or find that it is this user's alone.

    Raises:
        CacheError: it is not, or cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check(folder, folder.lstat(), "folder")
    except OSError as error:
        fail(folder, "cannot be made", error)


def check_file(path: Path, otherwise: str = DATABASE) -> bool:
    """Find that a file is this user's alone; whether there is one.

    Raises:
        CacheError: it is a link, no regular file, somebody else's or open to others.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        fail(path, "cannot be looked at", error, otherwise)
    _check(path, status, "regular file", otherwise)
    return True


def open_file(path: Path) -> int:
    """Open a file for reading and writing, made if need be; the descriptor.

    Raises:
        CacheError: that failed, or the file is not this user's alone.
    """
    check_file(path)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
    except OSError as error:
        fail(path, "cannot be opened", error)


def read_file(path: Path, most: int, otherwise: str = DATABASE) -> bytes:
    """Up to `most` bytes of a file that is this user's alone.

    Raises:
        CacheError: it is not, or cannot be read.
    """
    check_file(path, otherwise)
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise CacheError(
            f"{path} cannot be read: {_reason(error)}.",
            remedy=f"Check that it is there and that this user may read it, or {otherwise}.",
        ) from None


def write_new(
    path: Path,
    content: bytes,
    otherwise: str = DATABASE,
    *,
    replace: bool = False,
    lasting: bool = True,
) -> None:
    """Make a file with its whole content in one step.

    One that is there already stays as it is, unless it is to be replaced. A `lasting` one outlives
    a power failure.

    Raises:
        CacheError: that failed.
    """
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if lasting:
                os.fsync(descriptor)
        if replace:
            temporary.replace(path)
        else:
            _take_place(temporary, path)
        if lasting:
            _force_folder(path.parent)
    except OSError as error:
        fail(path, "cannot be made", error, otherwise)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def fail(path: Path, what: str, error: OSError, otherwise: str = DATABASE) -> NoReturn:
    """Raise `CacheError` for what the operating system refused."""
    raise CacheError(
        f"{path} {what}: {_reason(error)}.",
        remedy=f"Check the free space and the permissions of its folder, or {otherwise}.",
    ) from None


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _take_place(temporary: Path, path: Path) -> None:
    with suppress(FileExistsError):
        try:
            # Unlike a rename, a link never replaces what is there.
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # no links on this file system
            if not path.exists():
                temporary.rename(path)


def _force_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # file systems that cannot; there is nothing to be done
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(path: Path, status: os.stat_result, kind: str, otherwise: str = DATABASE) -> None:
    is_kind, mode = (stat.S_ISDIR, 700) if kind == "folder" else (stat.S_ISREG, 600)
    if stat.S_ISLNK(status.st_mode):
        what, remedy = "is a symbolic link", f"Name the file or folder itself, or {otherwise}."
    elif not is_kind(status.st_mode):
        what, remedy = f"is not a {kind}", f"{otherwise[0].upper()}{otherwise[1:]}."
    elif sys.platform == "win32":
        return
    elif status.st_uid != os.geteuid():
        what = "belongs to another user"
        remedy = f"Give it to this user, or {otherwise}."
    elif status.st_mode & _OTHERS:
        what = "is open to other users"
        remedy = f"Put it right with: chmod {mode} {path}; or {otherwise}."
        if kind == "folder":
            # It may be one that others need, as the system's own are.
            remedy = (
                "Name a folder for it alone: sqlite:///PATH; a new one is made as it has to be. If "
                f"this one is for nothing else: chmod {mode} {path}"
            )
            if status.st_mode & stat.S_ISVTX:
                remedy = "Name a folder for it alone: sqlite:///PATH."
    else:
        return
    raise CacheError(f"{path} {what}, so it is not used.", remedy=remedy)
