"""One plugin: its record, its import, and what its declarations may not be.

Whatever goes wrong with a plugin ends in its record: `set_aside` takes it out of use and says
why. `settle_claims` compares what all of them declare; it looks at them as a set, so that the
order of loading decides nothing.
"""

import re
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

import attrs

from grantway.config import Configuration
from grantway.environment import Environment
from grantway.errors import PluginError
from grantway.installed import Installed, canonical
from grantway.named import Named
from grantway.offerings import Discovery, TokenCacheFactory, Vault
from grantway.parameters import COMMON, NAME, RESERVED, Parameter
from grantway.provider import CredentialProvider
from grantway.suggest import type_of

if TYPE_CHECKING:
    from typing import TextIO

State = Literal["active", "disabled", "set aside"]

# Of an error's text no more is kept than a list can show.
_LONGEST = 500

# The environment variables that the core itself reads or writes.
_SWITCHES = (
    "GRANTWAY_CONFIG", "GRANTWAY_PROFILE", "GRANTWAY_PLUGINS", "GRANTWAY_DISABLE_PLUGINS",
    "GRANTWAY_ACCESS_TOKEN", "GRANTWAY_TOKEN_TYPE", "GRANTWAY_EXPIRES_ON", "_GRANTWAY_COMPLETE",
    "GRANTWAY_CACHE_KEY",
)  # fmt: skip


@attrs.define(eq=False, repr=False)
class Plugin(Named):
    """One plugin: where it is from, how it fares, and what it offers.

    Attributes:
        name: `distribution:entry point`.
        distribution, version: whose it is.
        target: the module (and object) that its entry point names.
        builtin: whether it is of the distribution `grantway`.
        state: `active`, `disabled`, or `set aside` with `reason` and `remedy`.
        file: the file it was loaded from, where known.
        import_seconds: how long its import took.
        hooks: the names of those that it implements.
        module: the plugin itself, once it is loaded.
    """

    name: str
    distribution: str = ""
    version: str = ""
    target: str = ""
    builtin: bool = False
    state: State = "active"
    reason: str = ""
    remedy: str = ""
    file: str = ""
    import_seconds: float = 0.0
    hooks: tuple[str, ...] = ()
    providers: tuple[CredentialProvider, ...] = ()
    environments: tuple[Environment, ...] = ()
    token_caches: tuple[TokenCacheFactory, ...] = ()
    vaults: tuple[Vault, ...] = ()
    discoveries: tuple[Discovery, ...] = ()
    module: object = None

    def set_aside(self, reason: str, remedy: str = "") -> None:
        """Take the plugin out of use and remember why."""
        self.state, self.reason = "set aside", _line(reason)
        self.remedy = _line(remedy) or (
            f"Update or uninstall {self.distribution or self.name}.{_made_for(self.distribution)}"
        )

    def as_dict(self) -> dict[str, object]:
        """The record as JSON-ready facts."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "target": self.target,
            "builtin": self.builtin,
            "state": self.state,
            "reason": self.reason,
            "remedy": self.remedy,
            "file": self.file,
            "hooks": list(self.hooks),
            "providers": [each.name for each in self.providers],
            "environments": [each.name for each in self.environments],
            "token_caches": [each.name for each in self.token_caches],
            "vaults": [each.scheme for each in self.vaults],
            "discoveries": [each.name for each in self.discoveries],
        }

    def claims(self) -> Iterator[tuple[str, str, Parameter[object] | None]]:
        """Every name it takes: kind, name, and for a parameter its declaration."""
        for provider in self.providers:
            yield "provider", provider.name, None
            for parameter_set in provider.parameter_sets:
                for parameter in parameter_set.own:
                    for name in (parameter.name, *parameter.aliases):
                        yield "parameter", name, parameter
                    if parameter.env:
                        yield "environment variable", parameter.env, parameter
        for environment in self.environments:
            for name in (environment.name, *environment.aliases):
                yield "environment", name, None
        for cache in self.token_caches:
            yield "token cache", cache.name, None
        for vault in self.vaults:
            yield "vault", vault.scheme, None
        for discovery in self.discoveries:
            yield "discovery", discovery.name, None


def recorded(entry: Installed, builtin_distribution: str) -> Plugin:
    """The record of an entry point, before anything of it is imported.

    One whose distribution cannot be told is never a built-in one.
    """
    return Plugin(
        name=f"{entry.distribution}:{entry.name}".removesuffix(":"),
        distribution=entry.distribution,
        version=entry.version,
        target=entry.target,
        builtin=canonical(entry.distribution) == builtin_distribution,
    )


def _made_for(distribution: str) -> str:
    """Which grantway a plugin that fails was made for, where that is not this one.

    pip sees to that, unless it was told not to, or has since been asked for another one.
    """
    # Imported here: only what is broken is asked.
    from importlib import metadata

    from packaging.requirements import Requirement

    from grantway.version import __version__

    with suppress(Exception):  # whatever is wrong with its metadata is not the question
        for each in map(Requirement, metadata.requires(distribution) or ()):
            wanted = each.specifier
            if canonical(each.name) == "grantway" and not wanted.contains(__version__, True):
                return f" It asks for grantway {wanted}, and this is {__version__}."
    return ""


def _located(target: str) -> str:
    """The file of a module that was not imported, found without running any of it; or ""."""
    from importlib.util import find_spec

    with suppress(Exception):  # whatever a finder makes of it
        spec = find_spec(re.split(r"[.:\[]", target)[0].strip())
        if spec is not None and spec.has_location:
            return spec.origin or ""
    return ""


def described(error: BaseException) -> str:
    """The type and text of what a plugin raised, on one line and not too long."""
    return f"{type_of(error)}: {_line(error)}"[:_LONGEST].removesuffix(": ")


def _line(words: object) -> str:
    """The text of something, on one line and not too long; "" where even that raises."""
    try:
        return " ".join(str(words).split())[:_LONGEST]
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  # even the text of an error can raise
        return ""


class _Quiet:
    """Sends what is printed to standard error while any thread is within.

    Counted, for two threads may load plugins at once, and what the first one found at the
    beginning is what the last one has to put back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within = 0
        self._stdout: TextIO | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._stdout, sys.stdout = sys.stdout, sys.stderr
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._within -= 1
            if not self._within and self._stdout is not None:
                sys.stdout, self._stdout = self._stdout, None


_quiet = _Quiet()


@contextmanager
def contained(plugin: Plugin, what: str) -> Generator[None, None, None]:
    """Let code of a plugin run within.

    Standard output is for answers: what a third party prints goes to standard error. An interrupt
    passes through; anything else that is raised, be it an exit, becomes the plugin's fault.

    Raises:
        PluginError: `what`, and the type and text of what was raised.
    """
    try:
        if plugin.builtin:
            yield
        else:
            with _quiet:
                yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if type(error) is PluginError:
            raise
        reason = f"{what}: {described(error)}"
    else:
        return
    raise PluginError(reason)


def enabled(plugin: Plugin, configuration: Configuration, *, third_parties: bool) -> bool:
    """Whether the plugin may be imported at all; if not, its record says who forbade it."""
    if plugin.builtin:
        return True
    spellings = spellings_of(plugin)
    variables = configuration.environ
    allowed, denied = variables.get("GRANTWAY_PLUGINS"), variables.get("GRANTWAY_DISABLE_PLUGINS")
    reason = ""
    if not third_parties:
        reason = "Plugins of third parties were switched off."
    elif allowed is not None and spellings.isdisjoint(named(allowed.split(","))):
        reason = "It is not in GRANTWAY_PLUGINS."
    elif denied and not spellings.isdisjoint(named(denied.split(","))):
        reason = "It is in GRANTWAY_DISABLE_PLUGINS."
    elif configuration.enable is not None and spellings.isdisjoint(named(configuration.enable)):
        reason = "It is not in plugins.enable of the configuration."
    elif not spellings.isdisjoint(named(configuration.disable)):
        reason = "It is in plugins.disable of the configuration."
    if reason:
        plugin.state, plugin.reason = "disabled", reason
    return not reason


def spellings_of(plugin: Plugin) -> set[str]:
    """What configuration may call a plugin: by its name, its distribution, its entry point."""
    entry = plugin.name.partition(":")[2]
    return {canonical(name) for name in (plugin.name, plugin.distribution, entry)}


def named(names: Iterable[str]) -> list[str]:
    """The names in a list of plugins, in the one spelling in which they are compared."""
    return [canonical(name.strip()) for name in names if name.strip()]


def load(plugin: Plugin, entry: Installed) -> object:
    """Import one plugin. Whatever goes wrong, even an exit, stays here."""
    started = time.perf_counter()
    try:
        with contained(plugin, "It cannot be imported"):
            return entry.load()
    except PluginError as error:
        plugin.set_aside(error.message)
        plugin.file = _located(entry.target)
        return None
    finally:
        plugin.import_seconds = time.perf_counter() - started


def settle_claims(plugins: Sequence[Plugin]) -> None:
    """Set aside whoever claims a name that a built-in plugin, or another third party, claims.

    Who has lost against a built-in one takes no other with it. A parameter may be declared by
    many, as long as all declare it the same.
    """
    _settle(plugins, against_builtin=True)
    _settle([each for each in plugins if each.state == "active"], against_builtin=False)


def _settle(plugins: Sequence[Plugin], *, against_builtin: bool) -> None:
    core = Plugin(name="grantway", builtin=True)
    claimed: dict[tuple[str, str], list[tuple[Plugin, Parameter[object] | None]]] = {}
    for parameter in COMMON:
        for name in (parameter.name, *parameter.aliases):
            claimed.setdefault(("parameter", name), []).append((core, parameter))
        if parameter.env:
            key = ("environment variable", parameter.env.casefold())
            claimed.setdefault(key, []).append((core, parameter))
    for name in _SWITCHES:
        claimed.setdefault(("environment variable", name.casefold()), []).append((core, None))
    for plugin in plugins:
        for kind, name, declaration in plugin.claims():
            claimed.setdefault((kind, name.casefold()), []).append((plugin, declaration))
    losers: dict[str, tuple[str, list[str]]] = {}
    for (kind, name), claims in sorted(claimed.items()):
        for plugin, declaration in claims:
            rivals = [
                other
                for other, theirs in claims
                if other is not plugin
                and other.builtin is against_builtin
                and not _same_parameter(declaration, theirs)
            ]
            if rivals and not plugin.builtin:
                names = sorted({rival.name for rival in rivals})
                shown = name.upper() if kind == "environment variable" else repr(name)
                losers.setdefault(plugin.name, (f"{kind} {shown}", names))
    for plugin in plugins:
        if plugin.name in losers:
            what, others = losers[plugin.name]
            # What is built in can be neither uninstalled nor disabled.
            remedy = "Its author has to give it another name. " if against_builtin else ""
            which = "it" if against_builtin else "one of them"
            plugin.set_aside(
                f"It claims the {what}, as does {' and '.join(others)}.",
                f"{remedy}Uninstall {which}, or disable it: GRANTWAY_DISABLE_PLUGINS, or "
                "plugins.disable in the configuration.",
            )


def check_declarations(plugin: Plugin) -> None:
    """Refuse what no plugin may declare.

    Raises:
        PluginError: what it is.
    """
    # Imported here: built-in plugins do without.
    from grantway.declarations import check_record

    for record in (
        *plugin.providers,
        *plugin.environments,
        *plugin.token_caches,
        *plugin.vaults,
        *plugin.discoveries,
    ):
        check_record(record)
    _check_apart("provider", ((each.name,) for each in plugin.providers))
    _check_apart("environment", ((each.name, *each.aliases) for each in plugin.environments))
    _check_apart("token cache", ((each.name,) for each in plugin.token_caches))
    _check_apart("vault", ((each.scheme,) for each in plugin.vaults))
    _check_apart("discovery", ((each.name,) for each in plugin.discoveries))
    for provider in plugin.providers:
        sets = provider.parameter_sets
        if not sets:
            raise PluginError(f"The provider {provider.name} has no parameter set.")
        if len({each.name.casefold() for each in sets}) < len(sets):
            raise PluginError(f"The provider {provider.name} names two parameter sets alike.")
        seen: dict[str, Parameter[object]] = {}
        for parameter in (parameter for each in sets for parameter in each.own):
            _check_default(provider.name, parameter)
            for name in (parameter.name, *parameter.aliases):
                _check_name(provider.name, name)
                if not _same_parameter(seen.setdefault(name, parameter), parameter):
                    raise PluginError(f"The provider {provider.name} declares {name!r} twice.")
        for each in sets:
            excluded = {name for parameter in each.required for name in parameter.excludes}
            if excluded.intersection(parameter.name for parameter in each.required):
                raise PluginError(
                    f"The parameter set {each.name} of {provider.name} requires parameters that "
                    "exclude each other."
                )
    for vault in plugin.vaults:
        if not re.fullmatch(r"-|[a-z][a-z0-9+.-]*", vault.scheme, re.IGNORECASE):
            raise PluginError(f"{vault.scheme!r} cannot be the scheme of a vault.")
    if not plugin.builtin and any(each.default for each in plugin.environments):
        raise PluginError("It declares a default environment, which only a built-in one can be.")


def _check_apart(kind: str, names: Iterable[tuple[str, ...]]) -> None:
    """Refuse two records of a kind that share a name."""
    taken: set[str] = set()
    for each in names:
        own = {name.casefold() for name in each}
        if again := sorted(taken & own):
            raise PluginError(f"It has two of the kind {kind} that are called {again[0]!r}.")
        taken |= own


def _check_name(provider: str, name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise PluginError(
            f"The parameter {name!r} of {provider} is not of the form lower_case_words."
        )
    # What begins with "no" is the other half of a flag: --no-device-code.
    if name in RESERVED or name.startswith("no_"):
        raise PluginError(f"The parameter {name!r} of {provider} is a reserved word.")


def _check_default(provider: str, parameter: Parameter[object]) -> None:
    if parameter.secret and parameter.default is not None:
        raise PluginError(
            f"The parameter {parameter.name!r} of {provider} is secret and has a default, which "
            "everybody can see."
        )


def _same_parameter(one: Parameter[object] | None, other: Parameter[object] | None) -> bool:
    try:
        return one is not None and other is not None and one.declares_the_same_as(other)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  # a parse function of a plugin's may refuse to compare
        return False
