"""The tutorial, word for word: an empty folder, an environment of its own, one shell from its top.

What is installed by name comes from a wheel that was built of this tree, which is thereby shown to
have all that the tutorial needs of it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial-plugin.md"
ROOT = TUTORIAL.parents[1]
MARK = "----- the end of block {} -----"

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the tutorial's shell is that of POSIX"),
    pytest.mark.timeout(900),
]


def blocks() -> Iterator[tuple[str, str | None]]:
    """Each `sh` block, with the text that is to be printed by it, where the page says so."""
    found = re.findall(
        r"^```(\w+)\n(.*?)^```$", TUTORIAL.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    for number, (kind, body) in enumerate(found):
        if kind == "sh":
            after = found[number + 1] if number + 1 < len(found) else ("", "")
            yield body, after[1] if after[0] == "text" else None


@pytest.fixture(scope="module")
def wheels(
    tmp_path_factory: pytest.TempPathFactory, original_environment: Mapping[str, str]
) -> Path:
    """A folder with this tree's own wheel."""
    folder = tmp_path_factory.mktemp("wheels")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT)],
        env=dict(original_environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_the_tutorial_ends_with_a_token_and_a_package(
    wheels: Path,
    tmp_path: Path,
    clean_environment: Path,
    original_environment: Mapping[str, str],
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    pip = {name: value for name, value in original_environment.items() if name.startswith("PIP_")}
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
        **pip,
        "HOME": str(home),
        "PIP_FIND_LINKS": f"{wheels} {pip.get('PIP_FIND_LINKS', '')}".strip(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    scripts = list(blocks())
    first, rest = scripts[0], scripts[1:]
    _run([first], work, environ)
    with subprocess.Popen(
        [work / ".venv" / "bin" / "grantway", "sandbox", "run"],
        cwd=work, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as sandbox:  # fmt: skip
        assert sandbox.stdout is not None
        sandbox.stdout.readline()
        try:
            _run([(". .venv/bin/activate\n", None), *rest], work, environ)
        finally:
            sandbox.terminate()
            sandbox.stdout.read()
    assert (work / "grantway-badge" / "dist").is_dir()
    for check in (["check"], ["format", "--check", "--diff"]):
        _ruff(check, work / "grantway-badge")


def _ruff(arguments: list[str], package: Path) -> None:
    """What the CI file of a new plugin asks of it, and the formatting that the skeleton begins with."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."],
        cwd=package, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _run(scripts: list[tuple[str, str | None]], work: Path, environ: Mapping[str, str]) -> None:
    """Run the blocks in one shell, and hold what each prints against the page."""
    whole = "".join(
        f"{script}echo '{MARK.format(number)}'\n" for number, (script, _) in enumerate(scripts)
    )
    done = subprocess.run(
        ["bash", "-eu"], input=whole, cwd=work, env=dict(environ),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    printed = done.stdout
    for number, (script, expected) in enumerate(scripts):
        block, _, printed = printed.partition(MARK.format(number) + "\n")
        if expected is not None:
            pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
            assert re.fullmatch(pattern, block.strip(), re.DOTALL), (
                f"{script}\nexpected:\n{expected}\nprinted:\n{block}"
            )
