"""Which plugins are installed, without asking each distribution at each start.

The standard library finds entry points by reading the metadata of every distribution on the
path. That is a third of a short command's time with few of them, and most of it with many. So
what was found can be kept in a *manifest*: a file that also says in which state the path was. As
long as it is in that state, the manifest is taken at its word.

Nothing depends on it. One that is not there, cannot be read, is of another state, or could have
been written by somebody else is passed by, and made anew where that is possible. It names code
that is going to be run: so its folder and it are this user's alone, or it is not believed.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from grantway.errors import CacheError
from grantway.import_path import state
from grantway.suggest import type_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint


_LARGEST = 1 << 20
_CELLS = 5
# NAME-VERSION, behind which an egg has the version of Python.
_FOLDER = re.compile(r"(?P<name>.+?)(-(?P<version>\d[^-]*))?(-py[^-]*.*)?\.(dist|egg)-info")


@attrs.frozen
class Installed:
    """An entry point: its name, the module (and object) it names, and whose it is.

    A distribution whose metadata do not say its name is called as their folder is. Where its entry
    points cannot be read there is one of no name, with the `fault`.
    """

    name: str
    target: str
    distribution: str
    version: str
    fault: str = ""
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
    from importlib.metadata import distributions

    found: list[Installed] = []
    seen: set[str] = set()
    for distribution in distributions():
        # By its folder: to read every distribution's metadata would take long.
        name = canonical(_called(distribution)[0])
        # The first on the path wins, as for imports.
        if not name or name not in seen:
            seen.add(name)
            found += _entries(distribution, group)
    return tuple(found)


def _entries(distribution: "Distribution", group: str) -> Iterable[Installed]:
    """The entry points of one distribution. Whatever is wrong with it, the others go on."""
    try:
        entries = [each for each in distribution.entry_points if each.group == group]
    except Exception as error:  # noqa: BLE001  # no text, no entry points, no file to be read
        where = getattr(distribution, "_path", "")
        fault = f"Its entry points cannot be read ({type_of(error)}): {where}"
        return (Installed("", "", *_identity(distribution), fault=fault.removesuffix(": ")),)
    identity = _identity(distribution) if entries else ("", "")
    return [Installed(each.name, each.value, *identity, "", each) for each in entries]


def _identity(distribution: "Distribution") -> tuple[str, str]:
    """Name and version, as its metadata say, else as its folder does.

    Who says something else than their folder may want to pass for somebody: the folder counts.
    """
    name, version = _called(distribution)
    with suppress(Exception):
        said = str(distribution.name)
        if not name or canonical(said) == canonical(name):
            name, version = said, str(distribution.version)
    return name or "unknown", version


def canonical(name: str) -> str:
    """A name of a distribution in the one spelling that names are compared in (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).casefold()


def _called(distribution: "Distribution") -> tuple[str, str]:
    """Name and version in the name of the folder of a distribution's metadata; empty without."""
    folder = _FOLDER.fullmatch(Path(str(getattr(distribution, "_path", ""))).name)
    return (folder["name"], folder["version"] or "") if folder else ("", "")


def _read(manifest: Path, now: dict[str, object]) -> tuple[Installed, ...] | None:
    import json

    from grantway.cache.private import prepare_folder, read_file

    with suppress(CacheError, ValueError, KeyError, TypeError, RecursionError):
        prepare_folder(manifest.parent)
        kept = cast("dict[str, object]", json.loads(read_file(manifest, _LARGEST)))
        if kept["state"] == now:
            return _understood(kept["installed"])
    return None


def _understood(rows: object) -> tuple[Installed, ...] | None:
    """What the rows of a manifest say; None where it is nothing that was written here."""
    # There is always one: we are installed ourselves.
    if type(rows) is not list or not rows:
        return None
    found: list[Installed] = []
    for row in cast("list[object]", rows):
        if type(row) is not list or len(cast("list[object]", row)) != _CELLS:
            return None
        cells = cast("list[object]", row)
        if not all(type(each) is str for each in cells):
            return None
        name, target, distribution, version, fault = cast("list[str]", cells)
        found.append(Installed(name, target, distribution, version, fault))
    return tuple(found)


def _write(manifest: Path, now: dict[str, object], found: Iterable[Installed]) -> None:
    import json

    from grantway.cache.private import prepare_folder, write_new

    rows = [(each.name, each.target, each.distribution, each.version, each.fault) for each in found]
    with suppress(CacheError, ValueError):
        prepare_folder(manifest.parent)
        content = json.dumps({"state": now, "installed": rows}).encode()
        write_new(manifest, content, replace=True)
