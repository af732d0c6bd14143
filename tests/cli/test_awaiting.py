"""Something done when a module is first imported."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grantway.cli.awaiting import when_imported


@pytest.fixture(autouse=True)
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "a_late_module.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("a_late_module", None)


def test_it_is_done_once_whoever_imports_it_and_before_they_can_use_it() -> None:
    seen: list[int] = []
    finders = [*sys.meta_path]
    with when_imported("a_late_module", lambda: seen.append(sys.modules["a_late_module"].value)):
        assert not seen
        importlib.import_module("a_late_module")
        assert seen == [1]
        importlib.import_module("a_late_module")
    assert seen == [1]
    assert sys.meta_path == finders


def test_it_is_done_at_once_where_the_module_is_there() -> None:
    importlib.import_module("a_late_module")
    seen: list[int] = []
    with when_imported("a_late_module", lambda: seen.append(1)):
        assert seen == [1]


def test_nothing_is_left_behind_where_nobody_imports_it() -> None:
    finders = [*sys.meta_path]
    with when_imported("a_late_module", lambda: None):
        assert sys.meta_path != finders
    assert sys.meta_path == finders
