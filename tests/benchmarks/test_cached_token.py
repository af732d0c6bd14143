"""A whole process that prints a token which is at hand: what scripts pay at each call.

Reported without a bound, with its parts: Python itself, the command line, and what the encrypted
cache needs. MSAL does the same with the file cache of msal-extensions, in a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.clients import CLIENT_ID, RESOURCE, SCOPE, SECRET, TENANT, Place
from benchmarks.measuring import Comparison, Report, compare, cpu_of_process, turns

ROUNDS = 11
GRANTWAY = Path(sys.executable).with_name("grantway")
TOKEN = (
    "token", "--environment", "Benchmark", "--tenant-id", TENANT, "--resource", RESOURCE,
    "--credential", f"{CLIENT_ID}=env:BENCHMARK_SECRET",
)  # fmt: skip
PARTS = "import sqlite3; from cryptography.hazmat.primitives.ciphers.aead import AESGCM"
MSAL = f"""
import os, sys, msal
from msal_extensions import FilePersistence, PersistedTokenCache
application = msal.ConfidentialClientApplication(
    {CLIENT_ID!r}, client_credential=os.environ["BENCHMARK_SECRET"],
    authority=sys.argv[1] + "/{TENANT}", instance_discovery=False, verify=sys.argv[2],
    token_cache=PersistedTokenCache(FilePersistence(sys.argv[3])),
)
print(application.acquire_token_for_client([{SCOPE!r}])["access_token"])
"""


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="tells the CPU of one child only by wait4")
def test_printing_a_token_that_is_at_hand(
    report: Report, place: Place, clean_environment: Path, tmp_path: Path
) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    config = tmp_path / "config.toml"
    config.write_text(
        f'[environments.Benchmark]\nauthority = "{place.authority.url}"\n'
        f'protocol = "entra-v2"\ntrust = {{ ca_bundle = "{place.bundle}" }}\n'
    )
    environ |= {"GRANTWAY_CONFIG": str(config), "BENCHMARK_SECRET": SECRET}
    ours = [GRANTWAY, *TOKEN]
    msal = [
        sys.executable, "-c", MSAL,
        place.authority.url, str(place.bundle), str(tmp_path / "msal.json"),
    ]  # fmt: skip
    for command in (ours, msal):
        first = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        again = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        assert first.stdout == again.stdout != ""
    contenders = {
        "python -c pass": cpu_of_process([sys.executable, "-c", "pass"], tmp_path, environ),
        "grantway token, cached": cpu_of_process(ours, tmp_path, environ),
        "  of it: grantway --version": cpu_of_process([GRANTWAY, "--version"], tmp_path, environ),
        "  of it: sqlite3 and AES-GCM": cpu_of_process(
            [sys.executable, "-c", PARTS], tmp_path, environ
        ),
        "MSAL and its file cache, cached": cpu_of_process(msal, tmp_path, environ),
    }

    def measure() -> list[Comparison]:
        costs = turns(ROUNDS, **contenders)
        bare = costs["python -c pass"]
        return [
            compare(what, cost, "python -c pass", bare)
            for what, cost in costs.items()
            if what != "python -c pass"
        ]

    report.hold(measure)
