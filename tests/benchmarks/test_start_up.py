"""What a process pays before it does anything: CPU from its start to its end.

Of each process that is measured, whoever is installed besides is part of it: plugins of third
parties are to cost nothing where no call comes to them, and distributions without any likewise.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import cache_from_source
from itertools import count
from pathlib import Path

import pytest

import grantway
from benchmarks.clients import CLIENT_ID, RESOURCE, SECRET, TENANT, Place
from benchmarks.installing import install
from benchmarks.measuring import Comparison, Report, compare, cpu_of_process, turns

ROUNDS = 21
USED = "from grantway import Dispatcher; Dispatcher()"
FORBIDDEN = ("requests", "cryptography", "importlib.metadata")
IMPORTS = ("import grantway", "from grantway import Dispatcher")
BARE = "python -c pass"
VERSION = "grantway --version"
TOKEN = "grantway token, cached"
TOKEN_ANEW = "grantway token, cached, in a new situation"
# The last one has no bound: it shows whether an import became cheap only by putting work off.
BOUNDS = {IMPORTS[0]: 2.5, IMPORTS[1]: 5.5, VERSION: 5.0, TOKEN: 7.5, TOKEN_ANEW: 12.5, USED: None}
PLUGINS = 50
SCRIPT = Path(sys.executable).with_name("grantway")
CALL = (
    "token", "--environment", "Benchmark", "--tenant-id", TENANT, "--resource", RESOURCE,
    "--credential", f"{CLIENT_ID}=env:BENCHMARK_SECRET",
)  # fmt: skip

# What a token that is at hand has no use for.
UNUSED = (
    "requests", "urllib3", "importlib.metadata", "logging", "platformdirs",
    "grantway.context", "grantway.accounts", "grantway.cache_inspection", "grantway.declarations",
    "grantway.certificate", "grantway.oauth.kept_assertions",
)  # fmt: skip

# Prints the CPU seconds of loading what is installed, once all is imported that loads it.
PLUGGY = """
import time, importlib.metadata, pluggy
from grantway import hookspecs
manager = pluggy.PluginManager("grantway")
manager.add_hookspecs(hookspecs)
import grantway_grants, grantway_clouds, grantway_sandbox, grantway_vaults
begin = time.process_time()
manager.load_setuptools_entrypoints("grantway.plugins")
print(time.process_time() - begin)
"""
OURS = """
import sys, time, importlib.metadata
from pathlib import Path
from grantway.registry import Registry
import grantway_grants, grantway_clouds, grantway_sandbox, grantway_vaults
begin = time.process_time()
Registry.load(manifest=Path(sys.argv[1]))
print(time.process_time() - begin)
"""


@pytest.fixture
def environ(clean_environment: Path) -> dict[str, str]:
    """No PYTHON* variable: they forbid bytecode, or make one start unlike another."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture
def crowd(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same, with plugins of third parties installed."""
    site = install(tmp_path / "site", plugins=PLUGINS, others=0)
    return {**environ, "PYTHONPATH": str(site)}


@pytest.fixture
def at_hand(crowd: dict[str, str], place: Place, tmp_path: Path) -> dict[str, str]:
    """The same, with the token of `CALL` in the cache."""
    config = tmp_path / "config.toml"
    config.write_text(
        f'[environments.Benchmark]\nauthority = "{place.authority.url}"\n'
        f'protocol = "entra-v2"\ntrust = {{ ca_bundle = "{place.bundle}" }}\n'
    )
    found = {**crowd, "GRANTWAY_CONFIG": str(config), "BENCHMARK_SECRET": SECRET}
    first, again = (
        subprocess.run([SCRIPT, *CALL], env=found, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert first.stdout == again.stdout != ""
    return found


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="tells the CPU of one child only by wait4")
def test_whole_processes(report: Report, at_hand: dict[str, str], tmp_path: Path) -> None:
    def process(*command: str | Path) -> Callable[[], float]:
        return cpu_of_process(command, tmp_path, at_hand)

    numbers = count()

    def anew() -> float:
        # Some variable that says something else in each process, as a build's number does.
        situation = {**at_hand, "BUILD_NUMBER": str(next(numbers))}
        return cpu_of_process((SCRIPT, *CALL), tmp_path, situation)()

    contenders = {
        BARE: process(sys.executable, "-c", "pass"),
        **{code: process(sys.executable, "-c", code) for code in (*IMPORTS, USED)},
        VERSION: process(SCRIPT, "--version"),
        TOKEN: process(SCRIPT, *CALL),
        TOKEN_ANEW: anew,
    }
    for _ in range(2):  # bytecode is written, then it and all else is in the page cache
        for run in contenders.values():
            run()
    assert Path(cache_from_source(grantway.__file__)).exists(), "no bytecode was written"

    def measure() -> list[Comparison]:
        costs = turns(ROUNDS, **contenders)
        bare = costs[BARE]
        return [
            compare(f"{what}, {PLUGINS} plugins", costs[what], BARE, bare, at_most=bound)
            for what, bound in BOUNDS.items()
        ]

    report.hold(measure)


@pytest.mark.parametrize(
    ("plugins", "others", "without", "with_one"),
    # With few installed the manifest's own work, checking and writing it, is most of all.
    [(1, 4, 3.5, 1.5), (1, 299, 2.5, 0.7), (50, 0, 1.8, 0.6), (50, 250, 1.8, 0.5)],
)
def test_the_registry_beside_pluggy(
    report: Report,
    environ: dict[str, str],
    tmp_path: Path,
    plugins: int,
    others: int,
    without: float,
    with_one: float,
) -> None:
    site = install(tmp_path / "site", plugins=plugins, others=others)
    environ["PYTHONPATH"] = str(site)
    warm, cold = tmp_path / "kept" / "warm.json", tmp_path / "kept" / "cold.json"

    def loading(code: str, manifest: Path) -> float:
        done = subprocess.run(
            [sys.executable, "-c", code, str(manifest)],
            cwd=tmp_path, env=environ, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return float(done.stdout)

    def anew() -> float:
        cold.unlink(missing_ok=True)
        return loading(OURS, cold)

    contenders = {
        "pluggy": lambda: loading(PLUGGY, warm),
        "cold": anew,
        "warm": lambda: loading(OURS, warm),
    }
    for run in contenders.values():
        run()
    where = f"{plugins} plugins of {plugins + others}"

    def measure() -> list[Comparison]:
        costs = turns(7, **contenders)
        pluggy = costs["pluggy"]
        return [
            compare(
                f"registry, {where}, no manifest", costs["cold"], "pluggy", pluggy, at_most=without
            ),
            compare(
                f"registry, {where}, manifest", costs["warm"], "pluggy", pluggy, at_most=with_one
            ),
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


def test_what_a_token_at_hand_does_not_load(at_hand: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom grantway.cli import main\n"
        "code = main()\nprint(*sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    # The path is another one than the script's, so that the first run makes a manifest.
    _, done = (
        subprocess.run(
            [sys.executable, "-c", code, *CALL],
            cwd=tmp_path, env=at_hand, capture_output=True, text=True, check=True,
        )
        for _ in range(2)
    )  # fmt: skip
    loaded = set(done.stderr.split())
    assert "grantway.cache.sqlite" in loaded
    assert not loaded.intersection(UNUSED)
    assert not any(name.startswith("benchmark_plugin") for name in loaded)
