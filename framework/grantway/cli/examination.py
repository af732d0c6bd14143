"""What `doctor` looks at, as steps: this machine, the configuration, plugins, the token cache.

Each step is about one part of a run, and none needs another: with the configuration broken and
every plugin set aside, the rest is still looked at. What commands of their own show in full
(`config check`, `plugins`, `cache info`) is found out by the same functions.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

import attrs

from grantway.cache_inspection import Inspector
from grantway.checks import environment as environment_test
from grantway.checks import machine
from grantway.checks.check import Check, Step
from grantway.checks.unlisted import unlisted
from grantway.cli import output
from grantway.cli.checking import faults
from grantway.cli.probe import Probe
from grantway.cli.session import Session
from grantway.config import Configuration, user_file
from grantway.errors import CacheError, ConfigurationError, GrantwayError, UnknownEnvironment
from grantway.oauth.transport import HttpTransport
from grantway.suggest import sentence, type_of
from grantway.vaults import reference_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grantway.environment import Environment
    from grantway.layers import ValuesLayer
    from grantway.token_cache import TokenCache

_KEYRING = "keyring:"


@attrs.frozen
class Test:
    """The test of an environment, on a transport of its own, which has no documents yet."""

    steps: tuple[Step, ...]
    _transport: HttpTransport

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()


def tested(session: Session, environment: "Environment", timeout: float) -> Test:
    """The test of an environment; the caller closes it."""
    environ = _environ(session)
    transport = HttpTransport(environ=environ)
    made = environment_test.steps(
        environment,
        transport=transport,
        clock=session.clock,
        environ=environ,
        timeout=timeout,
    )
    return Test(made, transport)


def test_steps(
    session: Session, find: "Callable[[], Environment]", timeout: float, stack: ExitStack
) -> tuple[Step, ...]:
    """The test of the environment that `find` finds, closed with the stack.

    Of one that is described wrongly there is nothing to test: its fault is the finding.

    Raises:
        UnknownEnvironment: there is none of that name.
    """
    try:
        environment = find()
    except UnknownEnvironment:
        raise
    except GrantwayError as error:
        failure = Check.failure("environment", error)
        return (Step(("environment",), lambda: (failure,)),)
    return stack.enter_context(closing(tested(session, environment, timeout))).steps


def in_use(session: Session, named: str | None, profile: str | None) -> "Environment":
    """The environment to test: the one named, else that of a call which names none.

    Raises:
        UnknownEnvironment: there is none of that name.
        ConfigurationError: the configuration, or what it says of the environment, is wrong.
    """
    if named is not None:
        # What is built in can be tested whatever the file says.
        return session.known.environment(named)
    from grantway.intake import Intake

    return Intake(session.registry, session.configuration, profile).environment({})


def steps(session: Session) -> tuple[Step, ...]:
    """What there is to look at beside an environment."""
    return (
        Step(("versions",), machine.versions),
        Step(("variables",), lambda: machine.variables(_environ(session))),
        Step(("configuration",), lambda: _configuration(session)),
        Step(("plugins",), lambda: _plugins(session)),
        Step(("cache",), lambda: _cache(session)),
        Step(("keyring",), lambda: _keyring(session)),
    )


def is_readable(session: Session) -> bool:
    """Whether there is a configuration to go by, be it with faults or none at all."""
    try:
        return bool(session.configuration)
    except ConfigurationError:
        return False


def _environ(session: Session) -> "Mapping[str, str]":
    return session.configuration.environ if is_readable(session) else Configuration().environ


def _configuration(session: Session) -> Iterator[Check]:
    found = list(faults(session))
    for fault in found:
        yield Check.failure("configuration", fault)
    if found:
        return
    configuration = session.configuration
    file, is_there = str(configuration.file or user_file()), configuration.file is not None
    text = f"{file} is right" if is_there else f"there is no file, and need not be: {file}"
    facts = {
        "file": file,
        "exists": is_there,
        "profiles": list(configuration.profiles),
        "environments": list(configuration.environments),
    }
    yield Check("configuration", "ok", text, facts=facts)


def _plugins(session: Session) -> Iterator[Check]:
    registry = session.known
    # One may have nothing wrong with it but its commands: have them asked for as well.
    registry.commands()
    states = {state: [each.name for each in registry.plugins if each.state == state] for state in
              ("active", "disabled", "set aside")}  # fmt: skip
    for each in registry.plugins:
        if each.state == "set aside":
            found = f"{each.name} is set aside. {sentence(each.reason)}"
            yield Check("plugins", "failed", found, each.remedy, {"plugin": each.name})
    for other in unlisted():
        facts = {"distribution": other.distribution, "group": other.group}
        yield Check("plugins", "warning", other.found, other.remedy, facts)
    text = f"{len(states['active'])} active"
    if states["disabled"]:
        text += f"; disabled: {', '.join(states['disabled'])}"
    if not is_readable(session):
        text += ", the built-in ones alone: others are loaded when the configuration can be read"
    yield Check("plugins", "ok", text, facts={**states})


def _cache(session: Session) -> Iterator[Check]:
    try:
        with session.cache() as cache:
            yield from _cache_checks(cache, session.clock.time())
    except ConfigurationError:
        # Told there, with its line.
        yield Check("cache", "skipped", "configuration has to be right first")


def _cache_checks(cache: "TokenCache", now: float) -> Iterator[Check]:
    if not isinstance(cache, Inspector):
        kind = type_of(cache)
        yield Check("cache", "ok", f"{kind}, which does not show what is in it")
        return
    info = cache.info()
    _make_sure_it_keeps(cache, now)
    encrypted = f", encrypted with {info.encrypted_with}" if info.encrypted_with else ""
    found = (
        f"{' '.join(part for part in (info.kind, info.location) if part)}{encrypted}: "
        f"{output.counted(info.access_tokens, 'access token')}, "
        f"{output.counted(info.refresh_tokens, 'refresh token')}"
    )
    facts = info.as_dict()
    if not info.unreadable:
        yield Check("cache", "ok", found, facts=facts)
        return
    yield Check(
        "cache",
        "warning",
        f"{found}, and {info.unreadable:,} that were encrypted with another key.",
        "Bring the other key back; or have `grantway cache clear` forget all there is.",
        facts,
    )


def _make_sure_it_keeps(cache: "TokenCache", now: float) -> None:
    """Have a cache give back what it is given.

    Raises:
        CacheError: it does not.
    """
    probe = Probe.made(now)
    probe.put_into(cache)
    if not probe.is_taken_from(cache):
        raise CacheError(
            "The token cache does not give back what is put into it.",
            remedy="Choose another with GRANTWAY_CACHE, or ask its plugin's author.",
        )


def _keyring(session: Session) -> Iterator[Check]:
    from grantway.cache.encryption_key import system_keyring

    backend = system_keyring()
    if backend is not None:
        kind = type(backend)
        yield Check("keyring", "ok", f"{kind.__module__}.{kind.__qualname__}")
        return
    is_installed = find_spec("keyring") is not None
    lack = "no backend of it keeps secrets here" if is_installed else "it is not installed"
    wanted = list(_references(session)) if is_readable(session) else []
    if not wanted:
        rest = "nothing refers to it, and a token cache's own key rests in a file"
        yield Check("keyring", "ok", f"none ({lack}); {rest}", facts={"keyring": None})
        return
    get = (
        "Choose a backend (https://keyring.readthedocs.io)"
        if is_installed
        else "Install it: pip install 'grantway[keyring]'"
    )
    yield Check(
        "keyring",
        "failed",
        f"{', '.join(wanted)} refers to the system's keyring, and there is none: {lack}.",
        f"{get}; or refer to a file (file:PATH).",
        {"keyring": None, "wanted": wanted},
    )


def _references(session: Session) -> Iterator[str]:
    """Where the configuration refers to the keyring."""
    configuration, parameters = session.configuration, session.registry.parameters
    own = {each.name: each for each in parameters.values()}
    layers: list[ValuesLayer | None] = [configuration.variables_layer(own)]
    for profile in configuration.profiles:
        # What is wrong with one is told by the configuration's own step.
        with suppress(GrantwayError):
            layers.append(configuration.profile_layer(profile, parameters))
    for layer in layers:
        for name in sorted(layer.names) if layer else ():
            with suppress(GrantwayError):
                reference = reference_in(layer.read(name)) if layer else None
                if layer and reference and reference.text.startswith(_KEYRING):
                    yield f"{name} from {layer.name}"
