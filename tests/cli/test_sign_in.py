"""`grantway consent` and `grantway token` where a person acts: what is told, where, and how it ends."""

import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pytest

from cli.support import GRANTWAY, Outcome, run, session
from oauth.browsing import CODE, Page, Person, answering, nobody, query
from oauth.issuer import Issuer
from oauth.support import CLIENT_ID, CLIENT_SECRET, FakeClock, granted
from peers.oidc_provider import OidcProvider
from servers.raw import RawServer, empty, hang_up

APP = "11111111-2222-3333-4444-555555555555"
TESTS = Path(__file__).parents[1]


@pytest.fixture
def issuer(raw_server: RawServer) -> Issuer:
    return Issuer(raw_server)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APP_SECRET", CLIENT_SECRET)
    return tmp_path / "refresh-token"


def described(server: RawServer | str, protocol: str = "oidc", more: str = "") -> str:
    url = server if isinstance(server, str) else server.url
    return (
        f'[environments.Box]\nauthority = "{url}"\nprotocol = "{protocol}"\n'
        f'default_resource = "https://api.example.org"\ntrust = {{loopback_http = true}}\n{more}'
    )


def call(
    issuer: Issuer | RawServer,
    who: Person | None,
    *args: str,
    before: tuple[str, ...] = (),
    **how: Any,
) -> Outcome:
    server = issuer.server if isinstance(issuer, Issuer) else issuer
    parts = {name: how.pop(name) for name in ("clock",) if name in how}
    here = session(config=described(server, **how), prompter=who or False, **parts)
    return run(*before, *args, "--environment", "Box", session=here)


def consent(issuer: Issuer | RawServer, who: Person | None, *args: str, **how: Any) -> Outcome:
    return call(issuer, who, "consent", "--credential", f"{CLIENT_ID}=env:APP_SECRET", *args, **how)


def token(issuer: Issuer, who: Person | None, *args: str, **how: Any) -> Outcome:
    return call(issuer, who, "token", "--application-id", CLIENT_ID, *args, **how)


def nothing_secret(outcome: Outcome) -> None:
    for secret in (CODE, CLIENT_SECRET, "sentinel-access-token", "first-refresh-token"):
        assert secret not in outcome.all


# Consent.


def test_a_consent_says_where_the_refresh_token_went_and_until_when(
    issuer: Issuer, kept: Path
) -> None:
    who = Person(answering())
    issuer.server.serve(issuer.signs_in(who, amr=["pwd", "mfa"]), path="/token")
    outcome = consent(issuer, who, "--save-refresh-token", f"file:{kept}")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert kept.read_text().strip() == "first-refresh-token"
    rows = dict(line.split("  ", 1) for line in outcome.stdout.splitlines())
    shown = {name: value.strip() for name, value in rows.items()}
    assert shown == {
        "Refresh token": f"saved to file:{kept}",
        "Expires": "the authority does not say when",
        "Account": "alice@example.org",
        "Several factors": "yes",
        "Environment": "Box",
    }
    nothing_secret(outcome)
    # The person is told by the prompter, not on the streams.
    assert "sign in at Box" in who.shown[0]


def test_in_json_a_consent_is_facts_without_tokens(issuer: Issuer, kept: Path) -> None:
    who = Person(answering())
    issuer.server.serve(
        granted(refresh_token="first-refresh-token", refresh_token_expires_in=7_776_000),
        path="/token",
    )
    before = datetime.now(UTC)
    outcome = consent(issuer, who, "--save-refresh-token", f"file:{kept}", "--json")
    assert (outcome.code, outcome.stderr) == (0, "")
    facts = outcome.json
    assert isinstance(facts, dict)
    expires = datetime.fromisoformat(facts.pop("expires_on")) - timedelta(days=90)
    assert before <= expires <= datetime.now(UTC)
    assert facts.pop("correlation_id")
    assert facts == {
        "saved_to": f"file:{kept}",
        "idle_days": None,
        "account": None,
        "tenant_id": "",
        "environment": "Box",
        "authentication_methods": [],
        "mfa": None,
    }
    nothing_secret(outcome)


@pytest.mark.parametrize(("amr", "told"), [(["pwd"], "no"), (None, "no token tells")])
def test_what_no_token_tells_is_not_made_up(
    issuer: Issuer, kept: Path, amr: object, told: str
) -> None:
    who = Person(answering())
    issuer.server.serve(issuer.signs_in(who, amr=amr), path="/token")
    outcome = consent(issuer, who, "--save-refresh-token", f"file:{kept}")
    assert f"Several factors  {told}\n" in outcome.stdout


@pytest.mark.parametrize("protocol", ["entra-v1", "entra-v2"])
def test_where_the_authority_is_known_for_it_the_idle_days_are_said(
    raw_server: RawServer, kept: Path, protocol: str
) -> None:
    raw_server.serve(granted(refresh_token="first-refresh-token"))
    before = datetime.now(UTC)
    args = ("consent", "--application-id", APP, "--save-refresh-token", f"file:{kept}", "--json")
    outcome = call(raw_server, Person(answering()), *args, protocol=protocol)
    facts = outcome.json
    assert isinstance(facts, dict)
    expires = datetime.fromisoformat(facts["expires_on"]) - timedelta(days=90)
    assert before <= expires <= datetime.now(UTC)
    assert facts["idle_days"] == 90
    text = call(raw_server, Person(answering()), *args[:-1], protocol=protocol).stdout
    assert ", and 90 days after each use" in text


@pytest.mark.parametrize("args", [(), ("--json",)])
def test_a_consent_that_would_be_lost_is_refused_before_anybody_is_asked(
    issuer: Issuer, kept: Path, args: tuple[str, ...]
) -> None:
    who = Person(answering())
    outcome = consent(issuer, who, *args)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--save-refresh-token file:PATH" in outcome.stderr
    assert not who.opened
    assert not issuer.server.connections


def test_a_profile_may_say_where_the_refresh_token_goes(issuer: Issuer, kept: Path) -> None:
    issuer.server.serve(granted(refresh_token="first-refresh-token"), path="/token")
    profile = f'[profiles.work]\nsave_refresh_token = "file:{kept}"\n'
    outcome = consent(issuer, Person(answering()), "-p", "work", more=profile)
    assert outcome.code == 0, outcome
    assert f"saved to file:{kept}" in outcome.stdout
    assert kept.read_text().strip() == "first-refresh-token"


def test_a_vault_that_only_reads_is_refused_before_anybody_is_asked(
    issuer: Issuer, kept: Path
) -> None:
    who = Person(answering())
    outcome = consent(issuer, who, "--save-refresh-token", "env:SOMEWHERE")
    assert outcome.code == 2
    assert "cannot be written" in outcome.stderr
    assert not who.opened


def test_the_help_of_consent_shows_what_a_sign_in_takes(issuer: Issuer) -> None:
    text = run("consent", "--help", session=session()).stdout
    for option in (
        "--save-refresh-token", "--require-mfa", "--device-code / --no-device-code",
        "--login-hint", "--domain-hint", "--prompt", "--redirect-uri", "--response-mode",
    ):  # fmt: skip
        assert option.split()[0] in text
    # It is what the command is for.
    assert "--consent" not in text


def test_a_consent_wants_the_factors_that_are_required(issuer: Issuer, kept: Path) -> None:
    kept.write_text("a-better-token")
    kept.chmod(0o600)
    who = Person(answering())
    issuer.server.serve(issuer.signs_in(who, amr=["pwd"]), path="/token")
    args = ("--require-mfa", "--save-refresh-token", f"file:{kept}")
    outcome = consent(issuer, who, *args)
    assert (outcome.code, outcome.stdout) == (4, "")
    assert "with pwd only" in outcome.stderr
    assert kept.read_text() == "a-better-token"
    assert consent(issuer, who, *args, "--json").error["type"] == "InteractionRequired"


# How it ends.


@pytest.mark.parametrize(
    ("browse", "behaviour", "code", "said"),
    [
        (answering(["code"], error="access_denied"), None, 5, "access_denied"),
        (answering(["code"], error="interaction_required"), None, 4, "asks for a person"),
        (answering(["code"], error="consent_required"), None, 4, "asks for a person"),
        (answering(["code"], error="server_error"), None, 5, "server_error"),
        (answering(["code"]), None, 6, "neither a code nor an error"),
        (answering(iss="https://evil.example"), None, 6, "another issuer"),
        (answering(), hang_up(), 6, ""),
        (answering(), empty(401), 5, "without saying why"),
        (answering(), granted(), 6, "granted no refresh token"),
    ],
)
@pytest.mark.parametrize("args", [(), ("--json",)])
def test_each_end_of_a_consent_has_its_exit_code(
    issuer: Issuer,
    kept: Path,
    args: tuple[str, ...],
    browse: Callable[[str], Page],
    behaviour: Any,
    code: int,
    said: str,
) -> None:
    issuer.server.serve(behaviour or granted(refresh_token="first-refresh-token"), path="/token")
    who = Person(browse)
    outcome = consent(issuer, who, "--save-refresh-token", f"file:{kept}", *args)
    assert (outcome.code, outcome.stdout) == (code, "")
    assert said in outcome.stderr
    assert "Sign-in did not work" in who.page.text
    assert not kept.exists()
    nothing_secret(outcome)
    if args:
        assert outcome.error["message"]


@pytest.mark.parametrize("start", [consent, token])
def test_when_nobody_signs_in_the_time_is_up(
    issuer: Issuer, kept: Path, start: Callable[..., Outcome]
) -> None:
    args = ("--save-refresh-token", f"file:{kept}", "--timeout", "120")
    outcome = start(issuer, Person(nobody), *args, clock=FakeClock())
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "120 seconds" in outcome.stderr
    assert "--timeout" in outcome.stderr


@pytest.mark.usefixtures("at_a_desk")
@pytest.mark.parametrize("start", [consent, token])
@pytest.mark.parametrize("before", [(), ("--no-input",)])
def test_where_nobody_is_to_be_asked_nothing_is_sent(
    issuer: Issuer, kept: Path, start: Callable[..., Outcome], before: tuple[str, ...]
) -> None:
    who = Person(answering()) if before else None
    outcome = start(issuer, who, "--save-refresh-token", f"file:{kept}", before=before)
    assert (outcome.code, outcome.stdout) == (4, "")
    assert "nobody can be asked here" in outcome.stderr
    if start is consent:
        assert "or give --device-code where somebody reads the log; or sign in" in outcome.stderr
    else:
        assert "sign in ahead with `grantway login` and the same" in outcome.stderr.casefold()
    args = ("--save-refresh-token", f"file:{kept}", "--json")
    in_json = start(issuer, who, *args, before=before)
    assert in_json.error["remedy"] in outcome.stderr
    assert not re.search(r"from Python|Prompter|_token|\*\*\*", outcome.stderr)
    assert not issuer.server.connections
    assert who is None or not who.opened


# A token for a person.


def test_a_persons_token_is_alone_on_standard_output(issuer: Issuer) -> None:
    who = Person(answering())
    outcome = token(issuer, who, "--login-hint", "alice@example.org", "--prompt", "login")
    assert outcome == Outcome(0, "sentinel-access-token\n", "")
    assert query(who.opened[0])["login_hint"] == "alice@example.org"


def test_the_table_says_who_has_signed_in_and_how(issuer: Issuer) -> None:
    who = Person(answering())
    issuer.server.serve(issuer.signs_in(who, amr=["pwd", "mfa"]), path="/token")
    outcome = token(issuer, who, "-o", "table")
    assert "alice@example.org" in outcome.stdout
    assert "pwd, mfa" in outcome.stdout
    nothing_secret(outcome)


def test_what_is_done_is_told_under_v_without_the_code(issuer: Issuer) -> None:
    outcome = token(issuer, Person(answering()), before=("-vv",))
    assert outcome.stdout == "sentinel-access-token\n"
    assert "User" in outcome.stderr
    assert CODE not in outcome.stderr
    assert "code_verifier" not in outcome.stderr


@pytest.mark.parametrize("uri", ["https://localhost/", "http://localhost:99999/"])
def test_an_address_nobody_could_listen_on_is_a_mistake_in_the_call(
    issuer: Issuer, uri: str
) -> None:
    outcome = token(issuer, Person(answering()), "--redirect-uri", uri)
    assert outcome.code == 2
    assert "redirect-uri" in outcome.stderr or "redirect_uri" in outcome.stderr
    assert not issuer.server.connections


# At a real terminal, with a browser that is named.


def at_terminal(line: str, tmp_path: Path, server: RawServer | str, **variables: str) -> Any:
    """A shell's line at a terminal; `grantway` in it is ours, standard output goes to a file."""
    file = tmp_path / "config.toml"
    file.write_text(described(server))
    environ = {**os.environ, "CI": "", "GRANTWAY_CONFIG": str(file), **variables}
    return pexpect.spawn(
        "/bin/sh",
        ["-c", f"exec {GRANTWAY} {line} > {tmp_path}/stdout"],
        env=environ,
        encoding="utf-8",
        timeout=60,
    )


def test_a_person_at_a_terminal_signs_in_with_their_browser(
    oidc_provider: OidcProvider, tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(TESTS)!r})\n"
        "from grants.people import signing_in\n"
        "print('a browser that greets on standard output')\n"
        "signing_in()(sys.argv[1])\n"
    )
    browser.chmod(0o700)
    line = (
        "token --environment Box --application-id public-client --resource https://jwt.example/api"
    )
    variables = {"BROWSER": f"{browser} %s &"}
    child = at_terminal(line, tmp_path, oidc_provider.issuer, **variables)
    child.expect("A browser was opened to sign in at Box")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    output = (tmp_path / "stdout").read_text()
    assert output.startswith("eyJ")
    assert output.count("\n") == 1
    assert "eyJ" not in child.before


def test_ctrl_c_ends_the_wait_for_a_sign_in(issuer: Issuer, tmp_path: Path) -> None:
    line = f"token --environment Box --application-id '{CLIENT_ID}'"
    child = at_terminal(line, tmp_path, issuer.server, BROWSER="/bin/true")
    child.expect("A browser was opened")
    child.expect("state=")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in child.before
    assert (tmp_path / "stdout").read_text() == ""
    assert not issuer.redeemed


def test_a_browser_that_fails_leaves_the_address_to_the_person(
    issuer: Issuer, tmp_path: Path
) -> None:
    line = f"token --environment Box --application-id '{CLIENT_ID}'"
    child = at_terminal(line, tmp_path, issuer.server, BROWSER="/bin/false")
    child.expect("To sign in at Box, open this address in a browser on this machine")
    child.expect(r"(http://127\.0\.0\.1:\S+)\r\n")
    page = answering()(child.match[1])
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "You are signed in" in page.text
    assert (tmp_path / "stdout").read_text() == "sentinel-access-token\n"


def test_continuous_integration_is_asked_nothing(issuer: Issuer, tmp_path: Path) -> None:
    line = f"token --environment Box --application-id '{CLIENT_ID}'"
    child = at_terminal(line, tmp_path, issuer.server, CI="true", BROWSER="/bin/true")
    child.expect("nobody can be asked here")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 4
    assert not issuer.server.connections
