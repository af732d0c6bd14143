"""`login`, `logout`, `accounts`: one sign-in serves many processes, until it is taken back."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli.support import APP, Outcome, Shop, process, run
from cli.support import session as shop_session
from grantway.cache.memory import MemoryTokenCache
from grantway.cache.sqlite import SqliteTokenCache, from_url
from grantway.cli.session import Session
from grantway.config import load
from oauth.browsing import Page, Person, knock, last_page, query
from peers.oidc_provider import OidcProvider
from peers.oidc_provider_login import token_request, visit_authorization

pytest.importorskip("flask")

from grantway_sandbox.model import Application
from grantway_sandbox.server import Sandbox
from grantway_sandbox.stand_in import StandIn

PUBLIC = "public-client"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def file(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a user of the sandbox."""
    file = tmp_path / "config.toml"
    file.write_text(
        f"""
        [profiles.me]
        environment = "Box"
        application_id = "{sandbox.public_application_id}"

        [profiles.application]
        environment = "Box"
        tenant_id = "contoso.example"
        credential = "{sandbox.application.application_id}=env:APP_SECRET"

        [environments.Box]
        authority = "{sandbox.url}"
        protocol = "entra-v2"
        default_resource = "https://graph.microsoft.com"
        trust = {{loopback_http = true}}
        """
    )
    monkeypatch.setenv("GRANTWAY_CONFIG", str(file))
    monkeypatch.setenv("APP_SECRET", sandbox.application.secret)
    return file


def as_person(prompter: Any, *args: str) -> Outcome:
    """Run with somebody at the terminal, and the cache that processes of this user have."""
    return run(*args, session=Session(configuration=load(), prompter=prompter))


def log_in(sandbox: Sandbox, *args: str) -> Outcome:
    with StandIn(sandbox.person()) as somebody:
        return as_person(somebody, "login", "-p", "me", *args)


def kept() -> tuple[SqliteTokenCache, list[str]]:
    """The cache of this user, and the refresh tokens in it."""
    cache = from_url("sqlite")
    found = [cache.get_refresh_token(each.key) for each in cache.entries()]
    return cache, [each.token.reveal() for each in found if each is not None]


# login.


def test_a_sign_in_serves_other_processes_silently(sandbox: Sandbox, file: Path) -> None:
    outcome = log_in(sandbox)
    assert outcome.code == 0, outcome
    assert outcome.stdout.startswith("Signed in            admin@contoso.example\n")
    assert re.search(r"^Nothing to do until  [\d-]{10} [\d:]{8} UTC$", outcome.stdout, re.MULTILINE)
    assert re.search(r" [\d-]{10} [\d:]{8} UTC$", process("cache").stdout, re.MULTILINE)
    cache, tokens = kept()
    cache.close()
    assert len(tokens) == 1
    assert tokens[0] not in outcome.all
    assert "eyJ" not in outcome.all

    sandbox.requests.clear()
    token = process("token", "-p", "me")
    assert (token.code, token.stderr) == (0, "")
    assert token.stdout.startswith("eyJ")
    assert not sandbox.requests, "it was in the cache"
    other = process("token", "-p", "me", "--resource", "https://management.azure.com")
    assert (other.code, other.stderr) == (0, "")
    assert [dict(each.fields)["grant_type"] for each in sandbox.requests.to_tokens()] == [
        "refresh_token"
    ]
    assert not [each for each in sandbox.requests if "authorize" in each.path]


def test_who_is_signed_in_is_told_so_and_not_asked(sandbox: Sandbox, file: Path) -> None:
    log_in(sandbox)
    again = process("login", "-p", "me")
    assert again.code == 0, again
    assert "admin@contoso.example (already; nobody was asked)" in again.stdout
    facts = process("login", "-p", "me", "--json").json
    assert facts == {
        "user_name": "admin@contoso.example",
        "subject": facts["subject"],
        "tenant_id": sandbox.tenant.tenant_id,
        "environment": "Box",
        "application_id": sandbox.public_application_id,
        "already_signed_in": True,
        "kept": True,
        "has_refresh_token": True,
        "signed_in_until": facts["signed_in_until"],
    }


def test_a_prompt_asks_whoever_is_signed_in(sandbox: Sandbox, file: Path) -> None:
    log_in(sandbox)
    sandbox.requests.clear()
    outcome = log_in(sandbox, "--prompt", "login", "--json")
    assert outcome.json["already_signed_in"] is False
    assert [each for each in sandbox.requests if "authorize" in each.path]


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_a_sign_in_by_a_prompt_is_kept_and_no_alarm_is_raised(
    sandbox: Sandbox, file: Path, prompt: str
) -> None:
    first = log_in(sandbox, "--prompt", prompt, "--json")
    assert (first.code, first.stderr.count("Warning")) == (0, 0), first.stderr
    assert (first.json["already_signed_in"], first.json["kept"]) == (False, True)
    # As it is where the profile says so.
    file.write_text(file.read_text().replace("[profiles.me]", f'[profiles.me]\nprompt="{prompt}"'))
    again = log_in(sandbox)
    assert (again.code, again.stderr.count("Warning")) == (0, 0), again.stderr
    assert len(process("accounts", "--json").json) == 1


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"GRANTWAY_CACHE": "memory"}, "the token cache does not outlast this command"),
        ({"GRANTWAY_CACHE_KEY": "abc"}, "There is no 256-bit key in GRANTWAY_CACHE_KEY."),
    ],
)
def test_nobody_is_asked_for_a_sign_in_that_would_be_lost(
    sandbox: Sandbox, file: Path, variables: dict[str, str], said: str
) -> None:
    sandbox.requests.clear()
    for more in ((), ("--json",)):
        outcome = process("login", "-p", "me", "--device-code", *more, **variables)
        assert (outcome.code, outcome.stdout) == (3, "")
        assert said in outcome.stderr
        assert "Warning" not in outcome.stderr
    assert "warnings" not in outcome.error
    assert not sandbox.requests


def test_a_cache_that_loses_the_sign_in_after_all_is_told_of(sandbox: Sandbox, file: Path) -> None:
    class Forgetful(MemoryTokenCache):
        def get(self, key: str) -> Any:
            found = super().get(key)
            return None if found is None or found.account else found

        def refresh_tokens(self, owner: str) -> Any:
            return ()

        def get_refresh_token(self, slot: str) -> None:
            return None

    for more in ((), ("--json",)):
        with StandIn(sandbox.person()) as somebody:
            here = Session(configuration=load(), prompter=somebody, cache=Forgetful())
            outcome = run("login", "-p", "me", *more, session=here)
        assert outcome.code == 0, outcome
        assert "Warning: this sign-in is kept nowhere: the token cache failed" in outcome.stderr
    assert (outcome.json["kept"], outcome.json["signed_in_until"]) == (False, None)


def test_what_tries_the_cache_leaves_nothing_in_it(file: Path) -> None:
    assert process("login", "-p", "me").code == 4
    assert process("cache", "--json").json == []


@pytest.mark.usefixtures("at_a_desk")
def test_where_nobody_can_be_asked_it_says_so_before_any_network(
    sandbox: Sandbox, file: Path
) -> None:
    sandbox.requests.clear()
    outcome = process("login", "-p", "me")
    assert outcome.code == 4
    assert "nobody can be asked here" in outcome.stderr
    assert "Run it at a terminal, or add --device-code: the code is then" in outcome.stderr
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("ci", "line"),
    [
        ("", "login -p me"),
        ("1", "login -p me --device-code"),
        ("", "--no-input login -p me"),
        ("", "login --environment Box"),
        ("", "login --tenant-id contoso.example"),
        ("", "login --provider Consent"),
        ("", "login --provider RefreshToken --login-hint a"),
    ],
)
def test_whatever_is_wrong_with_a_login_its_remedy_names_what_login_takes(
    sandbox: Sandbox, file: Path, ci: str, line: str
) -> None:
    for more in ((), ("--json",)):
        outcome = process(*line.split(), *more, CI=ci)
        assert outcome.code in (2, 4), outcome
        takes = run("login", "--help").stdout
        said = re.sub(r"`grantway token` with .*", "", outcome.stderr)
        named = re.findall(r"--[a-z-]+", said)
        assert all(each in takes or each == "--no-input" for each in named), said
        assert named or "CI is set" in said
        assert not re.search(r"[a-z]+_[a-z]+=|device_code|refresh_token|Prompter|\*\*\*", said)


def test_without_an_application_it_is_told_to_name_one(sandbox: Sandbox, file: Path) -> None:
    outcome = process("login", "--tenant-id", "contoso.example")
    assert outcome.code == 2
    assert "Too little is given for a person to sign in." in outcome.stderr
    assert "Add --application-id. `grantway login --help`" in outcome.stderr
    in_json = process("login", "--json").error
    assert (in_json["type"], in_json["missing"]) == ("NoParameterSetMatches", ["application_id"])
    other = process("login", "--provider", "Consent", "--application-id", APP)
    assert other.code == 2
    assert "Consent signs nobody in." in other.stderr
    assert "name one of these: User" in other.stderr


def test_an_application_by_itself_does_not_log_in(sandbox: Sandbox, file: Path) -> None:
    outcome = process("login", "-p", "application")
    assert outcome.code == 2
    assert "ServicePrincipal gets the token, and nobody signs in" in outcome.stderr


def test_login_takes_what_interactive_sets_take() -> None:
    text = run("login", "--help", session=shop_session(Shop())).stdout
    assert "--login-hint" in text
    assert "--credential" not in text
    assert "--voucher" not in text
    assert run("login", "--consent", session=shop_session()).code == 2


# accounts.


def test_accounts_lists_whoever_has_signed_in(sandbox: Sandbox, file: Path) -> None:
    assert process("accounts").stdout == "Nobody is signed in.\n"
    assert process("accounts", "--json").json == []
    log_in(sandbox)
    heading, row = process("accounts").stdout.splitlines()
    assert heading.split() == ["USER", "TENANT", "ENVIRONMENT", "APPLICATION"]
    tenant, application = sandbox.tenant.tenant_id, sandbox.public_application_id
    assert row.split() == ["admin@contoso.example", tenant, "Box", application]
    (facts,) = process("accounts", "--environment", "box", "--json").json
    assert facts["application_id"] == application
    assert process("accounts", "--application-id", APP, "--json").json == []


@pytest.mark.parametrize("command", ["accounts", "logout"])
def test_that_nobody_is_signed_in_is_said_of_what_was_asked_for(
    sandbox: Sandbox, file: Path, command: str
) -> None:
    log_in(sandbox)
    for args, where in (
        (("--application-id", "zzz"), " with that application"),
        (("--environment", "GlobalCloud"), " at that environment"),
        (
            ("--environment", "Box", "--application-id", APP),
            " at that environment with that application",
        ),
    ):
        outcome = process(command, *args)
        assert outcome == Outcome(0, f"Nobody is signed in{where}.\n", "")
    assert len(process("accounts", "--json").json) == 1


@pytest.mark.parametrize("args", [("accounts",), ("logout",), ("logout", "--all")])
def test_sign_ins_under_another_key_are_warned_of_each_time(
    sandbox: Sandbox, file: Path, args: tuple[str, ...]
) -> None:
    log_in(sandbox)
    for _ in range(2):
        outcome = process(*args, GRANTWAY_CACHE_KEY="f0" * 32)
        assert outcome.stdout == "Nobody is signed in.\n"
        assert "Warning: 2 entries cannot be listed: what another key has" in outcome.stderr
    assert len(process("accounts", "--json").json) == 1


def test_an_environment_that_is_not_there_is_a_mistake(file: Path) -> None:
    outcome = process("accounts", "--environment", "Bocks")
    assert outcome.code == 2
    assert "Box" in outcome.stderr


@pytest.mark.usefixtures("at_a_desk")
def test_whoever_is_named_and_has_not_signed_in_is_told_who_has(
    sandbox: Sandbox, file: Path
) -> None:
    log_in(sandbox)
    sandbox.requests.clear()
    for more in ((), ("--json",)):
        outcome = process("token", "-p", "me", "--account", "Nobody@contoso.example", *more)
        assert outcome.code == 4
        assert "nobody can be asked here. Nobody@contoso.example has not signed in here, but " in (
            outcome.stderr
        )
        assert "these have: admin@contoso.example." in outcome.stderr
        assert "Sign in ahead with `grantway login` and the same parameters" in outcome.stderr
        assert not re.search(r"[a-z]+_[a-z]+=|Prompter|refresh.token", outcome.stderr)
    # Somebody who is named for a login is not signed in yet, which is no mistake.
    assert "these have" in process("login", "-p", "me", "--account", "new@contoso.example").stderr
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("ci", "before", "said"),
    [
        ("", (), "Sign in ahead with `grantway login`"),
        ("", ("--no-input",), "Leave --no-input out, or sign in ahead with `grantway login`"),
        ("1", (), "get the token there as an application by itself"),
    ],
)
def test_a_token_that_nobody_has_signed_in_for_is_told_how_to(
    sandbox: Sandbox, file: Path, ci: str, before: tuple[str, ...], said: str
) -> None:
    outcome = process(*before, "token", "-p", "me", "--json", CI=ci)
    assert (outcome.code, outcome.stdout) == (4, "")
    assert said in str(outcome.error["remedy"])


# logout.


def test_logout_leaves_nothing_behind(sandbox: Sandbox, file: Path) -> None:
    log_in(sandbox)
    process("token", "-p", "me", "--resource", "https://management.azure.com")
    outcome = process("logout")
    assert outcome.code == 0, outcome
    assert outcome.stdout == (
        f"admin@contoso.example at Box with {sandbox.public_application_id}: signed out, "
        "forgotten here.\n"
    )
    assert process("cache", "list", "--json").json == []
    assert process("token", "-p", "me").code == 4
    assert process("logout").stdout == "Nobody is signed in.\n"


def test_of_several_one_has_to_be_named(sandbox: Sandbox, file: Path) -> None:
    another = Application(
        APP, "Another", sandbox.tenant.tenant_id, redirect_uris=("http://localhost",), public=True
    )
    sandbox.register(another)
    sandbox.consent(APP, sandbox.tenant.tenant_id)
    log_in(sandbox)
    log_in(sandbox, "--application-id", APP)
    outcome = process("logout", "--json")
    assert outcome.code == 4
    assert outcome.error["accounts"] == ["admin@contoso.example"] * 2
    assert "--all" in str(outcome.error["remedy"])
    assert f"admin@contoso.example at Box with {APP}" in process("logout").stderr
    assert len(process("accounts", "--json").json) == 2
    one = process("logout", "--application-id", APP, "--json")
    assert [each["application_id"] for each in one.json] == [APP]
    log_in(sandbox, "--application-id", APP)
    both = process("logout", "--all", "--json").json
    assert [each["revoked"] for each in both] == [False, False]
    assert process("accounts", "--json").json == []


def test_who_is_not_signed_in_is_a_mistake(sandbox: Sandbox, file: Path) -> None:
    log_in(sandbox)
    outcome = process("logout", "--account", "admin@contoso.exmaple")
    assert outcome.code == 2
    assert "Did you mean admin@contoso.example?" in outcome.stderr
    named = process("logout", "--account", "nobody", "--json")
    assert (named.code, named.stdout) == (2, "")
    assert named.error["remedy"] == "These are: admin@contoso.example."
    assert process("logout", "--account", "ADMIN@contoso.example").code == 0
    # Now that nobody is there at all it is a mistake still, and only to name nobody is none.
    again = process("logout", "--account", "admin@contoso.example")
    assert again.code == 2
    assert "admin@contoso.example is not signed in." in again.stderr
    assert "Nobody is" in again.stderr
    assert process("logout", "--all", "--account", "nobody").code == 2
    for args in ((), ("--all",)):
        assert process("logout", *args) == Outcome(0, "Nobody is signed in.\n", "")


def test_where_the_authority_is_not_there_now_it_says_that(
    sandbox: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the sandbox, when it is stopped: its environment then has no address."""
    monkeypatch.setenv("GRANTWAY_SANDBOX_URL", sandbox.url)
    with StandIn(sandbox.person()) as somebody:
        call = ("--environment", "Sandbox", "--application-id", sandbox.public_application_id)
        assert as_person(somebody, "login", *call).code == 0
    monkeypatch.delenv("GRANTWAY_SANDBOX_URL")
    outcome = process("logout")
    assert outcome.code == 0
    assert "signed out, forgotten here" in outcome.stdout
    assert "was not revoked: Sandbox cannot be used now. No sandbox was found" in outcome.stderr
    assert "another authority" not in outcome.stderr
    assert process("cache", "list", "--json").json == []


# At oidc-provider, which revokes.


@pytest.fixture
def peer(oidc_provider: OidcProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "peer.toml"
    file.write_text(
        f"""
        default_profile = "peer"

        [profiles.peer]
        environment = "Peer"
        application_id = "{PUBLIC}"

        [environments.Peer]
        authority = "{oidc_provider.issuer}"
        trust = {{loopback_http = true}}
        """
    )
    monkeypatch.setenv("GRANTWAY_CONFIG", str(file))
    return file


def browsing_as(user: str) -> Person:
    def browse(url: str) -> Page:
        back = query(url)["redirect_uri"]
        target = urlsplit(visit_authorization(url, back, user=user))
        return last_page(back, knock(back, f"{target.path or '/'}?{target.query}"))

    return Person(browse)


def peer_log_in(user: str, *args: str) -> Outcome:
    # Where nobody is asked for consent it gives no refresh token.
    outcome = as_person(browsing_as(user), "login", "--prompt", "consent", *args)
    assert (outcome.code, outcome.stderr.count("Warning")) == (0, 0), outcome
    return outcome


def refresh(server: OidcProvider, token: str) -> dict[str, object]:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    answer: dict[str, object] = token_request(server.issuer, PUBLIC, form).json()
    return answer


def test_logout_has_the_refresh_token_revoked(oidc_provider: OidcProvider, peer: Path) -> None:
    assert "Signed in            alice" in peer_log_in("alice").stdout
    assert process("token", "--force-refresh").code == 0
    cache, (token,) = kept()
    outcome = process("logout", "--json")
    assert outcome.json[0]["revoked"] is True, outcome
    assert token not in outcome.all
    assert kept()[1] == []
    assert list(cache.entries()) == []
    cache.close()
    assert refresh(oidc_provider, token)["error"] == "invalid_grant"


def test_each_of_two_people_has_an_account(oidc_provider: OidcProvider, peer: Path) -> None:
    peer_log_in("alice")
    peer_log_in("bob")
    users = {each["subject"] for each in process("accounts", "--json").json}
    assert users == {"alice", "bob"}
    several = process("login")
    assert several.code == 4
    assert "--prompt select_account signs in another" in several.stderr
    assert "(already" in process("login", "--account", "bob").stdout
    assert process("logout").code == 4
    assert process("logout", "--account", "alice").code == 0
    assert "(already" in process("login").stdout
    assert process("logout", "--all").stdout.startswith("bob at Peer with public-client: signed")


def test_a_revocation_that_fails_is_a_warning_and_costs_nothing_else(
    oidc_provider: OidcProvider, peer: Path
) -> None:
    peer_log_in("alice")
    peer.write_text(peer.read_text().replace(oidc_provider.issuer, "http://127.0.0.1:9"))
    outcome = process("logout")
    assert outcome.code == 0
    assert "Warning: alice is signed out here, but" in outcome.stderr
    assert process("accounts", "--json").json == []
    assert process("cache", "--json").json == []
