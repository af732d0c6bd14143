"""The ways to reach a person: a stream that only shows, a terminal, and which of them a run has."""

import io
import logging
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
import segno

from cli.support import APP, Shop, run, session, token_result
from grantway.cli.session import Session
from grantway.config import parse
from grantway.errors import InteractionRequired
from grantway.parts import Prompter, Screen
from grantway.terminal import StreamPrompter, TerminalPrompter, in_ci, terminal

URL = "https://authority.example/device?user_code=ABCD-EFGH"


class Stream(io.StringIO):
    """A stream that may be a terminal, and knows what was written when it was last flushed."""

    flushed = ""

    @property
    def encoding(self) -> str:
        return "utf-8"

    def __init__(self, text: str = "", *, is_terminal: bool = True) -> None:
        super().__init__(text)
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def flush(self) -> None:
        if not self.closed:
            self.flushed = self.getvalue()


def on_screen(monkeypatch: pytest.MonkeyPatch) -> Stream:
    """Standard error, as a terminal. Not a fixture: pytest puts its own in place for each test."""
    stream = Stream()
    monkeypatch.setattr("sys.stderr", stream)
    for name in ("COLUMNS", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return stream


# A stream.


def test_a_text_is_shown_at_once() -> None:
    stream = Stream()
    StreamPrompter(stream).show("Enter the code")
    assert stream.flushed == "Enter the code\n"


def test_without_a_stream_it_is_standard_error_as_it_is_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prompter, stream = StreamPrompter(), Stream()
    monkeypatch.setattr("sys.stderr", stream)
    prompter.show("Enter the code")
    assert stream.getvalue() == "Enter the code\n"


@pytest.mark.parametrize("secret", [True, False])
def test_a_stream_answers_nothing_and_opens_nothing(secret: bool) -> None:
    stream = Stream()
    prompter = StreamPrompter(stream)
    with pytest.raises(InteractionRequired, match="Password: nobody can be asked") as caught:
        prompter.ask("Password", secret=secret)
    assert caught.value.remedy
    assert prompter.open(URL) is False
    assert stream.getvalue() == ""


def test_only_a_terminal_has_a_screen() -> None:
    assert not isinstance(StreamPrompter(), Screen)
    assert isinstance(TerminalPrompter(), Screen)


# A terminal.


def test_an_answer_is_read_less_its_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch)
    monkeypatch.setattr("sys.stdin", Stream(" an answer \r\nanother"))
    assert TerminalPrompter().ask("Question") == " an answer "
    assert screen.flushed == "Question: "
    assert TerminalPrompter().ask("Question") == "another"


def test_an_end_of_input_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    on_screen(monkeypatch)
    monkeypatch.setattr("sys.stdin", Stream(""))
    with pytest.raises(InteractionRequired, match="Nobody answered"):
        TerminalPrompter().ask("Question")


def test_each_line_of_progress_covers_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch)
    prompter = TerminalPrompter()
    prompter.progress("a long line")
    prompter.progress("short")
    assert screen.flushed == "\ra long line\rshort        "
    prompter.progress("")
    assert screen.flushed.endswith("\r       \r")


def test_where_there_is_no_progress_nothing_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch)
    prompter = TerminalPrompter()
    prompter.progress("")
    assert screen.getvalue() == ""
    prompter.progress("line")
    prompter.progress("")
    before = screen.getvalue()
    prompter.progress("")
    assert screen.getvalue() == before


def test_no_line_is_longer_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch)
    monkeypatch.setenv("COLUMNS", "20")
    prompter = TerminalPrompter()
    prompter.progress("x" * 100)
    assert screen.getvalue() == "\r" + "x" * 19
    # It has been made smaller meanwhile.
    monkeypatch.setenv("COLUMNS", "10")
    prompter.progress("y" * 100)
    prompter.progress("")
    assert screen.getvalue().split("\r")[2:] == ["y" * 9, " " * 9, ""]


@pytest.mark.parametrize("says", ["show", "ask", "show_qr"])
def test_what_is_shown_takes_the_place_of_progress(
    monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    screen = on_screen(monkeypatch)
    monkeypatch.setattr("sys.stdin", Stream("answer\n"))
    prompter = TerminalPrompter()
    prompter.progress("waiting")
    getattr(prompter, says)(URL)
    assert screen.getvalue().startswith("\rwaiting\r         \r")
    assert screen.getvalue()[18:].strip()


def test_a_dumb_terminal_has_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    prompter = TerminalPrompter()
    prompter.progress("waiting")
    prompter.progress("")
    assert screen.getvalue() == ""


def drawn(text: str) -> list[list[int]]:
    """The modules of a code, 1 for dark, from what was drawn on a dark ground."""
    halves = {" ": (1, 1), "\u2584": (1, 0), "\u2580": (0, 1), "\u2588": (0, 0)}
    rows: list[list[int]] = []
    for line in text.splitlines():
        cells = [halves[each] for each in line]
        rows += [[upper for upper, _ in cells], [lower for _, lower in cells]]
    return rows


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm"}])
def test_what_is_drawn_is_the_code_with_a_quiet_zone(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]
) -> None:
    screen = on_screen(monkeypatch)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    TerminalPrompter().show_qr(URL)
    assert ("\x1b" in screen.getvalue()) is (variables == {"TERM": "xterm"})
    text = screen.getvalue().replace("\x1b[97;40m", "").replace("\x1b[0m", "")
    caption, _, code = text.partition("\n\n")
    assert caption == "With a phone, scan this:"
    assert code.endswith("\n\n")
    expected = [[*map(int, row)] for row in segno.make(URL, error="l", micro=False).matrix]
    # An odd number of rows leaves half a line over.
    rows = drawn(code.rstrip("\n"))[: len(expected) + 4]
    assert [row[2:-2] for row in rows[2:-2]] == expected
    assert not any(any(row[:2] + row[-2:]) for row in rows)
    assert not any(map(any, rows[:2] + rows[-2:]))


@pytest.mark.parametrize(
    ("url", "columns"), [(URL, "33"), ("https://a.example/" + "a" * 5000, "500")]
)
def test_what_does_not_fit_is_not_drawn(
    monkeypatch: pytest.MonkeyPatch, url: str, columns: str
) -> None:
    screen = on_screen(monkeypatch)
    monkeypatch.setenv("COLUMNS", columns)
    TerminalPrompter().show_qr(url)
    assert screen.getvalue() == ""


def test_what_the_encoding_has_no_blocks_for_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    on_screen(monkeypatch)
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(raw, "ascii", errors="backslashreplace"))
    TerminalPrompter().show_qr(URL)
    assert raw.getvalue() == b""


# Which there is.


@pytest.mark.parametrize(
    ("stdin", "stderr", "there"),
    [
        (Stream(), Stream(), True),
        (Stream(is_terminal=False), Stream(), False),
        (Stream(), Stream(is_terminal=False), False),
        (None, Stream(), False),
        (Stream(), None, False),
    ],
)
def test_a_terminal_is_one_at_both_ends(
    monkeypatch: pytest.MonkeyPatch, stdin: Any, stderr: Any, there: bool
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    monkeypatch.setattr("sys.stderr", stderr)
    assert isinstance(terminal({}), TerminalPrompter) is there
    assert terminal({"CI": "true"}) is None


@pytest.mark.parametrize("name", ["sys.stdin", "sys.stderr"])
def test_a_closed_stream_is_no_terminal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    on_screen(monkeypatch)
    monkeypatch.setattr("sys.stdin", Stream())
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(name, closed)
    assert terminal({}) is None


@pytest.mark.parametrize(
    ("value", "is_ci"),
    [
        ("true", True), ("1", True), ("TRUE", True), ("yes", True), ("woodpecker", True),
        ("", False), (" ", False), ("0", False), ("false", False), ("False", False), ("no", False),
        (" off ", False),
    ],
)  # fmt: skip
def test_continuous_integration_is_told_by_its_variable(value: str, is_ci: bool) -> None:
    assert in_ci({"CI": value}) is is_ci
    assert not in_ci({})


def run_in(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool, ci: str = "") -> Session:
    monkeypatch.setattr("sys.stdin", Stream(is_terminal=is_terminal))
    monkeypatch.setattr("sys.stderr", Stream(is_terminal=is_terminal))
    monkeypatch.setenv("CI", ci)
    return session()


def kind(prompter: object) -> str:
    return type(prompter).__name__


@pytest.mark.parametrize(
    ("is_terminal", "ci", "no_input", "asked", "shown"),
    [
        (True, "", False, "TerminalPrompter", "TerminalPrompter"),
        (False, "", False, "NoneType", "StreamPrompter"),
        (True, "1", False, "NoneType", "bool"),
        (False, "1", False, "NoneType", "bool"),
        (True, "", True, "bool", "bool"),
        (False, "", True, "bool", "bool"),
    ],
)
def test_who_is_reached_in_a_run(
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
    ci: str,
    no_input: bool,
    asked: str,
    shown: str,
) -> None:
    here = run_in(monkeypatch, is_terminal=is_terminal, ci=ci)
    here.no_input = no_input
    assert kind(here.prompter) == asked
    assert kind(here.shown(here.prompter)) == shown
    assert here.prompter is not True
    assert here.shown(here.prompter) is not True


@pytest.mark.parametrize("given", [False, StreamPrompter()])
def test_a_prompter_that_is_given_is_the_one(given: Prompter | bool) -> None:
    here = session(prompter=given)
    assert here.prompter is given
    assert here.shown(here.prompter) is given


PROFILES = parse(
    f'[profiles.yes]\ndevice_code = true\napplication_id = "{APP}"\n'
    f'[profiles.no]\ndevice_code = false\napplication_id = "{APP}"\n'
)


@pytest.mark.parametrize(
    ("profile", "parameters", "shows"),
    [
        (None, {"device_code": True}, True),
        (None, {"device_code": False}, False),
        (None, {}, False),
        (None, None, False),
        ("yes", {}, True),
        ("no", {}, False),
        ("yes", {"device_code": False}, False),
        ("no", {"device_code": True}, True),
        ("yes", None, False),
    ],
)
def test_a_stream_is_shown_a_code_only_where_one_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    profile: str | None,
    parameters: dict[str, object] | None,
    shows: bool,
) -> None:
    run_in(monkeypatch, is_terminal=False)
    # The profiles were read before the variables were settled.
    configuration = attrs.evolve(PROFILES, environ={})
    here = Session(configuration=configuration, registry=session().registry)
    with here.dispatcher(profile, parameters) as asking:
        assert isinstance(asking._workplace.prompter, StreamPrompter) is shows


class Display(StreamPrompter):
    """A screen in memory: what was written on it, line by line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def show_qr(self, url: str) -> None:
        raise AssertionError(url)

    def progress(self, text: str) -> None:
        self.lines.append(text)


def test_a_line_of_progress_gives_way_to_what_is_logged() -> None:
    display = Display()

    def tell(*_: object) -> object:
        display.progress("waiting")
        logging.getLogger("grantway.provider").warning("look")
        display.progress("waiting")
        return token_result()

    here = session(Shop(tell), prompter=display)
    outcome = run("token", "--environment", "Mall", "--voucher", "env:HOME", session=here)
    assert outcome.code == 0, outcome
    assert "Warning: look" in outcome.stderr
    assert display.lines == ["waiting", "", "waiting"]


def test_warnings_that_are_held_back_clear_nothing_meanwhile() -> None:
    display = Display()

    def tell(*_: object) -> object:
        logging.getLogger("grantway.provider").warning("look")
        assert not display.lines
        return token_result()

    here = session(Shop(tell), prompter=display)
    outcome = run("token", "--environment", "Mall", "--voucher", "env:HOME", "--json", session=here)
    assert outcome.code == 0, outcome
