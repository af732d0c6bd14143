"""Two distributions, built and installed with pip into a folder beside the environment."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def plugins_folder(
    tmp_path_factory: pytest.TempPathFactory, original_environment: Mapping[str, str]
) -> Path:
    """The folder in which the sample plugin and the broken one are installed."""
    target, sources = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("sources")
    # Copied, so that building leaves nothing here.
    found = [
        shutil.copytree(HERE / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("sample", "broken")
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target),
         *map(str, found)],
        env=dict(original_environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target
