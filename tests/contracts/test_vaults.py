"""Every built-in vault keeps the contract that other people's are held to."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import keyring
import pytest
from keyring.backend import KeyringBackend

import grantway_vaults
from contracts.cases import VAULTS, VaultCase
from grantway import Configuration, Registry
from grantway.testing import VaultContract
from grantway.testing.vault_contract import SECRET

REGISTRY = Registry.load(Configuration(environ={}), third_parties=False)


def test_every_built_in_vault_has_a_case() -> None:
    assert sorted(VAULTS) == sorted(REGISTRY.vaults)


class InMemory(KeyringBackend):
    """A keyring that lives and dies with its test."""

    priority = 1  # type: ignore[assignment]  # a class property there

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.mark.parametrize("scheme", sorted(VAULTS))
class TestBuiltInVaults(VaultContract):
    api_version = (0, 1)
    plugin = grantway_vaults

    @pytest.fixture(autouse=True)
    def _case(self, scheme: str) -> Iterator[None]:
        self.scheme = scheme
        for field in attrs.fields(VaultCase):
            setattr(self, field.name, getattr(VAULTS[scheme], field.name))
        before = keyring.get_keyring()
        keyring.set_keyring(InMemory())
        yield
        keyring.set_keyring(before)

    @pytest.fixture
    def kept(self, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        match scheme:
            case "env":
                monkeypatch.setenv("A_SECRET", SECRET)
                return "A_SECRET"
            case "command":
                return f"{sys.executable} -c \"print('{SECRET}', end='')\""
            case "file":
                return str(tmp_path / "a secret")
            case "keyring":
                return "a service/an entry"
            case "-":
                monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SECRET.encode())))
                return ""
            case _:
                return "What is it"
