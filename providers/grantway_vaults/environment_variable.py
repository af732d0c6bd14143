"""`env:NAME`: a secret in an environment variable. Read only.

The variable is read when the secret is used, and exactly: nothing is stripped. A variable that is
empty counts as one that is not set, as it does everywhere in grantway.
"""

import os
import re
from typing import TYPE_CHECKING

from grantway import Secret
from grantway.errors import VaultError
from grantway_vaults.contents import from_text, settled

if TYPE_CHECKING:
    from grantway import Context

SCHEME = "env"

# What shells can set, and the parentheses of Windows. Anything else is rather the secret itself
# with `env:` before it by mistake, and is not repeated.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.()]*", re.ASCII)


def get(name: str, context: "Context") -> Secret:  # noqa: ARG001  # every vault's signature
    """Read the variable.

    Raises:
        VaultError: it is not set, or empty, or not text.
    """
    if not os.environ.get(name):
        state = "is empty" if name in os.environ else "is not set"
        shown = name if _NAME.fullmatch(name) else "that is named"
        raise VaultError(
            f"The environment variable {shown} {state}.",
            remedy="Set it to the secret and export it, or name another with env:NAME.",
            scheme=SCHEME,
        )
    return settled(from_text(os.environ[name]), f"The environment variable {name}", SCHEME)
