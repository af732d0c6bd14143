"""What `caller.py` says is right is right under both type checkers, and what is wrong is wrong."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from peers import require_peer

ROOT = Path(__file__).parents[2]
CALLER = Path(__file__).with_name("caller.py")
REFUSED = {
    number
    for number, line in enumerate(CALLER.read_text(encoding="utf-8").splitlines(), start=1)
    if "# refused" in line
}


def test_mypy_agrees(tmp_path: Path) -> None:
    require_peer(find_spec("mypy") is not None, "mypy (pip install 'grantway[dev]')")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty",
         "--cache-dir", str(tmp_path / "cache"), str(CALLER)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    lines = re.findall(r"caller\.py:(\d+): error", done.stdout)
    assert {int(line) for line in lines} == REFUSED, done.stdout + done.stderr


def test_pyright_agrees(tmp_path: Path, original_environment: Mapping[str, str]) -> None:
    require_peer(find_spec("pyright") is not None, "pyright (pip install 'grantway[dev]')")
    settings = {
        "include": [CALLER.name],
        "extraPaths": [str(ROOT / "framework"), str(ROOT / "providers")],
        "typeCheckingMode": "strict",
        "venvPath": str(ROOT),
        "venv": ".venv",
    }
    shutil.copy(CALLER, tmp_path)
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps(settings), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--project", str(project)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env=dict(original_environment),
    )  # fmt: skip
    found = json.loads(done.stdout)["generalDiagnostics"]
    lines = {each["range"]["start"]["line"] + 1 for each in found if each["severity"] == "error"}
    assert lines == REFUSED, done.stdout
