"""Every block of README and docs runs, in the order in which a reader would run it.

A `python` block runs in its document's own namespace, a `sh` block in bash, both in an empty
folder, at the home of a user who has a configuration, with the sandbox running. What they have
configured is still there at the end. A `text` block right after one of them
is what it must have printed; `...` in it stands for anything.

The two commands that README opens with are run word for word by CI instead (`.ci/run`).
"""

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from platformdirs import user_config_path
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser

CONFIGURED = """# Mine.
[profiles.mine]
tenant_id = "mine.example"
"""

ROOT = Path(__file__).parents[2]
# The tutorial is one long session, in an environment of its own: see test_tutorial.
DOCUMENTS = [
    ROOT / "README.md",
    *sorted(each for each in (ROOT / "docs").glob("*.md") if each.name != "tutorial-plugin.md"),
]


class Reader:
    """Runs the blocks of one document, and remembers what the last one printed."""

    def __init__(self) -> None:
        self.printed = ""

    def python(self, example: Example) -> None:
        out = io.StringIO()
        source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
        with contextlib.redirect_stdout(out):
            exec(compile(source, example.path, "exec"), example.namespace)
        self.printed = out.getvalue()

    def shell(self, example: Example) -> None:
        before = example.document.text[: example.start].rstrip()
        if before.endswith("-->") and "<!-- ci:" in before.rsplit("\n", 1)[-1]:
            return
        ran = subprocess.run(
            ["bash", "-euc", example.parsed],
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert ran.returncode == 0, f"{example.parsed}\n{ran.stdout}\n{ran.stderr}"
        self.printed = ran.stdout

    def output(self, example: Example) -> None:
        expected = re.escape(example.parsed.strip()).replace(re.escape("..."), ".*")
        assert re.fullmatch(expected, self.printed.strip(), re.DOTALL), (
            f"expected:\n{example.parsed}\nprinted:\n{self.printed}"
        )


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file of a user in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    file = user_config_path("grantway", appauthor=False) / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(CONFIGURED)
    return file


@pytest.fixture
def running_sandbox(configured: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same, with `grantway sandbox run` in another terminal of theirs."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with subprocess.Popen(
        ["grantway", "sandbox", "run"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as sandbox:
        assert sandbox.stdout is not None
        sandbox.stdout.readline()
        try:
            yield configured
        finally:
            sandbox.terminate()
            sandbox.stdout.read()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_runs_and_prints_what_the_document_says(
    path: Path, running_sandbox: Path
) -> None:
    reader = Reader()
    document = Document.parse(
        str(path),
        CodeBlockParser("python", reader.python),
        CodeBlockParser("sh", reader.shell),
        CodeBlockParser("text", reader.output),
    )
    # The variables that a document sets are its own.
    with patch.dict(os.environ):
        for example in document.examples():
            example.evaluate()
    assert running_sandbox.read_text().startswith(CONFIGURED)
