"""Configuration: one TOML file and the environment variables, read once.

    default_profile = "work"
    cache = "sqlite:///var/lib/app/tokens.db"   # the token cache, by name or URL

    [profiles.work]                     # parameters by name, as on the command line
    application_id = "11111111-2222-3333-4444-555555555555"
    tenant_id = "contoso.example"
    credential = "11111111-2222-3333-4444-555555555555=env:APP_SECRET"

    [environments.Keycloak]             # an authority of one's own
    authority = "https://id.example.org/realms/main"

    [plugins]
    enable = ["some-distribution"]      # only these beside the built-ins
    disable = ["other-distribution:its-plugin"]

The file is `GRANTWAY_CONFIG`, else `config.toml` in the user's configuration folder. A
`Dispatcher` made in Python reads no file unless told to. A secret in it must be a reference.

The command line reads a project's file as well; see `grantway.project`.

Profile and environment variables are *layers* to selection (see `grantway.offer`): they complete
and fill.
"""

import io
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from grantway.configuration_files import content_of
from grantway.configuration_files import user_file as user_file  # noqa: PLC0414  # part of this
from grantway.document import Document, Table
from grantway.errors import ConfigurationError
from grantway.layers import ValuesLayer
from grantway.parameters import Parameter
from grantway.secret import Unshown
from grantway.suggest import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

_TOP = ("default_profile", "cache", "profiles", "environments", "plugins")
_PLUGINS = ("enable", "disable")

CACHE = "GRANTWAY_CACHE"
"""The variable that chooses the token cache, over the file."""

CACHE_KEY = "GRANTWAY_CACHE_KEY"
"""The variable with the key that a token cache is encrypted with, or a reference to it."""

PROFILE = "GRANTWAY_PROFILE"
"""The variable that names the profile of calls that name none, over the file."""

VARIABLES = (
    "GRANTWAY_CONFIG",
    CACHE,
    CACHE_KEY,
    PROFILE,
    "GRANTWAY_PLUGINS",
    "GRANTWAY_DISABLE_PLUGINS",
)
"""The environment variables that are read beside those of parameters and of plugins."""


def _unshown(given: Mapping[str, str]) -> Mapping[str, str]:
    return Unshown(given)


@attrs.frozen(eq=False)
class Configuration:
    """What the user has configured.

    Attributes:
        profiles: name to its parameters, as they stand there.
        default_profile: the profile used when none is named.
        cache: name or URL of the token cache, as it stands there.
        environments: name to its table, as it stands there.
        enable, disable: which plugins may be loaded; `enable` None: all.
        environ: the environment variables, as they were when this was read.
        document: the file itself, for messages that say where in it something is.
        project: what the project's file says, which are environments alone; None: there is none.
        project_fault: why there is one, and it is not read.
    """

    # Both may hold what should not stand there: a secret in clear, a proxy's password, a key.
    profiles: Mapping[str, Table] = attrs.field(factory=dict[str, Table], kw_only=True, repr=False)
    default_profile: str | None = attrs.field(default=None, kw_only=True)
    cache: str | None = attrs.field(default=None, kw_only=True)
    environments: Mapping[str, Table] = attrs.field(
        factory=dict[str, Table], kw_only=True, repr=False
    )
    enable: tuple[str, ...] | None = attrs.field(default=None, kw_only=True)
    disable: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    environ: Mapping[str, str] = attrs.field(
        factory=lambda: os.environ, converter=_unshown, repr=False
    )
    document: Document = attrs.field(factory=Document, kw_only=True, repr=False)
    project: "Configuration | None" = attrs.field(default=None, kw_only=True, repr=False)
    project_fault: ConfigurationError | None = attrs.field(default=None, kw_only=True, repr=False)

    @property
    def file(self) -> "Path | None":
        """Where it was read from; None where no file was."""
        return self.document.file

    @property
    def chosen_cache(self) -> str | None:
        """Name or URL of the token cache that is chosen: by variable, else in the file."""
        return self.environ.get(CACHE) or self.cache

    def profile_layer(
        self, profile: str | None, parameters: Mapping[str, Parameter[object]]
    ) -> ValuesLayer | None:
        """The named profile, else the default one, as a layer; None where there is none.

        Raises:
            ConfigurationError: there is no such profile, or it has an unknown parameter.
        """
        variable = "" if profile else self.environ.get(PROFILE)
        name = profile or variable or self.default_profile
        if not name:
            return None
        if name not in self.profiles:
            named = f", which {PROFILE} names" if variable else ""
            raise ConfigurationError(
                f"There is no profile {name!r} in {self.file or 'the configuration'}{named}.",
                remedy=did_you_mean(name, self.profiles)
                or "`grantway config show` lists the profiles there are.",
                file=str(self.file or ""),
            )
        values = Unshown[object]()
        for key in self.profiles[name]:
            parameter = parameters.get(key.replace("-", "_"))
            if parameter is None:
                self.document.fail(
                    f"the profile {name!r} has an unknown parameter {key!r}",
                    did_you_mean(key, parameters),
                    at=("profiles", name, key),
                )
            if parameter.name in values:
                self.document.fail(
                    f"the profile {name!r} gives {parameter.name} twice",
                    f"{key} is another word for it: keep one of them.",
                    at=("profiles", name, key),
                )
            values[parameter.name] = self.profiles[name][key]
        return ValuesLayer(f"profile {name}", values, parameters)

    def variables_layer(self, parameters: Mapping[str, Parameter[object]]) -> ValuesLayer:
        """The environment variables that parameters name, as a layer; empty ones do not count."""
        spelled = {
            parameter.name: parameter.env
            for parameter in parameters.values()
            if parameter.env and self.environ.get(parameter.env)
        }
        values = {name: self.environ[variable] for name, variable in spelled.items()}
        return ValuesLayer("environment variables", values, parameters, spelled=spelled)


def load(file: "str | Path | None" = None) -> Configuration:
    """Read the configuration: the file given, else the user's; none there is an empty one.

    Raises:
        ConfigurationError: the file cannot be read or is not as it should be, with its line.
    """
    # Imported here, as tomllib is: most dispatchers read no file.
    from pathlib import Path

    path = Path(file) if file is not None else user_file()
    try:
        document = document_of(path)
    except (FileNotFoundError, NotADirectoryError):
        if file is None and not os.environ.get("GRANTWAY_CONFIG"):
            return Configuration()
        raise ConfigurationError(
            f"There is no configuration file {path}.",
            remedy="Create it, or name another with GRANTWAY_CONFIG.",
            file=str(path),
        ) from None
    return _read(document)


def document_of(path: "Path") -> Document:
    """A file's text.

    Raises:
        ConfigurationError: it cannot be read.
        FileNotFoundError, NotADirectoryError: it is not there.
    """
    try:
        return Document(_text_of(path), path)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    # Raised here, for an error about the encoding holds what could not be decoded.
    raise ConfigurationError(
        f"The configuration file {path} cannot be read: {reason}.",
        remedy="It must be a UTF-8 text file that this user may read.",
        file=str(path),
    )


def _text_of(path: "Path") -> str:
    # A line ends as on any system.
    return io.TextIOWrapper(io.BytesIO(content_of(path)), encoding="utf-8").read()


def parse(text: str, file: "Path | None" = None) -> Configuration:
    """Read a configuration from its text.

    Raises:
        ConfigurationError: see `load`.
    """
    document = Document(text, file)
    del text
    return _read(document)


def _read(document: Document) -> Configuration:
    """The configuration that a file holds.

    Raises:
        ConfigurationError: see `load`. Its traceback ends here: whoever reads a value holds it.
    """
    try:
        return _configuration(document)
    except ConfigurationError as error:
        failure = error.with_traceback(None)
    raise failure


def _configuration(document: Document) -> Configuration:
    values = document.parse()
    document.known(values, _TOP)
    plugins = document.table(("plugins",), values.get("plugins", {}))
    document.known(plugins, _PLUGINS, ("plugins",), whose="plugins")
    default_profile = values.get("default_profile")
    if default_profile is not None:
        default_profile = document.word(("default_profile",), default_profile)
    cache = values.get("cache")
    if cache is not None:
        cache = document.word(("cache",), cache)
    enable, disable = plugins.get("enable"), plugins.get("disable", [])
    return Configuration(
        profiles=document.tables("profiles", values.get("profiles", {})),
        default_profile=default_profile,
        cache=cache,
        environments=document.tables("environments", values.get("environments", {})),
        enable=None if enable is None else document.texts(("plugins", "enable"), enable),
        disable=document.texts(("plugins", "disable"), disable),
        document=document,
    )
