"""Where configuration is read from: the user's file, a project's, and how a file is read.

Here stands what is to be known before anything of configuration is understood.
"""

import errno
import os
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING

from grantway.errors import ConfigurationError
from grantway.folders import user_folder

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = "grantway.toml"
"""The name of a project's file."""

LARGEST = 1 << 20
"""Bytes of the largest configuration file that is read."""

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)


def user_file(environ: Mapping[str, str] | None = None) -> "Path":
    """Where the user's configuration file is, or would be.

    Raises:
        ConfigurationError: it is named within a home folder that nobody has.
    """
    named = (os.environ if environ is None else environ).get("GRANTWAY_CONFIG")
    if named:
        from pathlib import Path

        try:
            return Path(named).expanduser()
        except RuntimeError:
            raise ConfigurationError(
                "The home folder in GRANTWAY_CONFIG is not known.", remedy="Give the whole path."
            ) from None
    return user_folder("config") / "config.toml"


def project_file() -> "Path | None":
    """The project's file for the current folder; None where there is none. See `project`."""
    from pathlib import Path

    try:
        here = Path.cwd()
        home = Path.home()
    except (OSError, RuntimeError):
        return None
    for folder in (here, *here.parents):
        # Unlike `Path.is_file` this takes a folder that may not be looked into for one without.
        if os.path.isfile(folder / PROJECT):  # noqa: PTH113
            return folder / PROJECT
        if folder == home:
            break
    return None


def content_of(path: "Path") -> bytes:
    """The content of a regular file, and not a large one: a pipe or device might never end.

    Raises:
        OSError: it cannot be read, or is no such file.
    """
    # Asked without waiting, for a pipe is open only when somebody writes to it.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _AT_ONCE)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST >> 20} MiB")
    return content
