"""How a process ends: at once where nobody waits for more, and else as Python has it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (
    "import sys; from grantway.cli import script; sys.argv = ['grantway', *sys.argv[1:]]; script()"
)
PLUGIN = """
import atexit, sys
from grantway import hookimpl
sys.stderr.write("loaded;")
atexit.register(sys.stderr.write, "done;")

@hookimpl
def grantway_vaults():
    return []
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    metadata = tmp_path / "tidy-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tidy\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[grantway.plugins]\ntidy = a_tidy_plugin\n")
    (tmp_path / "a_tidy_plugin.py").write_text(PLUGIN)
    return tmp_path


def run(*arguments: str, before: str = "", site: Path | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", before + PROGRAM, *arguments],
        env={**os.environ, **({"PYTHONPATH": str(site)} if site else {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_code_and_answer_are_those_of_the_run() -> None:
    code, answer, told = run("config", "schema")
    assert (code, answer[:1], answer[-2:], told) == (0, "{", "}\n", "")
    assert run("--version")[0] == 0
    code, answer, told = run("token", "--no-such-option")
    assert (code, answer) == (2, "")
    assert "no-such-option" in told


def test_what_a_plugin_has_left_to_do_is_done(site: Path) -> None:
    code, _, told = run("plugins", site=site)
    assert (code, told) == (0, "loaded;done;")


def test_a_plugin_that_no_call_comes_to_has_nothing_to_do(site: Path) -> None:
    code, answer, told = run("environments", "which", "--help", site=site)
    assert (code, told) == (0, "")
    assert answer


def test_a_thread_that_is_at_work_is_waited_for() -> None:
    before = (
        "import threading, sys\n"
        "main = threading.main_thread()\n"
        "def last(): main.join(); sys.stderr.write('the last word')\n"
        "threading.Thread(target=last).start()\n"
    )
    code, answer, told = run("--version", before=before)
    assert (code, told) == (0, "the last word")
    assert answer.startswith("grantway ")
