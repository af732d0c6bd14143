"""Fixtures of the benchmarks, and the table at the end of their run."""

from collections.abc import Iterator

import pytest

from benchmarks.clients import Place
from benchmarks.measuring import Report, table
from servers.json_authority import JsonAuthority
from servers.tls import Identity, LocalCa

REPORT = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if rows := config.stash[REPORT].rows:
        terminalreporter.section("benchmarks")
        for line in table(rows):
            terminalreporter.write_line(line)


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash[REPORT]


@pytest.fixture(scope="session")
def identity(local_ca: LocalCa) -> Identity:
    return local_ca.issue("127.0.0.1")


@pytest.fixture(scope="session")
def place(local_ca: LocalCa, identity: Identity) -> Iterator[Place]:
    """A server that answers at once."""
    with JsonAuthority(identity=identity) as authority:
        yield Place(authority, local_ca.bundle)


@pytest.fixture(scope="session")
def slow_place(local_ca: LocalCa, identity: Identity) -> Iterator[Place]:
    """A server that takes 20 ms."""
    with JsonAuthority(identity=identity, delay_ms=20) as authority:
        yield Place(authority, local_ca.bundle)
