"""What is wrong with the configuration: all of it, not only what is met first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from grantway.caches import of_file, of_variable
from grantway.cli.session import Session
from grantway.config import PROFILE, VARIABLES, Configuration
from grantway.document import ELSEWHERE
from grantway.errors import ConfigurationError, GrantwayError, InvalidParameter
from grantway.intake import check_value
from grantway.layers import ValuesLayer
from grantway.parameters import ENVIRONMENT, Parameter
from grantway.plugins import named, spellings_of
from grantway.suggest import nearest
from grantway.vaults import reference_in, vault_of

if TYPE_CHECKING:
    from grantway.environment import Environment

_PREFIX = "GRANTWAY_"
_THERE = "Correct it there."


class FaultyConfiguration(ConfigurationError):
    """The configuration has faults; `faults` are all of them, this error is as the first."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        file: str = "",
        line: int | None = None,
        found: Sequence[ConfigurationError] = (),
    ) -> None:
        super().__init__(message, remedy=remedy, file=file, line=line)
        self.faults = tuple(each.as_dict() for each in found)
        self._found = tuple(found)

    @classmethod
    def of(cls, found: Sequence[ConfigurationError]) -> "FaultyConfiguration":
        """The error for these faults, of which there is at least one."""
        first = found[0]
        return cls(
            first.message, remedy=first.remedy, file=first.file, line=first.line, found=found
        )

    @property
    def found(self) -> tuple[ConfigurationError, ...]:
        """The faults, each an error of its own."""
        return self._found


def faults(session: Session) -> Iterator[ConfigurationError]:
    """Every fault: in the file, its environments, profiles and plugins, and in the variables."""
    for fault in _faults(session):
        if fault.remedy == ELSEWHERE:
            # That is what is being done.
            yield ConfigurationError(fault.message, remedy=_THERE, file=fault.file, line=fault.line)
        else:
            yield fault


def _faults(session: Session) -> Iterator[ConfigurationError]:
    try:
        configuration = session.configuration
    except ConfigurationError as error:
        yield error
        return
    if configuration.project_fault is not None:
        yield configuration.project_fault
    registry = session.registry
    for fault in registry.faults.values():
        yield _as_configuration(fault)
    # None: the one that the variable names, else the default one again.
    for profile in dict.fromkeys((configuration.default_profile, None)):
        if (profile or configuration.environ.get(PROFILE, "")) not in ("", *configuration.profiles):
            try:
                configuration.profile_layer(profile, registry.parameters)
            except ConfigurationError as error:
                yield error
    for name in configuration.profiles:
        yield from _profile_faults(session, configuration, name)
    own = {each.name: each for each in registry.parameters.values()}
    for _, fault in _layer_faults(session, configuration.variables_layer(own)):
        yield _as_configuration(fault)
    yield from _cache_faults(session, configuration)
    yield from _misspelt(configuration, own)
    yield from _unknown_plugins(session, configuration)


def _profile_faults(
    session: Session, configuration: Configuration, name: str
) -> Iterator[ConfigurationError]:
    try:
        layer = configuration.profile_layer(name, session.registry.parameters)
    except ConfigurationError as error:
        yield error
        return
    if layer is None:
        return
    for parameter, fault in _layer_faults(session, layer):
        line = configuration.document.line_of(("profiles", name, parameter))
        where = f"{configuration.file}:{line}: " if line else ""
        is_value = isinstance(fault, InvalidParameter | ConfigurationError)
        yield ConfigurationError(
            f"{where}{fault.message}",
            remedy=_THERE if is_value else fault.remedy,
            file=str(configuration.file or ""),
            line=line,
        )


def _layer_faults(session: Session, layer: ValuesLayer) -> Iterator[tuple[str, GrantwayError]]:
    """What is wrong with the values of a layer, in the environment that it names or means."""
    parameters = session.registry.parameters
    environment: Environment | None = None
    try:
        # Only a layer that says so itself is surely meant for one environment.
        if ENVIRONMENT.name in layer.names:
            named = str(layer.read(ENVIRONMENT.name))
            environment = session.registry.environment(named)
    except GrantwayError as error:
        # What is wrong with an environment is told by itself.
        if error not in session.registry.faults.values():
            yield ENVIRONMENT.name, error
    for name in sorted(layer.names - {ENVIRONMENT.name}):
        try:
            value = layer.read(name)
            if reference := reference_in(value):
                vault_of(reference, session.registry.vaults, name)
            if environment is not None:
                check_value(parameters[name], value, environment)
        except GrantwayError as error:
            yield name, error
        for rival in sorted(layer.given.intersection(parameters[name].excludes)):
            if name < rival and name in layer.given:
                yield (
                    name,
                    ConfigurationError(
                        f"{name} and {rival} exclude each other; both are in {layer.name}."
                    ),
                )


def _cache_faults(session: Session, configuration: Configuration) -> Iterator[ConfigurationError]:
    """What is wrong with the token cache that is chosen, in each place where one is."""
    for made in (of_variable, of_file):
        try:
            cache = made(session.registry.token_caches, configuration)
        except ConfigurationError as error:
            yield error
        else:
            if cache is not None:
                cache.close()


def _misspelt(
    configuration: Configuration, parameters: Mapping[str, Parameter[object]]
) -> Iterator[ConfigurationError]:
    """Variables that nobody reads, and that look like one that is read."""
    read = {each.env for each in parameters.values() if each.env}
    known = {name.removeprefix(_PREFIX): name for name in (*read, *VARIABLES)}
    for variable in sorted(configuration.environ):
        rest = variable.removeprefix(_PREFIX)
        if rest == variable or rest in known:
            continue
        if close := nearest(rest, known, count=1, cutoff=0.8):
            yield ConfigurationError(
                f"Nobody reads the variable {variable}.",
                remedy=f"Did you mean {known[close[0]]}?",
            )


def _unknown_plugins(
    session: Session, configuration: Configuration
) -> Iterator[ConfigurationError]:
    """Names in the lists of plugins that no installed plugin has, or that cannot be disabled."""
    plugins = session.registry.plugins
    installed = {name for each in plugins for name in spellings_of(each)}
    builtin = {name for each in plugins if each.builtin for name in spellings_of(each)}
    variables = configuration.environ
    lists = (
        ("GRANTWAY_PLUGINS", variables.get("GRANTWAY_PLUGINS", "").split(","), False),
        (
            "GRANTWAY_DISABLE_PLUGINS",
            variables.get("GRANTWAY_DISABLE_PLUGINS", "").split(","),
            True,
        ),
        ("plugins.enable", configuration.enable or (), False),
        ("plugins.disable", configuration.disable, True),
    )
    for place, names, disables in lists:
        for name in named(names):
            if name not in installed:
                yield ConfigurationError(
                    f"{place} names {name}, which is not installed.",
                    remedy="`grantway plugins` lists what is.",
                )
            elif disables and name in builtin:
                yield ConfigurationError(
                    f"{place} names {name}, which is built in and cannot be disabled.",
                    remedy="Leave it out.",
                )


def _as_configuration(error: GrantwayError) -> ConfigurationError:
    if isinstance(error, ConfigurationError):
        return error
    return ConfigurationError(error.message, remedy=error.remedy)
