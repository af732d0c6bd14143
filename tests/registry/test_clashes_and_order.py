"""Who claims what: built-ins stand, third parties give way together, order decides nothing."""

import itertools
import logging
from collections.abc import Callable
from typing import NoReturn

import click
import pytest

from grantway import (
    Configuration,
    Dispatcher,
    Environment,
    Event,
    Parameter,
    ParameterSet,
    Registry,
    Secret,
    TokenCacheFactory,
    Vault,
    hookimpl,
)
from grantway.errors import UnknownEnvironment
from grantway.events import emit
from grantway.parameters import text
from grantway.plugins import Plugin
from registry.support import FakeEntry, Installed, entry, module, never, provider, provides, record


def hill(name: str = "Hill", *aliases: str) -> Environment:
    return Environment(name, authority="https://hill.example", aliases=aliases)


CLASHES: dict[str, tuple[Callable[[], object], Callable[[], object], str]] = {
    "provider": (
        lambda: provides("Same", "one_key"),
        lambda: provides("SAME", "two_key"),
        "It claims the provider 'same', as does ",
    ),
    "environment": (
        lambda: module(grantway_environments=[hill()]),
        lambda: module(grantway_environments=[hill("Other", "hill")]),
        "It claims the environment 'hill', as does ",
    ),
    "vault": (
        lambda: module(grantway_vaults=[Vault("box", never)]),
        lambda: module(grantway_vaults=[Vault("Box", never)]),
        "It claims the vault 'box', as does ",
    ),
    "token cache": (
        lambda: module(grantway_token_caches=[TokenCacheFactory("box", never)]),
        lambda: module(grantway_token_caches=[TokenCacheFactory("BOX", never)]),
        "It claims the token cache 'box', as does ",
    ),
    "parameter": (
        lambda: provides("One", "shared_key"),
        lambda: module(
            grantway_providers=[
                provider(
                    "Two", sets=[ParameterSet("Set", (Parameter("shared_key", text, env="X"),))]
                )
            ]
        ),
        "It claims the parameter 'shared_key', as does ",
    ),
}


@pytest.mark.parametrize(("one", "two", "reason"), list(CLASHES.values()), ids=list(CLASHES))
def test_two_third_parties_that_clash_are_both_set_aside_until_one_is_disabled(
    installed: Installed, one: Callable[[], object], two: Callable[[], object], reason: str
) -> None:
    registry = installed.registry(entry("one", one), entry("two", two))
    assert record(registry, "one:plugin").reason == f"{reason}two:plugin."
    assert record(registry, "two:plugin").reason == f"{reason}one:plugin."
    assert "GRANTWAY_DISABLE_PLUGINS" in record(registry, "two:plugin").remedy
    registry = installed.registry(
        entry("one", one),
        entry("two", two),
        configuration=Configuration(environ={"GRANTWAY_DISABLE_PLUGINS": "two"}),
    )
    assert record(registry, "one:plugin").state == "active"
    assert record(registry, "two:plugin").state == "disabled"


def test_two_that_declare_a_parameter_alike_share_it(installed: Installed) -> None:
    registry = installed.registry(
        entry("one", provides("One", "shared_key")), entry("two", provides("Two", "shared_key"))
    )
    assert {each.state for each in registry.plugins} == {"active"}


def test_who_lost_against_a_built_in_takes_no_other_with_it(installed: Installed) -> None:
    greedy = module(
        grantway_environments=[hill()], grantway_providers=[provider("User", "greedy_key")]
    )
    registry = installed.registry(
        entry("greedy", greedy), entry("modest", module(grantway_environments=[hill()]))
    )
    assert record(registry, "greedy:plugin").reason.startswith("It claims the provider 'user'")
    assert record(registry, "modest:plugin").state == "active"
    assert registry.environment("hill").name == "Hill"


def test_the_order_of_loading_decides_nothing(installed: Installed) -> None:
    entries = [
        entry("bad", lambda: 1 / 0),
        entry("one", provides("Same", "one_key")),
        entry("two", provides("Same", "two_key")),
        entry("good", provides("Good")),
        entry("late", module(grantway_environments=[hill()])),
    ]
    outcomes: list[object] = []
    for order in itertools.permutations(entries):
        registry = installed.registry(*order)
        outcomes.append(
            (
                [(each.name, each.state, each.reason) for each in registry.plugins],
                [each.label for each in registry.candidates],
                [each.name for each in registry.environments],
                list(registry.parameters),
                list(registry.vaults),
            )
        )
    assert all(each == outcomes[0] for each in outcomes)


def test_a_third_partys_set_that_shadows_a_built_in_is_reached_by_name_only(
    installed: Installed,
) -> None:
    from grantway.parameters import CREDENTIAL, TENANT_ID

    sets = [
        ParameterSet("Greedy", (CREDENTIAL,), optional=(TENANT_ID,)),
        ParameterSet("Own", (Parameter("third_key", text),), optional=(CREDENTIAL, TENANT_ID)),
    ]
    plugin = module(grantway_providers=[provider("Third", sets=sets)])
    registry = installed.registry(entry("third", plugin))
    assert "Third/Greedy" not in [each.label for each in registry.candidates]
    assert "Third/Own" in [each.label for each in registry.candidates]
    credential = ("11111111-2222-3333-4444-555555555555", "a secret")
    with Dispatcher(registry, prompter=False, config=Configuration(environ={})) as dispatcher:
        assert dispatcher.explain(credential=credential, tenant_id="a.example").provider == (
            "ServicePrincipal"
        )
        assert dispatcher.explain(credential=credential).problem is not None
        plan = dispatcher.explain(provider="third", parameter_set="greedy", credential=credential)
        assert (plan.provider, plan.parameter_set) == ("Third", "Greedy")


# Allowed, denied, switched off: before anything is imported.

SWITCHES: dict[str, tuple[Configuration, bool, str]] = {
    "an allow-list without it": (
        Configuration(environ={"GRANTWAY_PLUGINS": "another, third"}),
        True,
        "It is not in GRANTWAY_PLUGINS.",
    ),
    "an empty allow-list": (
        Configuration(environ={"GRANTWAY_PLUGINS": ""}),
        True,
        "It is not in GRANTWAY_PLUGINS.",
    ),
    "a deny-list with its distribution": (
        Configuration(environ={"GRANTWAY_DISABLE_PLUGINS": "x,my-plugins"}),
        True,
        "It is in GRANTWAY_DISABLE_PLUGINS.",
    ),
    "a deny-list with its full name": (
        Configuration(environ={"GRANTWAY_DISABLE_PLUGINS": "my-plugins:plugin"}),
        True,
        "It is in GRANTWAY_DISABLE_PLUGINS.",
    ),
    "a deny-list with another spelling of it": (
        Configuration(environ={"GRANTWAY_DISABLE_PLUGINS": "My_Plugins"}),
        True,
        "It is in GRANTWAY_DISABLE_PLUGINS.",
    ),
    "a configured allow-list without it": (
        Configuration(environ={}, enable=("another",)),
        True,
        "It is not in plugins.enable of the configuration.",
    ),
    "an empty configured allow-list": (
        Configuration(environ={}, enable=()),
        True,
        "It is not in plugins.enable of the configuration.",
    ),
    "a configured deny-list": (
        Configuration(environ={}, disable=("My.Plugins",)),
        True,
        "It is in plugins.disable of the configuration.",
    ),
    "no third parties at all": (
        Configuration(environ={"GRANTWAY_PLUGINS": "my-plugins"}),
        False,
        "Plugins of third parties were switched off.",
    ),
}


@pytest.mark.parametrize(
    ("configuration", "third_parties", "reason"), list(SWITCHES.values()), ids=list(SWITCHES)
)
def test_a_plugin_that_is_switched_off_is_not_imported(
    installed: Installed, configuration: Configuration, third_parties: bool, reason: str
) -> None:
    plugin = entry("my-plugins", provides("Mine"))
    registry = installed.registry(plugin, configuration=configuration, third_parties=third_parties)
    found = record(registry, "my-plugins:plugin")
    assert (found.state, found.reason, plugin.loads) == ("disabled", reason, 0)
    assert {each.state for each in registry.plugins if each.builtin} == {"active"}


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(environ={}),
        Configuration(environ={"GRANTWAY_PLUGINS": " MY_plugins "}),
        Configuration(environ={"GRANTWAY_PLUGINS": "my-plugins:plugin"}),
        Configuration(environ={"GRANTWAY_DISABLE_PLUGINS": ""}),
        Configuration(environ={}, enable=("my-plugins",)),
    ],
)
def test_a_plugin_that_is_allowed_is_imported_once(
    installed: Installed, configuration: Configuration
) -> None:
    plugin = entry("my-plugins", provides("Mine"))
    registry = installed.registry(plugin, configuration=configuration)
    assert record(registry, "my-plugins:plugin").state == "active"
    assert plugin.loads == 1


def test_nothing_disables_a_built_in(installed: Installed) -> None:
    names = ",".join(
        ["grantway", *(f"grantway:{each.name}" for each in installed.builtin.entry_points)]
    )
    registry = installed.registry(
        configuration=Configuration(
            environ={"GRANTWAY_DISABLE_PLUGINS": names, "GRANTWAY_PLUGINS": ""},
            disable=("grantway",),
            enable=(),
        )
    )
    assert {each.state for each in registry.plugins} == {"active"}


def test_a_name_that_only_resembles_the_built_in_distribution_is_a_third_party(
    installed: Installed,
) -> None:
    registry = installed.registry(entry("grantway-extra", provides("Extra")))
    assert not record(registry, "grantway-extra:plugin").builtin


# Observers and commands.


def test_an_observer_that_raises_is_not_felt(
    installed: Installed, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Event] = []

    class Failing:
        @hookimpl
        def grantway_event(self, event: Event) -> NoReturn:
            raise RuntimeError("with a secret in it")

    class Watching:
        @hookimpl
        def grantway_event(self, event: Event) -> None:
            seen.append(event)

    registry = installed.registry(entry("failing", Failing()), entry("watching", Watching()))
    with caplog.at_level(logging.WARNING):
        emit(registry.observers, 0.0, "token.acquired", provider="Third")
    assert [each.name for each in seen] == ["token.acquired"]
    assert "failing:plugin" in caplog.text
    assert "with a secret in it" not in caplog.text


def test_an_observer_of_a_plugin_that_was_set_aside_hears_nothing(installed: Installed) -> None:
    class Claiming:
        @hookimpl
        def grantway_environments(self) -> list[Environment]:
            return [hill("GlobalCloud")]

        @hookimpl
        def grantway_event(self, event: Event) -> NoReturn:
            raise AssertionError("it was told")

    registry = installed.registry(entry("claiming", Claiming()))
    assert [name for name, _ in registry.observers] == []


def command(name: str) -> object:
    return module(grantway_commands=[click.Command(name)])


def test_commands_are_asked_for_when_they_are_needed(installed: Installed) -> None:
    registry = installed.registry(entry("one", command("mine")))
    assert "mine" in registry.commands()


def test_a_built_in_command_stands_and_of_two_others_neither_is_there(
    installed: Installed,
) -> None:
    alone = installed.registry().commands()
    builtin = next(iter(alone))
    registry = installed.registry(
        entry("one", command("same")), entry("two", command("same")), entry("a", command(builtin))
    )
    found = registry.commands()
    assert found.keys() == alone.keys()
    assert found[builtin] is alone[builtin]


def test_a_plugin_whose_commands_fail_is_set_aside_then(installed: Installed) -> None:
    class Failing:
        @hookimpl
        def grantway_commands(self) -> NoReturn:
            raise RuntimeError("no command")

    registry = installed.registry(entry("bad", Failing()), entry("one", command("mine")))
    assert "mine" in registry.commands()
    bad = record(registry, "bad:plugin")
    assert (bad.state, bad.reason) == (
        "set aside",
        "grantway_commands failed: RuntimeError: no command",
    )


# A registry of objects.


def test_a_registry_of_objects_has_the_built_ins_too() -> None:
    registry = Registry.of(provides("Mine"))
    assert record(registry, "local:a_plugin").state == "active"
    assert {"User", "Mine"} <= {each.name for each in registry.providers}


def test_objects_of_one_type_are_told_apart() -> None:
    registry = Registry.of(provides("One"), provides("Two"), names=("mine:first",))
    assert record(registry, "mine:first").distribution == "mine"
    registry = Registry.of(provides("One"), provides("Two"))
    assert {"One", "Two"} <= {each.name for each in registry.providers}


def test_a_registry_of_objects_ignores_what_is_installed(installed: Installed) -> None:
    plugin: FakeEntry = entry("installed", provides("Other"))
    installed.registry(plugin)
    loads = plugin.loads
    registry = Registry.of(provides("Mine"))
    assert plugin.loads == loads
    assert "Other" not in [each.name for each in registry.providers]


def test_a_registry_shows_how_many_plugins_there_are() -> None:
    registry = Registry.of(provides("Mine"), module())
    builtin = sum(each.builtin for each in registry.plugins)
    assert repr(registry) == f"<Registry of {builtin + 1} active plugins, 1 others>"


def test_the_default_environment_is_a_built_in_one() -> None:
    registry = Registry.of()
    assert registry.environment().default
    with pytest.raises(UnknownEnvironment):
        registry.environment("nowhere")


def test_records_are_json_ready() -> None:
    import json

    registry = Registry.of(provides("Mine"), module(grantway_environments=[hill()]))
    assert json.loads(json.dumps([each.as_dict() for each in registry.plugins]))


def test_a_built_in_that_is_set_aside_hides_no_plugin_of_others() -> None:
    other = module(grantway_vaults=[Vault("locker", lambda _, __: Secret("a secret"))])
    broken = Plugin("grantway:broken", builtin=True, state="set aside", reason="It is broken.")
    registry = Registry([(broken, None), (Plugin("other:plugin"), other)])
    assert [each.state for each in registry.plugins] == ["set aside", "active"]
    assert "locker" in registry.vaults
