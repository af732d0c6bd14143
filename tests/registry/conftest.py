"""Fixtures for the tests of the registry."""

import pytest

from registry.support import Installed


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Installed:
    """What is installed: the built-in plugins, and what a test adds."""
    return Installed(monkeypatch)
