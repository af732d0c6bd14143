"""A cluster's token for the application: in a file, which a variable names.

The cluster replaces the file before the token in it expires, by turning a link to another folder
and removing the former one. So it is read anew for each token that is asked for, in one go, and
again where it is being replaced or written over in that moment. What is no plain file is not
waited for.
"""

import os
import stat
from typing import TYPE_CHECKING

from grantway import Secret
from grantway.environment import host_of
from grantway.errors import ConfigurationError
from grantway_grants.workload_identity.platform_token import EMPTY, LARGEST, taken

if TYPE_CHECKING:
    from grantway import Context, Environment
    from grantway.secret import Unshown

TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105  # the name of a variable
AUTHORITY_HOST = "AZURE_AUTHORITY_HOST"

_ATTEMPTS = 6
# Seconds. Whoever writes over a file is done in less than all of them together.
_PAUSE = 0.02
_REPLACED = "is being replaced all the time"


def check_authority(environ: "Unshown[str]", environment: "Environment") -> None:
    """Refuse an environment that is not the one of the cluster's cloud.

    The token goes to the environment's authority and nowhere else, whatever the variable says.

    Raises:
        ConfigurationError: the variable names an authority that the environment does not.
    """
    if not environ.get(AUTHORITY_HOST) or _is_named(environ, environment):
        return
    raise ConfigurationError(
        f"{AUTHORITY_HOST} names another authority than that of {environment.name}; nothing is "
        "sent there.",
        remedy="Give the environment of that cloud with environment=: `grantway environments` "
        f"lists them. Or unset {AUTHORITY_HOST}.",
    )


def token(environ: "Unshown[str]", context: "Context") -> Secret:
    """The token that the cluster has for the application.

    Raises:
        ConfigurationError: there is none, or none that could be sent.
        DeadlineExceeded, Cancelled: it is being replaced, and nobody has time for that.
    """
    path = environ.get(TOKEN_FILE)
    if not path:
        raise ConfigurationError(
            f"{TOKEN_FILE} is not set: the cluster has no token for this application.",
            remedy='Label the pod azure.workload.identity/use: "true", and give it a service '
            "account; or sign in another way.",
        )
    found = _read(path, context)
    if isinstance(found, Secret):
        return found
    raise ConfigurationError(
        f"The token in {path} ({TOKEN_FILE}) {found}.",
        remedy="The cluster puts it there and keeps it new: check the pod's projected volume.",
        file=path,
    )


def _is_named(environ: "Unshown[str]", environment: "Environment") -> bool:
    url = environ[AUTHORITY_HOST]
    try:
        # Some clusters set the host alone.
        return environment.names(host_of(url if "://" in url else f"https://{url}"))
    except ValueError:
        return False


def _read(path: str, context: "Context") -> Secret | str:
    """The token; else what is wrong with it."""
    found: Secret | str = _REPLACED
    for attempt in range(_ATTEMPTS):
        if attempt:
            context.sleep(_PAUSE)
        try:
            # A pipe must not make us wait.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError as error:
            # Between the link and its target, perhaps.
            found = _unreadable(error)
            continue
        except OSError as error:
            return _unreadable(error)
        except ValueError:
            return "cannot be read: its path has a NUL character in it"
        found = _content(descriptor, context.clock.time())
        if found not in (_REPLACED, EMPTY):
            break
    return found


def _content(descriptor: int, now: float) -> Secret | str:
    try:
        before = os.fstat(descriptor)
        if stat.S_ISDIR(before.st_mode):
            return "cannot be read: it is a folder"
        if not stat.S_ISREG(before.st_mode):
            return "is not read: it is no plain file"
        if before.st_size > LARGEST:
            return f"has more than {LARGEST:,} characters"
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
        after = os.fstat(descriptor)
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            return _REPLACED
        # What is no ASCII is no token either.
        return taken(content.decode("ascii", "replace"), now)
    except OSError as error:
        return _unreadable(error)
    finally:
        os.close(descriptor)


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or type(error).__name__}"
