"""Whatever two third parties both define, in whatever order they come: both are named, alike."""

import itertools
from collections.abc import Callable

import pytest

from grantway import (
    Configuration,
    Discovery,
    Dispatcher,
    Environment,
    Parameter,
    ParameterSet,
    TokenCacheFactory,
    Vault,
)
from grantway.errors import AmbiguousParameters
from grantway.parameters import text, words
from registry.support import Installed, entry, module, never, provider, record


def hill(name: str, *aliases: str) -> object:
    return module(
        grantway_environments=[Environment(name, authority="https://hill.example", aliases=aliases)]
    )


def taking(name: str, parameter: Parameter[object]) -> object:
    own = ParameterSet("Set", (parameter,))
    return module(grantway_providers=[provider(name, sets=[own])])


# Each makes plugins that define one thing: its number has to change nothing but what is beside it.
PAIRINGS: dict[str, tuple[Callable[[int], object], str]] = {
    "provider": (
        lambda n: module(grantway_providers=[provider("SAME" if n else "Same", f"key_{n}")]),
        "provider 'same'",
    ),
    "name of an environment": (lambda n: hill("Same"), "environment 'same'"),
    "alias of an environment": (lambda n: hill(f"Hill{n}", "SAME"), "environment 'same'"),
    "name and alias": (
        lambda n: hill(f"Hill{n}", "Same") if n % 2 else hill("SAME"),
        "environment 'same'",
    ),
    "vault": (lambda n: module(grantway_vaults=[Vault("same", never)]), "vault 'same'"),
    "token cache": (
        lambda n: module(grantway_token_caches=[TokenCacheFactory("same", never)]),
        "token cache 'same'",
    ),
    "discovery": (
        lambda n: module(grantway_discoveries=[Discovery("same", never)]),
        "discovery 'same'",
    ),
    "parameter of another type": (
        lambda n: taking(f"P{n}", Parameter("same_key", text, default=str(n))),
        "parameter 'same_key'",
    ),
    "alias of a parameter": (
        lambda n: taking(f"P{n}", Parameter(f"key_{n}", text, aliases=("same_key",))),
        "parameter 'same_key'",
    ),
    "environment variable": (
        lambda n: taking(f"P{n}", Parameter(f"key_{n}", words, env="SAME_KEY")),
        "environment variable SAME_KEY",
    ),
}


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(("make", "what"), list(PAIRINGS.values()), ids=list(PAIRINGS))
def test_all_who_define_the_same_are_named_in_every_order(
    installed: Installed, make: Callable[[int], object], what: str, count: int
) -> None:
    names = [f"third{number}" for number in range(count)]
    pairs = [(name, make(number)) for number, name in enumerate(names)]
    outcomes: list[object] = []
    for order in itertools.permutations(pairs):
        registry = installed.registry(*(entry(name, made) for name, made in order))
        told = [
            (each.name, each.state, each.reason, each.remedy)
            for each in registry.plugins
            if not each.builtin
        ]
        outcomes.append((told, [each.label for each in registry.candidates]))
    assert all(each == outcomes[0] for each in outcomes)
    registry = installed.registry(*(entry(name, made) for name, made in pairs))
    for name in names:
        found = record(registry, f"{name}:plugin")
        others = " and ".join(f"{other}:plugin" for other in names if other != name)
        assert found.state == "set aside"
        assert found.reason == f"It claims the {what}, as does {others}."


def test_rival_parameter_sets_are_ambiguous_alike_in_every_order(installed: Installed) -> None:
    key = Parameter("same_key", text)
    pairs = [(f"third{n}", taking(f"P{n}", key)) for n in range(3)]
    told: set[str] = set()
    for order in itertools.permutations(pairs):
        registry = installed.registry(*(entry(name, made) for name, made in order))
        with Dispatcher(registry, prompter=False, config=Configuration(environ={})) as dispatcher:
            with pytest.raises(AmbiguousParameters) as caught:
                dispatcher.acquire(same_key="x")  # type: ignore[call-overload]
        assert all(f"P{n}" in str(caught.value) for n in range(3))
        told.add(str(caught.value))
    assert len(told) == 1
