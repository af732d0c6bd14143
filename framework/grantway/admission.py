"""Taking plugins in: each entry point by itself, each hook of it by itself.

Only here there is a pluggy `PluginManager`. A plugin is registered under its own name with the
hooks that it has marked, and nothing else of it; what a hook yields is exhausted there and then.
Whatever goes wrong sets the plugin aside, and nobody else notices.
"""

import inspect
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, TypeVar, cast

import pluggy

from grantway import hookspecs
from grantway.environment import Environment
from grantway.errors import PluginError
from grantway.offerings import Discovery, TokenCacheFactory, Vault
from grantway.plugins import Plugin, check_declarations, contained
from grantway.provider import CredentialProvider
from grantway.suggest import did_you_mean, type_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grantway.events import Observer

# More than any plugin has; a hook that yields without end is stopped here.
_MOST = 10_000

T = TypeVar("T")


class Admission:
    """Plugins by their hooks."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._hooks = frozenset(
            name for name in vars(hookspecs) if name.startswith(f"{hookspecs.PROJECT}_")
        )

    def admit(self, plugin: Plugin, module: object) -> None:
        """Take in one plugin and what it offers, or set it aside with the reason."""
        plugin.module = module
        try:
            # What its objects do when they are looked at is their author's affair.
            with contained(plugin, "It cannot be used"):
                plugin.file = str(getattr(module, "__file__", "") or "")
                self._register(plugin, module)
            plugin.providers = self.ask(plugin, "grantway_providers", CredentialProvider)
            plugin.environments = self.ask(plugin, "grantway_environments", Environment)
            plugin.token_caches = self.ask(plugin, "grantway_token_caches", TokenCacheFactory)
            plugin.vaults = self.ask(plugin, "grantway_vaults", Vault)
            plugin.discoveries = self.ask(plugin, "grantway_discoveries", Discovery)
            # That built-in ones declare what may be is for the tests to see.
            if not plugin.builtin:
                with contained(plugin, "It cannot be used"):
                    check_declarations(plugin)
        except PluginError as error:
            plugin.set_aside(error.message, error.remedy)
            # What cannot be relied on is not listed either.
            plugin.providers = plugin.environments = ()
            plugin.token_caches = plugin.vaults = plugin.discoveries = ()

    def dismiss(self, plugin: Plugin) -> None:
        """Ask a plugin nothing any more, and tell it nothing."""
        registered = self._manager.get_plugin(plugin.name)
        if registered is not None:
            self._manager.unregister(registered)

    def ask(self, plugin: Plugin, hook: str, kind: type[T]) -> tuple[T, ...]:
        """Ask one plugin one hook and exhaust the answer.

        Raises:
            PluginError: it raised, or what came back is not as the hook says.
        """
        found: list[T] = []
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.plugin_name != plugin.name:
                continue
            with contained(plugin, f"{hook} failed"):
                answer = cast("Iterable[object]", implementation.function())
                if inspect.iscoroutine(answer):
                    answer.close()
                    raise PluginError(f"{hook} is async; a hook is a plain function.")
                items = list(islice(answer, _MOST + 1))
                if len(items) > _MOST:
                    raise PluginError(f"{hook} yields without end.")
                for item in items:
                    # By its type, not by what it says its class is.
                    if not issubclass(type(item), kind):
                        raise PluginError(
                            f"{hook} returned a {type_of(item)}, not a {kind.__name__}."
                        )
                    found.append(cast("T", item))
        return tuple(found)

    def observers(self) -> "tuple[tuple[str, Observer], ...]":
        """Plugin name and function of everybody who observes events."""
        return tuple(
            (implementation.plugin_name, cast("Observer", implementation.function))
            for implementation in self._manager.hook.grantway_event.get_hookimpls()
        )

    def _register(self, plugin: Plugin, module: object) -> None:
        marked: dict[str, object] = {}
        for name in dir(module):
            # To look at each name of a module is slow. Built-in ones call theirs what they are.
            if plugin.builtin and name not in self._hooks:
                continue
            options = self._manager.parse_hookimpl_opts(module, name)
            if options is None:
                if name.startswith(f"{hookspecs.PROJECT}_") and inspect.isroutine(
                    getattr(module, name, None)
                ):
                    raise PluginError(
                        f"{name} is not marked as a hook implementation.",
                        remedy="Its author has to put @grantway.hookimpl above it.",
                    )
                continue
            hook = options["specname"] or name
            if hook not in self._hooks:
                raise PluginError(
                    f"{hook} is not a hook of this version. {did_you_mean(hook, self._hooks)}",
                    remedy="Its author has to correct the name; or update grantway.",
                )
            if options["wrapper"] or options["hookwrapper"]:
                raise PluginError(
                    f"{hook} is a hook wrapper; a plugin cannot step between others here."
                )
            marked[name] = getattr(module, name)
        if marked and inspect.isclass(module):
            raise PluginError(
                "The entry point names a class, and its hooks need an instance of it.",
                remedy="Its author has to name an instance, or a module with the functions.",
            )
        if not marked:
            raise PluginError(
                "It implements no hook.",
                remedy="Its author has to name a module or object with @grantway.hookimpl "
                "functions as the entry point.",
            )
        try:
            # The hooks alone, which pluggy would otherwise look for once more.
            self._manager.register(SimpleNamespace(**marked), plugin.name)
            plugin.hooks = tuple(sorted(marked))
        except (pluggy.PluginValidationError, ValueError) as error:
            first = str(error).strip().splitlines()
            raise PluginError(f"It is not a plugin: {' '.join(first)[:300]}") from None
