"""What a running sandbox leaves for the user's other processes to find.

Files in the user's own state folder, each readable by its owner only and written in one step:

    sandbox.json             where the sandbox is, and which process it is
    sandbox.secret           the application's secret
    sandbox.password         the password of the sandbox's user
    sandbox.refresh-token    a refresh token of the sandbox's user
    sandbox.identity-header  what code on the sandbox's machine shows to get a token

They go when the sandbox does. A crash leaves them behind, so the first is believed only if this
user wrote it, on this machine, and its process is alive; otherwise there is no sandbox.
"""

import json
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from attrs import asdict, field, frozen

from grantway.environment import host_of, is_loopback
from grantway.errors import ConfigurationError
from grantway.folders import user_folder

FILE = "sandbox.json"
SECRET_FILE = "sandbox.secret"  # noqa: S105  # the name of a file
PASSWORD_FILE = "sandbox.password"  # noqa: S105  # likewise
REFRESH_TOKEN_FILE = "sandbox.refresh-token"  # noqa: S105  # likewise
IDENTITY_HEADER_FILE = "sandbox.identity-header"

_LARGEST = 65_536


def loopback_url(text: str) -> str:
    """The URL of a sandbox, in one spelling.

    Raises:
        ValueError: it cannot be one. The text is not repeated: it may hold a password.
    """
    try:
        host_of(text)
        parts = urlsplit(text)
        is_bare = f"{parts.path}?{parts.query}#{parts.fragment}" in ("?#", "/?#")
        # At port 0 nothing runs, and an HTTP library would go to another one.
        if is_loopback(text) and is_bare and parts.port != 0:
            return f"{parts.scheme}://{parts.netloc.lower()}"
    except ValueError:
        # What is wrong is said below, without the text.
        pass
    raise ValueError(
        "must be http:// or https:// with a literal loopback address, such as http://127.0.0.1:8765"
    )


def machine() -> str:
    """The name of this machine: a home folder may be shared by several, a loopback never is."""
    return os.environ.get("COMPUTERNAME", "") if sys.platform == "win32" else os.uname().nodename


@frozen
class State:
    """Where a sandbox is. `pid` is its process, `ca_bundle` the path of its CA under TLS."""

    url: str
    pid: int
    ca_bundle: str | None = None
    machine: str = field(factory=machine)


def folder() -> Path:
    """The folder that the files are in; it may not exist yet."""
    return user_folder("state")


def read() -> State | None:
    """The sandbox that this user runs, or None."""
    try:
        text = _own_text(folder() / FILE)
        return None if text is None else _running(json.loads(text))
    except (OSError, ValueError, RecursionError):
        # Not there, not readable, not JSON: no sandbox, and no reason to bother anybody.
        return None


def write(name: str, text: str) -> Path:
    """Put a file in place of what was there, readable by its owner only; returns its path.

    Raises:
        ConfigurationError: it cannot be written.
    """
    # Imported here: reading needs none of it.
    import tempfile

    path = folder() / name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="The sandbox leaves there where it is; see to the folder's permissions.",
            file=str(path),
        ) from None
    return path


def announce(state: State) -> Path:
    """Let other processes find a sandbox."""
    return write(FILE, json.dumps(asdict(state), indent=2) + "\n")


def withdraw(state: State) -> None:
    """Remove the files of a sandbox; those of another one stay."""
    if read() == state:
        secrets = (SECRET_FILE, PASSWORD_FILE, REFRESH_TOKEN_FILE, IDENTITY_HEADER_FILE)
        for name in (FILE, *secrets):
            with suppress(OSError):
                (folder() / name).unlink()


def _own_text(path: Path) -> str | None:
    """The text of a file that this user alone can have written, else None."""
    # Links are not followed, and a pipe must not make us wait.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        if sys.platform != "win32" and (
            status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            return None
        data = file.read(_LARGEST + 1)
    return data.decode("utf-8") if len(data) <= _LARGEST else None


def _running(value: object) -> State | None:
    """The state that a JSON value describes, if its sandbox can be running."""
    facts = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    match facts:
        case {"url": str(url), "pid": int(pid), "machine": str(where), "ca_bundle": ca_bundle}:
            pass
        case _:
            return None
    if isinstance(pid, bool) or pid <= 0 or where != machine() or not _alive(pid):
        return None
    if ca_bundle is not None and not isinstance(ca_bundle, str):
        return None
    return State(loopback_url(url), pid, ca_bundle, where)


if sys.platform == "win32":

    def _alive(pid: int) -> bool:
        """Whether a process that this user may ask about has that number."""
        # os.kill would end it.
        import ctypes

        query_limited_information, still_active = 0x1000, 259
        kernel = ctypes.WinDLL("kernel32")
        handle = kernel.OpenProcess(query_limited_information, False, pid)
        if not handle:
            return False
        code = ctypes.c_ulong()
        known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return bool(known) and code.value == still_active

else:

    def _alive(pid: int) -> bool:
        """Whether a process of this user has that number."""
        try:
            os.kill(pid, 0)
        except (OSError, OverflowError):
            # Gone; or somebody else's, so that ours is gone.
            return False
        return True
