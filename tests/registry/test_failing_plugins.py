"""A plugin that fails in any way is set aside with its reason, and nothing else notices."""

import itertools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import NoReturn

import pytest

from grantway import (
    CredentialProvider,
    Dispatcher,
    Environment,
    Parameter,
    ParameterSet,
    Registry,
    Vault,
    hookimpl,
)
from grantway.parameters import APPLICATION_ID, text
from registry.support import (
    FakeEntry,
    Installed,
    entry,
    module,
    never,
    provider,
    provides,
    record,
    returning,
)

CLIENT = "11111111-2222-3333-4444-555555555555"


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def load() -> NoReturn:
        raise error

    return load


class Mute(Exception):
    def __str__(self) -> NoReturn:
        raise RuntimeError("not even its text")


def hooked(hook: Callable[..., object], name: str = "grantway_providers") -> ModuleType:
    made = ModuleType("a_plugin")
    setattr(made, name, hookimpl(hook))
    return made


def unmarked() -> ModuleType:
    made = ModuleType("a_plugin")
    made.grantway_providers = returning([])  # type: ignore[attr-defined]
    return made


def wrapper() -> ModuleType:
    @hookimpl(wrapper=True)
    def grantway_providers() -> Iterator[None]:
        return (yield)

    made = ModuleType("a_plugin")
    made.grantway_providers = grantway_providers  # type: ignore[attr-defined]
    return made


def old_wrapper() -> ModuleType:
    @hookimpl(hookwrapper=True)
    def grantway_providers() -> Iterator[None]:
        yield

    made = ModuleType("a_plugin")
    made.grantway_providers = grantway_providers  # type: ignore[attr-defined]
    return made


def failing_later() -> Iterator[CredentialProvider]:
    yield provider("Early")
    raise OSError("the second one failed")


class Touchy:
    """An object that fails when it is looked at."""

    def __dir__(self) -> NoReturn:
        raise RuntimeError("do not look")


class Wrong:
    """An object with a hook that takes what no hook gives."""

    @hookimpl
    def grantway_providers(self, secrets: object) -> list[CredentialProvider]:
        return []


def declaring(*parameters: Parameter[object]) -> ModuleType:
    sets = [ParameterSet("Set", parameters)]
    return module(grantway_providers=[provider("Third", sets=sets)])


def duplicate_sets() -> ModuleType:
    key = Parameter("third_key", text)
    sets = [ParameterSet("One", (key,)), ParameterSet("ONE", (key,))]
    return module(grantway_providers=[provider("Third", sets=sets)])


FAILING: dict[str, tuple[object, str]] = {
    "it cannot be imported": (
        raising(ModuleNotFoundError("No module named 'gone'")),
        "It cannot be imported: ModuleNotFoundError: No module named 'gone'",
    ),
    "its import exits": (raising(SystemExit(3)), "It cannot be imported: SystemExit: 3"),
    "its import has a syntax error": (
        raising(SyntaxError("invalid syntax")),
        "It cannot be imported: SyntaxError: invalid syntax",
    ),
    "its import recurses": (raising(RecursionError()), "It cannot be imported: RecursionError"),
    "its error has no text": (raising(Mute()), "It cannot be imported: Mute"),
    "its error is long": (raising(OSError("x\n" * 9999)), "It cannot be imported: OSError: x x"),
    "it is no plugin": ("a text", "It implements no hook."),
    "it is None": (lambda: None, "It implements no hook."),
    "it has no hook": (module(), "It implements no hook."),
    "it has an unknown hook": (
        hooked(returning([]), "grantway_provider"),
        "grantway_provider is not a hook of this version. Did you mean grantway_providers",
    ),
    "it has an unmarked hook": (
        unmarked(),
        "grantway_providers is not marked as a hook implementation.",
    ),
    "it has a wrapper": (wrapper(), "grantway_providers is a hook wrapper"),
    "it has an old wrapper": (old_wrapper(), "grantway_providers is a hook wrapper"),
    "its hook takes an unknown argument": (Wrong(), "It is not a plugin: "),
    "it fails when it is looked at": (Touchy(), "It cannot be used: RuntimeError: do not look"),
    "its hook raises": (
        hooked(raising(ValueError("no\nluck"))),
        "grantway_providers failed: ValueError: no luck",
    ),
    "its hook exits": (hooked(raising(SystemExit(1))), "grantway_providers failed: SystemExit: 1"),
    "its hook returns another type": (
        hooked(lambda: [object()]),
        "grantway_providers returned a object, not a CredentialProvider.",
    ),
    "its hook returns one thing, not several": (
        hooked(lambda: provider("Alone")),
        "grantway_providers failed: TypeError: 'CredentialProvider' object is not iterable",
    ),
    "its hook returns None": (
        hooked(lambda: None),
        "grantway_providers failed: TypeError: 'NoneType' object is not iterable",
    ),
    "its hook returns an environment among providers": (
        hooked(lambda: [Environment("Hill", authority="https://hill.example")]),
        "grantway_providers returned a Environment, not a CredentialProvider.",
    ),
    "its generator fails later": (
        hooked(failing_later),
        "grantway_providers failed: OSError: the second one failed",
    ),
    "its generator never ends": (
        hooked(lambda: itertools.repeat(provider("Echo"))),
        "grantway_providers yields without end.",
    ),
    "it claims a built-in provider": (
        provides("serviceprincipal", "third_key"),
        "It claims the provider 'serviceprincipal', as does grantway:grants.",
    ),
    "it claims a built-in environment": (
        module(grantway_environments=[Environment("GLOBALCLOUD", authority="https://a.example")]),
        "It claims the environment 'globalcloud', as does grantway:clouds.",
    ),
    "it claims an alias of a built-in environment": (
        module(
            grantway_environments=[
                Environment("Hill", authority="https://a.example", aliases=("AzureCloud",))
            ]
        ),
        "It claims the environment 'azurecloud', as does grantway:clouds.",
    ),
    "it claims a built-in vault": (
        module(grantway_vaults=[Vault("ENV", never)]),
        "It claims the vault 'env', as does grantway:vaults.",
    ),
    "it declares a built-in parameter differently": (
        declaring(Parameter("tenant_id", str.upper)),  # type: ignore[arg-type]
        "It claims the parameter 'tenant_id', as does grantway:grants.",
    ),
    "it calls a parameter like a built-in alias": (
        declaring(Parameter("client_id", text)),
        "It claims the parameter 'client_id', as does grantway:grants.",
    ),
    "it declares a common parameter differently": (
        declaring(Parameter("resource", text)),
        "It claims the parameter 'resource', as does grantway.",
    ),
    "it uses a reserved word": (
        declaring(Parameter("timeout", text)),
        "The parameter 'timeout' of Third is a reserved word.",
    ),
    "it uses a reserved word as an alias": (
        declaring(Parameter("third_key", text, aliases=("provider",))),
        "The parameter 'provider' of Third is a reserved word.",
    ),
    "its parameter is no lower case words": (
        declaring(Parameter("thirdKey", text)),
        "The parameter 'thirdKey' of Third is not of the form lower_case_words.",
    ),
    "it declares one name twice": (
        declaring(Parameter("third_key", text), Parameter("third_key", text, env="X")),
        "The provider Third declares 'third_key' twice.",
    ),
    "it requires rivals": (
        declaring(
            Parameter("third_one", text, excludes=("third_two",)), Parameter("third_two", text)
        ),
        "The parameter set Set of Third requires parameters that exclude each other.",
    ),
    "it names two sets alike": (
        duplicate_sets(),
        "The provider Third names two parameter sets alike.",
    ),
    "its provider has no set": (
        module(grantway_providers=[CredentialProvider("Third", (), never)]),
        "The provider Third has no parameter set.",
    ),
    "its provider has no name": (
        module(grantway_providers=[provider(" ", "third_key")]),
        "CredentialProvider: name is not a name of letters",
    ),
    "its provider has no function": (
        module(
            grantway_providers=[CredentialProvider("Third", (ParameterSet("Set"),), "soon")]  # type: ignore[arg-type]
        ),
        "CredentialProvider Third: authenticate is not a function.",
    ),
    "its set holds no parameters": (
        module(grantway_providers=[provider("Third", sets=[ParameterSet("Set", ("key",))])]),  # type: ignore[arg-type]
        "ParameterSet Set: required is not a tuple, each of it a Parameter.",
    ),
    "its vault's scheme cannot be": (
        module(grantway_vaults=[Vault("a vault", never)]),
        "'a vault' cannot be the scheme of a vault.",
    ),
    "it claims to be the default environment": (
        module(
            grantway_environments=[Environment("Hill", authority="https://a.example", default=True)]
        ),
        "It declares a default environment, which only a built-in one can be.",
    ),
}


@pytest.mark.parametrize(("plugin", "reason"), list(FAILING.values()), ids=list(FAILING))
def test_a_failing_plugin_is_set_aside_and_nothing_else_notices(
    installed: Installed, plugin: object, reason: str
) -> None:
    alone = installed.registry(entry("good", provides("Good")))
    registry = installed.registry(entry("bad", plugin), entry("good", provides("Good")))
    bad = record(registry, "bad:plugin")
    assert bad.state == "set aside"
    assert bad.reason.startswith(reason)
    assert bad.remedy
    assert len(bad.reason) < 600
    assert "\n" not in bad.reason
    assert record(registry, "good:plugin").state == "active"
    assert sum(each.state == "active" for each in registry.plugins) == len(alone.plugins)
    names = [each.name for each in alone.providers]
    assert [each.name for each in registry.providers] == names
    assert registry.parameters.keys() == alone.parameters.keys()
    assert registry.vaults.keys() == alone.vaults.keys()
    assert [each.name for each in registry.environments] == [
        each.name for each in alone.environments
    ]
    with Dispatcher(registry, prompter=False) as dispatcher:
        assert dispatcher.explain(application_id=CLIENT).provider == "User"
        assert dispatcher.explain(good_key="x").provider == "Good/Set".partition("/")[0]


def test_an_interrupt_while_a_plugin_is_imported_passes_through(installed: Installed) -> None:
    with pytest.raises(KeyboardInterrupt):
        installed.registry(entry("bad", raising(KeyboardInterrupt())))


def test_an_interrupt_in_a_hook_passes_through(installed: Installed) -> None:
    with pytest.raises(KeyboardInterrupt):
        installed.registry(entry("bad", hooked(raising(KeyboardInterrupt()))))


def test_a_plugin_may_use_the_built_in_parameters_as_they_are(installed: Installed) -> None:
    key = Parameter("third_key", text)
    sets = [ParameterSet("Set", (APPLICATION_ID, key))]
    plugin = module(grantway_providers=[provider("Third", sets=sets)])
    registry = installed.registry(entry("third", plugin))
    assert record(registry, "third:plugin").state == "active"


class Odd:
    """A distribution of a finder of its own, whose metadata cannot be read."""

    version = "1.0"

    def __init__(self, *entries: FakeEntry) -> None:
        self._entries = entries

    @property
    def name(self) -> NoReturn:
        raise KeyError("Name")

    @property
    def entry_points(self) -> tuple[FakeEntry, ...]:
        if not self._entries:
            raise KeyError("entries")
        return self._entries


def test_metadata_that_cannot_be_read_is_of_an_unknown_distribution(installed: Installed) -> None:
    one, other = entry("", provides("One")), entry("", provides("Two"), "other")
    registry = installed.registry(Odd(one), Odd(other))
    assert record(registry, "unknown:plugin").state == "active"
    assert record(registry, "unknown:other").state == "active"
    assert not record(registry, "unknown:plugin").builtin


def test_entry_points_that_cannot_be_read_set_their_distribution_aside(
    installed: Installed,
) -> None:
    registry = installed.registry(Odd(), entry("fine", provides("Fine")))
    found = record(registry, "unknown")
    assert found.state == "set aside"
    assert found.reason == "Its entry points cannot be read (KeyError)"
    assert found.remedy == "Reinstall unknown, or uninstall it."
    assert record(registry, "fine:plugin").state == "active"


def test_a_hook_that_is_async_is_told_as_that(installed: Installed) -> None:
    plugin = ModuleType("a_plugin")

    async def later() -> list[object]:
        raise AssertionError("nobody waits for it")

    plugin.grantway_providers = hookimpl(later)  # type: ignore[attr-defined]  # a module's hook
    registry = installed.registry(entry("mine", plugin))
    assert record(registry, "mine:plugin").reason == (
        "grantway_providers is async; a hook is a plain function."
    )


def test_two_entry_points_of_one_name_are_both_listed(installed: Installed) -> None:
    registry = installed.registry(entry("mine", provides("One")), entry("mine", provides("Two")))
    assert record(registry, "mine:plugin").state == "active"
    second = record(registry, "mine:plugin'")
    assert (second.state, second.distribution) == ("set aside", "mine")
    assert "another entry point that is called plugin" in second.reason


class Shy(type):
    """A type whose name is not to be had."""

    @property
    def __name__(cls) -> NoReturn:
        raise SystemExit(0)


class ShyError(Exception, metaclass=Shy):
    """Raised by a plugin that wants to go unnoticed."""


def test_an_error_whose_type_does_not_say_its_name_is_told_all_the_same(
    installed: Installed,
) -> None:
    registry = installed.registry(
        entry("at-import", raising(ShyError())),
        entry("in-hook", module(grantway_providers=Shy("Odd", (), {})())),
        entry("gone", raising(GeneratorExit())),
    )
    assert "ShyError" in record(registry, "at-import:plugin").reason
    assert record(registry, "in-hook:plugin").state == "set aside"
    assert "GeneratorExit" in record(registry, "gone:plugin").reason


def test_one_object_under_two_names_is_registered_once(installed: Installed) -> None:
    plugin = provides("Third")
    registry = installed.registry(entry("one", plugin), entry("two", plugin))
    assert sorted(each.state for each in registry.plugins if not each.builtin) == [
        "active",
        "set aside",
    ]


def test_the_first_of_two_entry_points_of_one_name_is_taken(installed: Installed) -> None:
    registry = installed.registry(entry("one", provides("First")), entry("one", provides("Last")))
    assert "First" in [each.name for each in registry.providers]
    assert "Last" not in [each.name for each in registry.providers]


def test_every_plugin_broken_leaves_the_built_ins_at_work(installed: Installed) -> None:
    entries = [entry(f"bad{n}", plugin) for n, (plugin, _) in enumerate(FAILING.values())]
    registry = installed.registry(*entries)
    others = [each for each in registry.plugins if not each.builtin]
    assert {each.state for each in others} == {"set aside"}
    assert all(each.as_dict()["reason"] for each in others)
    assert {each.state for each in registry.plugins if each.builtin} == {"active"}
    assert isinstance(registry, Registry)
