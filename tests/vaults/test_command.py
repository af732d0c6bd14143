"""What a program writes, `command:PROGRAM ARG ...`, and what programs do instead."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import attrs
import pytest

from grantway.errors import Cancelled, DeadlineExceeded, GrantwayError, VaultError

from .support import SENTINEL, VAULTS, assert_hides, context

COMMAND = VAULTS["command"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")

# What the program says is in a file: its arguments are the caller's own words.
SAY = "import sys; said = open(sys.argv[1]).read(); print(said, flush=True)"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SENTINEL)
    return path


def python(source: str, *arguments: str) -> str:
    return shlex.join([sys.executable, "-c", source, *arguments])


def failed(name: str) -> VaultError:
    with pytest.raises(VaultError) as caught:
        COMMAND.get(name, context())
    assert caught.value.scheme == "command"
    assert_hides(caught.value)
    return caught.value


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and that nobody has fetched does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_alive(pid)


def written(path: Path) -> str:
    until = time.monotonic() + 20
    while not (path.exists() and path.read_text()) and time.monotonic() < until:
        time.sleep(0.01)
    return path.read_text()


@pytest.mark.parametrize(
    ("end", "taken"), [("", ""), ("\\n", ""), ("\\n\\n", "\n"), ("\\r\\n", "")]
)
def test_what_it_writes_is_the_secret_less_one_newline(end: str, taken: str) -> None:
    source = f"import sys; sys.stdout.buffer.write(b'{SENTINEL}{end}')"
    assert COMMAND.get(python(source), context()).reveal() == SENTINEL + taken


def test_the_words_are_divided_as_a_shell_divides_them_and_mean_nothing_else() -> None:
    source = "import sys; print('|'.join(sys.argv[1:]))"
    words = ["two words", "$HOME", "*", "`id`", ";", "#", "a'b", ""]
    assert COMMAND.get(python(source, *words), context()).reveal() == "|".join(words)


def test_it_has_no_standard_input_and_no_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    source = "import sys; print('said', file=sys.stderr); print('[' + sys.stdin.read() + ']')"
    assert COMMAND.get(python(source), context()).reveal() == "[]"
    assert capfd.readouterr() == ("", "")


def test_it_is_run_at_each_use_and_cannot_be_written_to(tmp_path: Path) -> None:
    source = "import sys; f = open(sys.argv[1], 'a+'); f.write('x'); print(f.tell())"
    name = python(source, str(tmp_path / "runs"))
    assert [COMMAND.get(name, context()).reveal() for _ in range(2)] == ["1", "2"]
    assert COMMAND.put is None


def test_a_failure_names_the_program_and_shows_nothing_of_what_it_said(secret: Path) -> None:
    source = f"{SAY}; print(said, file=sys.stderr); sys.exit(1)"
    error = failed(python(source, str(secret)))
    assert str(error).startswith(f"The command {sys.executable} failed with exit status 1.")
    assert str(secret) not in str(error)


@linux
def test_a_program_that_a_signal_ends_has_failed() -> None:
    error = failed(python("import os; os.kill(os.getpid(), 15)"))
    assert "ended by signal 15" in str(error)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-such-program-anywhere --x", "no-such-program-anywhere cannot be run"),
        ("/", "cannot be run"),
        ("   ", "names a program"),
        ("''", "names a program"),
        ("program 'open", "every quote closed"),
        ("program \0", "names a program"),
    ],
)
def test_what_cannot_be_run_is_told(name: str, words: str) -> None:
    assert words in str(failed(name))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("pass", "is empty"),
        ("import sys; sys.stdout.buffer.write(bytes(range(200, 256)))", "not UTF-8"),
        ("print('x' * 70_000)", "more than 65,536 bytes"),
        ("while True: print('x' * 4096)", "more than 65,536 bytes"),
    ],
)
def test_what_is_no_secret_is_told(source: str, words: str) -> None:
    assert words in str(failed(python(source)))


def test_the_most_that_is_allowed_is_read_whole() -> None:
    assert len(COMMAND.get(python("print('x' * 65_536)"), context()).reveal()) == 65_536


# Programs that do not end


def hung(
    tmp_path: Path, secret: Path, ends: type[GrantwayError], cancelled: threading.Event | None
) -> None:
    pids = tmp_path / "pids"
    source = (
        f"{SAY}; import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '1000'])\n"
        f"open(sys.argv[2], 'w').write(f'{{os.getpid()}} {{child.pid}}'); time.sleep(1000)"
    )
    name = python(source, str(secret), str(pids))
    here = context()
    if cancelled is None:
        here = attrs.evolve(here, deadline=here.clock.monotonic() + 2)
    else:
        here = attrs.evolve(here, cancelled=cancelled)
    began = time.monotonic()
    with pytest.raises(ends) as caught:
        COMMAND.get(name, here)
    assert time.monotonic() - began < 30
    assert_hides(caught.value)
    for pid in written(pids).split():
        assert gone(int(pid))


@linux
def test_a_program_that_hangs_ends_with_the_time_of_the_call(tmp_path: Path, secret: Path) -> None:
    hung(tmp_path, secret, DeadlineExceeded, None)


@linux
def test_a_program_that_hangs_ends_when_nobody_waits_any_more(tmp_path: Path, secret: Path) -> None:
    cancelled = threading.Event()

    def cancel() -> None:
        written(tmp_path / "pids")
        cancelled.set()

    thread = threading.Thread(target=cancel)
    thread.start()
    hung(tmp_path, secret, Cancelled, cancelled)
    thread.join()


@linux
@pytest.mark.parametrize("session", ["", ", start_new_session=True"])
def test_a_child_that_holds_its_output_open_keeps_nobody_waiting(
    tmp_path: Path, session: str
) -> None:
    pids = tmp_path / "pid"
    source = (
        f"import subprocess, sys; child = subprocess.Popen(['sleep', '1000']{session})\n"
        "open(sys.argv[1], 'w').write(str(child.pid)); print('all of it')"
    )
    began = time.monotonic()
    assert COMMAND.get(python(source, str(pids)), context()).reveal() == "all of it"
    assert time.monotonic() - began < 30
    child = int(written(pids))
    if session:
        # It has left on purpose, as a daemon does.
        assert is_alive(child)
        os.kill(child, signal.SIGKILL)
    assert gone(child)


@linux
def test_a_program_that_closes_its_output_is_waited_for() -> None:
    source = (
        "import os, sys, time; print('x', flush=True); os.close(1); time.sleep(0.3); os._exit(7)"
    )
    assert "exit status 7" in str(failed(python(source)))


@linux
def test_ctrl_c_ends_the_program_too(tmp_path: Path) -> None:
    pids = tmp_path / "pid"
    name = python(
        "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1000)",
        str(pids),
    )
    script = (
        "import sys; from vaults.support import VAULTS, context\n"
        "VAULTS['command'].get(sys.argv[1], context())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, name],
        cwd=Path(__file__).parents[1],
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        child = int(written(pids))
        asking.send_signal(signal.SIGINT)
        _, told = asking.communicate(timeout=30)
    assert "KeyboardInterrupt" in told
    assert gone(child)
