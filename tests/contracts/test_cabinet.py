"""A cabinet of wrong plugins: each check of each contract fails for one that breaks it."""

import inspect
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

from grantway.testing import (
    EnvironmentContract,
    ProviderContract,
    TokenCacheContract,
    VaultContract,
)
from grantway.testing.imports import same_path

HERE = Path(__file__).parent / "cabinet"
CONTRACTS = {
    "providers": ProviderContract,
    "environments": EnvironmentContract,
    "token_caches": TokenCacheContract,
    "vaults": VaultContract,
}
BREAKS: dict[tuple[str, str], frozenset[str]] = {
    (drawer, name): frozenset(found.breaks)
    for drawer in CONTRACTS
    for name, found in vars(import_module(f"contracts.cabinet.{drawer}")).items()
    if inspect.isclass(found) and name.startswith("Test")
}

Outcome = Mapping[str, frozenset[str]]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], frozenset[str]]:
    """By drawer and class, the checks that have failed, in a run of pytest as an author has it."""
    folder = tmp_path_factory.mktemp("cabinet")
    (folder / "pytest.ini").write_text("[pytest]\n")
    report = folder / "report.xml"
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-c", str(folder / "pytest.ini"), "--rootdir",
            str(HERE), "-p", "no:cacheprovider", "-p", "contracts.cabinet.selecting", "--import-mode=importlib", "--no-header",
            f"--junitxml={report}", *(str(HERE / f"{drawer}.py") for drawer in CONTRACTS),
        ],
        env=same_path(),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr
    found: dict[tuple[str, str], set[str]] = {key: set() for key in BREAKS}
    for case in ET.parse(report).iter("testcase"):
        *_, drawer, name = case.attrib["classname"].split(".")
        # An error is one of what stands around a check, which tells nothing of the check.
        assert case.find("error") is None, case.attrib
        if case.find("failure") is not None:
            found[drawer, name].add(case.attrib["name"])
    return {key: frozenset(names) for key, names in found.items()}


@pytest.mark.parametrize(("drawer", "name"), list(BREAKS))
def test_what_breaks_a_contract_is_told(
    drawer: str, name: str, failed: Mapping[tuple[str, str], frozenset[str]]
) -> None:
    if "Right" in name:
        assert not failed[drawer, name]
    assert BREAKS[drawer, name] <= failed[drawer, name]


@pytest.mark.parametrize("drawer", list(CONTRACTS))
def test_there_is_no_check_that_cannot_fail(drawer: str) -> None:
    checks = {name for name in dir(CONTRACTS[drawer]) if name.startswith("test_")}
    assert checks
    broken = {name for (of, _), names in BREAKS.items() if of == drawer for name in names}
    assert broken == checks
