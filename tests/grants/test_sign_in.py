"""People sign in: User and Consent, at oidc-provider and at a scripted issuer."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest

from grants.people import Session, person, signing_in
from grants.test_oidc_provider import client_of, of
from grants.test_refresh_tokens import Keeping
from grantway import Configuration, Dispatcher, Registry
from grantway.cache.memory import MemoryTokenCache
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    InteractionRequired,
    InvalidParameter,
    MalformedResponse,
    ProtocolViolation,
    VaultError,
)
from oauth.browsing import CODE, Page, Person, answering, nobody, query, refuses
from oauth.issuer import Issuer, listened, sign_in
from oauth.support import CLIENT_ID, CLIENT_SECRET, granted
from peers.oidc_provider import OidcProvider
from servers.raw import Behaviour, Exchange, RawServer, json_answer

TESTS = Path(__file__).parents[1]


def user_of(server: OidcProvider, **more: Any) -> dict[str, Any]:
    return {"environment": of(server, "public"), **client_of(server, "public"), **more}


def asking(who: Person | None, *plugins: object, **parts: Any) -> Dispatcher:
    registry = Registry.of(*plugins) if plugins else None
    return Dispatcher(registry, prompter=who or False, **parts)


def claims_of(token: str | None) -> dict[str, Any]:
    assert token
    return jwt.decode(token, options={"verify_signature": False})


# User, at oidc-provider.


@pytest.mark.parametrize("kind", [None, "jwt", "opaque"])
@pytest.mark.parametrize(
    "redirect_uri", [None, "http://localhost", "http://127.0.0.1/callback", "http://localhost/"]
)
def test_a_person_signs_in(
    oidc_provider: OidcProvider, kind: str | None, redirect_uri: str | None
) -> None:
    who = person()
    resource = oidc_provider.resources[kind].uri if kind else None
    with asking(who) as dispatcher:
        result = dispatcher.acquire(
            **user_of(oidc_provider), resource=resource, redirect_uri=redirect_uri
        )
    assert result.account is not None
    assert result.account.subject == "alice"
    assert result.resource == resource
    assert result.provider == "User"
    if kind == "jwt":
        assert claims_of(result.access_token)["aud"] == resource
    assert "You are signed in" in who.page.text
    assert len(who.opened) == 1


def test_who_has_signed_in_is_not_asked_again(oidc_provider: OidcProvider) -> None:
    who = person()
    with asking(who) as dispatcher:
        call = user_of(oidc_provider, resource=oidc_provider.resources["jwt"].uri)
        first = dispatcher.acquire(**call, prompt="consent")
        cached = dispatcher.acquire(**call)
        renewed = [dispatcher.acquire(**call, force_refresh=True) for _ in range(2)]
    assert cached.access_token == first.access_token
    tokens = {each.access_token for each in (first, *renewed)}
    assert len(tokens) == 3
    # Rotated each time, and each time the newest was at hand.
    assert len({each.refresh_token for each in (first, *renewed)}) == 3
    assert {each.account.subject for each in renewed if each.account} == {"alice"}
    assert len(who.opened) == 1


def test_what_an_earlier_sign_in_did_not_cover_is_signed_in_for(
    oidc_provider: OidcProvider,
) -> None:
    who = person()
    with asking(who) as dispatcher:
        one, other = (oidc_provider.resources[kind].uri for kind in ("jwt", "opaque"))
        dispatcher.acquire(**user_of(oidc_provider), prompt="consent", resource=one)
        # The authority answers the renewal with invalid_target.
        result = dispatcher.acquire(**user_of(oidc_provider), resource=other)
    assert result.resource == other
    assert len(who.opened) == 2


def test_a_page_that_is_asked_for_is_shown(oidc_provider: OidcProvider) -> None:
    browser = Session()
    who = Person(browser)
    with asking(who) as dispatcher:
        call = user_of(oidc_provider)
        dispatcher.acquire(**call)
        dispatcher.acquire(**call, force_refresh=True)
        # The browser's own session answered the second time.
        assert (len(who.opened), browser.logins) == (2, 1)
        dispatcher.acquire(**call, prompt="login")
    assert (len(who.opened), browser.logins) == (3, 2)


def test_a_person_who_is_not_signed_in_cannot_be_signed_in_silently(
    oidc_provider: OidcProvider,
) -> None:
    who = person()
    with asking(who) as dispatcher:
        with pytest.raises(InteractionRequired, match="login_required"):
            dispatcher.acquire(**user_of(oidc_provider), prompt="none")
    assert "Sign-in did not work" in who.page.text


# Several accounts.


def test_of_several_accounts_one_has_to_be_named(oidc_provider: OidcProvider) -> None:
    who = person()
    with asking(who) as dispatcher:
        call = user_of(oidc_provider)
        for user in ("alice", "bob"):
            dispatcher.acquire(**call, login_hint=user, prompt="consent")
        with pytest.raises(InteractionRequired, match="alice, bob") as caught:
            dispatcher.acquire(**call)
        assert caught.value.accounts == ("alice", "bob")
        named: list[dict[str, Any]] = [
            {"account": "bob"},
            {"account": "BOB"},
            {"login_hint": "bob"},
        ]
        for given in named:
            for force in (False, True):
                result = dispatcher.acquire(**call, **given, force_refresh=force)
                assert claims_of(result.id_token)["sub"] == "bob"
        assert claims_of(dispatcher.acquire(**call, account="alice").id_token)["sub"] == "alice"
    assert len(who.opened) == 2


def test_another_account_may_sign_in_beside_those_that_have(oidc_provider: OidcProvider) -> None:
    """And none of them takes the place of another's refresh token."""
    browser = Session()
    who = Person(browser)
    with asking(who) as dispatcher:
        call = user_of(oidc_provider)
        for user in ("alice", "bob", "carol"):
            browser.user = user
            browser.client.cookies.clear()
            result = dispatcher.acquire(**call, prompt="consent")
            assert result.account is not None
            assert result.account.subject == user
        for user in ("alice", "bob", "carol"):
            result = dispatcher.acquire(**call, account=user, force_refresh=True)
            assert claims_of(result.id_token)["sub"] == user
    assert len(who.opened) == 3


def test_who_signs_in_as_somebody_else_is_told_and_takes_nobodys_place(
    oidc_provider: OidcProvider,
) -> None:
    browser = Session()
    who = Person(browser)
    with asking(who) as dispatcher:
        call = user_of(oidc_provider)
        dispatcher.acquire(**call, prompt="consent")
        browser.user = "bob"
        browser.client.cookies.clear()
        with pytest.raises(InteractionRequired, match="bob has signed in") as caught:
            dispatcher.acquire(**call, account="alice", prompt="consent")
        assert caught.value.accounts == ("bob",)
        for user in ("alice", "bob"):
            result = dispatcher.acquire(**call, account=user, force_refresh=True)
            assert claims_of(result.id_token)["sub"] == user
    assert len(who.opened) == 2


def test_two_people_sign_in_at_once_and_each_gets_their_own(oidc_provider: OidcProvider) -> None:
    gate = threading.Barrier(2, timeout=20)

    def browse(url: str) -> Page:
        # Both pages are open before either answers.
        gate.wait()
        return signing_in()(url)

    who = Person(browse)
    with asking(who) as dispatcher, ThreadPoolExecutor() as pool:

        def ask(user: str) -> str:
            result = dispatcher.acquire(**user_of(oidc_provider), login_hint=user)
            found: str = claims_of(result.id_token)["sub"]
            return found

        assert list(pool.map(ask, ["alice", "bob"])) == ["alice", "bob"]
    assert len(who.opened) == 2


def test_two_processes_sign_in_at_once(oidc_provider: OidcProvider) -> None:
    script = (
        "import sys\n"
        "from grants.people import person\n"
        "from grantway import Dispatcher, Environment, Trust\n"
        "of = Environment('Peer', sys.argv[1], trust=Trust(loopback_http=True))\n"
        "with Dispatcher(prompter=person()) as asking:\n"
        "    given = {'application_id': 'public-client', 'login_hint': sys.argv[2]}\n"
        "    print(asking.acquire(environment=of, **given).account.subject)\n"
    )

    def run(user: str) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", script, oidc_provider.issuer, user],
            cwd=TESTS,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout.strip(), done.stderr

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(run, ["alice", "bob"])) == [("alice", ""), ("bob", "")]


# Consent, at oidc-provider.


@pytest.mark.parametrize("name", ["public", "basic", "post"])
@pytest.mark.parametrize("kind", [None, "jwt"])
def test_consent_brings_a_refresh_token_that_works(
    oidc_provider: OidcProvider, name: str, kind: str | None
) -> None:
    who, keeping = person(), Keeping()
    resource = oidc_provider.resources[kind].uri if kind else None
    given = {
        "environment": of(oidc_provider, name),
        "resource": resource,
        "save_refresh_token": "keep:there",
        **client_of(oidc_provider, name),
    }
    with asking(who, keeping) as dispatcher:
        result = dispatcher.acquire(**given, consent=True)
    assert result.provider == "Consent"
    assert result.refresh_token == keeping.kept["there"]
    assert "You are signed in" in who.page.text
    # What is done with it afterwards, without the person.
    with asking(None, keeping) as dispatcher:
        later = dispatcher.acquire(**given, refresh_token=result.refresh_token)
    assert later.account is not None
    assert later.account.subject == "alice"
    assert keeping.kept["there"] == later.refresh_token != result.refresh_token


def test_consent_asks_anew_each_time_whatever_is_at_rest(oidc_provider: OidcProvider) -> None:
    browser = Session()
    who = Person(browser)
    with asking(who) as dispatcher:
        dispatcher.acquire(**user_of(oidc_provider), prompt="consent")
        results = [dispatcher.acquire(**user_of(oidc_provider), consent=True) for _ in range(2)]
    assert len({each.refresh_token for each in results}) == 2
    # A session of the browser's does not answer either: the person is asked who they are.
    assert (len(who.opened), browser.logins) == (3, 3)
    assert [query(url)["prompt"] for url in who.opened[1:]] == ["login consent"] * 2


def test_a_consent_takes_no_signed_in_accounts_place(oidc_provider: OidcProvider) -> None:
    who = person()
    with asking(who) as dispatcher:
        dispatcher.acquire(**user_of(oidc_provider), prompt="consent")
        dispatcher.acquire(**user_of(oidc_provider), consent=True)
        dispatcher.acquire(**user_of(oidc_provider), force_refresh=True)
    assert len(who.opened) == 2


# Consent and what becomes of its refresh token, at a scripted issuer.


@pytest.fixture
def issuer(raw_server: RawServer) -> Issuer:
    return Issuer(raw_server)


def consent(issuer: Issuer, who: Person, *plugins: object, **more: Any) -> Any:
    given = {"application_id": None, "credential": (CLIENT_ID, CLIENT_SECRET), "consent": True}
    return sign_in(issuer, who, *plugins, **{**given, **more})


def test_the_refresh_token_is_saved_before_anything_can_fail(issuer: Issuer) -> None:
    who, keeping = Person(answering()), Keeping(server=issuer.server)
    issuer.server.serve(issuer.signs_in(who, nonce="another"), path="/token")
    with pytest.raises(ProtocolViolation, match="nonce"):
        consent(issuer, who, keeping, save_refresh_token="keep:there")
    assert keeping.kept == {"there": "first-refresh-token"}
    # Metadata and the redemption; the keys of the id_token are asked for later.
    assert keeping.asked_before == [2]
    assert "Sign-in did not work" in who.page.text


def test_the_refresh_token_is_saved_before_the_result_returns(issuer: Issuer) -> None:
    who, keeping = Person(answering()), Keeping()
    issuer.server.serve(issuer.signs_in(who), path="/token")
    consent(issuer, who, keeping, save_refresh_token="keep:there")
    assert keeping.log == ["put", "refresh_token.kept", "token.acquired"]


def test_a_vault_that_fails_costs_the_call_but_not_the_token(issuer: Issuer) -> None:
    who, keeping = Person(answering()), Keeping(VaultError("It is full."))
    issuer.server.serve(issuer.signs_in(who), path="/token")
    with pytest.raises(VaultError, match="full") as caught:
        consent(issuer, who, keeping, save_refresh_token="keep:there")
    assert getattr(caught.value.result, "refresh_token", None) == "first-refresh-token"


def test_a_vault_that_cannot_be_written_is_told_before_anybody_is_asked(issuer: Issuer) -> None:
    who = Person(answering())
    with pytest.raises(InvalidParameter, match="cannot be written"):
        consent(issuer, who, Keeping(), save_refresh_token="readonly:there")
    assert not who.opened
    assert not issuer.server.connections


@pytest.mark.parametrize("answer", [{}, {"refresh_token": ""}])
def test_consent_without_a_refresh_token_fails_loudly(
    issuer: Issuer, answer: dict[str, object]
) -> None:
    who, keeping, cache = Person(answering()), Keeping(), MemoryTokenCache()
    issuer.server.serve(granted(**answer), path="/token")
    with pytest.raises(MalformedResponse, match="granted no refresh token") as caught:
        consent(issuer, who, keeping, save_refresh_token="keep:there", cache=cache)
    assert "offline_access" in caught.value.remedy
    assert keeping.kept == {}
    assert repr(cache) == "<MemoryTokenCache of 0 results>"
    assert "Sign-in did not work" in who.page.text


# Several factors.


def unsigned(**claims: object) -> str:
    """A token that this side has no business to verify."""
    return jwt.encode(claims, "x" * 32, "HS256")


MFA = {"access_token": unsigned(amr=["pwd", "mfa"])}


@pytest.mark.parametrize(
    ("amr", "answer"),
    [
        (["pwd", "mfa"], {}),
        (["mfa"], {"access_token": unsigned(amr=["pwd"])}),
        (None, MFA),
        ([], MFA),
        ("mfa", MFA),
        ([5, {}], MFA),
    ],
)
def test_a_sign_in_with_several_factors_is_accepted(
    issuer: Issuer, amr: object, answer: dict[str, str]
) -> None:
    who = Person(answering())
    issuer.server.serve(signed_in_with(issuer, who, amr, answer), path="/token")
    result = consent(issuer, who, require_mfa=True)
    assert "mfa" in result.authentication_methods
    assert "You are signed in" in who.page.text


def signed_in_with(issuer: Issuer, who: Person, amr: object, answer: dict[str, str]) -> Behaviour:
    def act(exchange: Exchange) -> None:
        now = time.time()
        nonce = query(who.opened[-1])["nonce"]
        told = {"iat": now, "exp": now + 600, "nonce": nonce, "amr": amr}
        token = issuer.token(**told)  # type: ignore[arg-type]  # of any kind, as authorities send
        granted(**{"refresh_token": "a-worse-token", "id_token": token, **answer}).act(exchange)

    return Behaviour(act)


@pytest.mark.parametrize(
    ("amr", "answer", "match"),
    [
        (["pwd"], {}, "with pwd only"),
        (["pwd", "rsa"], MFA, "with pwd, rsa only"),
        (["MFA"], {}, "with MFA only"),
        (["pwd\x1b[2J", "fido"], {}, "with fido only"),
        (None, {"access_token": unsigned(amr=["pwd"])}, "with pwd only"),
        (None, {}, "no token tells"),
        ([], {}, "no token tells"),
        ("mfa", {}, "no token tells"),
        ({"mfa": 1}, {}, "no token tells"),
        (None, {"access_token": "opaque"}, "no token tells"),
        (None, {"access_token": "a.b.c"}, "no token tells"),
        (None, {"access_token": "a.W10.c"}, "no token tells"),
    ],
)
def test_a_sign_in_without_leaves_nothing_behind(
    issuer: Issuer, amr: object, answer: dict[str, str], match: str
) -> None:
    who, keeping, cache = Person(answering()), Keeping(), MemoryTokenCache()
    keeping.kept["there"] = "a-better-token"
    issuer.server.serve(signed_in_with(issuer, who, amr, answer), path="/token")
    with pytest.raises(InteractionRequired, match=match) as caught:
        consent(
            issuer, who, keeping, require_mfa=True, save_refresh_token="keep:there", cache=cache
        )
    assert "second factor" in caught.value.remedy
    assert keeping.kept == {"there": "a-better-token"}
    assert repr(cache) == "<MemoryTokenCache of 0 results>"
    assert not cache._refresh_tokens
    assert keeping.log == ["token.failed"]
    assert "Sign-in did not work" in who.page.text


def test_without_require_mfa_nobody_looks(issuer: Issuer) -> None:
    who = Person(answering())
    issuer.server.serve(signed_in_with(issuer, who, ["pwd"], {}), path="/token")
    assert consent(issuer, who).authentication_methods == ("pwd",)


# What a silent renewal is refused for.

CHALLENGE = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'


def renewing(issuer: Issuer, refusal: dict[str, object], cache: MemoryTokenCache) -> Person:
    """Somebody who has signed in, and whose renewals are refused from now on."""
    who = Person(answering())
    issuer.server.serve(issuer.signs_in(who), path="/token")
    sign_in(issuer, who, cache=cache)
    issuer.server.serve(json_answer(refusal, 400), issuer.signs_in(who), path="/token")
    return who


@pytest.mark.parametrize(
    "refusal",
    [
        {"error": "invalid_grant"},
        {"error": "invalid_grant", "suberror": "basic_action", "claims": CHALLENGE},
        {"error": "interaction_required", "claims": CHALLENGE},
        {"error": "invalid_scope"},
        {"error": "invalid_target"},
    ],
    ids=str,
)
def test_what_a_renewal_is_refused_a_person_may_get(
    issuer: Issuer, refusal: dict[str, object]
) -> None:
    cache = MemoryTokenCache()
    who = renewing(issuer, refusal, cache)
    sign_in(issuer, who, cache=cache, force_refresh=True)
    assert [each.form["grant_type"][0] for each in issuer.redeemed] == [
        "authorization_code",
        "refresh_token",
        "authorization_code",
    ]
    # What the authority demanded goes to its page.
    assert query(who.opened[1]).get("claims") == refusal.get("claims")


@pytest.mark.parametrize(
    ("refusal", "kind", "stays"),
    [
        ({"error": "invalid_grant"}, InteractionRequired, False),
        ({"error": "invalid_grant", "suberror": "consent_required"}, InteractionRequired, True),
        ({"error": "invalid_grant", "claims": CHALLENGE}, InteractionRequired, True),
        ({"error": "interaction_required"}, InteractionRequired, True),
        ({"error": "invalid_target"}, AuthorityError, True),
    ],
    ids=str,
)
def test_a_refresh_token_stays_for_what_it_does_serve(
    issuer: Issuer, refusal: dict[str, object], kind: type[Exception], stays: bool
) -> None:
    """Refused for one resource, or for want of a factor, it may serve for another."""
    cache = MemoryTokenCache()
    renewing(issuer, refusal, cache)
    with pytest.raises(kind):
        sign_in(issuer, None, cache=cache, force_refresh=True)
    assert bool(cache._refresh_tokens) is stays


def test_a_person_who_declines_leaves_the_token_at_rest(issuer: Issuer) -> None:
    cache = MemoryTokenCache()
    who = renewing(issuer, {"error": "invalid_target"}, cache)
    who.browse = answering(["code"], error="access_denied")
    with pytest.raises(AccessDenied):
        sign_in(issuer, who, cache=cache, force_refresh=True)
    assert len(cache._refresh_tokens) == 1


# Nobody to ask.


@pytest.mark.parametrize("given", [{}, {"device_code": True}, {"consent": True}])
def test_where_nobody_can_be_asked_nothing_is_sent(
    issuer: Issuer, given: dict[str, object]
) -> None:
    with pytest.raises(InteractionRequired, match="nobody can be asked here") as caught:
        sign_in(issuer, None, **given)
    assert "StreamPrompter" in caught.value.remedy
    assert not issuer.server.connections


def test_continuous_integration_has_nobody_at_its_terminal(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grantway.terminal import TerminalPrompter, terminal

    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    assert isinstance(terminal({}), TerminalPrompter)
    assert isinstance(terminal({"CI": "false"}), TerminalPrompter)
    assert terminal({"CI": "true"}) is None
    with Dispatcher(config=Configuration(environ={"CI": "1"})) as dispatcher:
        with pytest.raises(InteractionRequired, match="nobody can be asked"):
            dispatcher.acquire(environment=issuer.environment, application_id=CLIENT_ID)
    assert not issuer.server.connections


# One flight.


def waits_for(who: Person, count: int, then: Callable[[str], Page]) -> Callable[[str], Page]:
    """A browser in which nothing happens until so many others have been told to wait."""

    def browse(url: str) -> Page:
        until = time.monotonic() + 20
        while len(told(who)) < count and time.monotonic() < until:
            time.sleep(0.01)
        return then(url)

    return browse


def told(who: Person) -> list[str]:
    return [text for text in who.shown if text.startswith("Another call")]


def test_who_asks_for_the_same_shares_one_sign_in_and_is_told(issuer: Issuer) -> None:
    who = Person(nobody)
    who.browse = waits_for(who, 3, answering())
    with asking(who) as dispatcher, ThreadPoolExecutor() as pool:

        def ask(_: int) -> str:
            call: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
            return dispatcher.acquire(**call, timeout=90).access_token

        assert set(pool.map(ask, range(4))) == {"sentinel-access-token"}
    assert len(who.opened) == 1
    assert len(issuer.redeemed) == 1
    assert len(told(who)) == 3
    assert all("this one waits" in text for text in told(who))
    seconds = [int(text.split(" waits ")[1].split()[0]) for text in told(who)]
    assert all(60 < each <= 90 for each in seconds)


async def test_tasks_share_one_sign_in_too(issuer: Issuer) -> None:
    who = Person(nobody)
    who.browse = waits_for(who, 3, answering())
    call: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
    with asking(who) as dispatcher:
        results = await asyncio.gather(*(dispatcher.acquire_async(**call) for _ in range(4)))
    assert {each.access_token for each in results} == {"sentinel-access-token"}
    assert (len(who.opened), len(told(who))) == (1, 3)


async def test_a_task_that_is_cancelled_leaves_nothing_listening(issuer: Issuer) -> None:
    opened = threading.Event()
    who = Person(lambda _: opened.set())
    with asking(who) as dispatcher:
        task = asyncio.create_task(
            dispatcher.acquire_async(environment=issuer.environment, application_id=CLIENT_ID)
        )
        assert await asyncio.to_thread(opened.wait, 10)
        assert not refuses(listened(who))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await nobody_listens(who)
    assert not issuer.redeemed


class Deaf(Person):
    """Somebody who cannot be told to wait."""

    def show(self, text: str) -> None:
        if text.startswith("Another call"):
            raise BrokenPipeError
        super().show(text)


async def test_a_task_that_fails_as_it_joins_does_not_keep_the_sign_in_alive(
    issuer: Issuer,
) -> None:
    """It is not counted among those who wait: when the first one leaves, the work ends."""
    opened = threading.Event()
    who = Deaf(lambda _: opened.set())
    call: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
    with asking(who) as dispatcher:
        first = asyncio.create_task(dispatcher.acquire_async(**call))
        assert await asyncio.to_thread(opened.wait, 10)
        with pytest.raises(BrokenPipeError):
            await dispatcher.acquire_async(**call)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await nobody_listens(who)


async def nobody_listens(who: Person) -> None:
    until = time.monotonic() + 10
    while not refuses(listened(who)):
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


def test_a_result_can_be_shown_as_it_is(issuer: Issuer) -> None:
    who = Person(answering())
    issuer.server.serve(issuer.signs_in(who, amr=["pwd", "mfa"]), path="/token")
    result = sign_in(issuer, who)
    facts = json.loads(json.dumps(result.as_dict()))
    assert facts["account"]["user_name"] == "alice@example.org"
    assert facts["authentication_methods"] == ["pwd", "mfa"]
    assert CODE not in str(facts)
    assert "first-refresh-token" not in str(facts)
