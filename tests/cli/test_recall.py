"""A call of `grantway token` that is recalled: nobody can tell, save by the time it takes."""

import io
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cli.support import APP, GRANTWAY, SENTINEL, Outcome, jwt, process
from grantway import Environment, Secret, StoredRefreshToken, UserInfo
from grantway.authority import AuthorityRequest
from grantway.cache import keys
from grantway.cache.onlooker import Onlooker
from grantway.cache.sqlite import SqliteTokenCache, from_url
from grantway.cli import recall
from grantway.cli.program import program
from grantway.cli.remembering import LIMIT, remember
from grantway.cli.session import Session
from grantway.context import Context
from grantway.oauth.answers import Answer
from grantway.oauth.failures import NotConnected
from grantway.parameters import APPLICATION_ID
from grantway.request import TokenRequest
from grantway.testing import ManualClock, ScriptedTransport
from grantway.testing.replies import granted, json_reply

CONFIG = """
[environments.Place]
authority = "https://login.example"
protocol = "entra-v2"
default_resource = "https://api.example"

[profiles.machine]
environment = "Place"
tenant_id = "contoso.example"
credential = "{app}=env:APP_SECRET"

[profiles.person]
environment = "Place"
application_id = "{app}"
"""
MACHINE = ("token", "--profile", "machine")
PERSON = ("token", "--profile", "person")
NOW = 1_900_000_000.0
GRAPH = "https://graph.microsoft.com"


class Authority:
    """Hands out tokens of which no two are the same."""

    def __init__(self) -> None:
        self.count = 0
        self.more: dict[str, object] = {}
        self.metadata: dict[str, object] = {}
        self.transport = ScriptedTransport(self._answer, at={"metadata": self._describe})

    def _describe(self, request: AuthorityRequest, context: Context) -> Answer | NotConnected:
        return json_reply(self.metadata)(request, context)

    def _answer(self, request: AuthorityRequest, context: Context) -> Answer | NotConnected:
        self.count += 1
        return granted(access_token=f"token-{self.count}", **self.more)(request, context)


class Terminal:
    """Where the program is called, as one process after the other, by a clock that is set."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.authority = Authority()
        self.recalled = 0

    def call(self, *args: str) -> Outcome:
        """One call, held against what it comes to the usual way where it was recalled."""
        situation = recall.situation(args)
        code, shown = _captured(lambda: recall.answered(situation, args, self.clock))
        if code is not None:
            self.recalled += 1
            recalled = Outcome(code, *shown)
            asked = self.authority.count
            assert self._usual(args, None) == recalled
            assert self.authority.count == asked
            return recalled
        return self._usual(args, situation)

    def session(self) -> Session:
        """Of the next process."""
        return Session(clock=self.clock, transport=self.authority.transport, prompter=False)

    def _usual(self, args: Sequence[str], situation: bytes | None) -> Outcome:
        session = self.session()
        session.situation = situation
        code, shown = _captured(lambda: program.run(args, session))
        assert code is not None
        if code == 0 and situation is not None:
            remember(session, args)
        return Outcome(code, *shown)


def _captured(run: Callable[[], int | None]) -> tuple[int | None, tuple[str, str]]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run()
    return code, (out.getvalue(), err.getvalue())


def described() -> str:
    return CONFIG.format(app=APP)


@contextmanager
def usual_cache() -> Iterator[SqliteTokenCache]:
    """The one in its usual place, with the key beside it whatever the variables say."""
    with patch.dict(os.environ):
        os.environ.pop("GRANTWAY_CACHE_KEY", None)
        cache = from_url("sqlite")
        try:
            yield cache
        finally:
            cache.close()


def signs_in(name: str, refresh_token: str = "sentinel-refresh-token") -> None:
    """Leave in the usual cache what the sign-in of a person leaves."""
    environment = Environment(
        "Place",
        authority="https://login.example",
        protocol=_entra(),
        default_resource="https://api.example",
    )
    request = TokenRequest(environment, "User", "User", {APPLICATION_ID.name: APP})
    with usual_cache() as cache:
        key = cache.fingerprint_key
        cache.put_refresh_token(
            keys.account_slot(key, request, name),
            StoredRefreshToken(
                Secret(refresh_token), UserInfo(name, "https://login.example", user_name=name),
                keys.owner_key(key, request), environment="Place", provider="User", client_id=APP,
            ),
        )  # fmt: skip


def _entra() -> object:
    from grantway_clouds import ENTRA_V2

    return ENTRA_V2


@pytest.fixture
def here(clean_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a configuration; the file."""
    for name in ("STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    config = tmp_path / "config.toml"
    config.write_text(described())
    monkeypatch.setenv("GRANTWAY_CONFIG", str(config))
    monkeypatch.setenv("APP_SECRET", SENTINEL)
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return config


@pytest.fixture
def terminal(here: Path) -> Terminal:
    return Terminal()


def test_what_the_cache_has_answered_is_recalled(terminal: Terminal) -> None:
    first, second = terminal.call(*MACHINE), terminal.call(*MACHINE)
    assert terminal.recalled == 0
    assert terminal.call(*MACHINE) == second == first == Outcome(0, "token-1\n", "")
    assert terminal.recalled == 1


def leaves_no_note(terminal: Terminal, *args: str) -> bool:
    for _ in range(3):
        assert terminal.call(*args).code == 0
    return not notes() and not terminal.recalled


@pytest.mark.parametrize("form", ["text", "json", "header", "env", "table"])
def test_it_is_printed_as_before(terminal: Terminal, form: str) -> None:
    calls = [terminal.call(*MACHINE, "-o", form) for _ in range(3)]
    assert calls[0] == calls[1] == calls[2]
    assert terminal.recalled == 1


def test_whoever_has_signed_in_counts(terminal: Terminal) -> None:
    signs_in("alice")
    of_alice = [terminal.call(*PERSON) for _ in range(3)][-1]
    assert (of_alice.code, terminal.recalled) == (0, 1)
    signs_in("bob")
    assert "alice, bob" in terminal.call(*PERSON).stderr
    assert terminal.call(*PERSON, "--account", "alice").stdout == of_alice.stdout
    assert terminal.recalled == 1


def no_note_serves(terminal: Terminal, *args: str) -> bool:
    before = terminal.recalled
    assert terminal.call(*args).code == 0
    return terminal.recalled == before


DECIDING: dict[str, Callable[[Path], object]] = {
    "configuration": lambda file: file.write_text(described().replace("contoso", "fabrikam")),
    "project": lambda _: Path("grantway.toml").write_text(PROJECTS[0].replace("ours.", "theirs.")),
    "project's file": lambda _: Path("grantway.toml").chmod(0o600),
    "variable": lambda _: os.environ.update(GRANTWAY_RESOURCE="https://other.example"),
    "folder": lambda file: os.chdir(file.parent),
    "another configuration": lambda file: os.environ.update(
        GRANTWAY_CONFIG=str(file.rename(file.with_name("other.toml")))
    ),
    "installed": lambda file: sys.path.append(str(file.parent)),
}


@pytest.mark.parametrize("what", DECIDING)
def test_all_that_decides_is_in_the_situation(
    terminal: Terminal, here: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("grantway.toml").write_text(PROJECTS[0])
    for _ in range(3):
        terminal.call(*MACHINE)
    assert terminal.recalled == 1
    with patch.dict(os.environ):
        DECIDING[what](here)
        assert no_note_serves(terminal, *MACHINE)


@pytest.mark.parametrize("seconds", [1900, 3600, -7200], ids=["due", "expired", "of the future"])
def test_the_token_is_judged_anew(terminal: Terminal, seconds: float) -> None:
    for _ in range(3):
        terminal.call(*MACHINE)
    terminal.clock.advance(seconds)
    assert no_note_serves(terminal, *MACHINE)


def test_another_token_cache_leaves_no_note(terminal: Terminal, here: Path) -> None:
    for _ in range(2):
        terminal.call(*MACHINE)
    shutil.rmtree(recall.folder())
    other, key = here.with_name("other") / "tokens.db", database().with_name("tokens.db.key")
    other.parent.mkdir(mode=0o700)
    shutil.copy(database(), other)
    here.write_text(f'cache = "sqlite://{other}?key_file={key}"\n' + described())
    assert terminal.call(*MACHINE).stdout == "token-1\n"
    assert leaves_no_note(terminal, *MACHINE)


def test_what_is_bound_to_a_key_is_told_of_each_time(here: Path, terminal: Terminal) -> None:
    here.write_text(described().replace("protocol", "dpop = true\nprotocol"))
    terminal.authority.more = {"token_type": "DPoP"}
    assert leaves_no_note(terminal, *MACHINE)
    assert "bound to a key" in terminal.call(*MACHINE).stderr


@pytest.mark.parametrize(
    "args",
    [
        ("token", "--environment", "Place", "--access-token", "env:APP_SECRET"),
        (*MACHINE, "--user-assertion", "env:APP_SECRET"),
        (*MACHINE, "--force-refresh"),
        ("-v", *MACHINE),
    ],
)
def test_what_has_more_to_say_leaves_no_note(terminal: Terminal, args: Sequence[str]) -> None:
    assert leaves_no_note(terminal, *args)


SANDBOX = "[environments.Sandbox]\nauthority = 'https://not-there.example'\n"


@pytest.mark.parametrize("name", ["Sandbox", "Mine", "Second"])
@pytest.mark.parametrize("project", ["", SANDBOX, '[environments.Sandbox]\nlike = "Sandbox"\n'])
def test_the_sandbox_may_be_elsewhere_next_time(
    here: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, project: str
) -> None:
    monkeypatch.setenv("GRANTWAY_SANDBOX_URL", "http://127.0.0.1:9")
    here.write_text(
        "[environments.Mine]\nlike = 'sandbox'\naliases = ['Another']\n"
        "[environments.Second]\nlike = 'another'\n"
    )
    Path("grantway.toml").write_text(project)
    args = ("--tenant-id", "contoso.example", "--credential", f"{APP}=env:APP_SECRET")
    assert leaves_no_note(terminal, "token", "--environment", name, *args)


def test_what_is_like_the_sandbox_at_another_authority_is_where_it_is(
    here: Path, terminal: Terminal
) -> None:
    here.write_text("[environments.Mine]\nlike = 'Sandbox'\nauthority = 'https://login.example'\n")
    args = ("--tenant-id", "contoso.example", "--credential", f"{APP}=env:APP_SECRET")
    for _ in range(3):
        call = terminal.call("token", "--environment", "Mine", "--resource", GRAPH, *args)
        assert call.code == 0
    assert terminal.recalled == 1


def test_a_key_that_is_named_leaves_no_note(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.call(*MACHINE)
    key = tmp_path / "key"
    shutil.copy(database().with_name("tokens.db.key"), key)
    monkeypatch.setenv("GRANTWAY_CACHE_KEY", f"file:{key}")
    assert leaves_no_note(terminal, *MACHINE)


def test_what_a_plugin_has_loaded_may_count(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "site" / "vaulted-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vaulted\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[grantway.plugins]\nvaulted = a_vaulted_plugin\n")
    (metadata.parent / "a_vaulted_plugin.py").write_text(
        "from grantway import Parameter, hookimpl\n"
        "@hookimpl\ndef grantway_environments():\n"
        "    from grantway import Environment\n"
        "    return [Environment('Elsewhere', authority='https://elsewhere.example')]\n"
    )
    monkeypatch.syspath_prepend(str(metadata.parent))
    credential = f"{APP}=env:APP_SECRET"
    there = (
        "--environment",
        "Elsewhere",
        "--resource",
        "https://a.example",
        "--credential",
        credential,
    )
    metadata_says = {"token_endpoint": "https://elsewhere.example/token"}
    terminal.authority.metadata = {"issuer": "https://elsewhere.example", **metadata_says}
    assert leaves_no_note(terminal, "token", *there)


def test_what_looks_at_its_surroundings_leaves_no_note(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assertion = tmp_path / "assertion"
    assertion.write_text(jwt({"iss": "https://cluster.example", "sub": "pod"}))
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(assertion))
    there = ("--tenant-id", "contoso.example", "--application-id", APP)
    assert leaves_no_note(
        terminal, "token", "--environment", "Place", *there, "--workload-identity", "kubernetes"
    )


def test_a_situation_that_has_changed_meanwhile_leaves_no_note(terminal: Terminal) -> None:
    terminal.call(*MACHINE)
    session = terminal.session()
    session.situation = b"as it was when the call began"
    assert _captured(lambda: program.run(MACHINE, session))[0] == 0
    remember(session, MACHINE)
    assert notes() == []


def test_a_note_gives_nothing_away_and_is_its_users_alone(terminal: Terminal) -> None:
    for _ in range(3):
        terminal.call(*MACHINE)
    (note,) = notes()
    kept = f"{note.name} {note.read_bytes()!r}"
    for each in ("token", SENTINEL, APP, "contoso", "Place", "api.example"):
        assert each not in kept
    if os.name == "posix":
        assert note.stat().st_mode & 0o777 == 0o600
        assert note.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="folders have no permission bits")
def test_notes_that_others_may_write_are_passed_by(terminal: Terminal) -> None:
    before = [terminal.call(*MACHINE) for _ in range(3)][-1]
    recall.folder().chmod(0o777)
    assert terminal.call(*MACHINE) == before
    assert terminal.recalled == 1


def test_a_note_that_is_a_link_is_passed_by(terminal: Terminal, tmp_path: Path) -> None:
    before = [terminal.call(*MACHINE) for _ in range(3)][-1]
    (note,) = notes()
    note.rename(tmp_path / "note")
    note.symlink_to(tmp_path / "note")
    assert terminal.call(*MACHINE) == before
    assert terminal.recalled == 1


def test_to_recall_changes_nothing(terminal: Terminal, here: Path) -> None:
    for _ in range(2):
        terminal.call(*MACHINE)
    before = contents(here.parent)
    situation = recall.situation(MACHINE)
    code, _ = _captured(lambda: recall.answered(situation, MACHINE, terminal.clock))
    assert code == 0
    assert contents(here.parent) == before


def contents(folder: Path) -> dict[str, bytes]:
    with usual_cache() as cache:
        cache.info()  # whatever the log has is in the file, once it is closed
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_a_damaged_row_is_left_to_the_cache_to_tell_of(terminal: Terminal) -> None:
    for _ in range(2):
        terminal.call(*MACHINE)
    with sqlite3.connect(database()) as link:
        link.execute("UPDATE results SET body=x'00'")
    link.close()
    situation = recall.situation(MACHINE)
    answered = _captured(lambda: recall.answered(situation, MACHINE, terminal.clock))
    assert answered == (None, ("", ""))
    told = terminal.call(*MACHINE)
    assert (told.code, told.stdout) == (0, "token-2\n")
    assert "is damaged" in told.stderr


def test_use_is_noted_by_the_cache_once_an_hour(terminal: Terminal) -> None:
    for _ in range(2):
        terminal.call(*MACHINE)
    with usual_cache() as cache:
        (entry,) = cache.entries()
    now = time.time()
    for later, found in ((0, True), (3601, False)):
        onlooker = Onlooker(lambda later=later: now + later)  # type: ignore[misc]  # a default
        assert (onlooker.result(entry.key) is not None) is found
        onlooker.close()


def test_many_notes_make_room(terminal: Terminal) -> None:
    terminal.call(*MACHINE)
    folder = recall.folder()
    folder.mkdir(parents=True, mode=0o700)
    for number in range(LIMIT):
        (folder / f"{number:032x}").touch()
        os.utime(folder / f"{number:032x}", (NOW / 2 + number, NOW / 2 + number))
    (folder / "0").mkdir()  # nobody's note
    os.utime(folder / "0", (0, 0))
    terminal.call(*MACHINE)
    left = [each.name for each in notes()]
    assert LIMIT * 3 // 4 <= len(left) <= LIMIT
    assert f"{0:032x}" not in left
    assert f"{LIMIT - 1:032x}" in left
    terminal.call(*MACHINE)
    assert terminal.recalled == 1


def test_clearing_the_cache_lets_the_notes_go(terminal: Terminal) -> None:
    for _ in range(2):
        terminal.call(*MACHINE)
    assert notes()
    assert terminal.call("cache", "clear", "--yes").code == 0
    assert notes() == []


# As processes.


@pytest.fixture
def box(here: Path) -> Iterator[Path]:
    """The same user, of a sandbox that they have described."""
    from grantway_sandbox.server import Sandbox

    with Sandbox() as sandbox:
        credential = f"{sandbox.application.application_id}=env:APP_SECRET"
        here.write_text(
            described()
            .replace("https://login.example", sandbox.url)
            .replace(f"{APP}=env:APP_SECRET", credential)
            .replace("protocol", "trust = { loopback_http = true }\nprotocol")
            .replace("https://api.example", "https://graph.microsoft.com")
        )
        os.environ["APP_SECRET"] = sandbox.application.secret  # put back by monkeypatch
        yield here


def imported(outcome: Outcome) -> set[str]:
    return {line.rsplit("|", 1)[-1].strip() for line in outcome.stderr.splitlines()}


def test_the_program_recalls(box: Path) -> None:
    pytest.importorskip("flask")
    calls = [process(*MACHINE, PYTHONPROFILEIMPORTTIME="1") for _ in range(3)]
    assert [each.code for each in calls] == [0, 0, 0]
    assert calls[0].stdout == calls[1].stdout == calls[2].stdout != ""
    assert "click" in imported(calls[1])
    assert not {"click", "pluggy", "logging"} & imported(calls[2])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("where", [">/dev/full", ">&-", "| true"])
def test_an_answer_that_cannot_be_written_ends_as_the_usual_way(box: Path, where: str) -> None:
    def ends() -> tuple[int, str]:
        line = f"set -o pipefail; {GRANTWAY} {' '.join(MACHINE)} --json {where}"
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stderr

    before = [process(*MACHINE, "--json") for _ in range(2)]
    assert before[0] == before[1]
    assert notes()
    recalled = ends()
    shutil.rmtree(recall.folder())
    usual = ends()
    assert recalled == usual
    if where != "| true":
        assert usual[0] != 0


CALLS = (
    MACHINE,
    (*MACHINE, "--json"),
    (*MACHINE, "-o", "header"),
    (*MACHINE, "-o", "env"),
    (*MACHINE, "--resource", "https://other.example"),
    (*MACHINE, "--tenant-id", "fabrikam.example"),
    PERSON,
    (*PERSON, "--account", "alice"),
    (*PERSON, "--account", "bob", "--json", "--all-tokens"),
    ("token", "--profile", "like"),
    ("token", "--profile", "project"),
    ("token", "--profile", "nobody"),
    ("token", "--tenant-id", "contoso.example", "--credential", f"{APP}=env:APP_SECRET"),
    (*MACHINE, "--force-refresh"),
    (*MACHINE, "--json", "-o", "text"),
)
MORE = """
[environments.Alike]
like = "Place"
tenant = "fabrikam.example"

[profiles.like]
environment = "Alike"
credential = "{app}=env:APP_SECRET"

[profiles.project]
environment = "Ours"
tenant_id = "contoso.example"
credential = "{app}=env:APP_SECRET"
"""
CONFIGS = (
    CONFIG + MORE,
    'default_profile = "machine"' + CONFIG + MORE,
    'cache = "memory"' + CONFIG + MORE,
    CONFIG.replace("contoso", "northwind") + MORE,
    CONFIG.replace("api.example", "other.example") + MORE,
    CONFIG.replace("login.example", "sign-in.example") + MORE,
    CONFIG + "[",
)
PROJECTS = (
    '[environments.Ours]\nauthority = "https://ours.example"\nprotocol = "entra-v2"\n',
    '[environments.Ours]\nlike = "Place"\n',
    '[environments.Place]\nlike = "Public"\n',
    '[environments.GlobalCloud]\nlike = "ChinaCloud"\n[environments.ChinaCloud]\nlike = "GlobalCloud"\n',
    SANDBOX,
    "[",
)
VARIABLES = (
    "GRANTWAY_CACHE_KEY",
    "GRANTWAY_RESOURCE",
    "GRANTWAY_SCOPES",
    "GRANTWAY_PROFILE",
    "AZURE_TENANT_ID",
)
VALUES = ("", "ab" * 32, "https://other.example", "person", "contoso.example")


class Days(RuleBasedStateMachine):
    """One user at their terminal, and all that may happen between two calls.

    Each call that is recalled is made the usual way, too, and has to come to the same.
    """

    recalled = 0
    latest: Sequence[str] = ()

    @initialize()
    def begin(self) -> None:
        self._folder = TemporaryDirectory()
        self._root = Path(self._folder.name)
        (self._root / "here").mkdir()
        self._before = Path.cwd()
        os.chdir(self._root / "here")
        self._variables = patch.dict(
            os.environ,
            XDG_STATE_HOME=str(self._root / "state"),
            XDG_CACHE_HOME=str(self._root / "cache"),
            GRANTWAY_CONFIG=str(self._root / "config.toml"),
            APP_SECRET=SENTINEL,
        )
        self._variables.start()
        self.terminal = Terminal()
        self.configured(CONFIGS[0])

    def teardown(self) -> None:
        type(self).recalled += self.terminal.recalled
        os.chdir(self._before)
        self._variables.stop()
        self._folder.cleanup()

    @rule(args=st.sampled_from(CALLS))
    def called_anew(self, args: Sequence[str]) -> None:
        self.latest = args
        for _ in range(3):
            self.terminal.call(*args)

    @precondition(lambda self: self.latest)
    @rule(times=st.sampled_from((1, 3)))
    def called_again(self, times: int) -> None:
        for _ in range(times):
            self.terminal.call(*self.latest)

    @rule(text=st.sampled_from(CONFIGS))
    def configured(self, text: str) -> None:
        (self._root / "config.toml").write_text(text.replace("{app}", APP))

    @rule(text=st.sampled_from(PROJECTS))
    def in_a_project(self, text: str) -> None:
        Path("grantway.toml").write_text(text)

    @rule()
    def in_no_project(self) -> None:
        Path("grantway.toml").unlink(missing_ok=True)

    @rule(name=st.sampled_from(VARIABLES), value=st.sampled_from(VALUES))
    def a_variable_is_set(self, name: str, value: str) -> None:
        os.environ[name] = value

    @rule(name=st.sampled_from(VARIABLES))
    def a_variable_is_unset(self, name: str) -> None:
        os.environ.pop(name, None)

    @rule(name=st.sampled_from(("alice", "bob")))
    def somebody_signs_in(self, name: str) -> None:
        signs_in(name)

    @rule()
    def somebody_signs_out(self) -> None:
        with usual_cache() as cache:
            slots = [each.key for each in cache.entries() if each.kind == "refresh_token"]
            for slot in slots[:1]:
                cache.remove(slot)

    @rule(seconds=st.sampled_from((60.0, 1500.0, 1900.0, 3600.0, -7200.0)))
    def time_passes(self, seconds: float) -> None:
        self.terminal.clock.advance(seconds)

    @rule()
    def the_cache_is_cleared(self) -> None:
        with usual_cache() as cache:
            cache.clear()

    @rule(ending=st.sampled_from(("", ".key")))
    def a_file_is_lost(self, ending: str) -> None:
        database().with_name(database().name + ending).unlink(missing_ok=True)

    @rule(cut=st.integers(0, 60), flip=st.integers(0, 60))
    def notes_are_damaged(self, cut: int, flip: int) -> None:
        for note in notes()[::2]:
            content = bytearray(note.read_bytes())
            if flip < len(content):
                content[flip] ^= 1
            note.write_bytes(content[: len(content) - cut])

    @rule()
    def notes_change_places(self) -> None:
        found = notes()
        contents = [each.read_bytes() for each in found]
        for each, content in zip(found, [*contents[1:], *contents[:1]], strict=True):
            each.write_bytes(content)

    @rule()
    def notes_are_lost(self) -> None:
        shutil.rmtree(recall.folder(), ignore_errors=True)


def database() -> Path:
    return Path(os.environ["XDG_STATE_HOME"], "grantway", "token-cache", "tokens.db")


def notes() -> list[Path]:
    folder = recall.folder()
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_recalled_call_comes_to_what_it_comes_to_the_usual_way(clean_environment: Path) -> None:
    Days.recalled = 0
    run_state_machine_as_test(
        Days, settings=settings(max_examples=100, stateful_step_count=40, deadline=None)
    )
    assert Days.recalled
