"""The Redis server of the run serves here too; and what is said is said as at a person's desk."""

import pytest

# Fixtures are found by name in this module.
from cache.conftest import redis_server as redis_server  # noqa: PLC0414


@pytest.fixture
def at_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in continuous integration, where people are advised otherwise."""
    monkeypatch.delenv("CI", raising=False)
