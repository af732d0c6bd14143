"""What a process pays before it does anything: CPU from its start to its end."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

import pytest

import grantway
from benchmarks.measuring import Comparison, Report, compare, cpu_of_process, turns

ROUNDS = 21
USED = "from grantway import Dispatcher; Dispatcher()"
FORBIDDEN = ("requests", "cryptography", "importlib.metadata")
IMPORTS = ("import grantway", "from grantway import Dispatcher")
# The last one has no bound: it shows whether an import became cheap only by putting work off.
BOUNDS = {IMPORTS[0]: 2.5, IMPORTS[1]: 5.5, "grantway --version": 6.0, USED: None}


@pytest.fixture
def environ(clean_environment: Path) -> dict[str, str]:
    """No PYTHON* variable: they forbid bytecode, or make one start unlike another."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="tells the CPU of one child only by wait4")
def test_whole_processes(report: Report, environ: dict[str, str], tmp_path: Path) -> None:
    def process(*command: str | Path) -> Callable[[], float]:
        return cpu_of_process(command, tmp_path, environ)

    contenders = {
        "python -c pass": process(sys.executable, "-c", "pass"),
        **{code: process(sys.executable, "-c", code) for code in (*IMPORTS, USED)},
        "grantway --version": process(Path(sys.executable).with_name("grantway"), "--version"),
    }
    for _ in range(2):  # bytecode is written, then it and all else is in the page cache
        for run in contenders.values():
            run()
    assert Path(cache_from_source(grantway.__file__)).exists(), "no bytecode was written"

    def measure() -> list[Comparison]:
        costs = turns(ROUNDS, **contenders)
        bare = costs["python -c pass"]
        return [
            compare(what, costs[what], "python -c pass", bare, at_most=bound)
            for what, bound in BOUNDS.items()
        ]

    report.hold(measure)


@pytest.mark.parametrize("code", IMPORTS)
def test_what_is_not_loaded(code: str, environ: dict[str, str], tmp_path: Path) -> None:
    listing = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", listing],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "grantway" in loaded
    assert not loaded.intersection(FORBIDDEN)
