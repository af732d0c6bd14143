"""Where a plugin's code failed, for its author: files and lines, and nothing that may be a secret.

Neither the message of an exception nor a value in one of its frames is looked at.
"""

from pathlib import Path
from traceback import StackSummary, extract_tb, walk_tb


def place_of(error: BaseException, file: str) -> str:
    """The innermost line of the plugin whose module is `file`; of anybody's where it has none."""
    frames, module = extract_tb(error.__traceback__), Path(file)
    package = module.parent if module.name == "__init__.py" else module
    for frame in reversed(frames):
        if module.name and Path(frame.filename).is_relative_to(package):
            where = Path(frame.filename).relative_to(package.parent)
            return f"at {where.as_posix()}:{frame.lineno}"
    return f"at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def lines_of(error: BaseException) -> str:
    """The lines of code on the way to the failure, without values."""
    found = StackSummary.extract(walk_tb(error.__traceback__), capture_locals=False)
    return "".join(found.format())
