"""`file:PATH`: a secret in a file that only its owner may read.

Reading takes any file of UTF-8 text, pipes included (`file:/dev/fd/3`), and drops one newline at
the end, for editors add one. A file that others can read works and is warned about. One that is
being written over at that moment is read until two readings agree and there is something in it:
a token that a platform keeps new is not taken by halves.

Writing never leaves half a secret and never loses the old one. The new one goes into a temporary
file beside the target, created for its owner only, is forced to the disk, and takes the target's
place in one step; then the folder is forced to the disk too. Whatever fails before that step, an
interrupt included, leaves the target as it was and removes the temporary file.

What takes the place of a file is a new file, and that has consequences:

- A symbolic link is followed and stays a link: who linked `~/token` to another disk wants the
  secret there. A link that belongs to another user is refused, for in a shared folder they could
  choose what gets overwritten; Linux does the same for /tmp (`protected_symlinks`).
- The new file belongs to whoever wrote it, and to nobody the old one's permissions let in.
- Only a regular file is replaced, and not one that is a mount of its own, which cannot be.

On Windows there are no permission bits: the file has those of its folder.
"""

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grantway import Secret
from grantway.errors import VaultError
from grantway_vaults.arriving import Arriving
from grantway_vaults.contents import Fault, fault_of, from_bytes, settled, to_bytes

if TYPE_CHECKING:
    from io import FileIO

    from grantway import Context

SCHEME = "file"

_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH
_MOST_LINKS = 40
_READINGS = 6
# Seconds. Whoever writes over a file is done in less than all of them together.
_PAUSE = 0.02
_UNSETTLED = Fault("is being written over all the time", "Have it replaced in one step.")
# What file systems answer that cannot force a folder to the disk; there is nothing to be done.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


def get(name: str, context: "Context") -> Secret:
    """Read the file.

    Raises:
        VaultError: it cannot be read, or does not hold a secret.
    """
    path = _path(name)
    found: Secret | Fault
    try:
        if path.is_dir():
            raise _error(f"{path} is a folder, not a file", "Name a file with file:PATH.")
        with open(path, "rb", buffering=0, opener=_at_once) as file:
            status = os.fstat(file.fileno())
            found = _read(file, context)
            if stat.S_ISREG(status.st_mode):
                found = _agreed(found, file, context)
    except OSError as error:
        raise _error(
            f"{path} cannot be read: {_reason(error)}",
            "Check the path, and that this user may read the file.",
        ) from None
    secret = settled(found, str(path), SCHEME)
    if os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & _READABLE_BY_OTHERS:
        context.redactor.logger("grantway.vaults").warning(
            "%s can be read by other users of this machine; put it right with: chmod 600 %s",
            path,
            path,
        )
    return secret


def put(name: str, secret: Secret, context: "Context") -> None:  # noqa: ARG001  # as any vault
    """Keep a secret in the file, in place of what it holds.

    Raises:
        VaultError: that failed, and the file is as it was; or its folder could not be forced
            to the disk, and the file holds the new secret.
    """
    target = _target(name)
    fault = fault_of(secret)
    if fault is not None:
        raise _error(f"What is to be kept in {target} {fault.what}", fault.remedy)
    temporary = _temporary(target)
    try:
        _write(temporary, secret)
        temporary.replace(target)
        _force_folder(target.parent)
    except OSError as error:
        raise _error(
            f"{target} cannot be written: {_reason(error)}",
            "Check the free space and the permissions of its folder; a file that is mounted by "
            "itself cannot be replaced, its folder has to be mounted instead.",
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check(name: str) -> None:
    """Find out whether `put` could work, by making a file beside the target and removing it.

    What the permissions say is not asked: they do not know of read-only mounts, access lists,
    quotas and Windows.

    Raises:
        VaultError: it could not.
    """
    target = _target(name)
    temporary = _temporary(target)
    try:
        with open(temporary, "xb", opener=_for_owner_only):
            pass
    except OSError as error:
        raise _error(
            f"No file can be made in {target.parent}: {_reason(error)}",
            "Name a file in a folder that this user may write to.",
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _read(file: "FileIO", context: "Context") -> Secret | Fault:
    return from_bytes(Arriving(file.read, file.fileno()).content(context))


def _agreed(first: Secret | Fault, file: "FileIO", context: "Context") -> Secret | Fault:
    """What is in a regular file once nobody writes to it."""
    found = first
    for _ in range(_READINGS):
        file.seek(0)
        former, found = found, _read(file, context)
        if isinstance(found, Secret) and found == former:
            return found
        context.sleep(_PAUSE)
    return found if isinstance(found, Fault) else _UNSETTLED


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe, which `Arriving` does."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _path(name: str) -> Path:
    if "\0" in name:
        raise _error("The path has a NUL character in it", "Name a file with file:PATH.")
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise _error("The home folder in the path is not known", "Give the whole path.") from None


def _target(name: str) -> Path:
    """Follow links to the file that is to be replaced, and refuse what cannot or must not be."""
    try:
        path = _followed(_path(name))
        try:
            status = path.lstat()
        except FileNotFoundError:
            status = None
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise _error(f"{path} is a folder, not a file", "Name a file with file:PATH.")
        if status is not None and not stat.S_ISREG(status.st_mode):
            raise _error(
                f"{path} is not a regular file, so it is not replaced", "Name another file."
            )
        if not path.parent.is_dir():
            raise _error(f"There is no folder {path.parent}", "Create it: only you need access.")
        if status is not None and status.st_dev != path.parent.stat().st_dev:
            raise _error(
                f"{path} is mounted by itself, so it cannot be replaced", "Mount its folder."
            )
    except OSError as error:
        raise _error(
            f"{_path(name)} cannot be looked at: {_reason(error)}",
            "Name a file in a folder that this user may write to.",
        ) from None
    return path


def _followed(path: Path) -> Path:
    for _ in range(_MOST_LINKS):
        if not path.is_symlink():
            return path
        if sys.platform != "win32" and path.lstat().st_uid not in {0, os.geteuid()}:
            raise _error(
                f"{path} is a link of another user, so it is not followed", "Name the file itself."
            )
        path = path.parent / path.readlink()
    raise _error(f"{path} is one of a circle of links", "Name the file itself.")


def _temporary(target: Path) -> Path:
    return target.with_name(f".grantway-{os.urandom(16).hex()}.tmp")


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write(path: Path, secret: Secret) -> None:
    with open(path, "xb", opener=_for_owner_only) as file:
        file.write(to_bytes(secret))
        file.flush()
        os.fsync(file.fileno())


def _force_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        # A folder may be written to without being readable, and then cannot be opened at all.
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _error(what: str, remedy: str) -> VaultError:
    return VaultError(f"{what}.", remedy=remedy, scheme=SCHEME)
