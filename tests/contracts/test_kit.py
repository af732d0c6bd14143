"""The parts of `grantway.testing` by themselves: gates, clocks, transports, prompters, fixtures."""

import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import grantway.testing
from contracts.cabinet import providers as cabinet
from contracts.cabinet.shelf import Shelf
from grantway import (
    AuthorityRequest,
    Context,
    Credential,
    CredentialProvider,
    Dispatcher,
    Environment,
    ParameterSet,
    Trust,
)
from grantway.cache import plugin as cache_plugin
from grantway.errors import (
    InteractionRequired,
    InvalidClient,
    PluginError,
    Throttled,
    TransportError,
)
from grantway.testing import (
    FaultyTransport,
    ManualClock,
    ProviderContract,
    RecordingTransport,
    ScriptedPrompter,
    ScriptedTransport,
    TokenCacheContract,
    assert_unseen,
    broken,
    dispatcher_of,
    granted,
    json_reply,
    needs,
    no_network,
    refused,
    registry_of,
    scripted_environment,
    since,
    throttled,
    unreachable,
)
from grantway.testing.deeds import Deeds, nobody_at_the_terminal, noting
from grantway.testing.forked import in_a_child
from grantway.testing.gate import _fault
from grantway.testing.hearing import hearing
from grantway.testing.patience import outcomes, within
from servers.raw import RawServer, json_answer

PUBLIC = """
    API_VERSION EnvironmentContract FaultyTransport ManualClock ProviderContract RecordingTransport
    Reply ScriptedPrompter ScriptedTransport TokenCacheContract VaultContract assert_unseen broken
    dispatcher_of garbage granted json_reply metadata_of needs no_network page refused registry_of
    reply scripted_environment signing_in silent since texts_of throttled unreachable
"""
KEY = {"cabinet_key": cabinet.KEY_TEXT}


def test_the_public_names_are_these() -> None:
    assert sorted(grantway.testing.__all__) == sorted(PUBLIC.split())
    assert dir(grantway.testing) == sorted(PUBLIC.split())
    for name in PUBLIC.split():
        assert getattr(grantway.testing, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = grantway.testing.Nothing  # type: ignore[attr-defined]


# Which checks hold.


class Later(ProviderContract):
    api_version = (0, 1)
    interactive = False

    @since(0, 1)
    def test_now(self) -> None:
        raise AssertionError("it ran")

    @since(9, 9)
    def test_later(self) -> None:
        raise AssertionError("it ran")

    @needs("interactive")
    def test_for_some(self) -> None:
        raise AssertionError("it ran")

    @needs("not interactive")
    def test_for_others(self) -> None:
        raise AssertionError("it ran")


def test_a_check_that_came_later_is_skipped_and_says_so() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"came with 9\.9; api_version is 0\.1"):
        Later().test_later()
    with pytest.raises(AssertionError, match="it ran"):
        Later().test_now()


def test_a_check_of_what_is_not_claimed_is_skipped_and_says_so() -> None:
    with pytest.raises(pytest.skip.Exception, match="for what has interactive = True"):
        Later().test_for_some()
    with pytest.raises(AssertionError, match="it ran"):
        Later().test_for_others()


class Short(ProviderContract):
    api_version = (0, 1)
    plugin = cabinet.shelf()
    provider = "Cabinet"
    parameters = {"cabinet_key": "short"}  # noqa: RUF012  # nobody changes it


def test_a_secret_that_would_be_found_by_chance_is_refused() -> None:
    with pytest.raises(AssertionError, match="Make it long"):
        Short().test_no_explanation_shows_a_secret()


def test_a_provider_of_several_parameter_sets_is_tested_set_by_set() -> None:
    class Several(Short):
        plugin = Shelf(
            providers=[
                CredentialProvider("Two", (ParameterSet("A"), ParameterSet("B")), cabinet.find)
            ]
        )
        provider = "Two"

    with pytest.raises(AssertionError, match="parameter_set = 'A'"):
        Several().candidate()


def a_cache_of(module: str) -> TokenCacheContract:
    class Some(TokenCacheContract):
        api_version = (0, 1)
        plugin = cache_plugin
        name = "memory"
        persists = True

    Some.module = module
    return Some()


def test_a_writer_that_never_wrote_is_no_proof_that_nothing_is_lost() -> None:
    with pytest.raises(AssertionError, match="The other process does not write"):
        a_cache_of("no_such_module").test_a_writer_that_is_killed_loses_no_refresh_token("memory")


def test_a_module_that_is_wrongly_named_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="'no_such_module' of this contract is no module"):
        a_cache_of("no_such_module").test_importing_its_plugin_loads_nothing_heavy()


@pytest.mark.parametrize("text", ["1 / 0", "import no_such_module", "import broken_plugin.none"])
def test_a_plugin_that_another_process_cannot_import_is_a_failure_that_says_why(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_plugin.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssertionError, match=re.escape(text.rsplit(maxsplit=1)[-1])):
        a_cache_of("broken_plugin").test_importing_its_plugin_loads_nothing_heavy()


# Stand-ins.


def test_a_manual_clock_goes_on_when_somebody_waits() -> None:
    clock, gone = ManualClock(tick=1.0), threading.Event()
    assert not clock.wait(gone, 3600)
    gone.set()
    assert clock.wait(gone, 3600)
    assert (clock.time(), clock.waits) == (1_700_003_600.0, [3600])
    assert (clock.monotonic(), clock.monotonic()) == (4601.0, 4602.0)


def test_a_prompter_answers_from_its_list_and_remembers() -> None:
    visited: list[str] = []
    person = ScriptedPrompter("one", browser=lambda url: not visited.append(url))
    assert not person.was_needed
    assert person.ask("What", secret=True) == "one"
    with pytest.raises(InteractionRequired, match="one more answer"):
        person.ask("And what")
    person.show("a text")
    assert person.open("https://a.example")
    assert not ScriptedPrompter().open("https://a.example")
    assert person.asked == [("What", True), ("And what", False)]
    assert (person.shown, person.opened, visited) == (
        ["a text"], ["https://a.example"], ["https://a.example"]
    )  # fmt: skip


def ask(transport: Any, clock: ManualClock | None = None, **more: Any) -> str:
    with dispatcher_of(
        cabinet.shelf(), transport=transport, clock=clock or ManualClock(now=4e9)
    ) as dispatcher:
        given = {"environment": scripted_environment(), **KEY, **more}
        return dispatcher.acquire(provider="Cabinet", **given).access_token


def test_a_script_is_followed_in_order_and_its_end_goes_on() -> None:
    transport, clock = ScriptedTransport(unreachable(), throttled(7), granted()), ManualClock(4e9)
    assert ask(transport, clock) == "sentinel-access-token-5f1c"
    assert ask(transport, clock) == "sentinel-access-token-5f1c"
    assert clock.waits == pytest.approx([0.2, 7.0])
    assert len(transport.requests("token")) == 4
    assert cabinet.KEY_TEXT not in repr(transport.sent)


def test_a_script_may_be_of_one_endpoint() -> None:
    transport = ScriptedTransport(broken(), at={"token": [refused(), granted(access_token="x")]})
    with pytest.raises(InvalidClient):
        ask(transport)
    assert ask(transport) == "x"
    with pytest.raises(TransportError, match="broke off"):
        transport.fetch_json(AuthorityRequest("metadata", URL), context())


URL = "https://authority.scripted.example/metadata"


def context() -> Context:
    return Context.lasting(60, scripted_environment(), ScriptedTransport(), ManualClock())


def test_what_is_not_scripted_says_what_to_do() -> None:
    with pytest.raises(TransportError, match=r"Script one: at=\{'token': ...\}") as caught:
        ask(ScriptedTransport())
    assert "No answer is scripted" in str(caught.value)


def test_a_throttle_beyond_the_callers_time_ends_the_call() -> None:
    with pytest.raises(Throttled):
        ask(ScriptedTransport(throttled(600)))


def test_a_faulty_transport_fails_first_and_then_works(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({"access_token": "real", "expires_in": 60}))
    there = Environment("There", raw_server.url, trust=Trust(loopback_http=True))
    transport, clock = FaultyTransport(unreachable(), throttled(3, 503)), ManualClock(4e9)
    found = scripted_environment().protocol
    token = ask(
        transport,
        clock,
        environment=Environment(
            "There", raw_server.url, protocol=found, trust=there.trust, default_resource="urn:a"
        ),
    )
    assert token == "real"
    assert clock.waits == pytest.approx([0.2, 3.0])
    assert (len(transport.sent), len(raw_server.requests)) == (3, 1)


def test_a_recording_transport_hands_on_and_remembers() -> None:
    recording = RecordingTransport(ScriptedTransport(granted(), at={"metadata": json_reply({})}))
    assert ask(recording) == "sentinel-access-token-5f1c"
    recording.fetch_json(AuthorityRequest("metadata", URL), context())
    assert [each.shown.endpoint for each in recording.sent] == ["token", "metadata"]


def test_no_network_refuses_and_tells_even_of_what_is_swallowed() -> None:
    with no_network() as tried:
        for act in (
            lambda: socket.create_connection(("127.0.0.1", 9), 0.1),
            lambda: socket.getaddrinfo("a.example", 443),
        ):
            with pytest.raises(ConnectionRefusedError, match="no network in this test"):
                act()
    assert [each.partition(":")[0] for each in tried] == ["socket.getaddrinfo"] * 2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        for act in (
            lambda: socket.gethostbyname("a.example"),
            lambda: socket.gethostbyaddr("192.0.2.1"),
            lambda: socket.getnameinfo(("192.0.2.1", 443), 0),
            lambda: datagrams.sendto(b"a", ("192.0.2.1", 9)),
            lambda: datagrams.sendmsg([b"a"], [], 0, ("192.0.2.1", 9)),
        ):
            with no_network(loopback=True) as tried, pytest.raises(ConnectionRefusedError):
                act()
            assert len(tried) == 1
    with no_network(loopback=True) as tried, pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", 9), 0.1)
    assert not tried


def test_a_registry_has_these_plugins_and_no_others() -> None:
    registry = registry_of(cabinet.shelf(), "grantway_grants")
    assert "Cabinet" in [each.name for each in registry.providers]
    assert len(registry.plugins) == 2
    assert not registry.environments
    with dispatcher_of(cabinet.shelf()) as dispatcher, pytest.raises(PluginError):
        dispatcher.explain(provider="User", environment=scripted_environment())


def test_a_plugin_twice_is_two_plugins() -> None:
    assert len({each.name for each in registry_of(Shelf(), Shelf()).plugins}) == 2


def test_a_dispatcher_reads_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTWAY_CACHE", "no such cache")
    monkeypatch.setenv("GRANTWAY_RESOURCE", "no such resource")
    assert ask(ScriptedTransport(granted()))


def test_what_hangs_is_told_and_what_fails_is_raised() -> None:
    gone = threading.Event()
    with pytest.raises(AssertionError, match=r"not ended after 0\.1 s"):
        within(lambda: gone.wait(30), 0.1)
    gone.set()
    with pytest.raises(KeyError):
        within(lambda: {}["a"])
    assert outcomes([lambda: 1, lambda: 2]) == [1, 2]


@pytest.mark.parametrize("spelled", ["a secret/text", "a%20secret%2Ftext", "a+secret%2Ftext"])
def test_a_secret_is_seen_however_it_is_spelled_and_not_repeated(spelled: str) -> None:
    with pytest.raises(AssertionError, match="The log shows secret number 2") as caught:
        assert_unseen(["unseen", "a secret/text"], "The log", "before", f"it is {spelled}.")
    assert "a secret/text" not in str(caught.value)
    assert_unseen(["unseen"], "The log", spelled)


# How the checks find out.


def test_what_is_said_is_heard_by_whatever_way(capfd: pytest.CaptureFixture[str]) -> None:
    with hearing() as heard:
        made_meanwhile = logging.getLogger("made meanwhile")
        made_meanwhile.propagate = False
        made_meanwhile.info("logged")
        print("printed")
        os.write(1, b"by number")
        print("complained", file=sys.stderr)
        os.write(2, b"by the other number")
        warnings.warn("warned", stacklevel=1)
    assert len(heard.logged) == 1
    assert heard.logged[0].startswith("logged ")
    assert heard.printed == ["printed\n", "by number"]
    assert heard.complained == ["complained\n", "by the other number"]
    assert heard.warned == ["UserWarning('warned')"]
    assert capfd.readouterr() == ("", "")
    print("after it")
    assert capfd.readouterr().out == "after it\n"


def test_what_a_filter_drops_is_not_said() -> None:
    logger = logging.getLogger("filtered")
    logger.addFilter(lambda record: "secret" not in record.getMessage())
    with hearing() as heard:
        logger.warning("a secret")
        logger.debug("a word")
    assert [each.partition(" {")[0] for each in heard.logged] == ["a word"]
    assert not logger.isEnabledFor(logging.DEBUG)


def test_who_keeps_a_stream_can_write_to_it_later() -> None:
    with hearing():
        handler = logging.StreamHandler()
    handler.handle(logging.LogRecord("a", 20, "", 0, "later", None, None))


def test_a_process_without_standard_streams_is_heard_all_the_same() -> None:
    source = (
        "import os, sys\n"
        "from grantway.testing.hearing import hearing\n"
        "os.close(1)\n"
        "sys.stdout = None\n"
        "with hearing() as heard:\n"
        "    print('printed')\n"
        "assert heard.printed == ['printed\\n'], heard.printed\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


def test_command_lines_and_variables_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    done = Deeds()
    with noting(done):
        subprocess.run([Path(sys.executable), b"-c", "1"], check=True)
        os.system("true a")
        monkeypatch.setenv("SOME_VARIABLE", "a value")
    os.system("true b")
    assert f"{sys.executable} -c 1" in done.commands[0]
    assert "true a" in done.commands[-1]
    assert done.variables == ["SOME_VARIABLE=a value"]


@pytest.mark.skipif(sys.platform == "win32", reason="its terminal is a POSIX one")
def test_a_terminal_is_at_its_end_and_who_turns_to_it_is_listed() -> None:
    before = sys.stdin
    with nobody_at_the_terminal() as tried:
        assert sys.stdin.isatty()
        assert not tried
        with pytest.raises(EOFError):
            input()
        with pytest.raises(OSError, match="nobody sits"):
            Path("/dev/tty").read_text()
        assert sys.stdin.buffer.read() == b""
        with Path(__file__).open(encoding="utf-8"):
            pass
    assert tried[0] == "sys.stdin was read"
    assert "/dev/tty was opened" in tried
    assert tried[-1] == "sys.stdin was read"
    assert sys.stdin is before


@pytest.mark.skipif(sys.platform == "win32", reason="a fork is needed")
def test_a_child_tells_how_it_went() -> None:
    assert not in_a_child(lambda: None, 20)
    assert "ZeroDivisionError" in in_a_child(lambda: print(1 / 0), 20)
    with pytest.raises(AssertionError, match="without a word"):
        in_a_child(lambda: os._exit(0), 20)
    with pytest.raises(AssertionError, match=r"not ended after 0\.2 s"):
        in_a_child(lambda: time.sleep(60), 0.2)


# Fixtures, known without being imported.


def test_the_fixtures_are_there(
    grantway_clock: ManualClock, grantway_dispatcher: Callable[..., Dispatcher]
) -> None:
    dispatcher = grantway_dispatcher(
        cabinet.shelf(), clock=grantway_clock, transport=ScriptedTransport(granted())
    )
    assert dispatcher.acquire(provider="Cabinet", environment=scripted_environment(), **KEY)


def test_a_sandbox_is_there(
    grantway_sandbox: Any, grantway_dispatcher: Callable[..., Dispatcher]
) -> None:
    application = grantway_sandbox.application
    result = grantway_dispatcher("grantway_grants").acquire(
        environment=grantway_sandbox.environment,
        credential=Credential(application.application_id, application.secret),
        tenant_id=grantway_sandbox.tenant.tenant_id,
    )
    assert result.provider == "ServicePrincipal"


def run(folder: Path, source: str, *arguments: str, **environ: str) -> str:
    """The output of pytest for a test file, in a process of its own."""
    (folder / "test_it.py").write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_whoever_does_not_use_it_loads_nothing_of_it(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        "import sys\n"
        "def test_it():\n"
        "    found = sorted(name for name in sys.modules if name.startswith('grantway'))\n"
        "    assert found == ['grantway', 'grantway.testing', 'grantway.testing.pytest_plugin',\n"
        "                     'grantway.version']\n"
        "    assert not {'attr', 'click', 'requests', 'cryptography'} & set(sys.modules)\n",
        # Of all plugins this one alone.
        "-p", "grantway.testing.pytest_plugin",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )  # fmt: skip
    assert "1 passed" in said, said


def test_without_the_sandbox_the_test_is_skipped_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "flask.py").write_text("raise ImportError('none', name='flask')\n")
    said = run(tmp_path, "def test_it(grantway_sandbox): pass\n", PYTHONPATH=str(tmp_path))
    assert "1 skipped" in said, said
    assert "pip install 'grantway[sandbox]'" in said


def test_a_sandbox_that_is_broken_is_an_error(tmp_path: Path) -> None:
    source = "raise ImportError('broken', name='grantway_sandbox.web')\n"
    (tmp_path / "grantway_sandbox.py").write_text(source)
    said = run(tmp_path, "def test_it(grantway_sandbox): pass\n", PYTHONPATH=str(tmp_path))
    assert "1 error" in said, said


def test_a_contract_without_a_version_is_an_error_that_says_so(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        "from grantway.testing import VaultContract\n"
        "class TestIt(VaultContract):\n"
        "    scheme = 'x'\n",
        "-k", "summary",
    )  # fmt: skip
    assert "Write: api_version = (0, 1)" in said
    assert "1 error" in said


@pytest.mark.parametrize(
    ("version", "because"),
    [
        ((9, 9), "this grantway has the contracts of (0, 1) and before"),
        ((0, 2), "this grantway has the contracts of (0, 1) and before"),
        ("0.1", "is no pair of major and minor version"),
        ([0, 1], "is no pair of major and minor version"),
        ((0,), "is no pair of major and minor version"),
        ((0, True), "is no pair of major and minor version"),
        ((0, 0), "is no pair of major and minor version"),
        ((0, 1), ""),
    ],
)
def test_a_version_that_there_is_not_is_refused(version: Any, because: str) -> None:
    class Dated(Short):
        api_version = version

    fault = _fault(Dated.api_version)
    assert because in fault
    assert bool(fault) is bool(because)


def test_a_contract_of_a_version_to_come_is_an_error_that_says_so(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        "from grantway.testing import VaultContract\n"
        "class TestIt(VaultContract):\n"
        "    api_version = (9, 9)\n"
        "    scheme = 'x'\n",
        "-k", "summary",
    )  # fmt: skip
    assert "TestIt says api_version = (9, 9)" in said
    assert "1 error" in said


@pytest.mark.parametrize("contract", ["Provider", "Environment", "TokenCache", "Vault"])
def test_a_plugin_that_is_set_aside_is_one_failure_with_its_reason(
    contract: str, tmp_path: Path
) -> None:
    said = run(
        tmp_path,
        "import pytest\n"
        f"from grantway.testing import {contract}Contract\n"
        "from grantway import Environment, hookimpl\n"
        "class Hill:\n"
        "    @hookimpl\n"
        "    def grantway_environments(self):\n"
        "        return [Environment('Hill', 'https://hill.example', default=True)]\n"
        f"class TestIt({contract}Contract):\n"
        "    api_version = (0, 1)\n"
        "    plugin = Hill()\n"
        "    provider = environment = name = scheme = 'Hill'\n"
        "    @pytest.fixture\n"
        "    def kept(self):\n"
        "        return 'a name'\n",
    )  # fmt: skip
    assert re.search(r"\b1 failed, (\d+ passed, )?\d+ skipped in", said), said
    assert "FAILED" not in said or "test_the_registry_accepts_its_plugin" in said
    assert "the plugin is set aside: " in said
