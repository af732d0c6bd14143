"""Every built-in provider keeps the contract that other people's are held to."""

import attrs
import pytest

from contracts.cases import PROVIDERS, ProviderCase
from grantway import Configuration, Registry
from grantway.candidate import Candidate
from grantway.testing import ProviderContract, ScriptedPrompter
from grantway.testing.transports import Script

REGISTRY = Registry.load(Configuration(environ={}), third_parties=False)
CANDIDATES = {
    candidate.label: candidate
    for provider in REGISTRY.providers
    for candidate in REGISTRY.provider_candidates(provider.name)
}


def test_every_built_in_provider_has_a_case() -> None:
    assert sorted(PROVIDERS) == sorted(CANDIDATES)


@pytest.mark.parametrize("label", sorted(PROVIDERS.keys() & CANDIDATES.keys()))
class TestBuiltInProviders(ProviderContract):
    api_version = (0, 1)
    case: ProviderCase

    @pytest.fixture(autouse=True)
    def _case(self, label: str) -> None:
        candidate: Candidate = CANDIDATES[label]
        self.plugin = REGISTRY.plugin_of(candidate.provider).module
        self.provider = candidate.provider.name
        self.parameter_set = candidate.parameter_set.name
        self.case = PROVIDERS[label]
        for field in attrs.fields(ProviderCase):
            if field.name not in ("script", "person"):
                setattr(self, field.name, getattr(self.case, field.name))

    def answers(self) -> Script:
        return self.case.answers()

    def person(self) -> ScriptedPrompter:
        return self.case.person()
