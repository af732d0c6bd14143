"""Standard input, `-`: read once, used often."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import attrs
import pytest

from grantway import Context, Secret
from grantway.errors import (
    Cancelled,
    DeadlineExceeded,
    GrantwayError,
    InteractionRequired,
    VaultError,
)
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


def within(given: Context, *, timeout: float) -> Context:
    """The same context with another time."""
    deadline = given.clock.monotonic() + timeout
    return attrs.evolve(given, deadline=deadline, timeout=timeout)


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


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end to write to of a pipe that is standard input."""
    source, sink = os.pipe()
    stream = os.fdopen(source, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stream)
    yield sink
    stream.close()
    with suppress(OSError):
        os.close(sink)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be polled there")
def test_who_writes_nothing_costs_the_time_of_the_call_and_no_more(pipe: int) -> None:
    with pytest.raises(DeadlineExceeded):
        STDIN.get("", within(context(), timeout=0.2))


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be polled there")
def test_a_wait_for_it_ends_when_nobody_waits_any_more(pipe: int) -> None:
    given = context()
    outcome: list[BaseException] = []

    def use() -> None:
        try:
            STDIN.get("", given)
        except GrantwayError as error:
            outcome.append(error)

    reader = threading.Thread(target=use)
    reader.start()
    given.cancelled.set()
    reader.join(5)
    assert [type(each) for each in outcome] == [Cancelled]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be polled there")
def test_who_waits_for_anothers_reading_keeps_a_deadline_of_its_own(pipe: int) -> None:
    outcome: list[Secret] = []
    patient = threading.Thread(target=lambda: outcome.append(STDIN.get("", context())))
    patient.start()
    with pytest.raises(DeadlineExceeded):
        STDIN.get("", within(context(), timeout=0.2))
    os.write(pipe, SENTINEL.encode())
    os.close(pipe)
    patient.join(5)
    assert [each.reveal() for each in outcome] == [SENTINEL]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be polled there")
def test_half_a_secret_is_in_no_frame_and_the_next_call_reads_the_rest(pipe: int) -> None:
    half = len(SENTINEL) // 2
    os.write(pipe, SENTINEL[:half].encode())
    with pytest.raises(DeadlineExceeded) as caught:
        STDIN.get("", within(context(), timeout=0.3))
    assert_hides(caught.value, SENTINEL[:half])
    os.write(pipe, SENTINEL[half:].encode())
    os.close(pipe)
    assert STDIN.get("", context()).reveal() == SENTINEL


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
