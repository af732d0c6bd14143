"""Every built-in provider keeps the contract that other people's are held to."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from contracts.cases import PROVIDERS, ProviderCase
from grantway import Configuration, Dispatcher, Registry
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
    assert {label.partition(" ")[0] for label in PROVIDERS} == CANDIDATES.keys()


def test_no_built_in_provider_sends_a_password(tmp_path: Path) -> None:
    """RFC 9700, section 2.4: neither that grant nor the implicit one is among them."""
    grants: set[str] = set()
    for label, case in PROVIDERS.items():
        given = case.parameters(tmp_path) if callable(case.parameters) else case.parameters
        with (
            pytest.MonkeyPatch.context() as environ,
            Dispatcher(REGISTRY, config=Configuration(environ={}), prompter=False) as dispatcher,
        ):
            for name, value in case.environ.items():
                environ.setenv(name, value)
            call: Any = {"environment": case.environment, **given}
            explained = dispatcher.explain(
                provider=CANDIDATES[label.partition(" ")[0]].provider.name, **call
            )
        for request in explained.requests:
            fields = dict(request.fields)
            grants.add(fields.get("grant_type", ""))
            assert fields.get("response_type", "code") == "code"
    assert "client_credentials" in grants
    assert "password" not in grants


@pytest.mark.parametrize("label", list(PROVIDERS))
class TestBuiltInProviders(ProviderContract):
    api_version = (0, 1)
    case: ProviderCase

    @pytest.fixture(autouse=True)
    def _case(self, label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        candidate: Candidate = CANDIDATES[label.partition(" ")[0]]
        self.plugin = REGISTRY.plugin_of(candidate.provider).module
        self.provider = candidate.provider.name
        self.parameter_set = candidate.parameter_set.name
        self.case = case = PROVIDERS[label]
        for field in attrs.fields(ProviderCase):
            if field.name not in ("script", "person", "environ"):
                setattr(self, field.name, getattr(case, field.name))
        if callable(case.parameters):
            self.parameters = case.parameters(tmp_path)
        for name, value in case.environ.items():
            monkeypatch.setenv(name, value)

    def answers(self) -> Script:
        return self.case.answers()

    def person(self) -> ScriptedPrompter:
        return self.case.person()
