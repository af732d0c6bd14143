"""The cache in a file: what lies on the disk, who may see it, and what happens when it fails."""

import json
import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from cache.support import KEY, OTHER_KEY, facts, python, result, sqlite_cache, stored
from grantway.cache.database import _MIGRATIONS, SCHEMA
from grantway.cache.pruning import OTHER_KEYS_KEPT
from grantway.cache.sqlite import SqliteTokenCache, from_url
from grantway.errors import CacheError, ConfigurationError

POSIX = os.name == "posix"
NOBODY = 65534
needs_posix = pytest.mark.skipif(not POSIX, reason="permission bits are POSIX")

SENTINELS = (
    "sentinel", "Sentinel", "contoso", "an owner", "id.example",
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "tokens.db"


@pytest.fixture
def cache(path: Path) -> Iterator[SqliteTokenCache]:
    made = sqlite_cache(path)
    yield made
    made.close()


def row_count(path: Path, table: str = "results") -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


# What lies on the disk.


def test_no_file_of_the_cache_tells_a_token_or_whose_it_is(
    cache: SqliteTokenCache, path: Path
) -> None:
    cache.put("sentinel-key", result())
    cache.put_refresh_token("sentinel-slot", stored())
    cache.put_pause("sentinel-authority", 4e9)
    with cache.lock("sentinel-lock", time.sleep):
        files = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    assert {"tokens.db", "tokens.db-wal", "tokens.db-shm", "tokens.db.locks"} <= set(files)
    assert len(files["tokens.db-wal"]) > 1000
    cache.close()
    files["closed"] = path.read_bytes()
    assert len(files["closed"]) > 1000
    for name, content in files.items():
        for encoding in ("utf-8", "utf-16-le"):
            for sentinel in SENTINELS:
                assert sentinel.encode(encoding) not in content, (name, sentinel)
        assert KEY.value not in content, name


@needs_posix
def test_all_files_are_their_owners_alone_from_the_first_moment(tmp_path: Path) -> None:
    """Seen by another thread that looks as fast as it can, whatever the umask."""
    seen: dict[str, set[int]] = {}
    stop = threading.Event()
    folder = tmp_path / "new" / "folder"

    def look() -> None:
        while not stop.is_set():
            try:
                for each in (folder, *folder.iterdir()):
                    seen.setdefault(each.name, set()).add(stat.S_IMODE(each.lstat().st_mode))
            except OSError:
                continue

    looker = threading.Thread(target=look)
    looker.start()
    before = os.umask(0)
    try:
        for _ in range(20):
            cache = SqliteTokenCache(folder / "tokens.db")
            cache.put("k", result())
            with cache.lock("k", time.sleep):
                cache.close()
            shutil.rmtree(folder)
    finally:
        os.umask(before)
        stop.set()
        looker.join()
    assert seen.pop("folder") == {0o700}
    assert {"tokens.db", "tokens.db-wal"} <= set(seen)
    assert set().union(*seen.values()) == {0o600}


def test_making_a_cache_opens_nothing(path: Path) -> None:
    sqlite_cache(path).close()
    assert not path.parent.exists()


def test_rows_cannot_be_exchanged(cache: SqliteTokenCache, path: Path) -> None:
    cache.put("mine", result("mine"))
    cache.put("yours", result("yours"))
    cache.close()
    connection = sqlite3.connect(path)
    with connection:
        bodies = [body for (body,) in connection.execute("SELECT body FROM results ORDER BY id")]
        connection.execute("UPDATE results SET body=? WHERE id=1", (bodies[1],))
    connection.close()
    assert cache.get("mine") is None
    yours = cache.get("yours")
    assert yours is not None
    assert yours.access_token == "yours"


def test_a_refresh_token_does_not_pass_for_a_result(cache: SqliteTokenCache, path: Path) -> None:
    cache.put("k", result())
    cache.put_refresh_token("k", stored())
    cache.close()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            "UPDATE results SET (name, body) = (SELECT name, body FROM refresh_tokens)"
        )
    connection.close()
    assert cache.get("k") is None
    assert next(cache.entries()).kind == "refresh_token"


# Keys.


def test_a_row_that_cannot_be_decrypted_is_dropped_with_a_warning(
    cache: SqliteTokenCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("k", result())
    cache.put_refresh_token("s", stored())
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE results SET body=zeroblob(100)")
        connection.execute("UPDATE refresh_tokens SET body='text'")
    connection.close()
    with caplog.at_level(logging.WARNING):
        assert cache.get("k") is None
        assert cache.refresh_tokens("an owner") == []
    assert len(caplog.records) == 2
    assert "cannot be read" in caplog.text
    assert row_count(path) == row_count(path, "refresh_tokens") == 0


def test_whoever_lists_damaged_rows_drops_them_and_says_so(
    cache: SqliteTokenCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("k", result())
    cache.put("damaged", result())
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE results SET body=zeroblob(100) WHERE id=2")
    connection.close()
    assert [each.key for each in cache.entries()] == ["k"]
    assert "is damaged, cannot be read, and is dropped" in caplog.text
    assert cache.info().access_tokens == row_count(path) == 1


def test_another_key_finds_nothing_says_so_once_and_loses_nothing(
    cache: SqliteTokenCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("k", result())
    cache.put_refresh_token("s", stored())
    other = sqlite_cache(path, OTHER_KEY)
    with caplog.at_level(logging.WARNING):
        assert other.get("k") is None
        assert other.refresh_tokens("an owner") == []
        assert other.get("k") is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "another key" in caplog.text
    assert "dropped after a month without use" in caplog.text
    other.put("mine", result())
    info = other.info()
    assert (info.access_tokens, info.refresh_tokens, info.unreadable) == (1, 0, 2)
    assert [each.key for each in other.entries()] == ["mine"]
    other.prune()
    other.close()
    assert cache.get_refresh_token("s") is not None
    assert cache.get("k") is not None


def test_what_another_key_made_goes_a_month_after_its_last_use(path: Path) -> None:
    cache = sqlite_cache(path)
    cache.put_refresh_token("s", stored())
    cache.close()
    later = sqlite_cache(path, OTHER_KEY, now=lambda: time.time() + OTHER_KEYS_KEPT + 60)
    later.put_refresh_token("other", stored())
    assert later.prune() == 1
    assert row_count(path, "refresh_tokens") == 1
    later.close()


def test_without_a_key_nothing_is_stored_and_nothing_crashes(path: Path) -> None:
    def no_key() -> None:
        raise CacheError("no key")

    cache = SqliteTokenCache(path, no_key)
    assert len(cache.fingerprint_key) == 32
    assert cache.fingerprint_key == cache.fingerprint_key
    for use in (lambda: cache.get("k"), lambda: cache.put("k", result()), cache.info):
        with pytest.raises(CacheError, match="no key"):
            use()
    assert not path.exists()


# Versions.


def test_a_later_version_is_left_untouched(cache: SqliteTokenCache, path: Path) -> None:
    cache.put("k", result())
    cache.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={SCHEMA + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CacheError, match=r"later version.*Update grantway"):
        cache.get("k")
    with pytest.raises(CacheError, match="later version"):
        cache.clear()
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_left_untouched(
    cache: SqliteTokenCache, path: Path
) -> None:
    path.parent.mkdir(mode=0o700)
    os.close(os.open(path, os.O_CREAT, 0o600))
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CacheError, match="database of something else"):
        cache.put("k", result())
    assert path.read_bytes() == before


def test_each_version_has_what_leads_to_it() -> None:
    assert len(_MIGRATIONS) == SCHEMA


def test_many_processes_that_come_first_together_make_one_cache(path: Path) -> None:
    code = """
import sys
from pathlib import Path
from cache.support import result
from grantway.cache.sqlite import SqliteTokenCache
cache = SqliteTokenCache(Path(sys.argv[1]))
cache.put(sys.argv[2], result())
print(cache.fingerprint_key.hex(), flush=True)
"""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(number)],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [error for _, error in outputs] == [""] * 8
    assert len({out for out, _ in outputs}) == 1
    cache = SqliteTokenCache(path)
    assert all(cache.get(str(number)) is not None for number in range(8))
    assert {each.name for each in path.parent.iterdir()} >= {"tokens.db", "tokens.db.key"}
    assert not list(path.parent.glob("*.new"))
    cache.close()


# Bounds.


def test_of_very_many_results_those_used_the_longest_ago_go(path: Path) -> None:
    now = [time.time()]
    cache = sqlite_cache(path, limit=5, now=lambda: now[0])
    cache.put_refresh_token("slot", stored())
    for number in range(8):
        now[0] += 1
        cache.put(str(number), result(expires_on=None, extended_expires_on=None))
    now[0] += 7200
    assert cache.get("0") is not None
    assert cache.prune() == 3
    left = {number for number in range(8) if cache.get(str(number)) is not None}
    assert left == {0, 4, 5, 6, 7}
    assert cache.get_refresh_token("slot") is not None
    cache.close()


def test_results_do_not_pile_up_though_nobody_prunes(path: Path) -> None:
    cache = sqlite_cache(path, limit=300)
    over = datetime.now(UTC) - timedelta(days=1)
    for number in range(2100):
        old = number % 2
        cache.put(
            str(number), result(extended_expires_on=over, **{"expires_on": over} if old else {})
        )
    assert cache.info().access_tokens <= 1300
    assert cache.get("2098") is not None
    cache.close()


def test_a_hit_writes_nothing_but_once_an_hour(path: Path) -> None:
    now = [time.time()]
    cache = sqlite_cache(path, now=lambda: now[0])
    cache.put("k", result())
    wal = path.with_name("tokens.db-wal")
    size = wal.stat().st_size
    for _ in range(100):
        assert cache.get("k") is not None
    assert wal.stat().st_size == size
    now[0] += 3601
    for _ in range(100):
        assert cache.get("k") is not None
    grown = wal.stat().st_size - size
    assert 0 < grown <= 5 * 4200
    cache.close()


# Failures.


def test_a_link_is_refused(cache: SqliteTokenCache, path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    target = tmp_path / "theirs"
    target.touch(0o600)
    path.symlink_to(target)
    with pytest.raises(CacheError, match=r"symbolic link.*Name the file or folder itself"):
        cache.put("k", result())
    assert target.read_bytes() == b""


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(CacheError, match="symbolic link"):
        sqlite_cache(tmp_path / "link" / "tokens.db").put("k", result())
    assert list(real.iterdir()) == []


@needs_posix
@pytest.mark.parametrize("name", ["tokens.db", "tokens.db.key", "tokens.db.locks", "."])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o750])
def test_what_others_can_open_is_refused(path: Path, name: str, mode: int) -> None:
    first = SqliteTokenCache(path)
    first.put("k", result())
    with first.lock("k", time.sleep):
        pass
    first.close()
    (path.parent / name).chmod(mode)
    again = SqliteTokenCache(path)

    def put_and_lock() -> None:
        again.put("k", result())
        with again.lock("k", time.sleep):
            pass

    with pytest.raises(CacheError, match=r"open to other users.*chmod [67]00 "):
        put_and_lock()


@needs_posix
def test_what_belongs_to_another_user_is_refused(cache: SqliteTokenCache, path: Path) -> None:
    if os.geteuid() == 0:
        cache.put("k", result())
        cache.close()
        os.chown(path, NOBODY, NOBODY)
        with pytest.raises(CacheError, match="belongs to another user"):
            cache.get("k")
        os.chown(path, 0, 0)
        os.chown(path.parent, NOBODY, NOBODY)
    else:
        cache = sqlite_cache(Path("/usr/tokens.db"))
    with pytest.raises(CacheError, match="belongs to another user"):
        cache.get("k")


@needs_posix
def test_a_read_only_folder_is_a_cache_error(tmp_path: Path) -> None:
    """Root may write anywhere, so this is tried by a process of another user."""
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="grantway-"))
    try:
        inner = folder / "inner"
        inner.mkdir(mode=0o500)
        if root:
            for each in (folder, inner):
                os.chown(each, NOBODY, NOBODY)
        code = """
import os, sys, time
from pathlib import Path
from cache.support import result, sqlite_cache
from grantway.errors import CacheError
def use_all(path):
    cache = sqlite_cache(path)
    for use in (lambda: cache.put("k", result()), lambda: cache.get("k"), lambda: cache.lock("k", time.sleep).__enter__()):
        try:
            use()
        except CacheError as error:
            print(error)
    cache.close()
use_all(Path(sys.argv[1]))  # all is imported now, from wherever that user could not read
if os.geteuid() == 0:
    os.setuid(int(sys.argv[3]))
use_all(Path(sys.argv[2]))
"""
        own = tmp_path / "own" / "tokens.db"
        done = python(code, str(own), str(inner / "tokens.db"), str(NOBODY))
        assert done.stderr == ""
        assert done.stdout.count("Permission denied") == 3
        assert done.stdout.count("name another place") == 3
    finally:
        shutil.rmtree(folder)


FILLING = """
import json, resource, sys
from pathlib import Path
from cache.support import result, sqlite_cache
from grantway.errors import CacheError
if sys.argv[2] != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
cache = sqlite_cache(Path(sys.argv[1]))
acknowledged, failures = [], []
for number in range(1000):
    try:
        cache.put(str(number), result("x" * 2000))
        acknowledged.append(number)
    except CacheError as error:
        failures.append(str(error))
        if len(failures) == 20:
            break
missing = [each for each in acknowledged if cache.get(str(each)) is None]
print(json.dumps([acknowledged, failures, missing]))
"""


def check_filled(output: str, path: Path) -> None:
    acknowledged, failures, missing = json.loads(output)
    assert len(acknowledged) > 20
    assert len(failures) == 20
    assert not missing
    cache = sqlite_cache(path)
    assert cache.info().access_tokens == len(acknowledged)
    assert all(cache.get(str(number)) is not None for number in acknowledged)
    cache.close()


@pytest.mark.skipif(sys.platform != "linux", reason="what a limit does differs elsewhere")
def test_a_full_disk_is_a_cache_error_and_loses_nothing(path: Path) -> None:
    done = python(FILLING, str(path), "600000")
    assert done.stderr == ""
    check_filled(done.stdout, path)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system of Linux")
def test_a_full_file_system_is_a_cache_error_and_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here; RLIMIT_FSIZE stands for it")
    try:
        done = python(FILLING, str(disk / "tokens.db"), "0")
        assert done.stderr == ""
        assert "Free some space" in done.stdout
        # Room again: the rest of the file system was taken by the cache itself.
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        check_filled(done.stdout, disk / "tokens.db")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_locked_database_is_a_cache_error_within_seconds(path: Path) -> None:
    cache = sqlite_cache(path, patience=0.2)
    cache.put("k", result())
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    with pytest.raises(CacheError, match="Another process holds it"):
        cache.put("k", result())
    assert time.monotonic() - begin < 5
    assert cache.get("k") is not None
    holder.execute("ROLLBACK")
    cache.put("k", result())
    holder.close()
    cache.close()


def test_a_removed_database_is_made_again(cache: SqliteTokenCache, path: Path) -> None:
    cache.put("k", result())
    shutil.rmtree(path.parent)
    assert cache.get("k") is None
    cache.put("k", result())
    again = sqlite_cache(path)
    assert again.get("k") is not None
    again.close()


def test_a_file_that_is_no_database_is_set_aside(
    cache: SqliteTokenCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"my thesis " * 1000)
    path.chmod(0o600)
    with caplog.at_level(logging.WARNING):
        cache.put("k", result())
    assert "set aside as tokens.db.corrupt" in caplog.text
    assert path.with_name("tokens.db.corrupt").read_bytes() == b"my thesis " * 1000
    assert cache.get("k") is not None


def filled(path: Path) -> bytes:
    cache = SqliteTokenCache(path)
    for number in range(40):
        cache.put(str(number), result("x" * 2000))
        cache.put_refresh_token(str(number), stored())
    cache.close()
    return path.read_bytes()


def use_all(path: Path) -> tuple[int, list[CacheError]]:
    """How many rows are found, and what failed; nothing else may be raised."""
    cache, found, failures = SqliteTokenCache(path), 0, []

    def tried(use: Callable[[], object]) -> object:
        try:
            return use()
        except CacheError as error:
            failures.append(error)
            return None

    for number in range(40):
        one = tried(lambda number=number: cache.get(str(number)))
        other = tried(lambda number=number: cache.get_refresh_token(str(number)))
        # What is found is what was stored.
        assert one is None or facts(one)["access_token"] == "x" * 2000  # type: ignore[index]
        assert other is None or facts(other) == facts(stored())
        found += (one is not None) + (other is not None)
    tried(lambda: list(cache.entries()))
    tried(lambda: cache.refresh_tokens("an owner"))
    tried(cache.prune)
    tried(cache.info)
    if tried(lambda: cache.put("new", result()) or True):
        new = tried(lambda: cache.get("new"))
        assert new is not None or failures
    cache.close()
    return found, failures


def test_a_truncated_database_is_survived(path: Path) -> None:
    content, random = filled(path), Random(7)
    lengths = [0, 1, 99, 100, 4096, len(content) - 1]
    for length in (*lengths, *(random.randrange(len(content)) for _ in range(40))):
        path.write_bytes(content[:length])
        _, failures = use_all(path)
        assert not failures, length
        shutil.rmtree(path.parent / "x", ignore_errors=True)
        for each in path.parent.glob("tokens.db*"):
            if each.name not in ("tokens.db", "tokens.db.key"):
                each.unlink()


def test_flipped_bits_are_survived(path: Path) -> None:
    content, random = filled(path), Random(11)
    # All of the header and schema, where a bit matters most, and samples of the rest.
    places = [*range(100), *(random.randrange(4096) for _ in range(60))]
    places += [random.randrange(len(content)) for _ in range(60)]
    outcomes: list[int] = []
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        found, failures = use_all(path)
        # What is still a database, but of something else or of later, is not ours to set aside.
        for failure in failures:
            assert "left as it is" in str(failure), (place, failure)
        outcomes.append(found)
        for each in path.parent.glob("tokens.db*"):
            if each.name not in ("tokens.db", "tokens.db.key"):
                each.unlink()
    assert max(outcomes) == 80


def test_a_corrupt_database_keeps_its_key(path: Path) -> None:
    filled(path)
    key = path.with_name("tokens.db.key").read_bytes()
    path.write_bytes(b"x" * 5000)
    cache = SqliteTokenCache(path)
    before = cache.fingerprint_key
    cache.put("k", result())
    assert cache.fingerprint_key == before
    assert path.with_name("tokens.db.key").read_bytes() == key
    cache.close()


# Threads and forks.


def test_threads_share_it(cache: SqliteTokenCache) -> None:
    failures: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for number in range(60):
                cache.put(f"{name}-{number}", result(f"{name}-{number}"))
                found = cache.get(f"{name}-{number}")
                assert found is not None
                assert found.access_token == f"{name}-{number}"
                if number % 10 == 0:
                    cache.put_refresh_token(f"{name}-{number}", stored())
        except BaseException as error:  # noqa: BLE001  # of a thread: told below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert (cache.info().access_tokens, cache.info().refresh_tokens) == (480, 48)


FORKING = """
import os, sys, threading, time
from pathlib import Path
from cache.support import result, sqlite_cache
cache = sqlite_cache(Path(sys.argv[1]))
# Python itself does not survive a fork amid an import by another thread.
cache.put("first", result())
cache.get("first")
stop = threading.Event()
def work():
    number = 0
    while not stop.is_set():
        number += 1
        cache.put(f"parent-{number}", result())
        assert cache.get(f"parent-{number}") is not None
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
children = []
for child in range(15):
    pid = os.fork()
    if pid == 0:
        for number in range(20):
            cache.put(f"{child}-{number}", result())
        ok = all(cache.get(f"{child}-{number}") for number in range(20))
        cache.close()
        os._exit(0 if ok else 1)
    children.append(pid)
    time.sleep(0.02)
statuses = [os.waitpid(pid, 0)[1] for pid in children]
stop.set()
for thread in threads:
    thread.join()
missing = [(c, n) for c in range(15) for n in range(20) if cache.get(f"{c}-{n}") is None]
print(statuses, missing)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forks_amid_the_work_of_other_threads_lose_nothing(path: Path) -> None:
    # Later Pythons warn of forks beside threads in general; this is about these ones.
    done = python(f"import warnings; warnings.simplefilter('ignore')\n{FORKING}", str(path))
    assert done.stderr == ""
    assert done.stdout.strip() == f"{[0] * 15} []"
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


# URLs.


def test_urls_name_a_file(tmp_path: Path, clean_environment: Path) -> None:
    home = clean_environment / "home"
    state = clean_environment / "state" / "grantway" / "token-cache" / "tokens.db"
    for url, wanted in (
        (f"sqlite://{tmp_path}/a.db", tmp_path / "a.db"),
        (f"sqlite:///{tmp_path}/a.db", tmp_path / "a.db"),
        (f"SQLITE://{tmp_path}/a%20b.db?limit=5", tmp_path / "a b.db"),
        ("sqlite:///~/a.db", home / "a.db"),
        ("sqlite:a.db", Path.cwd() / "a.db"),
    ):
        assert repr(from_url(url)) == f"<SqliteTokenCache {wanted}>"
    if sys.platform == "linux":
        assert repr(from_url("sqlite")) == f"<SqliteTokenCache {state}>"


@pytest.mark.parametrize(
    "url",
    ["sqlite:///x?limt=5", "sqlite:///x?limit=none", "sqlite:///x?limit=0", "sqlite:///x?limit=1&limit=2",
     "sqlite:///x?key", "sqlite://[x", "sqlite:///%00", "sqlite:///~nobody-at-all/x"],
)  # fmt: skip
def test_other_urls_are_configuration_errors(url: str) -> None:
    with pytest.raises(ConfigurationError):
        from_url(url)


@pytest.mark.parametrize(
    "url",
    ["sqlite://host/path.db", "sqlite://localhost/path.db", "sqlite://tokens.db", "sqlite://~/tokens.db",
     "sqlite://host:5/path.db?limit=5"],
)  # fmt: skip
def test_a_url_with_a_host_is_refused_rather_than_half_read(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"names a host.*Write sqlite:///PATH") as caught:
        from_url(url)
    assert "sqlite:PATH" in caught.value.remedy
