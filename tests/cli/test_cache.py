"""`grantway cache`, and the cache that the command line chooses."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pytest

from cache.support import ALICE, result, stored
from cli.support import GRANTWAY, SENTINEL, Outcome, Shop, process, run, session, token_result
from grantway import Registry
from grantway.cache.memory import MemoryTokenCache
from grantway.cache.sqlite import from_url

KEY = "ab" * 32
OTHER = "ac" * 32
SLOT = "cd" * 32


def filled(cache: Any) -> Any:
    cache.put(KEY, result(environment="Box", provider="User"))
    cache.put(
        OTHER,
        result(
            environment="Box", provider="ServicePrincipal", account=None, resource=None,
            scopes=("s1", "s2"), expires_on=datetime.now(UTC) - timedelta(hours=3),
            extended_expires_on=None,
        ),
    )  # fmt: skip
    cache.put_refresh_token(
        SLOT, stored(environment="Box", provider="User", client_id="an-application")
    )
    return cache


def cache(*args: str, here: Any = None) -> Outcome:
    there = filled(MemoryTokenCache()) if here is None else here
    outcome = run("cache", *args, session=session(cache=there, prompter=False))
    for token in ("sentinel-access-token", "sentinel-refresh", "sentinel-id-token"):
        assert token not in outcome.all
    return outcome


def test_bare_it_lists_what_is_in_it() -> None:
    heading, *rows = cache().stdout.splitlines()
    assert heading.split() == [
        "KEY", "KIND", "ENVIRONMENT", "PROVIDER", "USER", "TENANT", "FOR", "EXPIRES",
    ]  # fmt: skip
    assert [row.split()[0] for row in rows] == [KEY[:12], OTHER[:12], SLOT[:12]]
    assert "sentinel-alice@contoso.example" in rows[0]
    assert "s1 s2" in rows[1]
    assert "refresh token" in rows[2]
    assert "an-application" in rows[2]
    # The same cache: in another one everything expires a moment later.
    here = filled(MemoryTokenCache())
    assert cache("list", here=here).stdout == cache(here=here).stdout
    assert cache("list", here=MemoryTokenCache()).stdout == "The token cache is empty.\n"


def test_in_json_keys_are_whole() -> None:
    entries = {each["key"]: each for each in cache("list", "--json").json}
    assert set(entries) == {KEY, OTHER, SLOT}
    assert entries[SLOT]["kind"] == "refresh_token"
    assert entries[SLOT]["application_id"] == "an-application"
    assert entries[KEY]["subject"] == ALICE.subject
    assert datetime.fromisoformat(entries[KEY]["expires_on"]) > datetime.now(UTC)


@pytest.mark.parametrize(("key", "code"), [(SLOT, 0), ("c", 0), ("ab", 0), ("a", 2), ("ff", 2)])
def test_one_entry_is_shown_by_the_beginning_of_its_key(key: str, code: int) -> None:
    outcome = cache("show", key, "--json")
    assert outcome.code == code
    if code == 0:
        assert outcome.json["key"].startswith(key)
    else:
        assert "begin" in str(outcome.error["message"])


def test_an_entry_for_people_has_its_whole_key() -> None:
    text = cache("show", "ab").stdout
    assert re.search(rf"^Key +{KEY}$", text, re.MULTILINE)
    assert re.search(r"^Kind +access token$", text, re.MULTILINE)
    assert re.search(r"^Scopes +a b$", text, re.MULTILINE)


def test_a_key_that_is_the_beginning_of_another_can_be_shown() -> None:
    here = MemoryTokenCache()
    here.put("a", result())
    here.put("ab", result())
    assert cache("show", "a", "--json", here=here).json["key"] == "a"


def test_pruning_removes_what_has_expired() -> None:
    here = filled(MemoryTokenCache())
    assert cache("prune", here=here).stdout == "1 entry removed.\n"
    assert cache("prune", "--json", here=here).json == {"removed": 0}
    assert {each.key for each in here.entries()} == {KEY, SLOT}


def test_clearing_needs_a_yes_where_nobody_can_be_asked() -> None:
    here = filled(MemoryTokenCache())
    outcome = cache("clear", here=here)
    assert outcome.code == 4
    assert "2 access tokens and 1 refresh token" in outcome.stderr
    assert "--yes" in outcome.stderr
    assert len(list(here.entries())) == 3
    assert cache("clear", "--yes", here=here).stdout == (
        "2 access tokens and 1 refresh token forgotten.\n"
    )
    assert list(here.entries()) == []
    assert cache("clear", "--yes", "--json", here=here).json == {
        "access_tokens": 0,
        "refresh_tokens": 0,
        "unreadable": 0,
    }


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 130), ("", 130)])
def test_clearing_asks_at_a_terminal(answer: str, code: int, monkeypatch: Any) -> None:
    monkeypatch.delenv("CI", raising=False)
    kept = filled(from_url("sqlite"))
    kept.close()
    child = pexpect.spawn(str(GRANTWAY), ["cache", "clear"], timeout=60)
    child.expect_exact("2 access tokens and 1 refresh token in the token cache")
    child.expect_exact("[y/N]")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    left = from_url("sqlite")
    assert len(list(left.entries())) == (0 if code == 0 else 3)
    left.close()


def test_info_says_where_it_is_and_what_encrypts_it(tmp_path: Path) -> None:
    facts = process("cache", "info", "--json").json
    assert facts["kind"] == "sqlite"
    assert facts["location"].endswith("tokens.db")
    assert facts["encrypted_with"] == f"the file {facts['location']}.key"
    assert (facts["access_tokens"], facts["refresh_tokens"]) == (0, 0)
    named = process("cache", "info", GRANTWAY_CACHE_KEY="0f" * 32)
    assert re.search(r"^Encrypted with +GRANTWAY_CACHE_KEY$", named.stdout, re.MULTILINE)
    assert "0f0f" not in named.all


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_what_another_key_has_encrypted_is_counted_alike_by_all_commands(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    here = f"sqlite://{tmp_path}/own/tokens.db"
    if kind == "redis":
        here = f"{request.getfixturevalue('redis_server').url}?prefix={tmp_path.name}:"
    mine, other = ({"GRANTWAY_CACHE": here, "GRANTWAY_CACHE_KEY": key * 32} for key in ("0f", "f0"))

    def fill(variables: dict[str, str], count: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            made: Any = Registry.of().token_caches[kind].create(here)
            for number in range(count):
                made.put(str(number), result())
            made.put_refresh_token("s", stored())
            made.close()

    fill(mine, 2)
    fill(other, 1)
    for variables, access_tokens, unreadable in ((mine, 2, 2), (other, 1, 3)):
        facts = process("cache", "info", "--json", **variables).json
        assert (facts["access_tokens"], facts["refresh_tokens"]) == (access_tokens, 1)
        assert facts["unreadable"] == unreadable
        text = process("cache", "info", **variables).stdout
        assert re.search(
            rf"^Of another key +{unreadable}, which cannot be read, and are kept",
            text,
            re.MULTILINE,
        )
        listed = process("cache", "list", "--json", **variables)
        assert len(listed.json) == access_tokens + 1
        assert f"{unreadable} entries cannot be listed" in listed.stderr
        assert "dropped" not in listed.stderr
        assert "kept for that key" in process("cache", "list", **variables).stderr
    third = {**mine, "GRANTWAY_CACHE_KEY": "aa" * 32}
    assert process("cache", "list", **third).stdout == "The token cache has nothing to list.\n"
    cleared = process("cache", "clear", "--yes", **other)
    assert "1 access token and 1 refresh token, and 3 entries of another key forgotten" in (
        cleared.stdout
    )
    after = process("cache", "list", **mine)
    assert after == Outcome(0, "The token cache is empty.\n", "")


def test_the_json_of_each_command_has_these_names() -> None:
    entry = {
        "key", "kind", "expires_on", "environment", "provider", "application_id", "tenant_id",
        "user_name", "subject", "resource", "scopes",
    }  # fmt: skip
    for each in cache("list", "--json").json:
        assert set(each) == entry
        assert each["kind"] in ("access_token", "refresh_token")
    assert set(cache("show", "c", "--json").json) == entry
    assert set(cache("info", "--json").json) == {
        "kind", "location", "encrypted_with", "access_tokens", "refresh_tokens", "unreadable",
        "limit", "size",
    }  # fmt: skip


def test_a_cache_that_shows_nothing_is_told_so() -> None:
    class Plain:
        def close(self) -> None:
            pass

    outcome = cache("list", here=Plain())
    assert outcome.code == 3
    assert "does not show what is in it" in outcome.stderr


# Which cache it is.


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("TEST_SECRET", SENTINEL)
    now = datetime.now(UTC)
    return Shop(lambda *_: token_result(acquired_on=now, expires_on=now + timedelta(hours=1)))


def token(shop: Shop, config: str = "") -> Outcome:
    here = session(shop, config=config, cache=None, prompter=False)
    return run("token", "--environment", "Mall", "--voucher", "env:TEST_SECRET", session=here)


def test_the_second_command_is_served_by_the_first(shop: Shop) -> None:
    assert token(shop) == token(shop) == Outcome(0, "the-access-token\n", "")
    assert len(shop.requests) == 1


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///tmp/", "sqlite:.", "sqlite:///~"])
def test_a_url_without_a_file_is_told_as_such(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTWAY_CACHE", url)
    for command in (("accounts",), ("config", "check")):
        outcome = run(*command, session=session(cache=None))
        assert outcome.code == 3
        assert "GRANTWAY_CACHE: The URL of the token cache sqlite names no file." in outcome.stderr
        assert "plugin" not in outcome.stderr


def test_the_variable_chooses_over_the_file(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "a" / "one.db", tmp_path / "b" / "other.db"
    config = f'cache = "sqlite://{one}"\n'
    assert token(shop, config).code == 0
    assert (one.exists(), other.exists()) == (True, False)
    monkeypatch.setenv("GRANTWAY_CACHE", f"sqlite://{other}")
    assert token(shop, config).code == 0
    assert other.exists()
    monkeypatch.setenv("GRANTWAY_CACHE", "memory")
    assert token(shop, config).code == 0
    assert len(shop.requests) == 3


@pytest.mark.parametrize(
    ("config", "variable", "told"),
    [
        (
            '\ncache = "sqlit"\n',
            "",
            "/there/config.toml:2: cache: There is no token cache 'sqlit'.",
        ),
        ('cache = "sqlite:///x?limt=1"', "", "config.toml:1: cache: The token cache sqlite has no"),
        ("", "sqlit", "GRANTWAY_CACHE: There is no token cache 'sqlit'."),
        ("", "//user:sentinel@host", "GRANTWAY_CACHE: This names no token cache."),
        ("", "redis://:sentinel@host/0", "GRANTWAY_CACHE: The URL of the token cache redis has a"),
    ],
)
def test_a_cache_that_cannot_be_made_is_told_with_its_place(
    shop: Shop, config: str, variable: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTWAY_CACHE", variable)
    outcome = token(shop, config)
    assert outcome.code == 3
    assert told in outcome.stderr
    assert "sentinel" not in outcome.all
    assert not shop.requests
    checked = run("config", "check", session=session(shop, config=config))
    assert checked.code == 3
    assert told in checked.stderr


@pytest.mark.parametrize("broken", ["folder", "key", "server"])
def test_a_cache_that_fails_costs_a_warning_and_no_token(
    shop: Shop, broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    url = f"sqlite://{tmp_path}/file/tokens.db" if broken == "folder" else "sqlite"
    if broken == "server":
        url = "redis://127.0.0.1:9/0"
    monkeypatch.setenv("GRANTWAY_CACHE", url)
    monkeypatch.setenv("GRANTWAY_CACHE_KEY", "no key" if broken == "key" else "0f" * 32)
    outcome = token(shop)
    assert (outcome.code, outcome.stdout) == (0, "the-access-token\n")
    assert "Warning: the token cache failed: " in outcome.stderr
    info = run("cache", "info", session=session(shop, cache=None))
    assert info.code == 3


def test_explain_looks_into_no_cache(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTWAY_CACHE", "nonsense")
    here = session(shop, cache=None)
    assert run("explain", "--application-id", "x", "--environment", "Mall", session=here).code == 0


@pytest.mark.parametrize(
    "args",
    [["--version"], ["--help"], ["providers"], ["config", "show"], ["explain"]],
    ids=" ".join,
)
def test_what_needs_no_cache_loads_none(args: list[str]) -> None:
    code = (
        "import sys; from grantway.cli import main\n"
        f"sys.argv[1:] = {args}\n"
        "main()\n"
        "print(sorted({'sqlite3', 'cryptography', 'redis'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_token_from_the_cache_costs_no_http(sandbox_token: list[str]) -> None:
    code = (
        "import sys; from grantway.cli import main\n"
        f"sys.argv[1:] = {sandbox_token}\n"
        "main()\n"
        "print(sorted({'requests', 'urllib3', 'oauthlib'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("eyJ")
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.fixture
def sandbox_token(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command whose answer is in the cache."""
    server = pytest.importorskip("grantway_sandbox.server")
    with server.Sandbox() as sandbox:
        application = sandbox.application
        monkeypatch.setenv("GRANTWAY_SANDBOX_URL", sandbox.url)
        monkeypatch.setenv("APP_SECRET", application.secret)
        args = ["token", "--environment", "Sandbox", "--tenant-id", "contoso.example",
                "--credential", f"{application.application_id}=env:APP_SECRET"]  # fmt: skip
        assert process(*args).code == 0
        yield args


def test_config_show_says_which_cache_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(config: str = "") -> dict[str, Any]:
        facts = run("config", "show", "--json", session=session(config=config)).json
        assert isinstance(facts, dict)
        return facts

    assert (shown()["cache"], shown()["cache_from"]) == ("sqlite", "the default")
    config = '\ncache = "sqlite:///srv/tokens.db?key_file=/k"\n'
    assert shown(config)["cache"] == "sqlite:///srv/tokens.db?key_file=/k"
    assert shown(config)["cache_from"] == "/there/config.toml:2"
    monkeypatch.setenv("GRANTWAY_CACHE", "redis://me:sentinel@host/0?password=sentinel&prefix=p:")
    monkeypatch.setenv("GRANTWAY_CACHE_KEY", "sentinel")
    facts = shown(config)
    assert facts["cache"] == "redis://***@host/0?password=***&prefix=p:"
    assert facts["variables"]["GRANTWAY_CACHE_KEY"] == "***"
    assert "sentinel" not in str(facts)
    monkeypatch.setenv("GRANTWAY_CACHE", "redis://host/0?password=env:PASSWORD")
    monkeypatch.setenv("GRANTWAY_CACHE_KEY", "file:/run/secrets/key")
    assert shown()["cache"] == "redis://host/0?password=env:PASSWORD"
    assert shown()["variables"]["GRANTWAY_CACHE_KEY"] == "file:/run/secrets/key"


def test_a_result_that_is_served_is_whole(shop: Shop) -> None:
    """What `token --json` tells is the same from the cache as from the authority."""
    facts = [
        run("token", "--environment", "Mall", "--voucher", "env:TEST_SECRET", "--json",
            session=session(shop, cache=None, prompter=False)).json
        for _ in range(2)
    ]  # fmt: skip
    assert facts[0] == facts[1]
    assert len(shop.requests) == 1
