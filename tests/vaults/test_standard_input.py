"""Standard input, `-`: read once, used often."""

import io
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grantway.errors import InteractionRequired, VaultError
from grantway_vaults.contents import MOST

from .support import SENTINEL, VAULTS, Answers, assert_hides, context

STDIN = VAULTS["-"]

USE_IT = """
from vaults.support import VAULTS, context
from grantway.errors import VaultError
for _ in range(2):
    try:
        print(VAULTS["-"].get("", context()).reveal())
    except VaultError as error:
        print(error)
"""


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_is_read_to_its_end_less_one_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, "one\nclé\n".encode())
    assert STDIN.get("", context()).reveal() == "one\nclé"


def test_the_second_use_gives_the_same_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, SENTINEL.encode())
    first = STDIN.get("", context())
    assert STDIN.get("", context()) == first
    assert first.reveal() == SENTINEL


def test_another_stream_in_its_place_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"one")
    assert STDIN.get("", context()).reveal() == "one"
    feed(monkeypatch, b"two")
    assert STDIN.get("", context()).reveal() == "two"


def test_a_stream_of_text_alone_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cret\n"))
    assert STDIN.get("", context()).reveal() == "s3cret"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (SENTINEL.encode() + b"\x80", "is not UTF-8"),
        (SENTINEL.encode() + b"x" * MOST, "holds more than"),
    ],
)
def test_what_is_no_secret_is_an_error_each_time(
    monkeypatch: pytest.MonkeyPatch, content: bytes, says: str
) -> None:
    feed(monkeypatch, content)
    for _ in range(2):
        with pytest.raises(VaultError, match=f"Standard input {says}") as caught:
            STDIN.get("", context())
        assert caught.value.scheme == "-"
        assert_hides(caught.value)


@pytest.mark.parametrize("closed", [True, False])
def test_no_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch, closed: bool) -> None:
    stream = io.StringIO("s3cret")
    stream.close()
    monkeypatch.setattr("sys.stdin", stream if closed else None)
    with pytest.raises(VaultError, match="no standard input"):
        STDIN.get("", context())


def test_a_stream_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open("w", encoding="utf-8") as unreadable:
        monkeypatch.setattr("sys.stdin", unreadable)
        with pytest.raises(VaultError, match="Standard input cannot be read"):
            STDIN.get("", context())


def test_at_a_terminal_the_person_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("never read"))
    person = Answers(SENTINEL)
    assert [STDIN.get("", context(person)).reveal() for _ in range(2)] == [SENTINEL] * 2
    assert person.asked == [("Secret", True)]


def test_at_a_terminal_an_empty_answer_can_be_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    person = context(Answers("", SENTINEL))
    with pytest.raises(VaultError, match="is empty"):
        STDIN.get("", person)
    assert STDIN.get("", person).reveal() == SENTINEL


def test_at_a_terminal_without_a_prompter_a_person_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    with pytest.raises(InteractionRequired):
        STDIN.get("", context())
    assert STDIN.get("", context(Answers(SENTINEL))).reveal() == SENTINEL


def test_many_threads_read_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, SENTINEL.encode())
    together = threading.Barrier(8)

    def use(_: int) -> str:
        together.wait(10)
        return STDIN.get("", context()).reveal()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(8))) == {SENTINEL}


@pytest.mark.parametrize(
    ("piped", "shown"), [(b"s3cret\n", "s3cret"), (b"", "Standard input is empty.")]
)
def test_a_pipe_serves_both_uses_of_one_process(piped: bytes, shown: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", USE_IT],
        input=piped,
        capture_output=True,
        check=True,
        env=environment,
    )
    assert [line.startswith(shown) for line in done.stdout.decode().splitlines()] == [True, True]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals there")
def test_at_a_real_terminal_the_secret_is_not_echoed() -> None:
    import pexpect

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = """
from grantway.terminal import terminal
from vaults.support import VAULTS, context
here = context(terminal({}))
print(len({VAULTS["-"].get("", here) for _ in range(2)}), len(VAULTS["-"].get("", here).reveal()))
"""
    with pexpect.spawn(
        sys.executable, ["-c", script], env=environment, encoding="utf-8", timeout=30
    ) as person:
        person.expect("Secret: ")
        person.sendline(SENTINEL)
        person.expect(pexpect.EOF)
    assert person.before is not None
    assert SENTINEL not in person.before
    assert person.before.split() == ["1", str(len(SENTINEL))]
