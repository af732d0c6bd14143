"""`grantway sandbox run` and `grantway sandbox demo`, as they are run."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest
import requests
from click.testing import CliRunner, Result

from grantway import Configuration, Dispatcher, PlannedRequest, Registry
from grantway.errors import ConfigurationError, InteractionRequired
from grantway_sandbox import paper, running, state
from grantway_sandbox.commands import sandbox as command
from grantway_sandbox.demo_run import Demo
from grantway_sandbox.model import USER_ID, User
from grantway_sandbox.person import Person
from grantway_sandbox.script import RecordedRequest
from grantway_sandbox.server import Sandbox
from grantway_sandbox.stand_in import StandIn

GRANTWAY = [sys.executable, "-m", "grantway"]
JWT = re.compile(r"eyJ[\w-]{10,}")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")


def grantway(*args: str, **extra: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GRANTWAY, *args], capture_output=True, text=True, timeout=60, check=False, **extra
    )


class Running:
    """`grantway sandbox run --json` in a process of its own."""

    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            [*GRANTWAY, "sandbox", "run", "--json", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if line == "}\n":
                break
        self.said = "".join(lines)
        self.facts: dict[str, Any] = json.loads(self.said)

    def stop(self, sign: int) -> tuple[int, str]:
        """Send a signal; returns exit code and standard error."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*args: str) -> Running:
        started.append(Running(*args))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate(timeout=20)


# run


@posix_only
@pytest.mark.parametrize("sign", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("tls", [False, True])
def test_another_process_gets_a_token_and_the_end_leaves_nothing_behind(
    run: Callable[..., Running], sign: str, tls: bool
) -> None:
    running = run(*(["--tls"] if tls else []))
    facts = running.facts
    secret = Path(facts["secret_file"]).read_text().strip()
    refresh_token = Path(facts["refresh_token_file"]).read_text().strip()
    password = Path(facts["password_file"]).read_text().strip()
    header = Path(facts["identity_header_file"]).read_text().strip()
    for name in ("secret_file", "password_file", "refresh_token_file", "identity_header_file"):
        assert Path(facts[name]).stat().st_mode & 0o777 == 0o600
    command = facts["commands"]["token"].split()
    assert command.pop(0) == "grantway"
    token = grantway(*command)
    assert token.returncode == 0, token.stderr
    answer = requests.get(
        facts["api"],
        headers={"Authorization": f"Bearer {token.stdout.strip()}"},
        verify=facts["ca_bundle"] or True,
        timeout=10,
    )
    assert answer.json()["azp"] == facts["application_id"]
    refreshed = grantway(*facts["commands"]["refresh"].split()[1:])
    assert JWT.match(refreshed.stdout), refreshed.stderr
    without = subprocess.run(
        ["bash", "-euc", facts["commands"]["managed_identity"]],
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert JWT.match(without.stdout), without.stderr
    successor = Path(facts["refresh_token_file"]).read_text().strip()
    assert successor != refresh_token

    code, errors = running.stop(getattr(signal, sign))
    assert code == 0
    assert re.search(
        r"POST /contoso\.example/oauth2/v2\.0/token 200 .*client_secret=\*\*\*", errors
    )
    for hidden in (secret, password, refresh_token, header, successor):
        assert hidden not in errors + running.said
    assert not JWT.search(errors + running.said)
    # The token cache is the command line's.
    assert [each.name for each in state.folder().iterdir()] == ["token-cache"]
    assert facts["ca_bundle"] is None or not Path(facts["ca_bundle"]).exists()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", int(facts["url"].rpartition(":")[2])))


@posix_only
def test_a_second_run_tells_that_one_is_running(run: Callable[..., Running]) -> None:
    first = run()
    second = grantway("sandbox", "run")
    assert second.returncode == 3
    assert first.facts["url"] in second.stderr
    assert str(first.facts["pid"]) in second.stderr
    assert state.read() is not None


@posix_only
def test_the_lines_of_python_it_shows_run_as_they_are(run: Callable[..., Running]) -> None:
    facts = run("--tls").facts
    done = subprocess.run(
        [sys.executable, "-c", facts["python"]],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert facts["application_id"] in done.stdout


@posix_only
@pytest.mark.parametrize("automatic", [False, True])
def test_a_person_signs_in_with_what_it_says(run: Callable[..., Running], automatic: bool) -> None:
    running = run(*(["--auto-approve"] if automatic else []))
    facts = running.facts
    assert facts["auto_approve"] is automatic
    password = "" if automatic else Path(facts["password_file"]).read_text().strip()
    user = User(USER_ID, facts["user_name"], "Alex", facts["tenant"]["id"], password=password)
    query = urlencode(
        {
            "client_id": facts["public_application_id"],
            "response_type": "code",
            "redirect_uri": f"{facts['redirect_uris'][0]}:8400/",
            "scope": "openid",
            "state": "a-state-nobody-else-knows",
        }
    )
    person = Person(user, one_time_code=facts["one_time_code"])
    answer = person.answer(f"{facts['url']}/common/oauth2/v2.0/authorize?{query}")
    code = answer.get("code")
    assert code
    _, errors = running.stop(signal.SIGTERM)
    assert "response_type=code" in errors
    assert ("do=sign-in" in errors) is not automatic
    for hidden in (code, "a-state-nobody-else-knows", password):
        assert not hidden or hidden not in errors


@posix_only
def test_a_sandbox_that_was_killed_is_no_obstacle_and_its_files_are_replaced(
    run: Callable[..., Running],
) -> None:
    first = run()
    first.stop(signal.SIGKILL)
    old = Path(first.facts["secret_file"]).read_text()
    second = run()
    assert Path(second.facts["secret_file"]).read_text() != old
    assert second.stop(signal.SIGTERM)[0] == 0
    assert list(state.folder().iterdir()) == []


def test_a_port_that_is_taken_is_an_error_with_a_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = grantway("sandbox", "run", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 3
    assert "--port" in done.stderr
    assert done.stdout == ""
    assert state.read() is None


def test_a_port_that_is_taken_at_the_last_moment_is_the_same_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leave(_: Sandbox) -> None:
        sys.exit(1)

    monkeypatch.setattr(Sandbox, "start", leave)
    with pytest.raises(ConfigurationError, match="in use"):
        running.start(Sandbox(), 0)


@posix_only
def test_the_guide_for_a_person_shows_no_secret_and_lines_to_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRANTWAY_SANDBOX_URL", "http://127.0.0.1:1")
    contents: list[str] = []

    def stop_soon() -> None:
        until = time.monotonic() + 20
        while state.read() is None and time.monotonic() < until:
            time.sleep(0.02)
        names = (
            state.SECRET_FILE,
            state.PASSWORD_FILE,
            state.REFRESH_TOKEN_FILE,
            state.IDENTITY_HEADER_FILE,
        )
        files = [state.folder() / each for each in names]
        while not all(each.exists() for each in files) and time.monotonic() < until:
            time.sleep(0.02)
        contents.extend(each.read_text().strip() for each in files)
        os.kill(os.getpid(), signal.SIGINT)

    stopper = threading.Thread(target=stop_soon)
    stopper.start()
    before = signal.getsignal(signal.SIGINT)
    done = invoke("run")
    stopper.join()
    assert done.exit_code == 0, done.output
    assert signal.getsignal(signal.SIGINT) is before
    for hidden in contents:
        assert len(hidden) >= 16
        assert hidden not in done.output
    assert "grantway token --environment Sandbox \\\n" in done.stdout
    assert "grantway explain --environment Sandbox \\\n" in done.stdout
    assert "\x1b" not in done.output
    assert "GRANTWAY_SANDBOX_URL is set" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_a_hang_up_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running.stop_signals() as wait:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not wait(0)
            os.kill(os.getpid(), signal.SIGTERM)
            assert wait(5)
    finally:
        signal.signal(signal.SIGHUP, before)


@posix_only
def test_a_signal_may_come_at_any_moment_of_the_wait() -> None:
    code = (
        "import os, signal, threading, time\n"
        "from grantway_sandbox.running import stop_signals\n"
        "def storm():\n"
        "    while not over: os.kill(os.getpid(), signal.SIGTERM)\n"
        "over = []\n"
        "with stop_signals() as wait:\n"
        "    thread = threading.Thread(target=storm)\n"
        "    thread.start()\n"
        "    until = time.monotonic() + 1\n"
        "    while time.monotonic() < until: wait(0.001)\n"
        "    over.append(True)\n"
        "    thread.join()\n"
        "    print(wait(0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True\n"


def test_a_request_is_told_in_one_line_that_no_peer_can_break_or_colour() -> None:
    request = RecordedRequest(
        "POST",
        "/x\n\x1b[31m/token",
        (),
        (("grant_type", "a\r\nb"), ("client_secret", "sentinel"), ("odd", "sentinel")),
        (("Authorization", "Basic sentinel"),),
    )
    answer = {"error": "invalid_client\x1b", "error_codes": [7000215], "error_description": "no"}
    line = running.request_line(request, 401, answer)
    assert "401 invalid_client\\x1b AADSTS7000215" in line
    assert "client_secret=*** odd=***" in line
    assert "sentinel" not in line
    assert line.isprintable()
    assert running.request_line(request, 500, ["x"])


# demo


def invoke(*args: str) -> Result:
    return CliRunner().invoke(command, args)


def test_the_demo_works_from_the_shell() -> None:
    done = grantway("sandbox", "demo")
    assert done.returncode == 0
    assert done.stderr == ""
    assert not JWT.search(done.stdout)
    assert "\x1b" not in done.stdout
    assert done.stdout.count("As sent") == 16
    assert done.stdout.count("  a token\n") == 14
    assert list(state.folder().parent.glob("grantway/*")) == []


@pytest.mark.parametrize("columns", ["20", "40", "60", "80", "300"])
def test_the_demo_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = invoke("demo")
    assert done.exit_code == 0
    told, summary = done.stdout.split("Summary\n")
    assert max(map(len, told.splitlines())) <= max(40, min(88, int(columns)))
    assert max(map(len, summary.splitlines())) <= 66


def test_the_demo_as_json_is_one_object_that_says_all() -> None:
    done = invoke("demo", "--json")
    facts = json.loads(done.stdout)
    assert facts["ok"] is True
    assert [(each["parameter_set"], each["way"], each["protocol"]) for each in facts["steps"]] == [
        ("ServicePrincipal", "", "entra-v2"),
        ("ServicePrincipal", "", "entra-v1"),
        ("ServicePrincipalCertificate", "", "entra-v2"),
        ("ServicePrincipalCertificate", "", "entra-v1"),
        ("ServicePrincipalAssertion", "", "entra-v2"),
        ("RefreshToken", "", "entra-v2"),
        ("User", "in the browser", "entra-v2"),
        ("User", "by device code", "entra-v2"),
        ("OnBehalfOf", "", "entra-v2"),
        ("TokenExchange", "", "oidc"),
        ("JwtBearer", "", "oidc"),
        ("SignedJwtBearer", "", "oidc"),
        ("AccessToken", "", "entra-v2"),
        ("Consent", "in the browser", "entra-v2"),
    ]
    for each in facts["steps"]:
        assert (each["status"], each["faults"]) == ("token", [])
        assert each["explanation"]["because"]
        assert bool(each["sent"]) == (each["parameter_set"] != "AccessToken")
        assert not [sent for sent in each["sent"] if sent["differences"]]
        assert each["claims"]["iss"].startswith(facts["url"])
        if each["parameter_set"] != "Consent":
            assert each["api"]["status"] == 200
            assert each["again_from_cache_milliseconds"] < 1000
    names = [name for name, _ in facts["steps"][1]["sent"][0]["fields"]]
    assert sorted(names) == ["client_id", "client_secret", "grant_type", "resource"]
    consent = facts["steps"][-1]["answer"]
    assert consent["methods"] == ["pwd", "mfa"]
    assert consent["refresh_token"] is True


def test_the_demo_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets: list[str] = []
    issue = Sandbox.issue_refresh_token

    def issued(self: Sandbox, **given: Any) -> str:
        secrets.extend([self.application.secret, issue(self, **given)])
        return secrets[-1]

    monkeypatch.setattr(Sandbox, "issue_refresh_token", issued)
    output = invoke("demo").output + invoke("demo", "--json").output
    assert len(secrets) == 4
    assert not [each for each in secrets if each in output]
    assert not JWT.search(output)


def test_the_demo_has_every_built_in_parameter_set_that_an_authority_serves() -> None:
    registry = Registry.load(Configuration(environ={}), third_parties=False)
    sets = {each.parameter_set.name for each in registry.candidates}
    with Demo() as demo:
        assert {each.parameter_set for each in demo.recipes} == sets - {
            "ManagedIdentity",
            "WorkloadIdentity",
        }


def test_the_demo_heeds_nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GRANTWAY_ENVIRONMENT": "GlobalCloud",
        "GRANTWAY_RESOURCE": "graph",
        "GRANTWAY_PROFILE": "missing",
        "GRANTWAY_SANDBOX_URL": "https://login.example",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "REQUESTS_CA_BUNDLE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    assert invoke("demo").exit_code == 0


def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    start = Demo.__enter__

    def entered(self: Demo) -> Demo:
        start(self)
        self._sandbox.fail_next(7000215, times=1)
        return self

    monkeypatch.setattr(Demo, "__enter__", entered)


def test_a_demo_that_fails_says_so_and_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch)
    done = invoke("demo")
    assert done.exit_code == 1
    assert "AADSTS7000215" in done.stdout
    assert re.search(r"ServicePrincipal, entra-v2 +failed", done.stdout)
    assert done.stdout.count("  a token\n") == 13


def test_a_demo_that_fails_says_so_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch)
    done = invoke("demo", "--json")
    facts = json.loads(done.stdout)
    assert (done.exit_code, facts["ok"]) == (1, False)
    assert facts["steps"][0]["faults"]


def changed(request: PlannedRequest, place: str) -> Sequence[PlannedRequest]:
    match place:
        case "field":
            return [attrs.evolve(request, fields=(*request.fields, ("odd", "x")))]
        case "mask":
            fields = tuple((name, "***") for name, _ in request.fields)
            return [attrs.evolve(request, fields=fields)]
        case "order":
            return [attrs.evolve(request, fields=request.fields[::-1])]
        case "address":
            return [attrs.evolve(request, url=f"{request.url}x")]
        case "header":
            return [attrs.evolve(request, headers={"Accept": "text/html"})]
        case "one too few":
            return []
        case _:
            return [request, request]


@pytest.mark.parametrize(
    "place", ["field", "mask", "order", "address", "header", "one too few", "one too many"]
)
def test_what_is_sent_otherwise_than_explained_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with Demo() as demo:
        explain: Any = Dispatcher.explain

        def explained(self: Dispatcher, **call: Any) -> Any:
            explanation = explain(self, **call)
            (request,) = explanation.requests
            return attrs.evolve(explanation, requests=tuple(changed(request, place)))

        monkeypatch.setattr(Dispatcher, "explain", explained)
        outcome = demo.attempt(demo.recipes[0])
    assert not outcome.good
    assert "what was sent is not what was explained" in outcome.faults
    assert any(each.differences for each in outcome.sent)


def test_a_second_call_that_is_not_cached_and_an_api_that_refuses_are_faults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Demo() as demo:
        demo._sandbox.token_lifetime = 0
        outcome = demo.attempt(demo.recipes[0])
    assert set(outcome.faults) == {
        "the same call again was not served without asking",
        "the API did not take the token",
    }


def test_the_stand_in_signs_in_where_a_page_is_opened_or_a_code_is_shown() -> None:
    with Sandbox(device_interval=1) as sandbox:
        client = {
            "environment": sandbox.environment,
            "application_id": sandbox.public_application_id,
        }
        for more in ({}, {"device_code": True}):
            with (
                StandIn(sandbox.person()) as person,
                Dispatcher(prompter=person, config=Configuration(environ={})) as dispatcher,
            ):
                result = dispatcher.acquire(**client, **more)  # type: ignore[call-overload]
            assert result.account.user_name == sandbox.user.user_name


def test_the_stand_in_has_nothing_to_say_to_a_question(sandbox: Sandbox) -> None:
    with StandIn(sandbox.person()) as person:
        person.show("Some text,\nnot a code")
        with pytest.raises(InteractionRequired):
            person.ask("Password", secret=True)


# Colour


class Terminal:
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_and_not_where_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal: Any = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    assert paper.paint("x", "bold", terminal) == "\x1b[1mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paper.paint("x", "bold", terminal) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert paper.paint("x", "bold", terminal) == "x"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("which", ["demo", "run"])
def test_an_answer_that_cannot_be_written_is_an_error_and_leaves_nothing(which: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*GRANTWAY, "sandbox", which],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert "No space left" in done.stderr
    assert list(state.folder().parent.glob("grantway/*")) == []


# Without the extra


BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
{rest}
"""


def blocked(rest: str, *packages: str) -> subprocess.CompletedProcess[str]:
    code = BLOCKED.format(blocked=set(packages), rest=rest)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("package", ["flask", "authlib", "werkzeug"])
@pytest.mark.parametrize("which", ["demo", "run"])
def test_without_the_extra_the_error_is_the_command_that_installs_it(
    package: str, which: str
) -> None:
    rest = f"sys.argv = ['grantway', 'sandbox', {which!r}]\nfrom grantway.cli import main\nsys.exit(main())"
    done = blocked(rest, package)
    assert done.returncode == 3, done.stderr
    assert "pip install 'grantway[sandbox]'" in done.stderr
    assert package in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_the_extra_everything_else_works() -> None:
    rest = (
        "from grantway import Registry\n"
        "registry = Registry.load()\n"
        "assert registry.environment('Sandbox')\n"
        "assert registry.commands()['sandbox']\n"
        "import grantway_sandbox\n"
        "try:\n"
        "    grantway_sandbox.Sandbox\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = blocked(rest, "flask", "authlib", "werkzeug")
    assert "pip install 'grantway[sandbox]'" in done.stdout, done.stderr


def test_with_the_extra_the_sandbox_is_imported_from_the_package() -> None:
    import grantway_sandbox

    assert grantway_sandbox.Sandbox is Sandbox
    with pytest.raises(AttributeError):
        grantway_sandbox.Nothing  # type: ignore[attr-defined]  # noqa: B018
