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
    """Build each distribution and install it into `target`, without what it depends on.

    The backend is installed once, not once for each of them.
    """
    backend = scratch / "backend"
    pip("install", "--target", str(backend), "hatchling>=1.27", environ=environ)
    # Copied, so that building leaves nothing here.
    found = [
        shutil.copytree(each, scratch / each.name, ignore=shutil.ignore_patterns("__pycache__"))
        for each in distributions
    ]
    pip(
        "install", "--no-deps", "--no-build-isolation", "--target", str(target), *map(str, found),
        environ={**environ, "PYTHONPATH": str(backend)},
    )  # fmt: skip
    return target


def pip(*arguments: str, environ: Mapping[str, str]) -> None:
    """Run pip; it has to work."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        env=dict(environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


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
