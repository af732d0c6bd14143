"""A writer that is killed loses nothing it had acknowledged, and leaves no lock."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from cache.support import python

CYCLES = 500


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its writers")
def test_killing_a_writer_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "own" / "tokens.db"
    code = "from cache.killing import main; main()"
    done = python(code, str(path), str(CYCLES), "5")
    assert done.stderr == ""
    outcome = json.loads(done.stdout)
    assert outcome["wrong"] == []
    # Most of them came to write something, in between or at once.
    assert outcome["written"] > CYCLES
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert not list(path.parent.glob("*.corrupt"))
    assert not list(path.parent.glob("*.new"))
