"""The user's own folders: where configuration, state and what can be had anew rest.

platformdirs knows them on every system, and takes longer to import than all that it is needed
for. Where Linux is as usual they are what the XDG Base Directory Specification says in one
sentence, and that is done here; everything else is asked of platformdirs.
"""

import os
import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["cache", "config", "state"]

_XDG = {
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "config": ("XDG_CONFIG_HOME", ".config"),
    "state": ("XDG_STATE_HOME", ".local/state"),
}


def user_folder(kind: Kind) -> "Path":
    """The folder of this product for the user; it may not exist yet."""
    from pathlib import Path

    if sys.platform == "linux" and "ANDROID_DATA" not in os.environ:
        variable, usual = _XDG[kind]
        base, home = os.environ.get(variable, ""), os.environ.get("HOME", "")
        if base.startswith("/") and base == base.strip():
            return Path(base, "grantway")
        if not base and home.startswith("/"):
            return Path(home, usual, "grantway")
    import platformdirs

    known = {
        "cache": platformdirs.user_cache_path,
        "config": platformdirs.user_config_path,
        "state": platformdirs.user_state_path,
    }
    return known[kind]("grantway", appauthor=False)
