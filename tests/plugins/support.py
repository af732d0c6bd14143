"""Distributions, installed with pip into a folder beside the environment; and a shell to use them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
PUBLISHED = HERE / "published"

Done = subprocess.CompletedProcess[str]


def pip_install(
    distributions: Iterable[Path], target: Path, scratch: Path, environ: Mapping[str, str]
) -> Path:
    """Build each distribution and install it into `target`, without what it depends on."""
    # Copied, so that building leaves nothing here.
    found = [
        shutil.copytree(each, scratch / each.name, ignore=shutil.ignore_patterns("__pycache__"))
        for each in distributions
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target),
         *map(str, found)],
        env=dict(environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


def run(*arguments: str, path: Path, cwd: Path, module: str = "grantway", **environ: str) -> Done:
    """Run a module of Python with what is installed in `path`."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": str(path), **environ},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
