"""In which state the import path is: what is installed follows from it.

As long as it is the same, the standard library would find the same distributions.
"""

import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path

from grantway.version import __version__


def state() -> dict[str, object] | None:
    """All that decides what is found, as JSON has it; None where it cannot be told."""
    entries: list[object] = [*sys.path]
    if not all(map(_looks_at_the_path, sys.meta_path)):
        # A finder of its own may find what no folder shows.
        return None
    places: list[list[object]] = []
    for entry in entries:
        if not isinstance(entry, str):
            return None
        folder = Path(entry)
        places.append([entry, _changed(folder)])
        with suppress(OSError, ValueError):
            # The one kind of metadata that is written anew without its folder being touched.
            eggs = sorted(folder.glob("*.egg-info/entry_points.txt"))
            places.extend([str(each), _changed(each)] for each in eggs)
    return {"grantway": __version__, "python": sys.version, "path": places}


def _looks_at_the_path(finder: object) -> bool:
    """Whether all distributions that a finder finds, if any, are in the folders of the path."""
    return (
        finder is PathFinder
        or not hasattr(finder, "find_distributions")
        # The standard library's own successor, which takes its place where it is imported.
        or type(finder).__module__ == "importlib_metadata"
    )


def _changed(path: Path) -> list[int] | None:
    """When a folder's list of names, or a file, was changed last, and by the system's own word."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return [status.st_mtime_ns, status.st_ctime_ns]
