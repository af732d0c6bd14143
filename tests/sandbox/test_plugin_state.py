"""What a running sandbox leaves behind for others, and who is believed."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grantway.errors import ConfigurationError
from grantway_sandbox import state

URL = "http://127.0.0.1:4711"


def leave(**changes: Any) -> Path:
    """Write a state file that is good but for `changes`."""
    facts: dict[str, Any] = {
        "url": URL,
        "pid": os.getpid(),
        "ca_bundle": None,
        "machine": state.machine(),
    }
    return state.write(state.FILE, json.dumps(facts | changes))


def test_what_is_announced_is_read_back() -> None:
    announced = state.State(URL, os.getpid(), "/some/ca.pem")
    state.announce(announced)
    assert state.read() == announced


def test_nothing_is_found_where_nothing_was_left() -> None:
    assert state.read() is None


@pytest.mark.skipif(sys.platform == "win32", reason="no permission bits there")
def test_files_and_folder_are_for_their_owner_only() -> None:
    path = leave()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == [state.FILE]


def test_a_file_is_replaced_in_one_step_and_a_failure_leaves_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = state.write("x", "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ConfigurationError, match="No space left"):
        state.write("x", "new")
    assert path.read_text() == "old"
    assert [each.name for each in path.parent.iterdir()] == ["x"]


def test_the_state_of_a_process_that_is_gone_is_ignored() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    leave(pid=gone.pid)
    assert state.read() is None


@pytest.mark.parametrize("pid", [0, -1, True, 1.5, "1", None, 10**30])
def test_what_is_no_process_id_is_ignored(pid: object) -> None:
    leave(pid=pid)
    assert state.read() is None


def test_the_state_of_another_machine_is_ignored() -> None:
    leave(machine="elsewhere")
    assert state.read() is None


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.1:1",
        "https://login.example",
        "http://localhost:1",
        "http://127.0.0.1.example:1",
        "http://user@127.0.0.1:1",
        "http://127.0.0.1:1/path",
        "http://127.0.0.1:x",
        "http://127.0.0.1:0",
        "ftp://127.0.0.1",
        "",
        7,
    ],
)
def test_a_url_that_is_no_literal_loopback_address_is_ignored(url: object) -> None:
    leave(url=url)
    assert state.read() is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "{}", "\x00", "[" * 20_000, '{"url": "' + "x" * 70_000]
)
def test_a_malformed_file_is_ignored(text: str) -> None:
    state.write(state.FILE, text)
    assert state.read() is None


def test_a_file_that_is_no_text_is_ignored() -> None:
    leave().write_bytes(b"\xff\xfe{")
    assert state.read() is None


def test_a_bundle_that_is_no_path_is_ignored() -> None:
    leave(ca_bundle=7)
    assert state.read() is None


@pytest.mark.skipif(sys.platform == "win32", reason="no permission bits there")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_ignored(mode: int) -> None:
    leave().chmod(mode)
    assert state.read() is None


@pytest.mark.skipif(sys.platform == "win32", reason="no owners there")
def test_a_file_of_another_user_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    leave()
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert state.read() is None


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_not_followed_and_a_pipe_holds_nobody_up() -> None:
    path = leave()
    target = path.rename(path.with_name("elsewhere"))
    path.symlink_to(target)
    assert state.read() is None
    path.unlink()
    os.mkfifo(path)
    assert state.read() is None
    path.unlink()
    path.mkdir()
    assert state.read() is None


def test_withdrawing_removes_the_files_of_that_sandbox_only() -> None:
    mine, other = state.State(URL, os.getpid()), state.State(f"{URL}1", os.getpid())
    state.write(state.SECRET_FILE, "s")
    state.announce(other)
    state.withdraw(mine)
    assert state.read() == other
    state.withdraw(other)
    assert list(state.folder().iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy() -> None:
    state.folder().parent.mkdir(parents=True, exist_ok=True)
    state.folder().write_text("in the way")
    with pytest.raises(ConfigurationError, match="permissions"):
        state.write("x", "y")
    assert state.read() is None
