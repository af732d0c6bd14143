"""What is wrong with the configuration: all of it, not only what is met first."""

from collections.abc import Iterator, Sequence

from grantway.cli.session import Session
from grantway.config import Configuration
from grantway.errors import ConfigurationError, GrantwayError, InvalidParameter


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
    """Every fault: in the file, its environments, its profiles, and the environment variables."""
    try:
        configuration = session.configuration
    except ConfigurationError as error:
        yield error
        return
    registry = session.registry
    for fault in registry.faults.values():
        yield _as_configuration(fault)
    if configuration.default_profile:
        try:
            configuration.profile_layer(configuration.default_profile, registry.parameters)
        except ConfigurationError as error:
            if configuration.default_profile not in configuration.profiles:
                yield error
    for name in configuration.profiles:
        yield from _profile_faults(session, configuration, name)
    own = {each.name: each for each in registry.parameters.values()}
    layer = configuration.variables_layer(own)
    for parameter in sorted(layer.names):
        try:
            _check(session, parameter, layer.read(parameter))
        except GrantwayError as error:
            yield _as_configuration(error)


def _profile_faults(
    session: Session, configuration: Configuration, name: str
) -> Iterator[ConfigurationError]:
    try:
        layer = configuration.profile_layer(name, session.registry.parameters)
    except ConfigurationError as error:
        yield error
        return
    for parameter in sorted(layer.names if layer else ()):
        try:
            assert layer is not None  # noqa: S101  # or it would have no names
            _check(session, parameter, layer.read(parameter))
        except GrantwayError as error:
            line = configuration.document.line_of(("profiles", name, parameter))
            where = f"{configuration.file}:{line}: " if line else ""
            yield ConfigurationError(
                f"{where}{error.message}",
                remedy="Correct it there." if isinstance(error, InvalidParameter) else error.remedy,
                file=str(configuration.file or ""),
                line=line,
            )


def _check(session: Session, parameter: str, value: object) -> None:
    """Whether a parsed value names something that is there."""
    from grantway.intake import vault_of
    from grantway.secret import Credential, Reference

    if parameter == "environment":
        session.registry.environment(str(value))
    kept = value.password if isinstance(value, Credential) else value
    if isinstance(kept, Reference):
        vault_of(kept, session.registry.vaults, parameter)


def _as_configuration(error: GrantwayError) -> ConfigurationError:
    if isinstance(error, ConfigurationError):
        return error
    return ConfigurationError(error.message, remedy=error.remedy)
