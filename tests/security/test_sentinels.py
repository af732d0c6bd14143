"""No secret is in anything that leaves: texts, attributes, chains, pickles, logs, tracebacks, events."""

import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grantway import (
    AuthenticationResult,
    Configuration,
    Context,
    Credential,
    Dispatcher,
    Environment,
    Event,
    ProofKey,
    Reference,
    Registry,
    Secret,
    StoredRefreshToken,
    Trust,
    Vault,
    hookimpl,
)
from grantway.config import parse
from grantway.errors import GrantwayError, VaultError
from grantway.oauth.answers import JsonObject
from grantway.redaction import Redactor
from oauth.support import CLIENT_ID, FakeClock, context, environment, oidc, token_request
from oauth.test_id_token import Authority
from servers.raw import (
    Behaviour,
    RawServer,
    cut_short,
    drip_body,
    drip_headers,
    empty,
    exact,
    hang_up,
    html,
    json_answer,
    large,
    redirect,
    reset,
    respond,
    silence,
)

SECRETS = {
    "client": "sentinel-client-secret-1",
    "refresh": "sentinel-refresh-token-2",
    "access": "sentinel-access-token-3",
    "successor": "sentinel-successor-token-4",
    "id": "sentinel-id-token-5",
}
ANSWER: dict[str, object] = {
    "access_token": SECRETS["access"],
    "refresh_token": SECRETS["successor"],
    "expires_in": 3600,
}
BODY = b'{"access_token": "sentinel-access-token-3", "refresh_token": "sentinel-successor-token-4"}'


class Observing:
    """A plugin that remembers what it is told, with a vault that keeps or fails."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.events: list[Event] = []
        self.fails = fails
        self.kept: list[Secret] = []

    @hookimpl
    def grantway_event(self, event: Event) -> None:
        self.events.append(event)

    @hookimpl
    def grantway_vaults(self) -> list[Vault]:
        return [Vault("test", self.get, self.put)]

    def get(self, name: str, context: Context) -> Secret:
        return Secret(SECRETS["refresh" if "refresh" in name else "client"])

    def put(self, name: str, secret: Secret, context: Context) -> None:
        if self.fails is not None:
            raise self.fails
        self.kept.append(secret)


def texts(error: BaseException | None) -> Iterator[str]:
    """All that an exception and those behind it say of themselves."""
    seen: set[int] = set()
    queue = [error]
    while queue:
        each = queue.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield from (str(each), repr(each), repr(each.args), repr(vars(each)))
        # An attribute of an exception that is none of ours may show what its text does not.
        yield from (repr(getattr(each, name, "")) for name in ("object", "doc", "request"))
        if isinstance(each, GrantwayError):
            yield repr(each.as_dict())
            yield repr(pickle.loads(pickle.dumps(each)).__dict__)
            yield pickle.dumps(each).decode("latin-1")
            yield repr(copy.copy(each))
        queue += [each.__cause__, each.__context__]


def traced(error: BaseException) -> str:
    """The traceback with all local variables, but for the frame of the test, which knows all."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    pending: list[traceback.TracebackException | None] = [shown]
    while pending:
        each = pending.pop()
        if each is None:
            continue
        each.stack = traceback.StackSummary.from_list(
            [frame for frame in each.stack if "/tests/" not in frame.filename.replace("\\", "/")]
        )
        pending += [each.__cause__, each.__context__]
    return "".join(shown.format())


def assert_clean(what: str, text: str) -> None:
    found = [name for name, secret in SECRETS.items() if secret in text]
    assert not found, f"{what} shows {found}: {text}"


FAILURES: dict[str, Behaviour] = {
    "refused": json_answer({"error": "invalid_grant", "error_description": "no"}, 400),
    "echo": json_answer(
        {
            "error": "invalid_client",
            "error_description": SECRETS["client"],
            "suberror": SECRETS["client"],
            "claims": SECRETS["client"],
            "trace_id": SECRETS["client"],
        },
        401,
    ),
    "echoed error": json_answer({"error": SECRETS["client"]}, 400),
    "echoed token": json_answer(
        {**ANSWER, "access_token": "", "error": "x", "error_description": SECRETS["successor"]}
    ),
    "echo with 429": json_answer(
        {"error": SECRETS["client"]}, 429, headers=[("Retry-After", "9999")]
    ),
    "interaction": json_answer(
        {"error": "interaction_required", "error_description": SECRETS["client"]}, 400
    ),
    "unusable access token": json_answer({**ANSWER, "access_token": "x " + SECRETS["access"]}),
    "access token of bytes": json_answer({**ANSWER, "access_token": SECRETS["access"] + "é"}),
    "surrogates": json_answer({**ANSWER, "refresh_token": SECRETS["successor"] + "\ud800"}),
    "no access token": json_answer({**ANSWER, "access_token": None}),
    "error beside": json_answer({"error": "x", "refresh_token": SECRETS["successor"]}),
    "bad id token": json_answer({**ANSWER, "id_token": SECRETS["id"]}),
    "unsigned id token": json_answer(
        {**ANSWER, "id_token": "eyJhbGciOiJub25lIn0.e30." + SECRETS["id"]}
    ),
    "id token of no key": json_answer(
        {**ANSWER, "id_token": "eyJhbGciOiJSUzI1NiJ9.e30." + SECRETS["id"]}
    ),
    "list": json_answer([ANSWER]),
    "html": html(503),
    "html with a token": respond(200, BODY, content_type="text/html"),
    "503 with a token": respond(503, BODY, content_type="application/json"),
    "half of JSON": respond(200, BODY[:-1], content_type="application/json"),
    "cut short": cut_short(BODY),
    "too large": large(prefix=BODY[:-1] + b', "x": "'),
    "dripped": drip_body(BODY + b" " * 1000, 0.002),
    "dripped headers": drip_headers(0.05),
    "silence": silence(),
    "hang up": hang_up(),
    "reset": reset(),
    "no HTTP": exact(b"SSH-2.0-" + SECRETS["client"].encode() + b"\r\n"),
    "broken gzip": respond(200, BODY, headers=[("Content-Encoding", "gzip")]),
    "redirect": redirect("https://elsewhere.example/?" + SECRETS["client"], 307),
    "empty": empty(403),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("grant", ["client_credentials", "refresh_token"])
def test_no_failure_shows_a_secret(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture, failure: str, grant: str
) -> None:
    caplog.set_level(1)
    raw_server.serve(FAILURES[failure])
    observing = Observing()
    given: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": Credential(CLIENT_ID, SECRETS["client"]),
    }
    if grant == "refresh_token":
        given["refresh_token"] = SECRETS["refresh"]
    with Dispatcher(Registry.of(observing), prompter=False) as asking:
        with pytest.raises(GrantwayError) as caught:
            asking.acquire(**given, timeout=1)
        error = caught.value
        for text in texts(error):
            assert_clean("the error", text)
        assert_clean("the traceback", traced(error))
        for name in ("_workplace", "_intake", "_flights"):
            assert_clean(name, repr(getattr(asking, name)))
            assert_clean(name, repr(vars(getattr(asking, name))))
    assert_clean("the log", caplog.text + repr([each.__dict__ for each in caplog.records]))
    assert_clean("an event", repr(observing.events))
    assert any(event.name == "token.failed" for event in observing.events)


@pytest.mark.parametrize(
    "fails", [None, VaultError("It is full.", scheme="test"), OSError(SECRETS["successor"])]
)
def test_no_vault_and_no_success_shows_a_secret(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture, fails: Exception | None
) -> None:
    caplog.set_level(1)
    raw_server.serve(json_answer(ANSWER))
    observing = Observing(fails)
    given: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": Credential(CLIENT_ID, Reference("test:client")),
        "refresh_token": Reference("test:refresh"),
        "save_refresh_token": "test:there",
    }
    with Dispatcher(Registry.of(observing), prompter=False) as asking:
        if fails is None:
            result = asking.acquire(**given)
            assert observing.kept == [Secret(SECRETS["successor"])]
        else:
            with pytest.raises(VaultError) as caught:
                asking.acquire(**given)
            for text in texts(caught.value):
                assert_clean("the error", text)
            assert_clean("the traceback", traced(caught.value))
            assert isinstance(caught.value.result, AuthenticationResult)
            result = caught.value.result
        source = asking.bind(**given)
        shown = [
            result, result.account, source, source.auth(), asking, asking.registry,
            asking._workplace, asking._workplace.cache, asking.explain(**given),
            asking.explain(**given).as_dict(), observing.events,
        ]  # fmt: skip
        for each in shown:
            assert_clean(type(each).__name__, f"{each!r} {each}")
    assert result.access_token == SECRETS["access"]
    assert SECRETS["successor"] not in repr(result.as_dict())
    assert_clean("the log", caplog.text + repr([each.__dict__ for each in caplog.records]))
    assert {"token.acquired", "refresh_token.kept"} <= {each.name for each in observing.events}


def assert_without_key(what: str, text: str, key: ProofKey) -> None:
    """No piece of the private key is in a text, however it is cut."""
    exported = key.export().reveal().partition(":")[2]
    number = key._loaded().private_numbers().private_value
    for piece in (exported, exported[40:80], str(number), f"{number:x}"):
        assert piece not in text, f"{what} shows the key: {text}"


@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_shows_the_key_that_a_token_is_bound_to(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    caplog.set_level(1)
    raw_server.serve(json_answer({**ANSWER, "token_type": "DPoP"}))
    observing = Observing()
    given: dict[str, Any] = {
        "environment": environment(raw_server, dpop=True),
        "application_id": CLIENT_ID,
        "refresh_token": SECRETS["refresh"],
        "save_refresh_token": "test:there",
    }
    with Dispatcher(Registry.of(observing), prompter=False) as asking:
        result = asking.acquire(**given)
        key = result.proof_key
        assert key is not None
        raw_server.serve(FAILURES[failure])
        with pytest.raises(GrantwayError) as caught:
            asking.acquire(**given, timeout=1, force_refresh=True)
        shown = [*texts(caught.value), traced(caught.value), repr(result), repr(asking)]
        shown += [repr(result.as_dict(secrets=True)), repr(asking.explain(**given))]
        shown += [repr(each) for each in (asking._workplace, vars(asking._workplace))]
    shown += [caplog.text, repr([each.__dict__ for each in caplog.records])]
    shown.append(repr(observing.events))
    for text in shown:
        assert_without_key("a text", text, key)
    proofs = [each.headers["dpop"] for each in raw_server.requests if "dpop" in each.headers]
    assert len(proofs) > 1
    for text in (caplog.text, *texts(caught.value)):
        assert not any(proof in text for proof in proofs)
    for proof in proofs:
        assert_without_key("a proof", proof, key)


def test_a_cache_file_shows_neither_key_nor_token(raw_server: RawServer, tmp_path: Path) -> None:
    raw_server.serve(json_answer({**ANSWER, "token_type": "DPoP"}))
    folder = tmp_path / "cache"
    with Dispatcher(prompter=False, cache=f"sqlite:///{folder}/tokens.db") as asking:
        key = asking.acquire(
            environment=environment(raw_server, dpop=True),
            application_id=CLIENT_ID,
            refresh_token=SECRETS["refresh"],
        ).proof_key
        assert key is not None
        files = [each for each in folder.iterdir() if each.is_file()]
        assert files
        for file in files:
            content = file.read_bytes().decode("latin-1")
            assert_without_key(file.name, content, key)
            assert_clean(file.name, content)


def test_values_mask_themselves() -> None:
    secret = Secret(SECRETS["client"])
    of = environment("https://login.example")
    request = token_request("https://login.example/token", ("client_secret", secret))
    for each in (
        secret, Credential("a", secret), request, request.fields, request.masked(),
        context(of).redactor, [secret], {"a": secret}, (Credential("a", secret),),
    ):  # fmt: skip
        assert_clean("a value", f"{each!r} {each} {[each]}")
    assert_clean("a format", f"{secret} {secret!s} {secret!r} {secret:>20} %s" % secret)


@pytest.mark.parametrize(
    "value",
    [
        Secret(SECRETS["client"]),
        Credential("a", SECRETS["client"]),
        AuthenticationResult(SECRETS["access"]),
        AuthenticationResult("a", refresh_token=SECRETS["refresh"]),
        Redactor([Secret(SECRETS["client"])]),
        ProofKey.generate(),
        StoredRefreshToken(Secret(SECRETS["refresh"]), proof_key=ProofKey.generate()),
        JsonObject(access_token=SECRETS["access"]),
        Configuration(environ={"A": SECRETS["client"]}),
    ],
)
def test_what_holds_a_secret_refuses_to_be_pickled(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(value)


def test_a_secret_that_utf8_cannot_hold_is_refused_unseen() -> None:
    with pytest.raises(ValueError, match="UTF-8") as caught:
        Secret(SECRETS["client"] + "\udc80")
    for text in texts(caught.value):
        assert_clean("the error", text)


@pytest.mark.parametrize(
    "given",
    [
        {"credential": SECRETS["client"]},
        {"credential": (SECRETS["client"],)},
        {"credential": {"password": SECRETS["client"]}},
        {"refresh_token": [SECRETS["refresh"]]},
        {"refresh_token": SECRETS["refresh"].encode()},
        {"refresh_token": SECRETS["refresh"] + "\udc80", "application_id": "a"},
        {"refresh_token": SECRETS["refresh"], "application_id": "a", "resource": "nonsense"},
        {"save_refresh_token": SECRETS["refresh"]},
        {"refresh_tokenn": SECRETS["refresh"]},
        {"refresh_token": SECRETS["refresh"], "nonsense": 1},
        {"refresh_token": SECRETS["refresh"], "application_id": "a", "timeout": -1},
        {"refresh_token": SECRETS["refresh"], "provider": "nonsense"},
        {"refresh_token": SECRETS["refresh"], "environment": "nonsense"},
    ],
)
@pytest.mark.parametrize("entrance", ["acquire", "bind", "explain"])
def test_no_refusal_of_a_call_shows_a_secret(
    given: dict[str, Any], entrance: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    of = environment("https://login.example")
    with Dispatcher(prompter=False) as asking:
        call: Callable[..., Any] = getattr(asking, entrance)
        try:
            explained = call(**{"environment": of, **given})
        except (GrantwayError, TypeError) as error:
            for text in texts(error):
                assert_clean("the error", text)
            assert_clean("the traceback", traced(error))
        else:
            assert_clean("the answer", repr(explained))
    assert_clean("the log", caplog.text)


_CLIENT = SECRETS["client"]
MISTAKES = {
    "a bare secret": f'[profiles.p]\ncredential = "{_CLIENT}"',
    "a credential in clear": f'[profiles.p]\ncredential = "an application={_CLIENT}"',
    "a pair": f'[profiles.p]\ncredential = ["an application", "{_CLIENT}"]',
    "an unknown parameter": f'[profiles.p]\ncredentiall = "{_CLIENT}"',
    "a parameter that is given twice": f'[profiles.p]\nclient_id = "a"\napplication_id = "{_CLIENT}"',
    "another profile": f'[profiles.q]\ncredential = "{_CLIENT}"',
    "no TOML": f'[profiles.p]\ncredential = "{_CLIENT}',
    "a number that is too long": f'a = {"1" * 5000}\n[profiles.p]\ncredential = "{_CLIENT}"',
    "an unknown key": f'[profile.p]\ncredential = "{_CLIENT}"',
    "a proxy's password beside an unknown key": (
        f'oops = 1\n[environments.E.trust]\nproxy = "http://a:{_CLIENT}@proxy.example"'
    ),
    "a list of proxies": (
        '[profiles.p]\nenvironment = "E"\n[environments.E]\nauthority = "https://e.example"\n'
        f'trust = {{ proxy = ["http://a:{_CLIENT}@proxy.example"] }}'
    ),
    "headers that are a text": (
        '[profiles.p]\nenvironment = "E"\n[environments.E]\nauthority = "https://e.example"\n'
        f'trust = {{ headers = "X-Key: {_CLIENT}" }}'
    ),
    "a password in an authority": (
        f'[profiles.p]\nenvironment = "E"\n[environments.E]\nauthority = "https://a:{_CLIENT}@e"'
    ),
}


@pytest.mark.parametrize("what", list(MISTAKES))
def test_no_mistake_in_a_file_shows_a_secret(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTWAY_CREDENTIAL", _CLIENT)
    file = tmp_path / "config.toml"
    file.write_text(MISTAKES[what])
    with pytest.raises(GrantwayError) as caught:
        Dispatcher(config=file, profile="p", prompter=False).acquire(tenant_id="contoso.example")
    for text in texts(caught.value):
        assert_clean("the error", text)
    assert_clean("the traceback", traced(caught.value))


def test_a_file_that_is_no_text_is_not_in_its_error(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xff" + _CLIENT.encode())
    with pytest.raises(GrantwayError) as caught:
        Dispatcher(config=file)
    for text in texts(caught.value):
        assert_clean("the error", text)
    assert_clean("the traceback", traced(caught.value))


@pytest.mark.parametrize("value", [_CLIENT, f"an application={_CLIENT}"])
def test_no_mistake_in_a_variable_shows_a_secret(value: str) -> None:
    configuration = Configuration(environ={"GRANTWAY_CREDENTIAL": value})
    assert_clean("the configuration", repr(configuration))
    with Dispatcher(prompter=False, config=configuration) as asking:
        with pytest.raises(GrantwayError, match="a secret is not accepted here") as caught:
            asking.acquire(tenant_id="contoso.example")
    for text in texts(caught.value):
        assert_clean("the error", text)
    assert_clean("the traceback", traced(caught.value))


def test_a_configuration_shows_neither_profiles_nor_environments() -> None:
    configuration = parse(
        f'[profiles.p]\ncredential = "{_CLIENT}"\n'
        f'[environments.E.trust]\nheaders = {{ X-Key = "{_CLIENT}" }}'
    )
    assert_clean("the configuration", repr(configuration))


def test_a_reference_that_no_vault_opens_is_not_repeated() -> None:
    """It may be a secret that only looks like one."""
    with Dispatcher(prompter=False) as asking:
        with pytest.raises(GrantwayError, match="no installed vault") as caught:
            asking.acquire(
                environment=environment("https://login.example"),
                application_id="a",
                refresh_token=Reference("nosuch:" + SECRETS["refresh"]),
            )
    for text in texts(caught.value):
        assert_clean("the error", text)


def test_an_interrupt_shows_no_secret(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What collects tracebacks with their variables may be told of a Ctrl-C too."""
    from urllib3.connectionpool import HTTPConnectionPool

    def interrupted(self: object, *args: object, **how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", interrupted)
    with Dispatcher(prompter=False) as asking:
        with pytest.raises(KeyboardInterrupt) as caught:
            asking.acquire(
                environment=environment(raw_server),
                credential=(CLIENT_ID, SECRETS["client"]),
                refresh_token=SECRETS["refresh"],
            )
    assert_clean("the traceback", traced(caught.value))
    assert caught.value.__context__ is None


def test_every_reason_to_refuse_an_id_token_shows_no_token(raw_server: RawServer) -> None:
    authority = Authority(raw_server)
    for claims in ({"aud": "other"}, {"exp": 1}, {"at_hash": "x"}, {"iss": "https://x.example"}):
        token = authority.token(**claims)
        raw_server.serve(json_answer({**ANSWER, "id_token": token}), path="/token")
        with Dispatcher(prompter=False) as asking:
            with pytest.raises(GrantwayError) as caught:
                asking.acquire(
                    environment=oidc(raw_server),
                    application_id=CLIENT_ID,
                    refresh_token=SECRETS["refresh"],
                )
        everything = traced(caught.value) + "".join(texts(caught.value))
        assert_clean("the error", everything)
        assert token not in everything
        assert token.rpartition(".")[2] not in everything


def test_a_proxys_password_is_shown_nowhere() -> None:
    of = Environment(
        "Raw", "https://127.0.0.1:9", trust=Trust(proxy=f"http://u:{SECRETS['client']}@127.0.0.1:9")
    )
    with Dispatcher(prompter=False, clock=FakeClock()) as asking:
        with pytest.raises(GrantwayError) as caught:
            asking.acquire(
                environment=of, application_id=CLIENT_ID, refresh_token=SECRETS["refresh"]
            )
    assert_clean("the error", traced(caught.value) + "".join(texts(caught.value)))


def test_a_plugin_that_logs_what_it_has_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    given = context(environment("https://login.example"))
    given.redactor.add(Secret(SECRETS["client"]))
    given.logger.debug("the secret is %s and %r", SECRETS["client"], {"a": SECRETS["client"]})
    given.logger.error(SECRETS["client"])
    given.logger.warning("quoted: %s", "sentinel%2Dclient")
    assert "***" in caplog.text
    assert_clean("the log", caplog.text + repr([each.__dict__ for each in caplog.records]))
