"""The command line at a real terminal: what a person sees there, and what they never see.

The child runs at a pseudo-terminal; what it writes is read back from a screen that works as a
terminal's does, so that lines that garble each other or wrap are found out.
"""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import pytest

from cli.support import APP, GRANTWAY, Outcome, process
from oauth.support import granted
from oauth.test_device_code import CODE, PENDING, device
from servers.raw import Behaviour, RawServer, json_answer

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals there", allow_module_level=True)

import os

import pexpect

ACCESS = "sentinel-access-token"
REFRESH = "sentinel-refresh-token"
SECRET = "sentinel-client-secret"
PAGE = "https://authority.example/device"
BLOCKS = set("\u2580\u2584\u2588")
WAITING = "Waiting for you to sign in"


class Screen:
    """What a terminal of that width shows of what it was sent; colours are noted and left out."""

    def __init__(self, sent: str, columns: int) -> None:
        self.lines: list[str] = [""]
        self.wrapped = 0
        self.commands = re.findall(r"\x1b\[[0-9;?]*[A-Za-z]", sent)
        column = 0
        for each in re.sub(r"\x1b\[[0-9;]*m", "", sent):
            if each == "\r":
                column = 0
            elif each == "\n":
                self.lines.append("")
            else:
                assert each.isprintable(), ascii(each)
                if column == columns:
                    self.lines.append("")
                    self.wrapped += 1
                    column = 0
                line = self.lines[-1].ljust(column)
                self.lines[-1] = line[:column] + each + line[column + 1 :]
                column += 1

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)

    @property
    def has_qr(self) -> bool:
        return bool(BLOCKS & set(self.text))


class Terminal:
    """A shell command line at a pseudo-terminal."""

    def __init__(self, line: str, columns: int = 80, **variables: str) -> None:
        unwanted = ("CI", "COLUMNS", "LINES", "NO_COLOR", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
        env = {name: value for name, value in os.environ.items() if name not in unwanted}
        env |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **variables}
        self.columns = columns
        self.child = pexpect.spawn(
            "/bin/sh",
            ["-c", line],
            env=env,
            encoding="utf-8",
            timeout=30,
            dimensions=(24, columns),
        )
        self.sent = ""

    def until(self, pattern: str) -> "Terminal":
        self.child.expect(pattern)
        self.sent += str(self.child.before) + str(self.child.after)
        return self

    def end(self) -> tuple[int, Screen]:
        self.child.expect(pexpect.EOF)
        self.sent += str(self.child.before)
        self.child.close()
        assert self.child.exitstatus is not None, self.sent
        return self.child.exitstatus, Screen(self.sent, self.columns)


class Cloud:
    """A scripted authority, and a configuration in which it has a name."""

    def __init__(self, server: RawServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.answer = folder / "stdout"
        self.file = folder / "config.toml"
        self.file.write_text(
            f"""
            [profiles.person]
            environment = "Cloud"
            application_id = "{APP}"

            [profiles.code]
            environment = "Cloud"
            application_id = "{APP}"
            device_code = true

            [environments.Cloud]
            authority = "{server.url}"
            protocol = "entra-v2"
            default_resource = "https://api.example"
            trust = {{loopback_http = true}}
            """
        )
        self.serve(granted(refresh_token=REFRESH))
        server.serve(device(interval=1), path="/common/oauth2/v2.0/devicecode")

    def serve(self, *polls: Behaviour) -> None:
        self.server.serve(*polls, path="/common/oauth2/v2.0/token")

    def line(self, *args: str, rest: str = "") -> str:
        """The command line; its answer goes into a file, as it does in `$(...)`."""
        command = " ".join(map(quote, (str(GRANTWAY), *args)))
        return f"{command} >{quote(str(self.answer))} {rest}"

    def terminal(self, *args: str, columns: int = 80, rest: str = "", **variables: str) -> Terminal:
        line = self.line(*args, rest=rest)
        return Terminal(line, columns, GRANTWAY_CONFIG=str(self.file), **variables)

    def token(self, *args: str, **more: Any) -> tuple[int, Screen]:
        return self.terminal("token", "-p", "person", "--device-code", *args, **more).end()

    def piped(self, *args: str, **variables: str) -> Outcome:
        variables = {"CI": "", "GRANTWAY_CONFIG": str(self.file), **variables}
        return process(*args, **variables)

    @property
    def answered(self) -> str:
        return self.answer.read_text()

    @property
    def asked(self) -> list[str]:
        return [request.path.rpartition("/")[2] for request in self.server.requests]


@pytest.fixture
def cloud(raw_server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    # Each of the processes asks anew.
    monkeypatch.setenv("GRANTWAY_CACHE", "memory")
    return Cloud(raw_server, tmp_path)


def test_a_person_signs_in_with_a_code(cloud: Cloud) -> None:
    code, screen = cloud.token()
    assert (code, cloud.answered) == (0, f"{ACCESS}\n")
    above, _, below = screen.text.partition("To sign in at Cloud, open this page on any device:\n")
    assert above.startswith("With a phone, scan this:\n")
    assert BLOCKS & set(above)
    # What has to be read is the last that is on the screen, and nothing is left of the line below.
    assert below == (f"\n    {PAGE}\n\nand enter this code within 15 minutes:\n\n    ABCD-EFGH\n\n")
    assert screen.wrapped == 0


def test_without_a_browser_that_can_be_opened_a_code_comes_by_itself(cloud: Cloud) -> None:
    code, screen = cloud.terminal("token", "-p", "person").end()
    assert (code, cloud.answered) == (0, f"{ACCESS}\n")
    assert screen.text.startswith("No browser can be opened here, so you sign in with a code")
    assert "ABCD-EFGH" in screen.text


def test_the_code_of_the_whole_address_is_drawn(cloud: Cloud) -> None:
    complete = f"{PAGE}?user_code=ABCD-EFGH&more={'a' * 40}"
    cloud.server.serve(
        device(interval=1, verification_uri_complete=complete),
        path="/common/oauth2/v2.0/devicecode",
    )
    _, large = cloud.token()
    assert large.has_qr
    assert complete not in large.text
    assert f"    {PAGE}\n" in large.text


def test_an_address_that_no_code_can_hold_is_only_written(cloud: Cloud) -> None:
    complete = f"{PAGE}?{'a%20' * 480}"
    cloud.server.serve(
        device(interval=1, verification_uri_complete=complete),
        path="/common/oauth2/v2.0/devicecode",
    )
    code, screen = cloud.token()
    assert code == 0
    assert not screen.has_qr
    assert "ABCD-EFGH" in screen.text


@pytest.mark.parametrize("columns", [1, 29])
def test_in_a_narrow_terminal_nothing_is_drawn_and_the_line_does_not_wrap(
    cloud: Cloud, columns: int
) -> None:
    terminal = cloud.terminal("token", "-p", "person", "--device-code", columns=columns)
    code, screen = terminal.end()
    assert (code, cloud.answered) == (0, f"{ACCESS}\n")
    assert not screen.has_qr
    written = terminal.sent.partition("ABCD-EFGH\r\n\r\n")[2]
    assert written or columns == 1
    assert Screen(written, columns).lines in ([""], [" " * (columns - 1)])


def test_the_width_is_that_of_the_terminal_whatever_a_variable_says(cloud: Cloud) -> None:
    _, screen = cloud.token(columns=29, COLUMNS="200")
    assert not screen.has_qr
    _, screen = cloud.token(columns=30, COLUMNS="20")
    assert screen.has_qr
    assert not any(BLOCKS & set(line) for line in screen.lines if len(line.rstrip()) != 29)


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
    ],
)
def test_a_code_that_the_encoding_has_no_blocks_for_is_not_drawn(
    cloud: Cloud, variables: dict[str, str]
) -> None:
    code, screen = cloud.token(**variables)
    assert (code, cloud.answered) == (0, f"{ACCESS}\n")
    assert not screen.has_qr
    assert "\\u25" not in screen.text
    assert "ABCD-EFGH" in screen.text


def test_a_dumb_terminal_is_sent_lines_alone(cloud: Cloud) -> None:
    terminal = cloud.terminal("token", "-p", "person", "--device-code", TERM="dumb")
    code, screen = terminal.end()
    assert code == 0
    assert not screen.commands
    assert WAITING not in terminal.sent
    assert "\r" not in terminal.sent.replace("\r\n", "")
    assert "ABCD-EFGH" in screen.text


def test_with_no_color_there_are_no_colours(cloud: Cloud) -> None:
    code, screen = cloud.token(NO_COLOR="1")
    assert code == 0
    assert not screen.commands
    assert screen.has_qr


def test_in_colour_the_blocks_are_light_on_dark_whatever_the_terminals_own_are(
    cloud: Cloud,
) -> None:
    _, screen = cloud.token()
    assert set(screen.commands) == {"\x1b[97;40m", "\x1b[0m"}


def test_the_line_below_tells_the_time_that_is_left(cloud: Cloud) -> None:
    cloud.serve(PENDING, granted())
    terminal = cloud.terminal("token", "-p", "person", "--device-code")
    terminal.until(re.escape(f"\r{WAITING} (15:00 left)") + "|" + re.escape("(14:59 left)"))
    terminal.until(r"\(14:5\d left\)")
    assert terminal.end()[0] == 0


def test_what_is_logged_and_the_line_below_do_not_garble_each_other(cloud: Cloud) -> None:
    cloud.serve(PENDING, PENDING, granted())
    terminal = cloud.terminal("-v", "token", "-p", "person", "--device-code")
    code, screen = terminal.end()
    assert code == 0
    assert terminal.sent.count(WAITING) >= 3
    assert WAITING not in screen.text
    told = [line for line in screen.text.splitlines() if line.startswith("Info: ")]
    assert told.count(f"Info: POST {cloud.server.url}/common/oauth2/v2.0/token") == 3
    assert told.count("Info: answered 400") == 2
    # Each stands on a line of its own, to its very end.
    assert all("Info:" not in line or line.startswith("Info:") for line in screen.lines)


def test_nothing_secret_is_on_the_screen(cloud: Cloud, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    code, screen = cloud.terminal(
        "-vv", "consent", "-p", "person", "--credential", f"{APP}=env:APP_SECRET",
        "--device-code", "--save-refresh-token", f"file:{kept}", APP_SECRET=SECRET,
    ).end()  # fmt: skip
    assert code == 0, screen.text
    assert kept.read_text().strip() == REFRESH
    assert all("client_secret" in request.form for request in cloud.server.requests)
    for secret in (CODE, ACCESS, REFRESH, SECRET):
        assert secret not in screen.text.replace("\n", "")
        assert secret not in cloud.answered
    assert "saved to" in cloud.answered
    assert "planned: POST" in screen.text


@pytest.mark.parametrize(
    ("polls", "code", "says"),
    [
        ((json_answer({"error": "access_denied"}, 400),), 5, "Start again, and agree"),
        ((json_answer({"error": "expired_token"}, 400),), 5, "Start again, and enter"),
        ((json_answer({"error": "invalid_client"}, 401),), 5, "invalid_client"),
    ],
)
def test_a_refusal_stands_on_a_line_of_its_own(
    cloud: Cloud, polls: Sequence[Behaviour], code: int, says: str
) -> None:
    cloud.serve(*polls)
    ended, screen = cloud.token()
    assert (ended, cloud.answered) == (code, "")
    last = screen.text.partition("ABCD-EFGH\n\n")[2]
    assert last.startswith("Error: ")
    assert says in last
    assert "Traceback" not in screen.text


SANE = {"echo", "icanon", "isig", "icrnl", "opost", "onlcr"}
AFTERWARDS = "; echo code=$?; stty -a"


def interrupted(terminal: Terminal) -> tuple[str, Screen]:
    terminal.child.sendintr()
    _, screen = terminal.end()
    above, _, modes = screen.text.partition("code=")
    assert set(re.split(r"[\s;]+", modes)) >= SANE
    return above, Screen(f"code={modes}", 1000)


def test_ctrl_c_ends_the_wait_and_leaves_the_terminal_as_it_was(cloud: Cloud) -> None:
    cloud.serve(PENDING)
    line = "trap : INT; " + cloud.line("token", "-p", "person", "--device-code", rest=AFTERWARDS)
    terminal = Terminal(line, GRANTWAY_CONFIG=str(cloud.file)).until(WAITING)
    above, after = interrupted(terminal)
    assert after.text.startswith("code=130\n")
    assert WAITING not in above
    assert "Traceback" not in above
    assert cloud.answered == ""
    polls = len(cloud.asked)
    time.sleep(1.5)
    assert len(cloud.asked) == polls


def test_ctrl_c_at_a_question_leaves_the_terminal_as_it_was(cloud: Cloud) -> None:
    args = ("token", "-p", "person", "--tenant-id", "a.example")
    line = cloud.line(*args, "--credential", f"{APP}=prompt:Secret", rest=AFTERWARDS)
    terminal = Terminal(f"trap : INT; {line}", GRANTWAY_CONFIG=str(cloud.file)).until("Secret: ")
    above, after = interrupted(terminal)
    assert after.text.startswith("code=130\n")
    assert "Traceback" not in above
    assert not cloud.asked


def test_a_secret_is_asked_for_without_echo(cloud: Cloud) -> None:
    cloud.server.serve(granted(), path="/a.example/oauth2/v2.0/token")
    terminal = cloud.terminal(
        "-vv", "token", "-p", "person", "--tenant-id", "a.example",
        "--credential", f"{APP}=prompt:Secret of the application",
    )  # fmt: skip
    terminal.until("Secret of the application: ")
    terminal.child.sendline(SECRET)
    code, screen = terminal.end()
    assert (code, cloud.answered) == (0, f"{ACCESS}\n")
    assert SECRET not in screen.text
    assert cloud.server.requests[0].form["client_secret"] == [SECRET]


# Where there is no terminal, or half of one.


def test_a_containers_log_shows_the_code(cloud: Cloud) -> None:
    outcome = cloud.piped("token", "-p", "person", "--device-code")
    assert (outcome.code, outcome.stdout) == (0, f"{ACCESS}\n")
    assert outcome.stderr == (
        f"To sign in at Cloud, open this page on any device:\n\n    {PAGE}\n\n"
        "and enter this code within 15 minutes:\n\n    ABCD-EFGH\n\n"
    )


def test_a_profile_can_ask_for_the_code(cloud: Cloud) -> None:
    outcome = cloud.piped("token", "-p", "code")
    assert (outcome.code, outcome.stdout) == (0, f"{ACCESS}\n")
    assert "ABCD-EFGH" in outcome.stderr
    forbidden = cloud.piped("token", "-p", "code", "--no-device-code")
    assert forbidden.code == 4


def test_the_log_shows_the_code_at_once(cloud: Cloud) -> None:
    """A log is read while the command waits."""
    cloud.serve(PENDING)
    log = cloud.folder / "log"
    line = cloud.line("token", "-p", "person", "--device-code", rest=f"2>{quote(str(log))}")
    terminal = Terminal(f"exec {line}", GRANTWAY_CONFIG=str(cloud.file))
    while "token" not in cloud.asked:
        assert terminal.child.isalive(), log.read_text()
        time.sleep(0.02)
    assert "ABCD-EFGH" in log.read_text()
    terminal.child.sendintr()
    assert terminal.end()[0] == 130
    assert WAITING not in log.read_text()
    assert not BLOCKS & set(log.read_text())


def test_with_standard_input_closed_the_code_is_shown_all_the_same(cloud: Cloud) -> None:
    code, screen = cloud.token(rest="<&-")
    assert (code, cloud.answered) == (0, f"{ACCESS}\n")
    assert "ABCD-EFGH" in screen.text
    assert not screen.has_qr


@pytest.mark.parametrize("rest", ["<&-", "</dev/null", "2>/dev/null"])
def test_without_a_terminal_nobody_is_asked_for_what_was_not_asked_for(
    cloud: Cloud, rest: str
) -> None:
    code, screen = cloud.terminal("token", "-p", "person", rest=rest).end()
    assert (code, cloud.answered) == (4, "")
    assert not cloud.server.connections
    if "2>" not in rest:
        assert "A person has to sign in at Cloud" in screen.text


@pytest.mark.parametrize(
    ("before", "variables"),
    [
        ((), {"CI": "true"}),
        ((), {"CI": "1"}),
        (("--no-input",), {}),
        (("--no-input",), {"CI": "1"}),
    ],
)
@pytest.mark.parametrize("command", ["token", "consent"])
def test_where_nobody_reads_it_no_code_is_asked_for(
    cloud: Cloud, before: tuple[str, ...], variables: dict[str, str], command: str
) -> None:
    more = ("--save-refresh-token", f"file:{cloud.folder}/kept") if command == "consent" else ()
    args = (*before, command, "-p", "person", "--device-code", *more)
    outcome = cloud.piped(*args, **variables)
    assert (outcome.code, outcome.stdout) == (4, "")
    assert "nobody can be asked" in outcome.stderr
    at_terminal = cloud.terminal(*args, **variables).end()
    assert at_terminal[0] == 4
    assert not cloud.server.connections


def test_in_json_a_refusal_is_the_last_line(cloud: Cloud) -> None:
    cloud.serve(json_answer({"error": "access_denied"}, 400))
    outcome = cloud.piped("token", "-p", "person", "--device-code", "--json")
    assert outcome.code == 5
    *_, last = outcome.stderr.splitlines()
    assert '"error": "access_denied"' in last
