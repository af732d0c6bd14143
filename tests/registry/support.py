"""Entry points without distributions: what the registry would find installed."""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import NoReturn, Protocol

import attrs
import pytest

from grantway import (
    Configuration,
    CredentialProvider,
    Parameter,
    ParameterSet,
    Registry,
    hookimpl,
)
from grantway.parameters import text
from grantway.plugins import Plugin


@attrs.define
class FakeEntry:
    """An entry point whose import is a function."""

    distribution: str
    name: str
    make: Callable[[], object]
    value: str = "somewhere"
    group: str = "grantway.plugins"
    loads: int = 0

    def load(self) -> object:
        self.loads += 1
        return self.make()


@attrs.frozen
class FakeDistribution:
    """A distribution with one entry point."""

    name: str
    entry_points: tuple[FakeEntry, ...]
    version: str = "1.0"


def entry(distribution: str, make: object, name: str = "plugin") -> FakeEntry:
    """An entry point that gives `make`, or what it returns if it is a function."""
    return FakeEntry(distribution, name, make if callable(make) else lambda: make)


def module(**members: object) -> ModuleType:
    """A module with these members, functions named like hooks marked as such."""
    made = ModuleType("a_plugin")
    for name, member in members.items():
        if name.startswith("grantway_"):
            setattr(made, name, hookimpl(returning(member)))
        else:
            setattr(made, name, member)
    return made


def returning(value: object) -> Callable[[], object]:
    return lambda: value


def never(*_: object) -> NoReturn:
    raise AssertionError("nothing is authenticated here")


def provider(name: str, *required: str, sets: Iterable[ParameterSet] = ()) -> CredentialProvider:
    """A provider that requires parameters of these names."""
    parameters = tuple(Parameter(each, text) for each in required or (f"{name.lower()}_key",))
    return CredentialProvider(name, tuple(sets) or (ParameterSet("Set", parameters),), never)


def provides(name: str, *required: str) -> ModuleType:
    """A plugin with one provider."""
    return module(grantway_providers=[provider(name, *required)])


class Distribution(Protocol):
    """As much of a distribution as is looked at."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def entry_points(self) -> tuple[FakeEntry, ...]: ...


class Installed:
    """Makes registries of the built-in plugins and of fake entry points or distributions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import importlib.metadata

        self._patch = monkeypatch
        self.builtin = importlib.metadata.distribution("grantway")

    def registry(
        self,
        *entries: "FakeEntry | Distribution",
        configuration: Configuration | None = None,
        third_parties: bool = True,
    ) -> Registry:
        fakes = [
            FakeDistribution(each.distribution, (each,)) if isinstance(each, FakeEntry) else each
            for each in entries
        ]
        self._patch.setattr("importlib.metadata.distributions", lambda: [self.builtin, *fakes])
        return Registry.load(
            configuration or Configuration(environ={}), third_parties=third_parties
        )


def record(registry: Registry, name: str) -> Plugin:
    """The record of one plugin."""
    (found,) = (each for each in registry.plugins if each.name == name)
    return found
