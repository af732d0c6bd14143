"""What a process loads when it imports something, found out in a process of its own."""

import os
import subprocess
import sys

_CODE = """
import sys
{first}
print(*sys.modules)
"""


def loaded(code: str) -> frozenset[str] | None:
    """The modules that a new process has loaded after some code; None where the code fails."""
    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", _CODE.format(first=code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return frozenset(done.stdout.split()) if done.returncode == 0 else None
