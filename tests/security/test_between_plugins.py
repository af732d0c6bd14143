"""What a plugin is never handed: the secrets of a call, a vault or a sign-in of another's."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grantway import (
    AuthenticationResult,
    AuthorityRequest,
    Configuration,
    Context,
    CredentialProvider,
    Dispatcher,
    Environment,
    Event,
    Parameter,
    ParameterSet,
    Reference,
    Registry,
    Secret,
    TokenRequest,
    Trust,
    UserInfo,
    Vault,
    hookimpl,
)
from grantway.cache.memory import MemoryTokenCache
from grantway.parameters import APPLICATION_ID, secret, text
from oauth.support import RAW
from servers.raw import RawServer, json_answer

NOWHERE = Configuration(environ={})
SENTINEL = "s3ntinel-of-somebody-else"
APP = "an application"


class Plugin:
    """A provider that renews, a vault and an observer; it remembers all that it is handed."""

    def __init__(self, name: str, account: UserInfo | None = None, **more: Any) -> None:
        self.name, self.account = name, account
        self.key = Parameter(f"{name.lower()}_key", secret, secret=True)
        self.person = Parameter(f"{name.lower()}_person", text)
        self.seen: list[object] = []
        self.renewed: list[str] = []
        self.more = more

    def authenticate(self, request: TokenRequest, context: Context) -> AuthenticationResult:
        self.seen.append([*map(shown, request.values.values())])
        token = f"refresh-token-of-{self.name}-{request.get(self.person) or ''}"
        return self.result(request, context, token)

    def renew(self, request: TokenRequest, token: Secret, context: Context) -> AuthenticationResult:
        self.seen.append(token.reveal())
        self.renewed.append(token.reveal())
        return self.result(request, context, token.reveal())

    def result(self, request: TokenRequest, context: Context, token: str) -> AuthenticationResult:
        now = datetime.fromtimestamp(context.clock.time(), UTC)
        return AuthenticationResult(
            f"a-token-by-{token}",
            acquired_on=now,
            expires_on=now + timedelta(hours=1),
            refresh_token=token,
            account=self.account,
            environment=request.environment.name,
            provider=request.provider,
        )

    def get(self, name: str, context: Context) -> Secret:
        self.seen.append(name)
        return Secret(f"{self.name}-{name}")

    @hookimpl
    def grantway_providers(self) -> Iterable[CredentialProvider]:
        own = ParameterSet(
            self.name, (self.key,), optional=(APPLICATION_ID, self.person), summary="own"
        )
        return [
            CredentialProvider(
                self.name, (own,), self.authenticate, renew=self.renew, plan=self.plan
            )
        ]

    def plan(self, request: TokenRequest) -> Iterable[AuthorityRequest]:
        self.seen.append([*map(shown, request.values.values())])
        return ()

    @hookimpl
    def grantway_vaults(self) -> Iterable[Vault]:
        return [Vault(self.name.lower(), self.get)]

    @hookimpl
    def grantway_event(self, event: Event) -> None:
        self.seen.append((event.name, dict(event.facts)))


def shown(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value


def nosy_and_honest(**more: Any) -> tuple[Plugin, Plugin]:
    return Plugin("Nosy", **more), Plugin("Honest", **more)


def environment(url: str = "https://hill.example") -> Environment:
    return Environment("Hill", url, protocol=RAW, trust=Trust(loopback_http=True))


def test_a_call_of_another_provider_shows_it_nothing() -> None:
    nosy, honest = nosy_and_honest()
    registry = Registry.of(nosy, honest, configuration=NOWHERE)
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        given: Mapping[str, Any] = {"environment": environment(), "honest_key": SENTINEL}
        dispatcher.explain(**given)
        dispatcher.acquire(**given)
        referenced: Any = {**given, "honest_key": Reference("honest:a-name")}
        dispatcher.acquire(**referenced)
    assert SENTINEL in str(honest.seen)
    # Events alone.
    assert all(isinstance(each, tuple) for each in nosy.seen)
    for secret_of_others in (SENTINEL, "Honest-a-name", "refresh-token-of-Honest", "a-token-by"):
        assert secret_of_others not in str(nosy.seen)


def test_a_refresh_token_that_a_built_in_brought_is_handed_to_no_third_party(
    raw_server: RawServer,
) -> None:
    nosy, _ = nosy_and_honest()
    registry = Registry.of(nosy, configuration=NOWHERE)
    raw_server.serve(
        json_answer(
            {"device_code": "d", "user_code": "u", "verification_uri": "https://x", "expires_in": 9}
        ),
        path="/device",
    )
    answer = {"access_token": "a", "expires_in": 1, "refresh_token": SENTINEL}
    raw_server.serve(json_answer(answer), path="/token")

    class Somebody:
        def ask(self, question: str, *, secret: bool = False) -> str:
            raise AssertionError(question)

        def show(self, text: str) -> None: ...

        def open(self, url: str) -> bool:
            return False

    from attrs import evolve

    protocol = evolve(RAW, device_authorization_path="{authority}/device")
    of = evolve(environment(raw_server.url), protocol=protocol)
    with Dispatcher(registry, prompter=Somebody(), config=NOWHERE) as dispatcher:
        result = dispatcher.acquire(
            environment=of, application_id=APP, device_code=True, resource="https://api.example.org"
        )
        assert result.refresh_token == SENTINEL
        assert len(dispatcher.accounts()) == 1
        dispatcher.acquire(provider="Nosy", environment=of, application_id=APP, nosy_key="a key")
    assert SENTINEL not in str(nosy.seen)
    assert nosy.renewed == []


ACCOUNT = UserInfo("subject", "https://hill.example", user_name="me@hill.example")


@pytest.mark.parametrize("account", [None, ACCOUNT], ids=["nobody named", "one account"])
def test_a_refresh_token_of_one_third_party_is_handed_to_no_other(
    account: UserInfo | None,
) -> None:
    nosy, honest = nosy_and_honest(account=account)
    registry = Registry.of(nosy, honest, configuration=NOWHERE)
    given: Mapping[str, Any] = {"environment": environment(), "application_id": APP}
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        dispatcher.acquire(**given, honest_key="a key")
        dispatcher.acquire(**given, nosy_key="a key")
        assert (honest.renewed, nosy.renewed) == ([], [])
        dispatcher.acquire(**given, honest_key="a key", force_refresh=True)
        dispatcher.acquire(**given, nosy_key="a key", force_refresh=True)
    assert honest.renewed == ["refresh-token-of-Honest-"]
    assert nosy.renewed == ["refresh-token-of-Nosy-"]


def test_a_provider_of_the_same_name_in_another_plugin_inherits_nothing() -> None:
    cache = MemoryTokenCache()
    given: Mapping[str, Any] = {"environment": environment(), "same_key": "a key"}
    first, second = Plugin("Same"), Plugin("Same")
    for plugin, name in ((first, "first:plugin"), (second, "second:plugin")):
        registry = Registry.of(plugin, configuration=NOWHERE, names=[name])
        with Dispatcher(registry, cache=cache, prompter=False, config=NOWHERE) as dispatcher:
            dispatcher.acquire(**given, force_refresh=True)
    assert (first.renewed, second.renewed) == ([], [])


def test_who_is_told_apart_by_a_parameter_is_not_served_anothers_refresh_token() -> None:
    _, honest = nosy_and_honest()
    registry = Registry.of(honest, configuration=NOWHERE)
    given: Mapping[str, Any] = {"environment": environment(), "honest_key": "a key"}
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        one = dispatcher.acquire(**given, honest_person="one")
        two = dispatcher.acquire(**given, honest_person="two")
        again = dispatcher.acquire(**given, honest_person="one", force_refresh=True)
    assert (one.refresh_token, two.refresh_token) == (
        "refresh-token-of-Honest-one",
        "refresh-token-of-Honest-two",
    )
    assert honest.renewed == [one.refresh_token]
    assert again.refresh_token == one.refresh_token


def test_signing_out_of_a_third_party_forgets_and_asks_no_authority(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    _, honest = nosy_and_honest(account=ACCOUNT)
    registry = Registry.of(honest, configuration=NOWHERE)
    of = environment(raw_server.url)
    given: Mapping[str, Any] = {"environment": of, "honest_key": "a key"}
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        dispatcher.acquire(**given)
        (account,) = dispatcher.accounts()
        assert not dispatcher.sign_out(account, environment=of)
        assert dispatcher.accounts() == ()
        dispatcher.acquire(**given, force_refresh=True)
    assert honest.renewed == []
    assert raw_server.requests == []
    assert "Honest is of a plugin" in caplog.text


def test_accounts_of_a_third_party_are_listed_with_those_of_its_application() -> None:
    _, honest = nosy_and_honest(account=ACCOUNT)
    registry = Registry.of(honest, configuration=NOWHERE)
    of = environment()
    given: Mapping[str, Any] = {"environment": of, "application_id": APP, "honest_key": "a key"}
    with Dispatcher(registry, prompter=False, config=NOWHERE) as dispatcher:
        dispatcher.acquire(**given)
        (account,) = dispatcher.accounts()
        assert dispatcher.accounts(of, APP) == (account,)
        assert dispatcher.accounts(of, "another application") == ()
    assert (account.user_name, account.provider) == (ACCOUNT.user_name, "Honest")
