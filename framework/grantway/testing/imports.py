"""What a process loads when it imports a module, found out in a process of its own."""

import os
import subprocess
import sys

_MISSING = 3
_CODE = """
import importlib, sys
name = {name!r}
try:
    module = importlib.import_module(name)
except ModuleNotFoundError as error:
    if f"{{name}}.".startswith(f"{{error.name}}."):
        sys.exit({missing})
    raise
{then}
print(*sys.modules)
"""


def loaded(name: str, then: str) -> frozenset[str] | None:
    """The modules that a new process has loaded when it has imported one, and then run some code.

    None where the process has no such module; the code finds it as `module`.

    Raises:
        AssertionError: the module is there, and it or the code fails.
    """
    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", _CODE.format(name=name, missing=_MISSING, then=then)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=same_path(),
    )
    if done.returncode == _MISSING:
        return None
    assert done.returncode == 0, f"A process of its own cannot use {name}.\n{done.stderr}"
    return frozenset(done.stdout.split())


def same_path() -> dict[str, str]:
    """The environment of a process that can import what this one can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
