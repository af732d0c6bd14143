"""What is known of all plugins, the healthy and the broken.

The registry loads each entry point of the group `grantway.plugins` by itself and has it taken in
(`grantway.admission`). A plugin that fails in any way is *set aside*: its record says why and what
to do, and nothing else notices. Five things can stop a plugin, checked in this order:

1. it is disabled, which is looked at before it is imported;
2. it does not load, or is no plugin: import error, exit, unknown hook, wrapper;
3. a hook of it raises or returns something of a wrong type;
4. what it declares cannot be: a reserved word, a parameter unlike the one that has its name;
5. it claims a name that is taken. A built-in's claim stands; of the third parties that are left
   then, all that claim the same name are set aside until configuration disables all but one.
   Names are compared without regard to case, and the order of loading decides nothing.

Built-in means: of the distribution `grantway`. Nothing disables a built-in plugin.

What the built-in plugins settle, no third party changes: neither what a name of theirs means nor
which parameter set a call selects that they have one for. So they are loaded first, and the others
where that is not enough. The command line, whose processes are short, leaves it at that for most of
its calls; nothing has to be remembered of the others for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, cast

import attrs

from grantway import hookspecs
from grantway.admission import Admission
from grantway.candidate import Candidate
from grantway.catalogue import BuiltinFirst, Catalogue
from grantway.commands import COMMANDS
from grantway.config import Configuration
from grantway.document import Document, Keys, Table
from grantway.environment import Environment
from grantway.errors import GrantwayError, PluginError
from grantway.installed import Installed, installed
from grantway.offerings import Discovery, TokenCacheFactory, Vault
from grantway.parameters import Parameter
from grantway.plugins import (
    Plugin,
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


class Registry:
    """All plugins and what the active ones offer.

    Make one with `Registry.load()`, which reads the installed entry points, or with
    `Registry.of(...)`, which takes plugin objects beside the built-in ones.

    Attributes:
        builtin: what the built-in plugins alone offer.
    """

    def __init__(
        self,
        plugins: Iterable[tuple[Plugin, object]],
        configuration: Configuration | None = None,
        *,
        waiting: Iterable[tuple[Plugin, Installed]] = (),
    ) -> None:
        self._admission = Admission()
        self._configuration = configuration or Configuration()
        pairs = [*plugins]
        self._others = [(plugin, module) for plugin, module in pairs if not plugin.builtin]
        self._waiting = tuple(waiting)
        builtin = sorted((pair for pair in pairs if pair[0].builtin), key=lambda pair: pair[0].name)
        for plugin, module in builtin:
            if plugin.state == "active":
                self._admission.admit(plugin, module)
        self._builtin_plugins = tuple(plugin for plugin, _ in builtin)
        #: What the built-in plugins offer, and the user's file describes. A project's file takes
        #: no name that anybody has, so what it describes is known only when all is.
        self.builtin = Catalogue(
            [each for each in self._builtin_plugins if each.state == "active"],
            attrs.evolve(self._configuration, project=None),
        )
        self._all: tuple[tuple[Plugin, ...], Catalogue] | None = None
        # Who is not the first to need what waits, waits too.
        self._loading = RLock()
        if not self._waiting:
            self._load_all()

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
        `grantway.installed`), as the command line does; by default they are looked for anew. With
        one, third parties' plugins are imported when something is asked for that the built-in
        ones do not settle, and not before.
        """
        configuration = configuration or Configuration()
        pairs: dict[str, tuple[Plugin, object]] = {}
        waiting: dict[str, tuple[Plugin, Installed]] = {}
        for entry in installed(hookspecs.ENTRY_POINT_GROUP, manifest):
            plugin = recorded(entry, BUILTIN_DISTRIBUTION)
            may_load = enabled(plugin, configuration, third_parties=third_parties)
            fault = entry.fault
            while plugin.name in pairs or plugin.name in waiting:
                fault = f"Its distribution has another entry point that is called {entry.name}."
                plugin.name += "'"
            if may_load and fault:
                plugin.set_aside(fault, f"Reinstall {plugin.distribution}, or uninstall it.")
                may_load = False
            if may_load and manifest is not None and not plugin.builtin:
                waiting[plugin.name] = (plugin, entry)
            else:
                pairs[plugin.name] = (plugin, load(plugin, entry) if may_load else None)
        return cls(pairs.values(), configuration, waiting=waiting.values())

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
        if self._all is None:
            return f"<Registry, of whose plugins {len(self._waiting)} are not loaded>"
        active = sum(plugin.state == "active" for plugin in self.plugins)
        return f"<Registry of {active} active plugins, {len(self.plugins) - active} others>"

    # What the active plugins offer.

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """The record of every plugin, built-in ones first."""
        return self._load_all()[0]

    @property
    def providers(self) -> tuple[CredentialProvider, ...]:
        """Every credential provider."""
        return self._every.providers

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The parameter sets that selection considers."""
        return self._every.candidates

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Every environment, those of the configuration last."""
        return self._every.environments.all

    @property
    def faults(self) -> Mapping[str, GrantwayError]:
        """What is wrong with environments that the configuration describes."""
        return self._every.environments.faults

    @property
    def shadowed(self) -> Mapping[str, Environment]:
        """Plugins' environments whose (case-folded) names configured ones have taken."""
        return self._every.environments.shadowed

    @property
    def parameters(self) -> Mapping[str, Parameter[object]]:
        """Every parameter by its name and each of its aliases."""
        return BuiltinFirst(self.builtin.parameters, lambda: self._every.parameters)

    @property
    def vaults(self) -> Mapping[str, Vault]:
        """Every vault by its scheme."""
        return BuiltinFirst(self.builtin.vaults, lambda: self._every.vaults)

    @property
    def token_caches(self) -> Mapping[str, TokenCacheFactory]:
        """Every kind of token cache by its name."""
        return BuiltinFirst(self.builtin.token_caches, lambda: self._every.token_caches)

    @property
    def discoveries(self) -> Mapping[str, Discovery]:
        """Every kind of discovery by its name."""
        return BuiltinFirst(self.builtin.discoveries, lambda: self._every.discoveries)

    @property
    def observers(self) -> "tuple[tuple[str, Observer], ...]":
        """Plugin name and function of everybody who observes events."""
        self._load_all()
        return self._admission.observers()

    @property
    def has_others(self) -> bool:
        """Whether code of a third party has been run."""
        loaded = self._all[0] if self._all else ()
        return any(not each.builtin and each.state != "disabled" for each in loaded)

    def environment(self, name: str | None = None) -> Environment:
        """The environment of that name or alias; None: the one for calls that name none.

        Raises:
            UnknownEnvironment: there is none; the nearest names are offered.
        """
        with suppress(GrantwayError):
            return self.builtin.environments.named(name)
        return self._every.environments.named(name)

    def describe(
        self, document: Document, name: str, table: Table, at: Keys | None = None
    ) -> Environment:
        """The environment that a table of configuration would be, with what is known here.

        Raises:
            ConfigurationError: see `grantway.described.environment_from`.
        """
        return self._every.environments.describe(document, name, table, at)

    def plugin_of(self, provider: CredentialProvider) -> Plugin:
        """The plugin that a provider is of."""
        ours = (each for each in self._builtin_plugins if provider in each.providers)
        found = next(ours, None)
        return found or next(each for each in self.plugins if provider in each.providers)

    def provider_candidates(
        self, provider: str, parameter_set: str | None = None
    ) -> tuple[Candidate, ...]:
        """The parameter sets of one provider, those out of selection among them.

        Raises:
            PluginError: there is no such provider or set; the nearest names are offered.
        """
        mine = self.builtin.candidates_of(provider) or self._every.candidates_of(provider)
        if not mine:
            raise self._missing(provider)
        if parameter_set is None:
            return mine
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

    def _missing(self, provider: str) -> PluginError:
        """The error for a provider that is not in use: why it is set aside, else what there is."""
        for plugin in self.plugins:
            names = {each.name.casefold() for each in plugin.providers}
            if plugin.state == "set aside" and provider.casefold() in names:
                return PluginError(
                    f"The credential provider {provider!r} is not in use, for {plugin.name} is "
                    f"set aside. {plugin.reason}",
                    remedy=plugin.remedy,
                    plugin=plugin.name,
                    distribution=plugin.distribution,
                )
        known = [each.name for each in self.providers]
        remedy = did_you_mean(provider, known) or f"There are: {', '.join(known)}."
        if any(each.state != "active" for each in self.plugins):
            remedy += " Some plugins are not in use: see `grantway plugins`."
        return PluginError(
            f"There is no credential provider {provider!r}.", remedy=remedy, plugin=provider
        )

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
                commands = self._admission.ask(plugin, "grantway_commands", click.Command)
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

    @property
    def _every(self) -> Catalogue:
        return self._load_all()[1]

    def _load_all(self) -> tuple[tuple[Plugin, ...], Catalogue]:
        if self._all is None:
            with self._loading:
                self._all = self._all or self._loaded()
        return self._all

    def _loaded(self) -> tuple[tuple[Plugin, ...], Catalogue]:
        """The records of all plugins and what the active ones offer, once all are loaded."""
        others = [
            *self._others,
            *((plugin, load(plugin, entry)) for plugin, entry in self._waiting),
        ]
        others.sort(key=lambda pair: pair[0].name)
        for plugin, module in others:
            if plugin.state == "active":
                self._admission.admit(plugin, module)
        plugins = (*self._builtin_plugins, *(plugin for plugin, _ in others))
        settle_claims([plugin for plugin in plugins if plugin.state == "active"])
        for plugin in plugins:
            if plugin.state != "active":
                self._admission.dismiss(plugin)
        active = [plugin for plugin in plugins if plugin.state == "active"]
        if all(each.builtin for each in active) and self._configuration.project is None:
            return plugins, self.builtin
        return plugins, Catalogue(active, self._configuration, self.builtin)


def _command_name(plugin: Plugin, command: "click.Command") -> str:
    """The name of a command, once it has shown that help can list it.

    Raises:
        PluginError: it cannot.
    """
    from grantway.declarations import is_name

    with contained(plugin, "A command of it cannot be used"):
        name: object = command.name
        if not is_name(name):
            raise PluginError("A command of it has no name that can be typed.")
        if name in COMMANDS:
            raise PluginError(
                f"It adds the command {name!r}, which is grantway's own.",
                remedy="Its author has to give it another name.",
            )
        if type(command.get_short_help_str(80)) is not str:
            raise PluginError(f"The command {name} has no help.")
        return cast("str", name)
