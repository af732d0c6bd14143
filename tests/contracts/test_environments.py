"""Every built-in environment keeps the contract that other people's are held to."""

import pytest

from grantway import Configuration, Registry
from grantway.testing import EnvironmentContract
from grantway_sandbox.environment import VARIABLE

REGISTRY = Registry.load(Configuration(environ={}), third_parties=False)
OWNERS = {each.name: plugin for plugin in REGISTRY.plugins for each in plugin.environments}


def test_there_are_built_in_environments() -> None:
    assert len(OWNERS) > 5


@pytest.mark.parametrize("name", sorted(OWNERS))
class TestBuiltInEnvironments(EnvironmentContract):
    api_version = (0, 1)

    @pytest.fixture(autouse=True)
    def _case(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plugin, self.environment = OWNERS[name].module, name
        # Where a sandbox would be; nobody is asked.
        monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9")
