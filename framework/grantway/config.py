"""Configuration: one TOML file and the environment variables, read once.

    default_profile = "work"

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

Profile and environment variables are *layers* to selection (see `grantway.selection`): they
complete and fill, and each value is parsed only when it is used, so that a mistake in one that
a call does not need is not felt.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn, cast

import attrs

from grantway.environment import Environment, Trust
from grantway.errors import ConfigurationError, InvalidParameter
from grantway.parameters import Parameter
from grantway.protocol import OIDC, Protocol
from grantway.secret import Credential
from grantway.suggest import did_you_mean

Table = Mapping[str, object]

_TOP = ("default_profile", "profiles", "environments", "plugins")
_PLUGINS = ("enable", "disable")
_ENVIRONMENT = (
    "like", "authority", "issuer", "protocol", "aliases", "tenant", "resources",
    "default_resource", "hosts", "issuers", "client_authentication", "closed", "summary", "trust",
)  # fmt: skip
_TRUST = ("ca_bundle", "client_certificate", "proxy", "headers", "loopback_http")


class ValuesLayer:
    """A layer whose values are parsed when they are read; see `grantway.selection.Layer`.

    `texts` says whether they stood where others can read them: then a secret among them must
    be a reference.
    """

    def __init__(
        self,
        name: str,
        values: Table,
        parameters: Mapping[str, Parameter[object]],
        *,
        spelled: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._values = dict(values)
        self._parameters = parameters
        self._spelled = spelled or {}
        self._read: dict[str, object] = {}
        self._names = frozenset(name for name in self._values if name in parameters)

    @property
    def name(self) -> str:
        """What explanations call it."""
        return self._name

    @property
    def names(self) -> frozenset[str]:
        """The parameters it has a value for."""
        return self._names

    def read(self, name: str) -> object:
        """The parsed value of a parameter; see `Layer.read`."""
        if name not in self._read:
            parameter, value = self._parameters[name], self._values[name]
            try:
                if isinstance(value, str):
                    self._read[name] = parameter.read_text(value)
                elif parameter.secret and not isinstance(value, Credential):
                    raise ValueError("a secret must be given as text that is a reference")
                else:
                    self._read[name] = parameter.read(value)
            except ValueError as error:
                raise InvalidParameter(
                    f"{name} from {self._name} ({self._spelled.get(name, name)}): {error}",
                    remedy="Correct it there, or give the parameter in the call.",
                    parameter=name,
                ) from None
        return self._read[name]


@attrs.frozen(eq=False)
class Configuration:
    """What the user has configured.

    Attributes:
        file: where it was read from; None where no file was.
        profiles: name to its parameters, as they stand there.
        default_profile: the profile used when none is named.
        environments: name to its table, as it stands there.
        enable, disable: which plugins may be loaded; `enable` None: all.
        environ: the environment variables, as they were when this was read.
        text: the file's text, for line numbers in messages.
    """

    file: Path | None = None
    profiles: Mapping[str, Table] = attrs.field(factory=dict[str, Table], kw_only=True)
    default_profile: str | None = attrs.field(default=None, kw_only=True)
    environments: Mapping[str, Table] = attrs.field(factory=dict[str, Table], kw_only=True)
    enable: tuple[str, ...] | None = attrs.field(default=None, kw_only=True)
    disable: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    environ: Mapping[str, str] = attrs.field(factory=lambda: dict(os.environ), repr=False)
    text: str = attrs.field(default="", kw_only=True, repr=False)

    def profile_layer(
        self, profile: str | None, parameters: Mapping[str, Parameter[object]]
    ) -> ValuesLayer | None:
        """The named profile, else the default one, as a layer; None where there is none.

        Raises:
            ConfigurationError: there is no such profile, or it has an unknown parameter.
        """
        name = profile or self.environ.get("GRANTWAY_PROFILE") or self.default_profile
        if not name:
            return None
        if name not in self.profiles:
            raise ConfigurationError(
                f"There is no profile {name!r} in {self.file or 'the configuration'}.",
                remedy=did_you_mean(name, self.profiles)
                or "`grantway config show` lists the profiles there are.",
                file=str(self.file or ""),
            )
        values: dict[str, object] = {}
        for key, value in self.profiles[name].items():
            parameter = parameters.get(key.replace("-", "_"))
            if parameter is None:
                self.fail(
                    f"the profile {name!r} has an unknown parameter {key!r}",
                    did_you_mean(key, parameters),
                    key=key,
                )
            values[parameter.name] = value
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

    def fail(self, what: str, remedy: str = "", *, key: str = "") -> NoReturn:
        """Raise a `ConfigurationError` that says where in the file it is."""
        line = self.line_of(key)
        where = f"{self.file}:{line}" if line else str(self.file or "the configuration")
        raise ConfigurationError(
            f"{where}: {what}.",
            remedy=remedy or "`grantway config check` checks the whole file.",
            file=str(self.file or ""),
            line=line,
        )

    def line_of(self, key: str) -> int | None:
        """The first line of the file on which `key` stands as a key or in a table's name."""
        pattern = re.compile(rf"\s*(?:\[.*\b{re.escape(key)}\b.*\]|\"?{re.escape(key)}\"?\s*=)")
        for number, line in enumerate(self.text.splitlines() if key else (), start=1):
            if pattern.match(line):
                return number
        return None

    def environment(self, name: str, known: Mapping[str, Environment]) -> Environment:
        """Make the environment that `[environments.NAME]` describes.

        `like` takes another environment's values as a start; `issuer` is another word for
        `authority`; `protocol` is the name of any protocol a known environment speaks.

        Raises:
            ConfigurationError: an unknown key, a wrong type, a value that cannot be.
        """
        table = self.environments[name]
        for key in table:
            if key not in _ENVIRONMENT:
                self.fail(
                    f"the environment {name!r} has an unknown key {key!r}",
                    did_you_mean(key, _ENVIRONMENT),
                    key=key,
                )
        given = {key: _checked(self, key, value) for key, value in table.items()}
        if "issuer" in given:
            given["authority"] = given.pop("issuer")
        if "trust" in given:
            given["trust"] = self._trust(cast("Table", given["trust"]))
        if "protocol" in given:
            given["protocol"] = self._protocol(str(given["protocol"]), known)
        like = given.pop("like", None)
        try:
            if like is None:
                if "authority" not in given:
                    self.fail(f"the environment {name!r} needs an authority", key=name)
                return Environment(name=name, **given)  # type: ignore[arg-type]  # checked above
            base = known.get(str(like).casefold())
            if base is None:
                names = [each.name for each in known.values()]
                self.fail(
                    f"{name!r} is to be like {like!r}, which is no environment",
                    did_you_mean(str(like), names),
                    key="like",
                )
            fresh: dict[str, object] = {"name": name, "aliases": (), "default": False}
            return attrs.evolve(base, **{**fresh, **given})  # type: ignore[arg-type]  # as above
        except ValueError as error:
            self.fail(f"the environment {name!r}: {error}", key=name)

    def _protocol(self, word: str, known: Mapping[str, Environment]) -> Protocol:
        protocols = {each.name: each for each in protocols_of(known.values())}
        if word not in protocols:
            self.fail(
                f"there is no protocol {word!r}",
                did_you_mean(word, protocols) or f"There are: {', '.join(sorted(protocols))}.",
                key="protocol",
            )
        return protocols[word]

    def _trust(self, table: Table) -> Trust:
        for key in table:
            if key not in _TRUST:
                self.fail(f"trust has an unknown key {key!r}", did_you_mean(key, _TRUST), key=key)
        given = {key: _checked(self, key, value) for key, value in table.items()}
        return Trust(**given)  # type: ignore[arg-type]  # each value was checked


def protocols_of(environments: Iterable[Environment]) -> tuple[Protocol, ...]:
    """Every protocol that these environments speak, with the variants of each."""
    found: dict[str, Protocol] = {OIDC.name: OIDC}
    queue = [environment.protocol for environment in environments]
    while queue:
        protocol = queue.pop(0)
        if protocol.name not in found:
            found[protocol.name] = protocol
            queue.extend(protocol.variants)
    return tuple(found.values())


def user_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where the user's configuration file is, or would be."""
    named = (os.environ if environ is None else environ).get("GRANTWAY_CONFIG")
    if named:
        return Path(named).expanduser()
    # Imported here: a process that reads no configuration does without it.
    from platformdirs import user_config_path

    return user_config_path("grantway", appauthor=False) / "config.toml"


def load(file: str | Path | None = None) -> Configuration:
    """Read the configuration: the file given, else the user's; none there is an empty one.

    Raises:
        ConfigurationError: the file cannot be read or is not as it should be, with its line.
    """
    path = Path(file) if file is not None else user_file()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if file is None and "GRANTWAY_CONFIG" not in os.environ:
            return Configuration()
        raise ConfigurationError(
            f"There is no configuration file {path}.",
            remedy="Create it, or name another with GRANTWAY_CONFIG.",
            file=str(path),
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The configuration file {path} cannot be read: "
            f"{getattr(error, 'strerror', None) or error}.",
            remedy="It must be a UTF-8 text file that this user may read.",
            file=str(path),
        ) from None
    return parse(text, path)


def parse(text: str, file: Path | None = None) -> Configuration:
    """Read a configuration from its text.

    Raises:
        ConfigurationError: see `load`.
    """
    import tomllib

    blank = Configuration(file, text=text)
    try:
        document: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else None
        raise ConfigurationError(
            f"{file or 'the configuration'}{f':{line}' if line else ''}: not TOML: {error}.",
            remedy="https://toml.io has the format; texts stand in quotes.",
            file=str(file or ""),
            line=line,
        ) from None
    for key in document:
        if key not in _TOP:
            blank.fail(f"unknown key {key!r}", did_you_mean(key, _TOP), key=key)
    plugins = _table(blank, "plugins", document.get("plugins", {}))
    for key in plugins:
        if key not in _PLUGINS:
            blank.fail(f"plugins has an unknown key {key!r}", did_you_mean(key, _PLUGINS), key=key)
    default_profile = document.get("default_profile")
    if default_profile is not None and not isinstance(default_profile, str):
        blank.fail("default_profile must be a text", key="default_profile")
    return attrs.evolve(
        blank,
        profiles=_tables(blank, "profiles", document.get("profiles", {})),
        default_profile=default_profile,
        environments=_tables(blank, "environments", document.get("environments", {})),
        enable=_texts(blank, "enable", plugins["enable"]) if "enable" in plugins else None,
        disable=_texts(blank, "disable", plugins.get("disable", [])),
    )


def _table(configuration: Configuration, key: str, value: object) -> Table:
    if not isinstance(value, dict):
        configuration.fail(f"{key} must be a table", key=key)
    return cast("Table", value)


def _tables(configuration: Configuration, key: str, value: object) -> Mapping[str, Table]:
    tables = _table(configuration, key, value)
    return {name: _table(configuration, name, table) for name, table in tables.items()}


def _texts(configuration: Configuration, key: str, value: object) -> tuple[str, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        configuration.fail(f"{key} must be a list of texts", key=key)
    return tuple(str(item) for item in items)


def _checked(configuration: Configuration, key: str, value: object) -> object:
    """One value of an environment's table, of the type that its key asks for."""
    match key:
        case "aliases" | "hosts" | "issuers" | "client_certificate":
            return _texts(configuration, key, value)
        case "resources" | "headers":
            table = _table(configuration, key, value)
            return {name: _text(configuration, name, item) for name, item in table.items()}
        case "trust":
            return _table(configuration, key, value)
        case "loopback_http":
            if not isinstance(value, bool):
                configuration.fail(f"{key} must be true or false", key=key)
            return value
        case _:
            return _text(configuration, key, value)


def _text(configuration: Configuration, key: str, value: object) -> str:
    if not isinstance(value, str):
        configuration.fail(f"{key} must be a text", key=key)
    return value
