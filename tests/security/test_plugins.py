"""A third party's plugin, careless or hostile: it harms itself, and gets nothing it was not given."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from traceback import TracebackException
from typing import Any, NoReturn, cast

import click
import pytest
from attrs import evolve
from click.testing import CliRunner

from grantway import (
    OIDC,
    AuthenticationResult,
    ClientCertificate,
    Configuration,
    CredentialProvider,
    Discovery,
    Dispatcher,
    Environment,
    Event,
    Parameter,
    ParameterSet,
    PlannedRequest,
    Reference,
    Registry,
    Secret,
    TokenCacheFactory,
    TokenRequest,
    Trust,
    Vault,
    hookimpl,
)
from grantway.cli.program import program
from grantway.cli.session import Session
from grantway.errors import (
    ConfigurationError,
    GrantwayError,
    InvalidParameter,
    PluginError,
    VaultError,
)
from grantway.events import emit
from grantway.parameters import CERTIFICATE, SAVE_REFRESH_TOKEN, secret, text
from grantway.protocol import Form
from grantway.testing import scripted_environment
from registry.support import Installed, entry, module, never, provider, provides, record

NOWHERE = Configuration(environ={})
SENTINEL = "what-nobody-may-see"
LATER = datetime(2999, 1, 1, tzinfo=UTC)


class Text(str):
    __slots__ = ()

    def casefold(self) -> NoReturn:
        raise RuntimeError("no")


class Mute(BaseException):
    def __str__(self) -> NoReturn:
        raise SystemExit(7)


class Faceless:
    @property  # type: ignore[misc]
    def __class__(self) -> NoReturn:  # type: ignore[override]
        raise RuntimeError("no")


class Unnamed(click.Command):
    @property
    def name(self) -> NoReturn:
        raise SystemExit(3)

    @name.setter
    def name(self, value: object) -> None:
        """Whatever."""


class Helpless(click.Command):
    def get_short_help_str(self, limit: int = 45) -> NoReturn:
        raise SystemExit(3)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Installed:
    """What is installed: the built-in plugins, and what a test adds."""
    return Installed(monkeypatch)


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def function(*_: object) -> NoReturn:
        raise error

    return function


def parameter(**fields: Any) -> object:
    return module(
        grantway_providers=[
            provider("Third", sets=[ParameterSet("Set", (Parameter("third_key", text, **fields),))])
        ]
    )


def named(name: str) -> object:
    key = ParameterSet("Set", (Parameter(name, text),))
    return module(grantway_providers=[provider("Third", sets=[key])])


WRONG: dict[str, object] = {
    **{
        f"a parameter with {field} {value!r}": parameter(**{field: value})
        for field, value in (
            ("excludes", None), ("excludes", 5), ("help", 5), ("choices", 5), ("choices", (1, 2)),
            ("env", ["A"]), ("env", "A B"), ("aliases", 5), ("aliases", (5,)), ("secret", 1),
            ("validator", 5), ("deprecated", None),
        )
    },
    "a default that cannot be shown": parameter(default=Mute()),
    **{
        f"a form with {name}": module(
            grantway_environments=[
                Environment(
                    "Hill",
                    authority="https://hill.example",
                    protocol=evolve(OIDC, name="odd", client_id=form),
                )
            ]
        )
        for name, form in {
            "a broken pattern": Form("x", "("),
            "a number for a pattern": Form("x", cast("Any", 5)),
            "a number for a function": Form("x", ".*", cast("Any", 5)),
        }.items()
    },
    **{
        f"a trust with {name}": module(
            grantway_environments=[
                Environment("Hill", authority="https://hill.example", trust=trust)
            ]
        )
        for name, trust in {
            "a number for a bundle": Trust(ca_bundle=cast("Any", 5)),
            "a number for a proxy": Trust(proxy=cast("Any", 5)),
            "a text for a pair": Trust(client_certificate=cast("Any", "ab")),
            "a number for a header": Trust(headers={"a": cast("Any", 5)}),
            "a word for a flag": Trust(loopback_http=cast("Any", "no")),
        }.items()
    },
    "a secret with a default": parameter(secret=True, default="everybody's"),
    "a provider's summary": module(
        grantway_providers=[CredentialProvider("T", (ParameterSet("S"),), never, summary=cast("str", 5))]
    ),
    "a set's summary": module(
        grantway_providers=[provider("T", sets=[ParameterSet("S", summary=cast("str", 5))])]
    ),
    "an environment's closed": module(
        grantway_environments=[
            Environment("Hill", authority="https://hill.example", closed=cast("str", 5))
        ]
    ),
    "a cache's name": module(grantway_token_caches=[TokenCacheFactory(cast("str", 5), never)]),
    "a discovery's name": module(grantway_discoveries=[Discovery(cast("str", None), never)]),
    "a vault's scheme": module(grantway_vaults=[Vault(cast("str", 5), never)]),
    "a name with methods of its own": module(grantway_providers=[provider(Text("Third"))]),
    "a name with a control character": module(grantway_providers=[provider("Th\x1b[2Jird", "k")]),
    "a name with a line break": module(grantway_providers=[provider("Third\n", "k")]),
    "a set's name with a line break": module(
        grantway_providers=[provider("T", sets=[ParameterSet("S\n", (Parameter("k", text),))])]
    ),
    "something without a class": module(grantway_providers=[Faceless()]),
    "an import with an error that exits": raising(Mute()),
    "an import that is cancelled": raising(asyncio.CancelledError()),
    **{
        f"a parameter called {name}": named(name)
        for name in ("as_json", "format_", "all_tokens", "no_device_code", "no_consent", "no_x", "self")
    },
}  # fmt: skip


# By name: pytest looks at parameters too.
@pytest.mark.parametrize("what", list(WRONG))
def test_a_wrong_declaration_sets_its_plugin_aside_and_the_command_line_goes_on(
    installed: Installed, what: str
) -> None:
    registry = installed.registry(entry("bad", WRONG[what]), entry("good", provides("Good")))
    assert record(registry, "bad:plugin").state == "set aside"
    assert record(registry, "good:plugin").state == "active"
    for arguments in (["plugins"], ["plugins", "--json"], ["token", "--help"], ["--help"]):
        assert run(registry, *arguments).exit_code == 0


COMMANDS = {
    "its name raises": Unnamed("third"),
    "its name is no text": click.Command(cast("str", 5)),
    "its help exits": Helpless("third"),
    "its class raises": Faceless(),
    "it is one of the core": click.Command("token"),
}


@pytest.mark.parametrize("what", list(COMMANDS))
def test_a_command_that_cannot_be_listed_sets_its_plugin_aside(
    installed: Installed, what: str
) -> None:
    registry = installed.registry(entry("bad", module(grantway_commands=[COMMANDS[what]])))
    assert run(registry, "--help").exit_code == 0
    assert record(registry, "bad:plugin").state == "set aside"


@pytest.mark.parametrize(
    "variable", ["GRANTWAY_CREDENTIAL", "GRANTWAY_RESOURCE", "GRANTWAY_PROFILE", "GRANTWAY_CONFIG"]
)
def test_no_third_party_reads_a_variable_of_the_core_or_of_a_built_in(
    installed: Installed,
    variable: str,
) -> None:
    registry = installed.registry(entry("bad", parameter(env=variable)))
    assert f"environment variable {variable}" in record(registry, "bad:plugin").reason


def test_two_third_parties_that_read_one_variable_differently_are_both_set_aside(
    installed: Installed,
) -> None:
    other = Parameter("other_key", text, env="THIRD")
    two = module(grantway_providers=[provider("Two", sets=[ParameterSet("Set", (other,))])])
    registry = installed.registry(entry("one", parameter(env="THIRD")), entry("two", two))
    assert {each.state for each in registry.plugins if not each.builtin} == {"set aside"}


def test_what_a_plugin_prints_while_it_is_loaded_goes_to_standard_error(
    installed: Installed,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Loud:
        @hookimpl
        def grantway_providers(self) -> list[CredentialProvider]:
            print("in a hook")
            return [provider("Loud")]

    def load() -> object:
        print("at import")
        return Loud()

    assert record(installed.registry(entry("loud", load)), "loud:plugin").state == "active"
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "at import\nin a hook\n")


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), Mute()])
def test_an_observer_that_exits_is_logged_and_not_felt(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Event] = []
    emit([("bad:plugin", raising(error)), ("good:plugin", seen.append)], 0.0, "token.acquired")
    assert len(seen) == 1
    assert "bad:plugin" in caplog.text


def test_an_interrupt_in_an_observer_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        emit([("bad:plugin", raising(KeyboardInterrupt()))], 0.0, "token.acquired")


# Providers and vaults at work.

HILL = Environment("Hill", authority="https://hill.example")
KEY = Parameter("third_key", secret, secret=True)


def working(
    authenticate: Callable[..., Any] = lambda *_: AuthenticationResult("a token", expires_on=LATER),
    vault: Vault | None = None,
    **functions: Any,
) -> Registry:
    one = ParameterSet("Set", (KEY,), optional=(SAVE_REFRESH_TOKEN,))
    third = CredentialProvider("Third", (one,), authenticate, **functions)
    return Registry.of(
        module(
            grantway_providers=[third],
            grantway_environments=[HILL],
            grantway_vaults=[vault] if vault else [],
        ),
        configuration=NOWHERE,
        names=["third:plugin"],
    )


def run(registry: Registry, *arguments: str) -> Any:
    session = Session(registry=registry, configuration=NOWHERE, prompter=False)
    return CliRunner().invoke(program, list(arguments), obj=session)


def acquire(registry: Registry, key: object = "a key", **more: Any) -> AuthenticationResult:
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        given: Mapping[str, Any] = {"environment": "Hill", "third_key": key, **more}
        return dispatcher.acquire(provider="Third", **given)


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(SENTINEL), Mute()])
def test_a_provider_that_exits_is_at_fault_and_its_text_is_not_told(error: BaseException) -> None:
    with pytest.raises(PluginError, match="third:plugin") as caught:
        acquire(working(raising(error)))
    assert SENTINEL not in str(caught.value)


def test_a_provider_that_fails_is_told_with_its_own_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "acme_plug"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from grantway import CredentialProvider, Parameter, ParameterSet, hookimpl\n"
        "from acme_plug.work import authenticate\n"
        "KEY = Parameter('third_key', str)\n"
        "@hookimpl\n"
        "def grantway_providers():\n"
        "    return [CredentialProvider('Third', (ParameterSet('Set', (KEY,)),), authenticate)]\n"
    )
    (package / "work.py").write_text(
        "def authenticate(request, context):\n    return request.values['nothing of the kind']\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin = import_module("acme_plug")
    try:
        with pytest.raises(PluginError, match=r"raised KeyError at acme_plug/work\.py:2\."):
            acquire(Registry.of(plugin, configuration=NOWHERE), environment=HILL)
    finally:
        del sys.modules["acme_plug"], sys.modules["acme_plug.work"]


RESULTS: dict[str, Callable[[], object]] = {
    "no result": lambda: "a token",
    "no token": lambda: AuthenticationResult(""),
    "a token that is no text": lambda: AuthenticationResult(cast("str", 5)),
    "a token with a line break": lambda: AuthenticationResult("a\r\nb"),
    "a token beyond ASCII": lambda: AuthenticationResult("tökén"),
    "a type with a line break": lambda: AuthenticationResult("a", "Bearer\r\nX: y"),
    "a type with an escape": lambda: AuthenticationResult("a", "\x1b[2J"),
    "a naive instant": lambda: AuthenticationResult("a", expires_on=LATER.replace(tzinfo=None)),
    "an instant that is a number": lambda: AuthenticationResult("a", refresh_on=cast("Any", 5)),
    "scopes that are none": lambda: AuthenticationResult("a", scopes=cast("Any", (5,))),
    "a refresh token of bytes": lambda: AuthenticationResult("a", refresh_token=cast("Any", b"x")),
}


@pytest.mark.parametrize("make", list(RESULTS.values()), ids=list(RESULTS))
def test_a_result_that_cannot_be_is_the_plugins_fault_and_not_cached(
    make: Callable[[], object],
) -> None:
    calls: list[object] = []

    def authenticate(*_: object) -> object:
        calls.append(None)
        return make()

    with Dispatcher(working(authenticate), prompter=False, config=NOWHERE) as dispatcher:
        given: Mapping[str, Any] = {"environment": "Hill", "third_key": "a key"}
        for _ in range(2):
            with pytest.raises(PluginError, match="third:plugin"):
                dispatcher.acquire(provider="Third", **given)
    assert len(calls) == 2


@pytest.mark.parametrize(
    "get",
    [lambda *_: SENTINEL, lambda *_: None, raising(ValueError(SENTINEL)), raising(SystemExit(1))],
)
def test_a_vault_that_breaks_its_contract_is_named_and_its_text_is_not_told(
    get: Callable[..., Any],
) -> None:
    with pytest.raises(VaultError, match="box") as caught:
        acquire(working(vault=Vault("box", get)), Reference("box:x"))
    assert caught.value.scheme == "box"
    assert SENTINEL not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_vault_whose_check_breaks_its_contract_is_named() -> None:
    vault = Vault("box", lambda *_: Secret("x"), never, check=raising(ValueError(SENTINEL)))
    with pytest.raises(VaultError, match="box") as caught:
        acquire(working(vault=vault), save_refresh_token="box:x")
    assert SENTINEL not in str(caught.value)


@pytest.mark.parametrize("error", [KeyError(SENTINEL), SystemExit(SENTINEL), Mute()])
@pytest.mark.parametrize("place", ["call", "variable", "profile"])
def test_a_parser_that_fails_in_its_own_way_is_told_without_its_text(
    error: BaseException, place: str
) -> None:
    key = Parameter("third_key", raising(error), env="THIRD_KEY")
    third = provider("Third", sets=[ParameterSet("Set", (key,))])
    configuration = Configuration(
        environ={"THIRD_KEY": "a value"} if place == "variable" else {},
        profiles={"p": {"third_key": "a value"}} if place == "profile" else {},
        default_profile="p" if place == "profile" else None,
    )
    registry = Registry.of(
        module(grantway_providers=[third], grantway_environments=[HILL]),
        configuration=configuration,
    )
    with Dispatcher(registry, prompter=False, config=configuration) as dispatcher:
        given: Mapping[str, Any] = {"third_key": "a value"} if place == "call" else {}
        for ask in (dispatcher.acquire, dispatcher.explain):
            with pytest.raises(GrantwayError, match="third_key") as caught:
                ask(provider="Third", environment="Hill", **given)
            assert SENTINEL not in str(caught.value)
            assert caught.value.__context__ is None
    session = Session(registry=registry, configuration=configuration, prompter=False)
    for line in ("config show", "config check", "providers", "explain"):
        done = CliRunner().invoke(program, line.split(), obj=session)
        assert done.exit_code in (0, 2, 3)
        assert SENTINEL not in done.output


@pytest.mark.parametrize(
    "wrong",
    [
        {"parse": text},
        {"parse": lambda _: None},
        {"parse": lambda value: [secret(value)]},
        {"parse": secret, "validator": lambda value, _: value.reveal()},
    ],
)
def test_a_secret_that_would_go_on_in_clear_is_the_plugins_fault(
    wrong: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def authenticate(request: Any, context: Any) -> AuthenticationResult:
        context.logger.warning("the key is %s", request[key])
        return AuthenticationResult("a token")

    key = Parameter("third_key", secret=True, **wrong)
    third = CredentialProvider("Third", (ParameterSet("Set", (key,)),), authenticate)
    registry = Registry.of(
        module(grantway_providers=[third], grantway_environments=[HILL]), configuration=NOWHERE
    )
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        given: Mapping[str, Any] = {"environment": "Hill", "third_key": SENTINEL}
        for ask in (dispatcher.acquire, dispatcher.explain):
            with pytest.raises(PluginError, match="third_key is declared to be secret") as caught:
                ask(provider="Third", **given)
            shown = TracebackException.from_exception(caught.value, capture_locals=True)
            ours = [str(each.locals) for each in shown.stack if "/tests/" not in each.filename]
            assert SENTINEL not in f"{caught.value} {ours}"
    assert SENTINEL not in caplog.text


def test_a_value_that_has_no_text_is_explained_by_its_type() -> None:
    class Odd:
        def __str__(self) -> NoReturn:
            raise RuntimeError(SENTINEL)

    key = Parameter("third_key", lambda _: Odd())
    third = provider("Third", sets=[ParameterSet("Set", (key,))])
    registry = Registry.of(
        module(grantway_providers=[third], grantway_environments=[HILL]), configuration=NOWHERE
    )
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        given: Mapping[str, Any] = {"environment": "Hill", "third_key": "x"}
        explanation = dispatcher.explain(provider="Third", **given)
    assert explanation.values["third_key"] == "<Odd>"


@pytest.mark.parametrize("canonical", [raising(RuntimeError(SENTINEL)), lambda _: None])
def test_an_identifier_whose_spelling_fails_is_refused(canonical: Callable[..., Any]) -> None:
    form = Form("an identifier", ".*", canonical)
    hill = Environment(
        "Hill",
        authority="https://hill.example",
        protocol=evolve(OIDC, name="odd", client_id=form),
    )
    configuration = Configuration(environ={"GRANTWAY_APPLICATION_ID": "an application"})
    registry = Registry.of(module(grantway_environments=[hill]), configuration=configuration)
    with Dispatcher(registry, prompter=False, config=configuration) as dispatcher:
        with pytest.raises(InvalidParameter, match="credential") as caught:
            dispatcher.acquire(environment="Hill", credential=("an application", "x"))
    assert SENTINEL not in str(caught.value)


@pytest.mark.parametrize(
    "create", [raising(RuntimeError(SENTINEL)), lambda _: None, lambda _: SENTINEL]
)
def test_a_token_cache_that_cannot_be_made_is_told_without_the_text_of_its_plugin(
    create: Callable[..., Any],
) -> None:
    factory = TokenCacheFactory("box", create)
    registry = Registry.of(module(grantway_token_caches=[factory]), configuration=NOWHERE)
    with pytest.raises(ConfigurationError, match="token cache") as caught:
        Dispatcher(registry, cache=f"box:{SENTINEL}", prompter=False, config=NOWHERE)
    assert SENTINEL not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "plan", [raising(ValueError(SENTINEL)), raising(SystemExit(1)), lambda _: [5], lambda _: 5]
)
def test_a_plan_that_fails_is_the_problem_of_an_explanation_and_of_no_token(
    plan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    registry = working(plan=plan, vault=Vault("box", lambda *_: Secret("x")))
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        given: Mapping[str, Any] = {"environment": "Hill", "third_key": "a key"}
        problem = dispatcher.explain(provider="Third", **given).problem
    assert isinstance(problem, PluginError)
    assert problem.plugin == "third:plugin"
    assert SENTINEL not in str(problem)
    arguments = ("--provider", "Third", "--environment", "Hill", "--third-key", "box:x")
    done = run(registry, "-v", "token", *arguments)
    assert (done.exit_code, done.stdout) == (0, "a token\n")


@pytest.mark.parametrize("source", [Secret(SENTINEL), Reference("box:x")])
def test_a_plan_gets_nothing_of_a_certificate_that_is_a_secret(source: Secret | Reference) -> None:
    seen: list[ClientCertificate] = []

    def plan(request: TokenRequest) -> list[PlannedRequest]:
        seen.append(request[CERTIFICATE])
        return []

    class Plugin:
        @hookimpl
        def grantway_providers(self) -> list[CredentialProvider]:
            sets = (ParameterSet("Keyed", (CERTIFICATE,)),)
            return [
                CredentialProvider(
                    "Keyed", sets, lambda _, __: AuthenticationResult("t"), plan=plan
                )
            ]

        @hookimpl
        def grantway_vaults(self) -> list[Vault]:
            return [Vault("box", lambda _, __: Secret(SENTINEL))]

    with Dispatcher(Registry.of(Plugin()), prompter=False, config=NOWHERE) as dispatcher:
        given: Mapping[str, Any] = {"environment": scripted_environment(), "certificate": source}
        found = dispatcher.explain(provider="Keyed", **given)
    assert found.problem is None
    assert [each.source for each in seen] == [Secret("***")]
