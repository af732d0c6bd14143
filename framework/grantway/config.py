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
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn, cast, get_args

import attrs

from grantway.environment import Environment, Trust
from grantway.errors import ConfigurationError, InvalidParameter
from grantway.parameters import Parameter
from grantway.protocol import OIDC, ClientAuthenticationMethod, Protocol
from grantway.secret import Credential
from grantway.suggest import did_you_mean, sentence

if TYPE_CHECKING:
    from pathlib import Path

Table = Mapping[str, object]
Keys = tuple[str, ...]

# Enough of TOML's grammar to find the line of a key again.
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_DOTTED = rf"(?:{_PART.pattern}|\s*\.\s*)+"
_HEADER = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")

_TOP = ("default_profile", "profiles", "environments", "plugins")
_PLUGINS = ("enable", "disable")
_ENVIRONMENT = (
    "like", "authority", "issuer", "protocol", "aliases", "tenant", "resources",
    "default_resource", "hosts", "issuers", "client_authentication", "closed", "summary", "trust",
)  # fmt: skip
_TRUST = ("ca_bundle", "client_certificate", "proxy", "headers", "loopback_http")


class ValuesLayer:
    """A layer whose values are parsed when they are read; see `grantway.selection.Layer`.

    They stand where others can read them, so a secret among them must be a reference.
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
        self._given: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """What explanations call it."""
        return self._name

    @property
    def names(self) -> frozenset[str]:
        """The parameters it has a value for."""
        return self._names

    @property
    def given(self) -> frozenset[str]:
        """Those of them that count as given: a flag only when it is true.

        A flag that cannot be parsed counts, so that whoever reads it hears of it.
        """
        if self._given is None:
            self._given = frozenset(name for name in self._names if not self._is_off(name))
        return self._given

    def _is_off(self, name: str) -> bool:
        parameter, value = self._parameters[name], self._values[name]
        try:
            return parameter.is_flag and parameter.read(value) is False
        except ValueError:
            return False

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
                spelled = self._spelled.get(name, name)
                raise InvalidParameter(
                    f"{name} from {self._name} ({spelled}): {sentence(error)}",
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

    file: "Path | None" = None
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
                    at=("profiles", name, key),
                )
            if parameter.name in values:
                self.fail(
                    f"the profile {name!r} gives {parameter.name} twice",
                    f"{key} is another word for it: keep one of them.",
                    at=("profiles", name, key),
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

    def fail(self, what: str, remedy: str = "", *, at: Keys = ()) -> NoReturn:
        """Raise a `ConfigurationError` that says where in the file it is: `at` these keys."""
        line = self.line_of(at)
        where = f"{self.file}:{line}" if line else str(self.file or "the configuration")
        raise ConfigurationError(
            f"{where}: {sentence(what)}",
            remedy=remedy or "`grantway config check` checks the whole file.",
            file=str(self.file or ""),
            line=line,
        )

    def line_of(self, keys: Keys) -> int | None:
        """The line of the file that has this key of this table, or the nearest one above it."""
        keys = tuple(part.replace("-", "_") for part in keys)
        best: int | None = None
        depth, table = 0, Keys()
        for number, line in enumerate(self.text.splitlines(), start=1):
            if header := _HEADER.match(line):
                found = table = _keys(header[1])
            elif assignment := _ASSIGNMENT.match(line):
                found = (*table, *_keys(assignment[1]))
            else:
                continue
            # An inline table holds the rest of the keys on the same line.
            found = tuple(part.replace("-", "_") for part in found)
            shared = len(found) if keys[: len(found)] == found else 0
            shared = len(keys) if found[: len(keys)] == keys else shared
            if shared > depth:
                best, depth = number, shared
        return best

    def environments_in_order(self) -> tuple[str, ...]:
        """The names of the configured environments, each after the one it is `like`."""
        spelled = {name.casefold(): name for name in self.environments}
        found: dict[str, None] = {}

        def add(name: str, below: tuple[str, ...]) -> None:
            base = spelled.get(str(self.environments[name].get("like")).casefold())
            # A circle is left to fail where the first of its names is not known yet.
            if base is not None and base not in below:
                add(base, (*below, base))
            found.setdefault(name)

        for name in self.environments:
            add(name, (name,))
        return tuple(found)

    def environment(self, name: str, known: Mapping[str, Environment]) -> Environment:
        """Make the environment that `[environments.NAME]` describes.

        `like` takes another environment's values as a start; with an `authority` of its own only
        protocol and advice, for hosts, issuers, trust and resources go with the authority.
        `issuer` is another word for `authority`; `protocol` is the name of any protocol that a
        known environment speaks.

        Raises:
            ConfigurationError: an unknown key, a wrong type, a value that cannot be.
        """
        table, here = self.environments[name], ("environments", name)
        for key in table:
            if key not in _ENVIRONMENT:
                self.fail(
                    f"the environment {name!r} has an unknown key {key!r}",
                    did_you_mean(key, _ENVIRONMENT),
                    at=(*here, key),
                )
        given = {key: _checked(self, (*here, key), value) for key, value in table.items()}
        if "issuer" in given:
            if "authority" in given:
                self.fail(
                    f"the environment {name!r} has an authority and an issuer",
                    "They are two words for one thing: keep one of them.",
                    at=(*here, "issuer"),
                )
            given["authority"] = given.pop("issuer")
        if "trust" in given:
            given["trust"] = self._trust(cast("Table", given["trust"]), (*here, "trust"))
        if "protocol" in given:
            given["protocol"] = self._protocol(str(given["protocol"]), known, (*here, "protocol"))
        like = given.pop("like", None)
        try:
            if like is None:
                if "authority" not in given:
                    self.fail(f"the environment {name!r} needs an authority", at=here)
                return Environment(name=name, **given)  # type: ignore[arg-type]  # checked above
            base = known.get(str(like).casefold())
            if base is None:
                names = [each.name for each in known.values()]
                self.fail(
                    f"{name!r} is to be like {like!r}, which is no environment",
                    did_you_mean(str(like), names),
                    at=(*here, "like"),
                )
            fresh: dict[str, object] = {"name": name, "aliases": (), "default": False}
            if "authority" in given:
                # Another authority is another circle of trust: nothing that says who may be
                # sent a secret, or be believed, is taken over from the first one.
                fresh |= {
                    "hosts": (),
                    "issuers": (),
                    "closed": "",
                    "tenant": None,
                    "trust": Trust(),
                }
                fresh |= {"resources": {}, "default_resource": None, "unavailable": ""}
            return attrs.evolve(base, **{**fresh, **given})  # type: ignore[arg-type]  # as above
        except ValueError as error:
            self.fail(f"the environment {name!r}: {error}", at=here)

    def _protocol(self, word: str, known: Mapping[str, Environment], at: Keys) -> Protocol:
        protocols = {each.name: each for each in protocols_of(known.values())}
        if word not in protocols:
            self.fail(
                f"there is no protocol {word!r}",
                did_you_mean(word, protocols) or f"There are: {', '.join(sorted(protocols))}.",
                at=at,
            )
        return protocols[word]

    def _trust(self, table: Table, at: Keys) -> Trust:
        for key in table:
            if key not in _TRUST:
                self.fail(
                    f"trust has an unknown key {key!r}", did_you_mean(key, _TRUST), at=(*at, key)
                )
        given = {key: _checked(self, (*at, key), value) for key, value in table.items()}
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


def user_file(environ: Mapping[str, str] | None = None) -> "Path":
    """Where the user's configuration file is, or would be."""
    named = (os.environ if environ is None else environ).get("GRANTWAY_CONFIG")
    if named:
        from pathlib import Path

        return Path(named).expanduser()
    # Imported here: a process that reads no configuration does without it.
    from platformdirs import user_config_path

    return user_config_path("grantway", appauthor=False) / "config.toml"


def load(file: "str | Path | None" = None) -> Configuration:
    """Read the configuration: the file given, else the user's; none there is an empty one.

    Raises:
        ConfigurationError: the file cannot be read or is not as it should be, with its line.
    """
    # Imported here, as tomllib is: most dispatchers read no file.
    from pathlib import Path

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


def parse(text: str, file: "Path | None" = None) -> Configuration:
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
            blank.fail(f"unknown key {key!r}", did_you_mean(key, _TOP), at=(key,))
    plugins = _table(blank, ("plugins",), document.get("plugins", {}))
    for key in plugins:
        if key not in _PLUGINS:
            blank.fail(
                f"plugins has an unknown key {key!r}",
                did_you_mean(key, _PLUGINS),
                at=("plugins", key),
            )
    default_profile = document.get("default_profile")
    if default_profile is not None:
        default_profile = _text(blank, ("default_profile",), default_profile)
    enable, disable = plugins.get("enable"), plugins.get("disable", [])
    return attrs.evolve(
        blank,
        profiles=_tables(blank, "profiles", document.get("profiles", {})),
        default_profile=default_profile,
        environments=_tables(blank, "environments", document.get("environments", {})),
        enable=None if enable is None else _texts(blank, ("plugins", "enable"), enable),
        disable=_texts(blank, ("plugins", "disable"), disable),
    )


def _table(configuration: Configuration, at: Keys, value: object) -> Table:
    if not isinstance(value, dict):
        configuration.fail(f"{at[-1]} must be a table", at=at)
    return cast("Table", value)


def _tables(configuration: Configuration, key: str, value: object) -> Mapping[str, Table]:
    tables = _table(configuration, (key,), value)
    return {name: _table(configuration, (key, name), table) for name, table in tables.items()}


def _texts(configuration: Configuration, at: Keys, value: object) -> tuple[str, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        configuration.fail(f"{at[-1]} must be a list of texts", at=at)
    return tuple(str(item) for item in items)


def _text(configuration: Configuration, at: Keys, value: object) -> str:
    if not isinstance(value, str):
        configuration.fail(f"{at[-1]} must be a text", at=at)
    return value


def _pair(configuration: Configuration, at: Keys, value: object) -> tuple[str, ...]:
    texts = _texts(configuration, at, value)
    if len(texts) != len(("certificate", "key")):
        configuration.fail(f"{at[-1]} must be two texts: the certificate and its key", at=at)
    return texts


def _named_texts(configuration: Configuration, at: Keys, value: object) -> Mapping[str, str]:
    table = _table(configuration, at, value)
    return {name: _text(configuration, (*at, name), item) for name, item in table.items()}


def _flag(configuration: Configuration, at: Keys, value: object) -> bool:
    if not isinstance(value, bool):
        configuration.fail(f"{at[-1]} must be true or false", at=at)
    return value


def _method(configuration: Configuration, at: Keys, value: object) -> str:
    word, words = _text(configuration, at, value), get_args(ClientAuthenticationMethod)
    if word not in words:
        configuration.fail(
            f"there is no {at[-1]} {word!r}",
            did_you_mean(word, words) or f"There are: {', '.join(words)}.",
            at=at,
        )
    return word


# How the values of an environment's table are read that are no texts.
_READERS: Mapping[str, Callable[[Configuration, Keys, object], object]] = {
    "aliases": _texts,
    "client_authentication": _method,
    "client_certificate": _pair,
    "headers": _named_texts,
    "hosts": _texts,
    "issuers": _texts,
    "loopback_http": _flag,
    "resources": _named_texts,
    "trust": _table,
}


def _checked(configuration: Configuration, at: Keys, value: object) -> object:
    """One value of an environment's table, of the type that its key asks for."""
    return _READERS.get(at[-1], _text)(configuration, at, value)


def _keys(dotted: str) -> Keys:
    """The parts of a dotted key of TOML; quotes are no part of them."""
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
