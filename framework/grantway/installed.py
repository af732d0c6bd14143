"""Which plugins are installed, without asking each distribution at each start.

The standard library finds entry points by reading the metadata of every distribution on the
path. That is a third of a short command's time with few of them, and most of it with many. So
what was found can be kept in a *manifest*: a file that also says in which state the path was. As
long as it is in that state, the manifest is taken at its word.

Nothing depends on it. One that is not there, cannot be read, is of another state, or could have
been written by somebody else is passed by, and made anew where that is possible. It names code
that is going to be run: so its folder and it are this user's alone, or it is not believed.
"""

from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from grantway.errors import CacheError
from grantway.import_path import state

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


_LARGEST = 1 << 20


@attrs.frozen
class Installed:
    """An entry point: its name, the module (and object) it names, and whose it is.

    A distribution whose metadata cannot be read is `unknown`.
    """

    name: str
    target: str
    distribution: str
    version: str
    _entry: "EntryPoint | None" = attrs.field(default=None, eq=False, repr=False)

    def load(self) -> object:
        """Import the module and return what is named of it.

        Raises:
            Exception: whatever comes of that.
        """
        if self._entry is not None:
            return self._entry.load()
        module, _, path = self.target.partition("[")[0].partition(":")
        found: object = import_module(module.strip())
        for attribute in filter(None, path.strip().split(".")):
            found = getattr(found, attribute)
        return found


def installed(group: str, manifest: Path | None = None) -> tuple[Installed, ...]:
    """The entry points of a group, in the order of the path.

    Args:
        group: the entry points' group.
        manifest: the file to keep what is found in; None: nothing is kept.
    """
    path = state() if manifest is not None else None
    if manifest is None or path is None:
        return _found(group)
    now = {**path, "group": group}
    known = _read(manifest, now)
    if known is None:
        known = _found(group)
        # Of the state before: what was installed meanwhile makes the next start look again.
        _write(manifest, now, known)
    return known


def _found(group: str) -> tuple[Installed, ...]:
    # Imported here: it is slow to import, and a manifest spares it.
    from importlib.metadata import entry_points

    return tuple(_described(entry) for entry in entry_points(group=group))


def _described(entry: "EntryPoint") -> Installed:
    try:
        distribution = str((entry.dist and entry.dist.name) or "unknown")
        version = str((entry.dist and entry.dist.version) or "")
    except Exception:  # noqa: BLE001  # whatever is wrong with it, the others go on
        distribution, version = "unknown", ""
    return Installed(entry.name, entry.value, distribution, version, entry)


def _read(manifest: Path, now: dict[str, object]) -> tuple[Installed, ...] | None:
    import json

    from grantway.cache.private import prepare_folder, read_file

    with suppress(CacheError, ValueError, KeyError, TypeError, RecursionError):
        prepare_folder(manifest.parent)
        kept = json.loads(read_file(manifest, _LARGEST, ""))
        rows = kept["installed"]
        is_sound = all(
            type(row) is list and len(row) == 4 and all(type(each) is str for each in row)
            for row in rows
        )
        if kept["state"] == now and is_sound:
            return tuple(Installed(*row) for row in rows)
    return None


def _write(manifest: Path, now: dict[str, object], found: Iterable[Installed]) -> None:
    import json

    from grantway.cache.private import prepare_folder, write_new

    rows = [(each.name, each.target, each.distribution, each.version) for each in found]
    with suppress(CacheError, ValueError):
        prepare_folder(manifest.parent)
        content = json.dumps({"state": now, "installed": rows}).encode()
        write_new(manifest, content, replace=True)
