"""What is known of all plugins, the healthy and the broken.

The registry is the only holder of a pluggy `PluginManager`. It loads each entry point of the
group `grantway.plugins` by itself, asks each plugin each hook by itself, and exhausts what comes
back there and then. A plugin that fails in any way is *set aside*: its record says why and what
to do, and nothing else notices. Five things can stop a plugin, checked in this order:

1. it is disabled, which is looked at before it is imported;
2. it does not load, or is no plugin: import error, exit, unknown hook, wrapper;
3. a hook of it raises or returns something of a wrong type;
4. what it declares cannot be: a reserved word, a parameter unlike the one that has its name;
5. it claims a name that is taken. A built-in's claim stands; of the third parties that are left
   then, all that claim the same name are set aside until configuration disables all but one.
   Names are compared without regard to case, and the order of loading decides nothing.

Built-in means: of the distribution `grantway`. Nothing disables a built-in plugin.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar, cast

import pluggy

from grantway import hookspecs
from grantway.candidate import Candidate
from grantway.config import Configuration
from grantway.declarations import is_name
from grantway.document import Document, Keys, Table
from grantway.environment import Environment
from grantway.environments import Environments
from grantway.errors import GrantwayError, PluginError
from grantway.installed import installed
from grantway.offerings import Discovery, TokenCacheFactory, Vault
from grantway.parameters import COMMON, Parameter
from grantway.plugins import (
    Plugin,
    check_declarations,
    contained,
    enabled,
    load,
    recorded,
    settle_claims,
)
from grantway.provider import CredentialProvider
from grantway.suggest import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from grantway.events import Observer

BUILTIN_DISTRIBUTION = "grantway"

# More than any plugin has; a hook that yields without end is stopped here.
_MOST = 10_000

T = TypeVar("T")


class Registry:
    """All plugins and what the active ones offer.

    Make one with `Registry.load()`, which reads the installed entry points, or with
    `Registry.of(...)`, which takes plugin objects beside the built-in ones.

    Attributes:
        plugins: the record of every plugin, in the order of their names.
    """

    def __init__(
        self, plugins: Iterable[tuple[Plugin, object]], configuration: Configuration | None = None
    ) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._hooks = frozenset(
            name for name in vars(hookspecs) if name.startswith(f"{hookspecs.PROJECT}_")
        )
        # Built-ins first, whatever the order of installation, so that their claims stand.
        pairs = sorted(plugins, key=lambda pair: (not pair[0].builtin, pair[0].name))
        self.plugins: tuple[Plugin, ...] = tuple(plugin for plugin, _ in pairs)
        for plugin, module in pairs:
            if plugin.state == "active":
                self._admit(plugin, module)
        settle_claims([plugin for plugin in self.plugins if plugin.state == "active"])
        self._collect(configuration or Configuration())

    @classmethod
    def load(
        cls,
        configuration: Configuration | None = None,
        *,
        third_parties: bool = True,
        manifest: "Path | None" = None,
    ) -> "Registry":
        """Load the installed plugins; with `third_parties=False` the built-in ones only.

        `manifest` is a file to remember in which plugins are installed (see
        `grantway.installed`), as the command line does; by default they are looked for anew.
        """
        configuration = configuration or Configuration()
        pairs: dict[str, tuple[Plugin, object]] = {}
        for entry in installed(hookspecs.ENTRY_POINT_GROUP, manifest):
            plugin = recorded(entry, BUILTIN_DISTRIBUTION)
            # The first on the path wins, as for imports.
            if plugin.name not in pairs:
                may_load = enabled(plugin, configuration, third_parties=third_parties)
                pairs[plugin.name] = (plugin, load(plugin, entry) if may_load else None)
        return cls(pairs.values(), configuration)

    @classmethod
    def of(
        cls,
        *plugins: object,
        configuration: Configuration | None = None,
        names: Sequence[str] = (),
    ) -> "Registry":
        """A registry of the built-in plugins and these plugin objects or modules.

        `names` gives them names; else each is called after its module or type, with a number
        where that would be said twice.
        """
        builtin = cls.load(configuration, third_parties=False)
        pairs: list[tuple[Plugin, object]] = [
            (
                Plugin(each.name, each.distribution, each.version, each.target, builtin=True),
                each.module,
            )
            for each in builtin.plugins
            if each.builtin
        ]
        taken: set[str] = set()
        for number, module in enumerate(plugins):
            own = f"local:{getattr(module, '__name__', type(module).__name__)}"
            wanted = names[number] if number < len(names) else own
            name = wanted if wanted not in taken else f"{wanted}-{number + 1}"
            taken.add(name)
            pairs.append((Plugin(name, distribution=name.partition(":")[0]), module))
        return cls(pairs, configuration)

    def __repr__(self) -> str:
        active = sum(plugin.state == "active" for plugin in self.plugins)
        return f"<Registry of {active} active plugins, {len(self.plugins) - active} others>"

    # What the active plugins offer.

    @property
    def providers(self) -> tuple[CredentialProvider, ...]:
        """Every credential provider."""
        return self._providers

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The parameter sets that selection considers."""
        return self._candidates

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Every environment, those of the configuration last."""
        return self._named.all

    @property
    def faults(self) -> Mapping[str, GrantwayError]:
        """What is wrong with environments that the configuration describes."""
        return self._named.faults

    @property
    def shadowed(self) -> Mapping[str, Environment]:
        """Plugins' environments whose (case-folded) names configured ones have taken."""
        return self._named.shadowed

    @property
    def parameters(self) -> Mapping[str, Parameter[object]]:
        """Every parameter by its name and each of its aliases."""
        return self._parameters

    @property
    def vaults(self) -> Mapping[str, Vault]:
        """Every vault by its scheme."""
        return self._vaults

    @property
    def token_caches(self) -> Mapping[str, TokenCacheFactory]:
        """Every kind of token cache by its name."""
        return self._token_caches

    @property
    def discoveries(self) -> Mapping[str, Discovery]:
        """Every kind of discovery by its name."""
        return self._discoveries

    @property
    def observers(self) -> "tuple[tuple[str, Observer], ...]":
        """Plugin name and function of everybody who observes events."""
        return self._observers

    def environment(self, name: str | None = None) -> Environment:
        """The environment of that name or alias; None: the one for calls that name none.

        Raises:
            UnknownEnvironment: there is none; the nearest names are offered.
        """
        return self._named.named(name)

    def describe(
        self, document: Document, name: str, table: Table, at: Keys | None = None
    ) -> Environment:
        """The environment that a table of configuration would be, with what is known here.

        Raises:
            ConfigurationError: see `grantway.described.environment_from`.
        """
        return self._named.describe(document, name, table, at)

    def plugin_of(self, provider: CredentialProvider) -> Plugin:
        """The plugin that a provider is of."""
        return next(each for each in self.plugins if provider in each.providers)

    def provider_candidates(
        self, provider: str, parameter_set: str | None = None
    ) -> tuple[Candidate, ...]:
        """The parameter sets of one provider, those out of selection among them.

        Raises:
            PluginError: there is no such provider or set; the nearest names are offered.
        """
        mine = [
            each
            for each in self._all_candidates
            if each.provider.name.casefold() == provider.casefold()
        ]
        if not mine:
            names = [each.name for each in self._providers]
            raise PluginError(
                f"There is no credential provider {provider!r}.",
                remedy=did_you_mean(provider, names) or f"There are: {', '.join(names)}.",
                plugin=provider,
            )
        if parameter_set is None:
            return tuple(mine)
        named = [
            each for each in mine if each.parameter_set.name.casefold() == parameter_set.casefold()
        ]
        if not named:
            names = [each.parameter_set.name for each in mine]
            raise PluginError(
                f"The provider {mine[0].provider.name} has no parameter set {parameter_set!r}.",
                remedy=f"It has: {', '.join(names)}.",
                plugin=provider,
            )
        return tuple(named)

    def commands(self) -> "Mapping[str, click.Command]":
        """Further commands of plugins, by name.

        A built-in's stands; of two third parties' with one name neither is there.
        """
        import click

        found: dict[str, list[tuple[Plugin, click.Command]]] = {}
        for plugin in self.plugins:
            if plugin.state != "active":
                continue
            try:
                commands = _call(self._manager, plugin, "grantway_commands", click.Command)
                named = [(_command_name(plugin, command), command) for command in commands]
                for name, command in named:
                    found.setdefault(name, []).append((plugin, command))
            except PluginError as error:
                plugin.set_aside(error.message, error.remedy)
        # Built-ins come first in `plugins`.
        return {
            name: same[0][1] for name, same in found.items() if len(same) == 1 or same[0][0].builtin
        }

    # Loading.

    def _admit(self, plugin: Plugin, module: object) -> None:
        plugin.module = module
        try:
            # What its objects do when they are looked at is their author's affair.
            with contained(plugin, "It cannot be used"):
                plugin.file = str(getattr(module, "__file__", "") or "")
                self._register(plugin, module)
            call = self._manager
            plugin.providers = _call(call, plugin, "grantway_providers", CredentialProvider)
            plugin.environments = _call(call, plugin, "grantway_environments", Environment)
            plugin.token_caches = _call(call, plugin, "grantway_token_caches", TokenCacheFactory)
            plugin.vaults = _call(call, plugin, "grantway_vaults", Vault)
            plugin.discoveries = _call(call, plugin, "grantway_discoveries", Discovery)
            with contained(plugin, "It cannot be used"):
                check_declarations(plugin)
        except PluginError as error:
            plugin.set_aside(error.message, error.remedy)
            # What cannot be relied on is not listed either.
            plugin.providers = plugin.environments = ()
            plugin.token_caches = plugin.vaults = plugin.discoveries = ()

    def _register(self, plugin: Plugin, module: object) -> None:
        hooks = 0
        for name in dir(module):
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
            hooks += 1
        if hooks and inspect.isclass(module):
            raise PluginError(
                "The entry point names a class, and its hooks need an instance of it.",
                remedy="Its author has to name an instance, or a module with the functions.",
            )
        if not hooks:
            raise PluginError(
                "It implements no hook.",
                remedy="Its author has to name a module or object with @grantway.hookimpl "
                "functions as the entry point.",
            )
        try:
            self._manager.register(module, plugin.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            first = str(error).strip().splitlines()
            raise PluginError(f"It is not a plugin: {' '.join(first)[:300]}") from None

    def _collect(self, configuration: Configuration) -> None:
        for plugin in self.plugins:
            registered = self._manager.get_plugin(plugin.name)
            if plugin.state != "active" and registered is not None:
                self._manager.unregister(registered)
        active = [plugin for plugin in self.plugins if plugin.state == "active"]
        self._providers = tuple(each for plugin in active for each in plugin.providers)
        self._vaults = {each.scheme.casefold(): each for plugin in active for each in plugin.vaults}
        self._token_caches = {
            each.name.casefold(): each for plugin in active for each in plugin.token_caches
        }
        self._discoveries = {
            each.name.casefold(): each for plugin in active for each in plugin.discoveries
        }
        self._parameters: dict[str, Parameter[object]] = {}
        for parameter in (
            *COMMON,
            *(p for each in self._providers for s in each.parameter_sets for p in s.own),
        ):
            for name in (parameter.name, *parameter.aliases):
                self._parameters.setdefault(name, parameter)
        self._all_candidates = tuple(
            Candidate(provider, parameter_set, builtin=plugin.builtin)
            for plugin in active
            for provider in plugin.providers
            for parameter_set in provider.parameter_sets
        )
        builtin = [each for each in self._all_candidates if each.builtin]
        self._candidates = tuple(
            each
            for each in self._all_candidates
            if each.builtin or not any(each.shadows(other) for other in builtin)
        )
        self._observers = tuple(
            (implementation.plugin_name, cast("Observer", implementation.function))
            for implementation in self._manager.hook.grantway_event.get_hookimpls()
        )
        self._named = Environments(
            active,
            configuration,
            (each for found in self._discoveries.values() for each in found.protocols),
        )


def _call(manager: pluggy.PluginManager, plugin: Plugin, hook: str, kind: type[T]) -> tuple[T, ...]:
    """Ask one plugin one hook and exhaust the answer.

    Raises:
        PluginError: it raised, or what came back is not as the hook says.
    """
    found: list[T] = []
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin_name != plugin.name:
            continue
        with contained(plugin, f"{hook} failed"):
            answer = cast("Iterable[object]", implementation.function())
            items = list(islice(answer, _MOST + 1))
            if len(items) > _MOST:
                raise PluginError(f"{hook} yields without end.")
            for item in items:
                # By its type, not by what it says its class is.
                if not issubclass(type(item), kind):
                    raise PluginError(
                        f"{hook} returned a {type(item).__name__}, not a {kind.__name__}."
                    )
                found.append(cast("T", item))
    return tuple(found)


def _command_name(plugin: Plugin, command: "click.Command") -> str:
    """The name of a command, once it has shown that help can list it.

    Raises:
        PluginError: it cannot.
    """
    with contained(plugin, "A command of it cannot be used"):
        name: object = command.name
        if not is_name(name):
            raise PluginError("A command of it has no name that can be typed.")
        if type(command.get_short_help_str(80)) is not str:
            raise PluginError(f"The command {name} has no help.")
        return cast("str", name)
