"""Registries and dispatchers with these plugins and no others.

Nothing is scanned: what else is installed in the machine of whoever runs a test cannot change what
comes of it. Neither can its environment variables and files.
"""

from collections.abc import Iterable
from functools import lru_cache
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
        pairs.append((_record(module, number), module))
    return Registry(pairs, NOTHING)


def _record(plugin: object, number: int) -> Plugin:
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return Plugin(f"test:{name}-{number}", distribution="test")


@lru_cache(maxsize=1)
def _builtin() -> tuple[tuple[Plugin, object], ...]:
    """The built-in plugins, found once in the life of the process; records are made anew of it."""
    found = Registry.load(NOTHING, third_parties=False).plugins
    return tuple((each, each.module) for each in found if each.builtin)


def registry_with(*plugins: object) -> Registry:
    """A registry of the built-in plugins and these; one that is built in is there but once."""
    pairs: list[tuple[Plugin, object]] = [
        (Plugin(each.name, each.distribution, each.version, each.target, builtin=True), module)
        for each, module in _builtin()
    ]
    for number, plugin in enumerate(plugins, 1):
        if not any(plugin is module for _, module in pairs):
            pairs.append((_record(plugin, number), plugin))
    return Registry(pairs, NOTHING)


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
