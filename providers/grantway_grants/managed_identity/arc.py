"""The challenge of Azure Arc, by which code shows that it may read what root and few others may.

The agent answers the first request with 401 and `WWW-Authenticate: Basic realm=PATH`. The file at
PATH was made for this one request; what is in it goes into a second request. Who answers need not
be the agent, so a path is followed to one place only: a plain file, of at most 4096 bytes, whose
name ends in `.key`, in the agent's own folder. No link is followed and nothing else is opened.
"""

import os
import re
import stat
import sys
from typing import TYPE_CHECKING

from grantway.errors import ConfigurationError, ProtocolViolation
from grantway.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 4096
"""Bytes of the largest key file."""


def tokens_folder(environ: "Mapping[str, str]") -> str:
    """The folder in which the agent puts its key files; "" where it has none."""
    if sys.platform == "win32":
        data = environ.get("PROGRAMDATA", "")
        return data and os.path.join(data, "AzureConnectedMachineAgent", "Tokens")  # noqa: PTH118  # compared as text
    return "/var/opt/azcmagent/tokens" if sys.platform == "linux" else ""


def answer_to(challenge: str, folder: str) -> Secret:
    """The value of the header `Authorization` that a challenge asks for.

    Raises:
        ProtocolViolation: it is no challenge of the agent's, or names another file than one of
            the agent's.
        ConfigurationError: the file cannot be read.
    """
    path = _named(challenge, folder)
    try:
        return _content(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise ConfigurationError(
        f"The key file of Azure Arc's agent cannot be read: {reason}.",
        remedy="The user that runs this has to be in the group himds (on Windows: Hybrid agent "
        "extension applications), or an administrator.",
        file=path,
    )


def check_identity(answer: "Mapping[str, object]", identity: tuple[tuple[str, str], ...]) -> None:
    """Refuse a token of another identity than the one that was asked for.

    An agent that does not know user-assigned identities answers with the system-assigned one; one
    that does says whose the token is.

    Raises:
        ProtocolViolation: it does not say so.
    """
    for word, wanted in identity:
        told = answer.get(word) or (answer.get("mi_res_id") if word == "msi_res_id" else None)
        if not isinstance(told, str) or told.casefold() != wanted.casefold():
            raise ProtocolViolation(
                "Azure Arc's agent does not say that the token is of the identity that was asked "
                "for, so it may be of the system-assigned one.",
                remedy="Update the agent to a release with user-assigned identities, and check "
                "that this one is assigned to the machine.",
            )


def _named(challenge: str, folder: str) -> str:
    """The path that a challenge names, if it is one of the agent's."""
    found = re.fullmatch(r'basic +realm="?([^",=\x00-\x1f]+)"?', challenge.strip(), re.IGNORECASE)
    if found is None:
        raise _untrusted("its challenge is not that of the agent")
    # To the letter, so that there is no other way to spell a place.
    place, _, name = found[1].rpartition(os.sep)
    if not folder or place != folder:
        raise _untrusted("it names a file outside of the agent's folder")
    if not re.fullmatch(r"[\w-][\w.-]*\.key", name, re.ASCII):
        raise _untrusted("it names a file that is no key file")
    return found[1]


def _content(path: str) -> Secret:
    # A pipe must not make us wait; a link would be a way out of the folder.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    if os.path.islink(path):  # noqa: PTH114  # where the flag is not known
        raise _untrusted("it names a link")
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _untrusted("it names what is no plain file")
        if status.st_size > LARGEST:
            raise _untrusted(f"its key file is larger than {LARGEST} bytes")
        return _authorization(os.read(descriptor, LARGEST))
    finally:
        os.close(descriptor)


def _authorization(content: bytes) -> Secret:
    if not re.fullmatch(rb"\s*[\x21-\x7e]+\s*", content):
        # Not the last frame of a traceback with the content in it.
        content = b""
        raise _untrusted("its key file holds no key")
    return Secret(f"Basic {content.decode('ascii').strip()}")


def _untrusted(why: str) -> ProtocolViolation:
    return ProtocolViolation(
        f"What answers at the address of Azure Arc is not to be trusted: {why}.",
        remedy="Check IDENTITY_ENDPOINT, and that the Connected Machine agent listens there.",
    )
