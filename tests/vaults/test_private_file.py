"""A file, `file:PATH`: what is read, and that no failure loses what was there."""

import errno
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grantway import Secret
from grantway.errors import VaultError
from grantway.testing import ManualClock
from grantway_vaults.contents import MOST, fault_of

from .support import SENTINEL, VAULTS, assert_hides, context, keep

FILE = VAULTS["file"]

posix_only = pytest.mark.skipif(os.name != "posix", reason="permission bits are of POSIX")


def check(path: Path | str) -> None:
    assert FILE.check is not None
    FILE.check(str(path))


def put(path: Path | str, text: str = SENTINEL) -> None:
    keep(FILE)(str(path), Secret(text), context())


def get(path: Path | str) -> str:
    return FILE.get(str(path), context()).reveal()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that holds the secret of last time, alone in its folder."""
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o600)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_untouched(old: Path) -> None:
    assert old.read_text() == "old"
    assert names(old.parent) == [old.name]


# Reading.


def test_one_newline_at_the_end_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"s3cret\n")
    assert get(tmp_path / "token") == "s3cret"


def test_a_tilde_is_the_home_folder() -> None:
    (Path.home() / "token").write_text("s3cret")
    assert get("~/token") == "s3cret"
    put("~/token", "new")
    assert get("~/token") == "new"


def test_a_home_folder_that_is_not_known_is_an_error() -> None:
    with pytest.raises(VaultError, match="whole path"):
        get("~no-such-user-here/token")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (SENTINEL.encode() + b"\x80", "is not UTF-8"),
        (b"\xff\xfe" + SENTINEL.encode("utf-16-le"), "is UTF-16"),
        (SENTINEL.encode() + b"x" * MOST, "holds more than 65,536 bytes"),
    ],
)
def test_a_file_without_a_secret_is_an_error_that_names_it_and_hides_what_it_holds(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(VaultError, match=f"token {says}") as caught:
        get(path)
    assert caught.value.scheme == "file"
    assert_hides(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "cannot be read: No such file"),
        (".", "is a folder"),
        ("x" * 300, "cannot be read: File name too long"),
        ("a\0b", "NUL"),
    ],
)
def test_what_is_no_file_is_an_error(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(VaultError, match=says) as caught:
        get(f"{tmp_path}/{name}")
    assert caught.value.remedy


@posix_only
def test_a_pipe_can_be_read_as_shells_pass_one() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb"), os.fdopen(writer, "wb") as end:
        end.write(b"s3cret\n")
        end.close()
        assert get(f"/dev/fd/{reader}") == "s3cret"


@posix_only
def test_who_can_read_a_pipe_by_name_is_not_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o644)
    writer = threading.Thread(target=pipe.write_text, args=("s3cret",))
    writer.start()
    assert get(pipe) == "s3cret"
    writer.join(60)
    assert not caplog.records


def test_a_file_that_is_just_being_written_over_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(0o600)

    class Clock(ManualClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            path.write_text(SENTINEL)
            return super().wait(event, seconds)

    clock = Clock()
    given = attrs.evolve(context(), clock=clock, deadline=clock.monotonic() + 60)
    assert FILE.get(str(path), given).reveal() == SENTINEL
    assert clock.waits


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no endless file here")
def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(VaultError, match="holds more"):
        get("/dev/zero")


@posix_only
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o644, 0o444])
def test_a_file_that_others_can_read_works_and_is_warned_about(
    old: Path, caplog: pytest.LogCaptureFixture, bits: int
) -> None:
    old.chmod(bits)
    assert get(old) == "old"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"chmod 600 {old}" in caplog.text


@posix_only
@pytest.mark.parametrize("bits", [0o600, 0o400, 0o620, 0o700])
def test_a_file_that_only_its_owner_can_read_is_not_warned_about(
    old: Path, caplog: pytest.LogCaptureFixture, bits: int
) -> None:
    old.chmod(bits)
    assert get(old) == "old"
    assert not caplog.records


# Writing.


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=80))
def test_what_is_put_comes_back_the_same_or_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    if fault_of(Secret(text)) is None:
        put(path, text)
        assert get(path) == text
    else:
        with pytest.raises(VaultError):
            put(path, text)


@posix_only
def test_the_file_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        put(tmp_path / "token")
    finally:
        os.umask(before)
    assert mode(tmp_path / "token") == 0o600


@posix_only
def test_the_old_permissions_do_not_live_on(old: Path) -> None:
    old.chmod(0o666)
    put(old)
    assert mode(old) == 0o600
    assert old.read_text() == SENTINEL


def test_nothing_else_is_left_in_the_folder(old: Path) -> None:
    check(old)
    assert_untouched(old)
    put(old)
    assert names(old.parent) == ["token"]


def test_a_new_file_is_checked_without_being_made(tmp_path: Path) -> None:
    check(tmp_path / "token")
    assert names(tmp_path) == []


@pytest.mark.parametrize("text", ["a\0b", " ", "x" * (MOST + 1)])
def test_what_could_not_be_read_again_is_not_kept(old: Path, text: str) -> None:
    with pytest.raises(VaultError, match="What is to be kept") as caught:
        put(old, text)
    assert caught.value.remedy
    assert_untouched(old)


def test_it_is_on_the_disk_before_it_takes_the_place_and_the_folder_after(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def watched_replace(source: Path, target: Path) -> None:
        assert Path(source).read_text() == SENTINEL
        assert Path(source).parent == Path(target).parent
        done.append("replace")
        replace(source, target)

    monkeypatch.setattr("os.fsync", watched_fsync)
    monkeypatch.setattr("os.replace", watched_replace)
    put(old)
    assert done == (["file", "replace", "folder"] if os.name == "posix" else ["file", "replace"])


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("step", ["os.open", "os.fsync", "os.replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EBUSY])
def test_a_failing_step_leaves_the_old_secret_and_nothing_beside_it(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(step, failing(OSError(number, os.strerror(number))))
        with pytest.raises(VaultError, match=os.strerror(number)) as caught:
            put(old)
    assert caught.value.scheme == "file"
    assert_hides(caught.value)
    assert_untouched(old)


@pytest.mark.parametrize("step", ["os.open", "os.fsync", "os.replace"])
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_the_old_secret_and_nothing_beside_it(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: str, interrupt: type[BaseException]
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(step, failing(interrupt()))
        with pytest.raises(interrupt):
            put(old)
    assert_untouched(old)


@posix_only
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_force_a_folder_will_do(
    old: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fsync = os.fsync

    def files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", files_only)
    put(old)
    assert old.read_text() == SENTINEL


@posix_only
def test_a_disk_that_fails_at_last_is_told_and_the_new_secret_is_there(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", files_only)
    with pytest.raises(VaultError, match="Input/output error"):
        put(old)
    assert old.read_text() == SENTINEL


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


DISK_FULL = """
import resource, signal, sys
from vaults.test_private_file import put
from grantway.errors import VaultError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    put(sys.argv[1], "x" * 60_000)
except VaultError as error:
    print(error)
"""

KILLED = """
import os, signal, sys
from vaults.test_private_file import put

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[2], die)
put(sys.argv[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set as Linux has it")
def test_a_full_disk_leaves_the_old_secret_and_nothing_beside_it(old: Path) -> None:
    done = run(DISK_FULL, old)
    assert "cannot be written: File too large" in done.stdout
    assert not done.stderr
    assert_untouched(old)


@posix_only
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_process_that_is_killed_leaves_the_old_secret(old: Path, step: str) -> None:
    assert run(KILLED, old, step).returncode == -9
    assert old.read_text() == "old"
    left = [path for path in old.parent.iterdir() if path != old]
    # Nobody was there to remove it, but nobody else can read it either.
    assert [mode(path) for path in left] == [0o600]
    put(old, "new")
    assert old.read_text() == "new"


def test_who_reads_while_others_write_gets_a_whole_secret(tmp_path: Path) -> None:
    path = tmp_path / "token"
    texts = {letter * 20_000 for letter in "abc"}
    put(path, next(iter(texts)))
    done = threading.Event()
    seen: set[str] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(get(path))

    def write(text: str) -> None:
        for _ in range(30):
            put(path, text)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(60)
    done.set()
    reader.join(60)
    assert seen <= texts
    assert seen
    assert names(tmp_path) == ["token"]


# Links.


def test_a_link_stays_and_what_it_leads_to_is_replaced(old: Path, tmp_path: Path) -> None:
    far = tmp_path / "far"
    far.mkdir()
    (far / "near").symlink_to(old)
    (far / "link").symlink_to("near")
    check(far / "link")
    put(far / "link")
    assert old.read_text() == SENTINEL
    assert (far / "link").is_symlink()
    assert (far / "near").is_symlink()
    assert names(far) == ["link", "near"]


def test_a_link_to_a_file_that_is_not_there_yet_leads_to_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("token")
    put(tmp_path / "link")
    assert (tmp_path / "token").read_text() == SENTINEL
    assert (tmp_path / "link").is_symlink()


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for use in (check, put, get):
        with pytest.raises(VaultError):
            use(tmp_path / "one")


@posix_only
def test_a_link_of_another_user_is_not_followed(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(old)
    try:
        os.lchown(link, 12_345, 12_345)
    except PermissionError:
        pytest.skip("only root can give a link away")
    for use in (check, put):
        with pytest.raises(VaultError, match="link of another user"):
            use(link)
    assert old.read_text() == "old"


# What cannot be replaced is found out beforehand.


def test_a_folder_a_missing_folder_and_a_file_as_folder_are_refused(old: Path) -> None:
    for name, says in [
        (old.parent, "is a folder"),
        (old.parent / "missing" / "token", "There is no folder"),
        (old / "token", "cannot be looked at: Not a directory"),
        (f"{old}\0", "NUL"),
    ]:
        for use in (check, put):
            with pytest.raises(VaultError, match=says):
                use(name)
    assert_untouched(old)


@posix_only
def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in (pipe, "/dev/null"):
        for use in (check, put):
            with pytest.raises(VaultError, match="not a regular file"):
                use(name)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_a_folder_that_takes_no_file_is_found_out_even_by_root() -> None:
    with pytest.raises(VaultError, match="No file can be made in /proc"):
        check("/proc/token")


def test_a_file_that_is_mounted_by_itself_is_found_out(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstat = Path.lstat

    def of_another_device(path: Path) -> object:
        status = lstat(path)
        return SimpleNamespace(
            st_mode=status.st_mode, st_uid=status.st_uid, st_dev=status.st_dev + (path == old)
        )

    monkeypatch.setattr(Path, "lstat", of_another_device)
    for use in (check, put):
        with pytest.raises(VaultError, match="mounted by itself"):
            use(old)
    assert_untouched(old)


@pytest.mark.skipif(sys.platform == "win32", reason="a folder cannot be opened there")
def test_a_folder_that_may_be_written_to_but_not_read_will_do(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def no_folders(path: object, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_DIRECTORY:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, mode)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr("os.open", no_folders)
    put(old)
    assert old.read_text() == SENTINEL
