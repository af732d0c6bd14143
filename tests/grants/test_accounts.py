"""Who has signed in, and signing out: what goes here, and what the authority is told."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from grants.test_oidc_provider import of, signed_in
from grantway import (
    Account,
    AuthenticationResult,
    Credential,
    Dispatcher,
    Environment,
    Reference,
    Secret,
    StoredRefreshToken,
    TokenCache,
    UserInfo,
)
from grantway.cache import keys
from grantway.cache.memory import MemoryTokenCache
from grantway.cache.sqlite import SqliteTokenCache
from grantway.errors import CacheError, ConfigurationError, InteractionRequired, UnknownEnvironment
from grantway.parameters import APPLICATION_ID
from grantway.request import TokenRequest
from oauth.browsing import Person, answering
from oauth.issuer import Issuer
from oauth.support import CLIENT_ID, granted
from peers.oidc_provider import OidcProvider
from peers.oidc_provider_login import token_request
from servers.raw import Behaviour, RawServer, hang_up, html, json_answer, redirect, respond

ALICE = UserInfo("alice-subject", "https://id.example", user_name="alice@example.org")
BOB = UserInfo("bob-subject", "https://id.example", user_name="bob@example.org")
TOKEN = "sentinel-refresh-token"


@pytest.fixture
def issuer(raw_server: RawServer) -> Issuer:
    found = Issuer(raw_server)
    found.describe(revocation_endpoint=f"{raw_server.url}/revoke")
    raw_server.serve(respond(200), path="/revoke")
    return found


def signs_in(
    cache: TokenCache,
    environment: Environment,
    account: UserInfo | None = ALICE,
    *,
    application: str = CLIENT_ID,
    token: str = TOKEN,
) -> None:
    """Leave behind what a sign-in leaves: a refresh token and a result."""
    request = TokenRequest(environment, "User", "User", {APPLICATION_ID.name: application})
    key, subject = cache.fingerprint_key, account.subject if account else ""
    cache.put_refresh_token(
        keys.account_slot(key, request, subject),
        StoredRefreshToken(
            Secret(token), account, keys.owner_key(key, request), environment=environment.name,
            provider="User", client_id=application,
        ),
    )  # fmt: skip
    cache.put(f"result of {subject} {application}", result(environment, account))


def result(environment: Environment, account: UserInfo | None, **more: Any) -> AuthenticationResult:
    facts: dict[str, Any] = {
        "expires_on": datetime.now(UTC) + timedelta(hours=1),
        "account": account,
        "environment": environment.name,
        "provider": "User",
    }
    return AuthenticationResult("sentinel-access-token", **{**facts, **more})


def names(found: Sequence[Account]) -> list[str]:
    return sorted(each.name for each in found)


def revoked(issuer: Issuer) -> list[dict[str, list[str]]]:
    return [each.form for each in issuer.server.requests if each.path == "/revoke"]


# Who has signed in.


def test_a_sign_in_makes_an_account(issuer: Issuer) -> None:
    person = Person(answering())
    issuer.server.serve(issuer.signs_in(person, preferred_username="alice"), path="/token")
    with Dispatcher(prompter=person) as dispatcher:
        assert dispatcher.accounts() == ()
        dispatcher.acquire(environment=issuer.environment, application_id=CLIENT_ID)
        (account,) = dispatcher.accounts()
        assert dispatcher.accounts(issuer.environment, CLIENT_ID) == (account,)
    assert account.as_dict() == {
        "user_name": "alice",
        "subject": account.subject,
        "tenant_id": "",
        "environment": "Raw",
        "application_id": CLIENT_ID,
        "provider": "User",
    }
    assert "refresh" not in repr(account)


def test_a_renewal_that_says_nothing_of_the_account_forgets_nobody(issuer: Issuer) -> None:
    """A refreshed answer need not have an id_token (OpenID Connect Core, section 12.2)."""
    person = Person(answering())
    issuer.server.serve(
        issuer.signs_in(person, preferred_username="alice"),
        granted(refresh_token="second-refresh-token"),
        granted(refresh_token="third-refresh-token"),
        path="/token",
    )
    with Dispatcher(prompter=person) as dispatcher:
        call: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
        for _ in range(3):
            found = dispatcher.acquire(**call, force_refresh=True)
            assert names(dispatcher.accounts()) == ["alice"]
            assert found.account is not None
            assert found.account.user_name == "alice"
        assert dispatcher.acquire(**call).account == found.account
    assert len(person.opened) == 1


def renewed(issuer: Issuer, **claims: Any) -> Behaviour:
    """A renewal whose id_token says this."""
    now = time.time()
    token = issuer.token(iat=now, exp=now + 600, **claims)
    return granted(id_token=token, refresh_token="second-refresh-token")


def test_a_renewal_as_a_guest_elsewhere_leaves_the_account_at_home(issuer: Issuer) -> None:
    """Each tenant of some authorities has a subject and user name of its own for a person."""
    person = Person(answering())
    issuer.server.serve(
        issuer.signs_in(person, preferred_username="alice@home.example", tid="home"),
        renewed(issuer, preferred_username="alice#guest", tid="away", sub="another subject"),
        path="/token",
    )
    call: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
    away = {**call, "resource": "https://away.example", "account": "alice@home.example"}
    with Dispatcher(prompter=person) as dispatcher:
        first = dispatcher.acquire(**call)
        guest = dispatcher.acquire(**away)
        assert guest.account is not None
        assert (guest.account.tenant_id, guest.tenant_id) == ("away", "away")
        (account,) = dispatcher.accounts()
        assert account.info == first.account
        assert account.tenant_id == "home"
        # Both are found again, under the account that is known.
        assert dispatcher.acquire(**call) is first
        assert dispatcher.acquire(**away) is guest
    assert len(issuer.redeemed) == 2


def test_a_renewal_that_says_less_of_the_account_forgets_nothing(issuer: Issuer) -> None:
    person = Person(answering())
    issuer.server.serve(
        issuer.signs_in(person, preferred_username="alice"),
        renewed(issuer, preferred_username=""),
        path="/token",
    )
    call: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
    with Dispatcher(prompter=person) as dispatcher:
        dispatcher.acquire(**call)
        dispatcher.acquire(**call, force_refresh=True)
        assert names(dispatcher.accounts()) == ["alice"]


def test_a_new_user_name_is_taken_over(issuer: Issuer) -> None:
    person = Person(answering())
    issuer.server.serve(
        issuer.signs_in(person, preferred_username="alice"),
        renewed(issuer, preferred_username="alice-the-second"),
        path="/token",
    )
    call: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
    with Dispatcher(prompter=person) as dispatcher:
        dispatcher.acquire(**call)
        dispatcher.acquire(**call, force_refresh=True)
        assert names(dispatcher.accounts()) == ["alice-the-second"]


def test_the_successor_of_a_token_that_a_caller_gave_remembers_whose_it_is(issuer: Issuer) -> None:
    issuer.server.serve(
        renewed(issuer, preferred_username="alice"),
        granted(refresh_token="third-refresh-token"),
        granted(),
        path="/token",
    )
    call = {"environment": issuer.environment, "application_id": CLIENT_ID, "refresh_token": TOKEN}
    with Dispatcher(prompter=False) as dispatcher:
        for _ in range(3):
            found = dispatcher.acquire(**call, force_refresh=True)  # type: ignore[arg-type]
            assert found.account is not None
            assert found.account.user_name == "alice"


def test_redeeming_a_token_that_a_caller_gave_makes_none(issuer: Issuer) -> None:
    issuer.server.serve(
        granted(
            refresh_token="second", id_token=issuer.token(iat=time.time(), exp=time.time() + 600)
        ),
        path="/token",
    )
    with Dispatcher(prompter=False) as dispatcher:
        of_it: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
        assert dispatcher.acquire(**of_it, refresh_token=TOKEN).refresh_token == "second"
        assert dispatcher.accounts() == ()


def test_accounts_are_narrowed_down_by_environment_and_application(
    raw_servers: Callable[..., RawServer],
) -> None:
    one, other = (Issuer(raw_servers()).environment for _ in range(2))
    other = attrs.evolve(other, name="Other")
    cache = MemoryTokenCache()
    signs_in(cache, one)
    signs_in(cache, one, BOB)
    signs_in(cache, one, ALICE, application="another")
    signs_in(cache, other, BOB)
    with Dispatcher(cache=cache) as dispatcher:
        assert len(dispatcher.accounts()) == 4
        assert len(dispatcher.accounts("raw")) == len(dispatcher.accounts(one)) == 3
        assert names(dispatcher.accounts("Other")) == ["bob@example.org"]
        assert names(dispatcher.accounts(application_id="ANOTHER")) == ["alice@example.org"]
        assert names(dispatcher.accounts(one, CLIENT_ID)) == [
            "alice@example.org",
            "bob@example.org",
        ]
        assert dispatcher.accounts(other, "another") == ()
        with pytest.raises(UnknownEnvironment):
            dispatcher.accounts("Nowhere")


class Plain:
    """A cache that is no more than a `TokenCache`."""

    def __init__(self) -> None:
        self._cache = MemoryTokenCache()

    def __getattr__(self, name: str) -> object:
        if name in ("entries", "info", "remove", "prune", "lock", "get_pause", "put_pause"):
            raise AttributeError(name)
        return getattr(self._cache, name)


def test_a_cache_that_lists_nothing_is_asked_by_environment_and_application(
    issuer: Issuer,
) -> None:
    cache: Any = Plain()
    signs_in(cache, issuer.environment)
    with Dispatcher(cache=cache) as dispatcher:
        with pytest.raises(ConfigurationError, match="Name both environment and application_id"):
            dispatcher.accounts(issuer.environment)
        (account,) = dispatcher.accounts(issuer.environment, CLIENT_ID)
        assert account.info == ALICE
        assert dispatcher.sign_out(account, environment=issuer.environment)
        assert dispatcher.accounts(issuer.environment, CLIENT_ID) == ()


# Signing out.


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_signing_out_leaves_nothing_behind_and_revokes(
    issuer: Issuer, kind: str, tmp_path: Path
) -> None:
    cache: Any = MemoryTokenCache()
    if kind == "sqlite":
        cache = SqliteTokenCache(tmp_path / "private" / "tokens.db")
    signs_in(cache, issuer.environment)
    # What a renewal without an id_token brought, and one for another tenant.
    cache.put("of nobody", result(issuer.environment, None))
    cache.put("elsewhere", result(issuer.environment, attrs.evolve(ALICE, subject="other")))
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        assert dispatcher.sign_out(account, environment=issuer.environment) is True
    assert list(cache.entries()) == []
    assert revoked(issuer) == [
        {"token": [TOKEN], "token_type_hint": ["refresh_token"], "client_id": [CLIENT_ID]}
    ]
    cache.close()


def test_others_stay(issuer: Issuer, raw_servers: Callable[..., RawServer]) -> None:
    other = attrs.evolve(Issuer(raw_servers()).environment, name="Other")
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment)
    signs_in(cache, issuer.environment, BOB)
    signs_in(cache, other, attrs.evolve(ALICE, subject="another alice"))
    cache.put("of an application", result(issuer.environment, None, provider="ServicePrincipal"))
    with Dispatcher(cache=cache) as dispatcher:
        account = next(each for each in dispatcher.accounts("Raw") if each.info == ALICE)
        dispatcher.sign_out(account, environment=issuer.environment)
        assert names(dispatcher.accounts("Raw")) == ["bob@example.org"]
        assert names(dispatcher.accounts("Other")) == ["alice@example.org"]
    left = {each.key for each in cache.entries() if each.kind == "access_token"}
    assert left == {
        f"result of bob-subject {CLIENT_ID}",
        f"result of another alice {CLIENT_ID}",
        "of an application",
    }


def test_what_it_brought_by_another_name_of_the_same_authority_goes_too(issuer: Issuer) -> None:
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment)
    cache.put("under another name", result(attrs.evolve(issuer.environment, name="Alias"), ALICE))
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        dispatcher.sign_out(account, environment=issuer.environment)
    assert list(cache.entries()) == []


def test_an_account_that_nobody_names_can_be_signed_out(issuer: Issuer) -> None:
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment, None)
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        assert (account.name, account.user_name) == ("(not named)", "")
        assert dispatcher.sign_out(account, environment=issuer.environment)
    assert list(cache.entries()) == []


FAILURES: dict[str, Behaviour] = {
    "it refuses": json_answer({"error": "unsupported_token_type"}, 400),
    "an error page": html(503),
    "a redirect": redirect("https://elsewhere.example/"),
    "no answer": hang_up(),
}


@pytest.mark.parametrize("behaviour", list(FAILURES.values()), ids=list(FAILURES))
def test_a_revocation_that_fails_is_a_warning(
    issuer: Issuer, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.server.serve(behaviour, path="/revoke")
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment)
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        assert dispatcher.sign_out(account, environment=issuer.environment) is False
    assert list(cache.entries()) == []
    (record,) = [each for each in caplog.records if each.name == "grantway.accounts"]
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("alice@example.org is signed out here, but the refresh")
    assert TOKEN not in caplog.text


def test_an_authority_that_revokes_nothing_is_no_failure(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.describe()
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment)
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        assert dispatcher.sign_out(account, environment=issuer.environment) is False
    assert not caplog.records
    assert list(cache.entries()) == []


def test_a_refresh_token_goes_to_no_host_that_the_environment_does_not_name(
    issuer: Issuer, raw_servers: Callable[..., RawServer], caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = raw_servers()
    issuer.describe(revocation_endpoint=f"{elsewhere.url}/revoke")
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment)
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        assert dispatcher.sign_out(account, environment=issuer.environment) is False
    assert "on another host" in caplog.text
    assert not elsewhere.requests
    assert list(cache.entries()) == []


def test_a_refresh_token_goes_to_no_other_authority_of_the_same_name(
    issuer: Issuer, raw_servers: Callable[..., RawServer], caplog: pytest.LogCaptureFixture
) -> None:
    moved = Issuer(raw_servers())
    moved.describe(revocation_endpoint=f"{moved.server.url}/revoke")
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment)
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        assert dispatcher.sign_out(account, environment=moved.environment) is False
    assert "is another authority" in caplog.text
    assert not moved.server.requests
    assert list(cache.entries()) == []


def test_an_environment_that_is_gone_does_not_stop_it(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment)
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts("Raw")
        assert dispatcher.sign_out(account) is False
    assert "There is no environment 'Raw'" in caplog.text
    assert list(cache.entries()) == []


def test_a_successor_that_comes_meanwhile_goes_too(issuer: Issuer) -> None:
    class Renewing(MemoryTokenCache):
        """Another process renews at the very moment when the first one is removed."""

        def remove_refresh_token(self, slot: str, token: Secret) -> None:
            stored = self.get_refresh_token(slot)
            super().remove_refresh_token(slot, token)
            if stored is not None and token == Secret(TOKEN):
                self.put_refresh_token(slot, attrs.evolve(stored, token=Secret("successor")))

    cache = Renewing()
    signs_in(cache, issuer.environment)
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        assert dispatcher.sign_out(account, environment=issuer.environment)
    assert list(cache.entries()) == []
    assert [each["token"] for each in revoked(issuer)] == [[TOKEN], ["successor"]]


def test_a_cache_that_does_not_forget_is_told_of_and_nothing_is_revoked(issuer: Issuer) -> None:
    class Stubborn(MemoryTokenCache):
        def remove_refresh_token(self, slot: str, token: Secret) -> None:
            pass

    cache = Stubborn()
    signs_in(cache, issuer.environment)
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        with pytest.raises(CacheError, match="comes back"):
            dispatcher.sign_out(account, environment=issuer.environment)
    assert not revoked(issuer)


# At oidc-provider, which nobody here wrote.


@pytest.mark.parametrize("name", ["basic", "post", "public"])
def test_oidc_provider_revokes_for_each_kind_of_client(
    oidc_provider: OidcProvider, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, environment = oidc_provider.clients[name], of(oidc_provider, name)
    token = signed_in(oidc_provider, name)
    cache = MemoryTokenCache()
    signs_in(cache, environment, application=client.client_id, token=token)
    credential = None
    if client.client_secret is not None:
        monkeypatch.setenv("SECRET_OF_CLIENT", client.client_secret)
        credential = Credential(client.client_id, Reference("env:SECRET_OF_CLIENT"))
    with Dispatcher(cache=cache) as dispatcher:
        (account,) = dispatcher.accounts()
        assert dispatcher.sign_out(account, environment=environment, credential=credential) is True
    form = {"grant_type": "refresh_token", "refresh_token": token}
    answer = token_request(oidc_provider.issuer, client.client_id, form, client.auth)
    assert answer.json()["error"] == "invalid_grant"


def test_who_is_signed_out_is_asked_again(issuer: Issuer) -> None:
    person = Person(answering())
    issuer.server.serve(issuer.signs_in(person), path="/token")
    call: dict[str, Any] = {"environment": issuer.environment, "application_id": CLIENT_ID}
    cache = MemoryTokenCache()
    with Dispatcher(cache=cache, prompter=person) as dispatcher:
        dispatcher.acquire(**call)
        (account,) = dispatcher.accounts()
        dispatcher.sign_out(account, environment=issuer.environment)
    with Dispatcher(cache=cache, prompter=False) as dispatcher:
        with pytest.raises(InteractionRequired, match="has to sign in"):
            dispatcher.acquire(**call)


def test_a_refusal_without_a_word_signs_nobody_out(issuer: Issuer) -> None:
    cache = MemoryTokenCache()
    signs_in(cache, issuer.environment)
    issuer.server.serve(respond(400), path="/token")
    with Dispatcher(cache=cache, prompter=False) as dispatcher:
        with pytest.raises(InteractionRequired):
            dispatcher.acquire(environment=issuer.environment, application_id=CLIENT_ID)
        assert [each.name for each in dispatcher.accounts()] == [ALICE.user_name]
