"""Names and aliases of environments that meet across plugins: nobody takes another's name."""

from itertools import permutations

import pytest

from grantway import Environment
from grantway.config import parse
from grantway.errors import ConfigurationError, UnknownEnvironment
from registry.support import FakeEntry, Installed, entry, module, record

BUILTIN = [
    "GlobalCloud", "AzureCloud", "ChinaCloud", "AzureChinaCloud", "USGovernment",
    "AzureUSGovernment", "USGovernmentDoD", "GermanCloud", "AzureGermanCloud", "PPE", "AzurePPE",
    "Bleu", "Delos", "GovSG", "Sandbox", "Google",
]  # fmt: skip


def plugin(distribution: str, *environments: tuple[str, ...]) -> FakeEntry:
    """A plugin with environments, each given as its name and its aliases."""
    made = [
        Environment(name, f"https://{distribution}.example", aliases=aliases)
        for name, *aliases in environments
    ]
    return entry(distribution, module(grantway_environments=made))


CYCLES: dict[str, list[FakeEntry]] = {
    "two that call each other": [plugin("one", ("A", "B")), plugin("two", ("B", "A"))],
    "a circle of three": [
        plugin("one", ("A", "B")),
        plugin("two", ("B", "C")),
        plugin("three", ("C", "A")),
    ],
    "a chain": [plugin("one", ("A", "B")), plugin("two", ("B", "C")), plugin("three", ("C",))],
    "the same in another case": [plugin("one", ("A", "hill")), plugin("two", ("HILL",))],
    "aliases alone": [plugin("one", ("A", "x")), plugin("two", ("B", "X"))],
}


@pytest.mark.parametrize("entries", CYCLES.values(), ids=CYCLES)
def test_of_names_that_go_in_circles_none_counts_whatever_the_order(
    installed: Installed, entries: list[FakeEntry]
) -> None:
    for order in permutations(entries):
        registry = installed.registry(*order, plugin("bystander", ("Fine", "AlsoFine")))
        for each in order:
            found = record(registry, f"{each.distribution}:plugin")
            assert found.state == "set aside"
            assert "It claims the environment" in found.reason
        for name in ("A", "B", "C", "hill", "x"):
            with pytest.raises(UnknownEnvironment):
                registry.environment(name)
        assert registry.environment("alsofine").name == "Fine"


@pytest.mark.parametrize("taken", BUILTIN)
@pytest.mark.parametrize("as_alias", [False, True])
def test_nobody_takes_the_name_of_a_built_in_cloud(
    installed: Installed, taken: str, as_alias: bool
) -> None:
    for spelling in (taken, taken.upper(), taken.lower()):
        names = ("Own", spelling) if as_alias else (spelling, "Own")
        registry = installed.registry(plugin("thief", names))
        assert record(registry, "thief:plugin").state == "set aside"
        assert registry.environment(taken).authority != "https://thief.example"
        with pytest.raises(UnknownEnvironment):
            registry.environment("Own")


def test_an_environment_that_repeats_its_own_name_clashes_with_nobody(
    installed: Installed,
) -> None:
    registry = installed.registry(plugin("one", ("A", "a", "A", "b")))
    assert record(registry, "one:plugin").state == "active"
    assert registry.environment("B").name == "A"


def test_two_environments_of_one_plugin_cannot_share_a_name(installed: Installed) -> None:
    registry = installed.registry(plugin("one", ("A", "x"), ("B", "X")))
    assert record(registry, "one:plugin").state == "set aside"
    assert (
        "two of the kind environment that are called 'x'" in record(registry, "one:plugin").reason
    )


def test_a_configured_alias_of_a_built_in_is_a_fault_and_the_built_in_stays(
    installed: Installed,
) -> None:
    configuration = parse(
        '[environments.Own]\nauthority = "https://own.example"\naliases = ["azureCLOUD"]\n'
        '[environments.Fine]\nauthority = "https://fine.example"\n'
    )
    registry = installed.registry(configuration=configuration)
    with pytest.raises(ConfigurationError, match="takes a built-in's name: azurecloud"):
        registry.environment("Own")
    assert registry.environment("AzureCloud").name == "GlobalCloud"
    assert registry.environment("Fine").name == "Fine"
