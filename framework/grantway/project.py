"""A project's file: `grantway.toml` in the current folder, or the nearest one above it.

It is not looked for beyond the user's home, and by the command line alone. Whoever wrote it may be
somebody else. So it holds environments only, and none of them can take a name that is known
already: it adds clouds to choose from, and changes what no call means. One that belongs to another
user, or that everybody may write, is not read.

What is wrong with it is told where environments are listed and by `grantway config check`, and
keeps nobody from anything.
"""

import os
import stat
from typing import TYPE_CHECKING

import attrs

from grantway.config import Configuration, document_of, load
from grantway.configuration_files import project_file
from grantway.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def load_with_project() -> Configuration:
    """The user's configuration, and the project's beside it; what the command line works with.

    Raises:
        ConfigurationError: as `load`; but never for the project's file, whose fault is kept.
    """
    configuration = load()
    path = project_file()
    if path is None:
        return configuration
    try:
        return attrs.evolve(configuration, project=_project(path))
    except ConfigurationError as error:
        error.__context__ = None
        return attrs.evolve(configuration, project_fault=error.with_traceback(None))


def _project(path: "Path") -> Configuration:
    try:
        status = path.stat()
        document = document_of(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.",
            remedy="Delete it, or let this user read it.",
            file=str(path),
        ) from None
    # Windows has neither owners nor bits that would say so.
    if hasattr(os, "geteuid") and (
        status.st_uid not in (0, os.geteuid()) or status.st_mode & stat.S_IWOTH
    ):
        raise ConfigurationError(
            f"{path} is not read, for another user could have written it.",
            remedy="It has to be of this user, and not for everybody to write.",
            file=str(path),
        )
    values = document.parse()
    for key in values:
        if key != "environments":
            document.fail(
                f"a project's file holds environments, and no {key!r}",
                "That belongs in the user's own file; see `grantway config path`.",
                at=(key,),
            )
    tables = document.tables("environments", values.get("environments", {}))
    return Configuration(environments=tables, document=document)
