"""Registries and dispatchers with these plugins and no others.

Nothing is scanned: what else is installed in the machine of whoever runs a test cannot change what
comes of it. Neither can its environment variables and files.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from grantway.config import Configuration
from grantway.dispatcher import Dispatcher
from grantway.plugins import Plugin
from grantway.registry import Registry

if TYPE_CHECKING:
    from grantway.context import Transport
    from grantway.parts import Clock, Prompter
    from grantway.token_cache import TokenCache

NOTHING = Configuration(environ={})
"""A configuration without files and environment variables."""


def registry_of(*plugins: object) -> Registry:
    """A registry of these plugins alone: modules, objects, or names of modules to import."""
    pairs: list[tuple[Plugin, object]] = []
    for number, plugin in enumerate(plugins, 1):
        module: object = import_module(plugin) if isinstance(plugin, str) else plugin
        name = getattr(module, "__name__", type(module).__name__)
        pairs.append((Plugin(f"test:{name}-{number}", distribution="test"), module))
    return Registry(pairs, NOTHING)


def registry_with(*plugins: object) -> Registry:
    """A registry of the built-in plugins and these; one that is built in is there but once."""
    builtin = Registry.load(NOTHING, third_parties=False)
    known = [each.module for each in builtin.plugins]
    others = [each for each in plugins if not any(each is module for module in known)]
    return Registry.of(*others, configuration=NOTHING) if others else builtin


def dispatcher_of(
    *plugins: object,
    registry: Registry | None = None,
    cache: "TokenCache | None" = None,
    transport: "Transport | None" = None,
    clock: "Clock | None" = None,
    prompter: "Prompter | Literal[False]" = False,
) -> Dispatcher:
    """A dispatcher that has these plugins alone, keeps tokens in memory and reads no settings.

    Args:
        plugins: as `registry_of` takes them.
        registry: in their place.
        cache: as `Dispatcher` takes it; by default one in memory.
        transport: as `Dispatcher` takes it.
        clock: likewise.
        prompter: likewise; nobody is there unless one is given.
    """
    from grantway.cache.memory import MemoryTokenCache

    return Dispatcher(
        registry or registry_of(*plugins),
        cache=cache or MemoryTokenCache(),
        transport=transport,
        clock=clock,
        prompter=prompter,
        config=NOTHING,
    )


def record_of(registry: Registry, plugin: object) -> Plugin:
    """The record of a plugin object or module."""
    return next(each for each in registry.plugins if each.module is plugin)


def others(registry: Registry, plugin: object) -> Iterable[Plugin]:
    """The built-in plugins but for this one."""
    return [each for each in registry.plugins if each.builtin and each.module is not plugin]
