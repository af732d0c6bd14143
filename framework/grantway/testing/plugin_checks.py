"""What grantway asks of every plugin, whatever it offers."""

import pytest

from grantway.plugins import Plugin
from grantway.registry import Registry
from grantway.testing.gate import Contract
from grantway.testing.imports import loaded
from grantway.testing.registries import others, record_of, registry_with

HEAVY = frozenset(("requests", "urllib3", "cryptography", "oauthlib", "requests_oauthlib", "jwt"))
"""What no plugin loads before it is used: a command that needs no network would wait for it."""


class PluginChecks(Contract):
    """The checks that all contracts begin with.

    Attributes:
        plugin: the plugin as its entry point names it: a module, or an object with hooks.
        module: the name to import it by; by default that of `plugin`, or of its class.
    """

    plugin: object
    module: str = ""
    _registry: Registry | None = None

    def registry(self) -> Registry:
        """The plugin beside the built-in ones, as it would be when it is installed.

        Where it is set aside, nothing that it offers can be tested: one check fails for that, and
        all others are skipped.
        """
        if (record := self.record()).state != "active":
            pytest.skip(f"the plugin is {record.state}: {record.reason}")
        return self._with_the_plugin()

    def record(self) -> Plugin:
        """What the registry knows of the plugin."""
        return record_of(self._with_the_plugin(), self.plugin)

    def _with_the_plugin(self) -> Registry:
        if self._registry is None:
            self._registry = registry_with(self.plugin)
        return self._registry

    def import_name(self) -> str:
        """By which name another process imports the plugin."""
        return self.module or getattr(self.plugin, "__name__", type(self.plugin).__module__)

    def test_the_registry_accepts_its_plugin(self) -> None:
        """A plugin with a wrong declaration is set aside whole, the rest of what it offers too."""
        record = self.record()
        assert record.state == "active", f"{record.reason} {record.remedy}"

    def test_it_takes_no_name_of_a_built_in(self) -> None:
        """A claimant of a built-in's name is set aside; only an equal parameter may be shared."""
        taken = {
            (kind, name.casefold()): (each.name, parameter)
            for each in others(self._with_the_plugin(), self.plugin)
            for kind, name, parameter in each.claims()
        }
        for kind, name, parameter in self.record().claims():
            theirs = taken.get((kind, name.casefold()))
            if theirs is None or (
                parameter is not None
                and theirs[1] is not None
                and parameter.declares_the_same_as(theirs[1])
            ):
                continue
            raise AssertionError(f"The {kind} {name!r} is taken by {theirs[0]}. Choose another.")

    def test_importing_its_plugin_loads_nothing_heavy(self) -> None:
        """Each start of the command line imports every plugin: HTTP is loaded when it is used."""
        name = self.import_name()
        if name == type(self).__module__:
            pytest.skip("the plugin is in the file of its test, which loads this kit")
        modules = loaded(
            name,
            "from grantway.testing.registries import registry_of\n"
            "registry_of(module) if hasattr(module, '__file__') else None",
        )
        if modules is None:
            assert not self.module, f"module = {name!r} of this contract is no module."
            pytest.skip(f"{name} cannot be imported by a process of its own: say module = ...")
        found = sorted(HEAVY & modules)
        assert not found, (
            f"Importing {name} has loaded {', '.join(found)}. Import what needs them in the "
            "function that uses it."
        )
