"""A database where nothing can be written: it is read, and what cannot be stored costs no token."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cache.support import OTHER_KEY, python, result, sqlite_cache, stored
from grantway.cache.sqlite import SqliteTokenCache
from grantway.errors import CacheError

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")


# In a folder without write permission.


@pytest.fixture
def locked() -> Iterator[Path]:
    """A user's folder for the cache, which they have made read-only: root may write anywhere."""
    folder = Path(tempfile.mkdtemp(prefix="grantway-"))
    inner = folder / "inner"
    inner.mkdir(mode=0o700)
    cache = SqliteTokenCache(inner / "tokens.db")
    cache.put("k", result())
    cache.put_refresh_token("s", stored())
    cache.close()
    yield inner
    inner.chmod(0o700)
    shutil.rmtree(folder)


def give(folder: Path) -> None:
    folder.chmod(0o500)
    if os.geteuid() == 0:
        for each in (folder.parent, folder, *folder.iterdir()):
            os.chown(each, NOBODY, NOBODY)


USING = """
import json, os, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from cli.support import SENTINEL, Shop, run, session, token_result
from cache.support import result, stored
from grantway.cache.sqlite import SqliteTokenCache
from grantway.errors import CacheError

def use_all(path):
    cache, said = SqliteTokenCache(path), []
    for use in (
        lambda: cache.get("k").access_token,
        lambda: cache.get_refresh_token("s").token.reveal(),
        lambda: cache.get("nothing"),
        lambda: [slot for slot, _ in cache.refresh_tokens("an owner")],
        lambda: len(list(cache.entries())),
        lambda: cache.info().access_tokens,
        lambda: cache.put("k", result("new")),
        lambda: cache.put_refresh_token("s", stored("new")),
        lambda: cache.lock("k", time.sleep).__enter__(),
        lambda: cache.get("k").access_token,
    ):
        try:
            said.append(use())
        except CacheError as error:
            said.append(str(error))
    now = datetime.now(UTC)
    shop = Shop(lambda *_: token_result(acquired_on=now, expires_on=now + timedelta(hours=1)))
    outcome = run(
        "token", "--environment", "Mall", "--voucher", "env:TEST_SECRET",
        session=session(shop, cache=cache, prompter=False),
    )
    cache.close()
    return said, [outcome.code, outcome.stdout, outcome.stderr]

os.environ["TEST_SECRET"] = SENTINEL
use_all(Path(sys.argv[1]))  # all is imported now, from wherever that user could not read
if os.geteuid() == 0:
    os.setuid(int(sys.argv[3]))
print(json.dumps(use_all(Path(sys.argv[2]))))
"""


def test_what_is_there_is_read_and_what_comes_is_returned_with_a_warning(
    locked: Path, tmp_path: Path
) -> None:
    give(locked)
    before = {each.name: each.read_bytes() for each in locked.iterdir()}
    warm = tmp_path / "own" / "tokens.db"
    shutil.copytree(locked, warm.parent)
    for each in (warm.parent, *warm.parent.iterdir()):
        os.chown(each, os.geteuid(), os.getegid())
    warm.parent.chmod(0o700)
    done = python(USING, str(warm), str(locked / "tokens.db"), str(NOBODY))
    assert done.stderr == ""
    said, token = json.loads(done.stdout)
    assert said[:6] == [
        "sentinel-access-token", "sentinel-refresh-token", None, ["s"], 2, 1,
    ]  # fmt: skip
    for each in said[6:8]:
        assert "readonly" in each
        assert "it and its folder must be writable" in each
    # The file of locks is there, and nothing is written into that.
    assert said[8:] == [None, "sentinel-access-token"]
    code, out, err = token
    assert (code, out) == (0, "the-access-token\n")
    assert "Warning: the token cache failed" in err
    assert {each.name: each.read_bytes() for each in locked.iterdir()} == before


# On a disk that is mounted read-only, where root cannot write either.


def mounted(*args: str) -> bool:
    return not subprocess.run(["mount", *args], capture_output=True, check=False).returncode


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A folder, and where the same is mounted read-only."""
    there, read_only = tmp_path / "there", tmp_path / "read-only"
    for each in (there, read_only):
        each.mkdir(mode=0o700)
    if sys.platform != "linux" or not mounted("--bind", str(there), str(read_only)):
        pytest.skip("nothing can be mounted here; a folder without write permission stands for it")
    try:
        assert mounted("-o", "remount,bind,ro", str(read_only))
        yield there / "tokens.db", read_only / "tokens.db"
    finally:
        subprocess.run(["umount", str(read_only)], check=True)


def test_a_database_that_nobody_has_open_is_read_from_a_read_only_disk(
    disk: tuple[Path, Path],
) -> None:
    there, read_only = disk
    writer = sqlite_cache(there)
    writer.put("k", result())
    writer.close()
    reader = sqlite_cache(read_only)
    assert reader.get("k") is not None
    assert reader.get("nothing") is None
    with pytest.raises(CacheError, match=r"readonly.*it and its folder must be writable"):
        reader.put("k", result())
    # Whoever may write has written meanwhile, and has ended.
    writer.put("later", result())
    writer.close()
    assert reader.get("later") is not None
    reader.close()


def test_what_a_writer_elsewhere_has_not_yet_moved_into_the_file_is_seen(
    disk: tuple[Path, Path],
) -> None:
    """An older refresh token than the newest may be spent."""
    there, read_only = disk
    writer, reader = sqlite_cache(there), sqlite_cache(read_only)
    for number in range(3):
        writer.put_refresh_token("s", stored(f"token {number}"))
        found = reader.get_refresh_token("s")
        assert found is not None
        assert found.token.reveal() == f"token {number}"
    assert there.with_name("tokens.db-wal").stat().st_size
    # The writer is killed: its log stays, without the file that goes with it.
    shutil.copytree(there.parent, there.parent / "copy")
    writer.close()
    copy = there.parent / "copy"
    copy.chmod(0o700)
    (copy / "tokens.db-shm").unlink()
    left = sqlite_cache(read_only.parent / "copy" / "tokens.db")
    with pytest.raises(CacheError, match="folder must be writable"):
        left.get_refresh_token("s")
    reader.close()


def test_another_key_reads_nothing_there_and_needs_to_write_nothing(
    disk: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    there, read_only = disk
    writer = sqlite_cache(there)
    writer.put("k", result())
    writer.close()
    other = sqlite_cache(read_only, OTHER_KEY)
    assert other.get("k") is None
    assert "another key" in caplog.text
    other.close()


def test_a_read_only_disk_without_a_database_is_a_cache_error(disk: tuple[Path, Path]) -> None:
    _, read_only = disk
    with pytest.raises(CacheError, match=r"cannot be made: Read-only file system"):
        sqlite_cache(read_only).get("k")


def test_a_disk_that_becomes_writable_is_written(disk: tuple[Path, Path]) -> None:
    there, read_only = disk
    writer = sqlite_cache(there)
    writer.put("k", result())
    writer.close()
    cache = sqlite_cache(read_only)
    assert cache.get("k") is not None
    assert mounted("-o", "remount,bind,rw", str(read_only.parent))
    cache.put("later", result())
    assert cache.get("later") is not None
    cache.close()


# An empty file.


def empty(path: Path, mode: int = 0o600) -> Path:
    path.parent.mkdir(mode=0o700)
    path.touch(mode)
    path.chmod(mode)
    return path


def test_an_empty_file_of_this_users_becomes_the_database(tmp_path: Path) -> None:
    """To SQLite that is a database with nothing in it, as one leaves who was killed at its birth."""
    path = empty(tmp_path / "own" / "tokens.db")
    inode = path.stat().st_ino
    cache = sqlite_cache(path)
    cache.put("k", result())
    assert cache.get("k") is not None
    cache.close()
    assert path.stat().st_ino == inode
    assert not path.with_name("tokens.db.corrupt").exists()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM results").fetchone() == (1,)
    connection.close()


def test_an_empty_file_that_others_may_open_is_refused_as_any_other(tmp_path: Path) -> None:
    path = empty(tmp_path / "own" / "tokens.db", 0o644)
    with pytest.raises(CacheError, match=r"open to other users.*chmod 600"):
        sqlite_cache(path).put("k", result())
    assert path.stat().st_size == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_an_empty_file_of_another_users_is_refused_as_any_other(tmp_path: Path) -> None:
    path = empty(tmp_path / "own" / "tokens.db")
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(CacheError, match="belongs to another user"):
        sqlite_cache(path).put("k", result())
    assert path.stat().st_size == 0
