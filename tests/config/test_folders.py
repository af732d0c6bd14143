"""The user's folders are where platformdirs says they are."""

import os
from pathlib import Path
from typing import get_args

import platformdirs
import pytest

from grantway.folders import Kind, user_folder

ANSWERS = {
    "cache": platformdirs.user_cache_path,
    "config": platformdirs.user_config_path,
    "state": platformdirs.user_state_path,
}


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("given", ["/x/y", "", " ", "relative", "/x/ ", "~/there", None])
@pytest.mark.parametrize("home", ["/home/somebody", "/"])
def test_they_are_where_platformdirs_finds_them(
    kind: Kind, given: str | None, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", home)
    variable = f"XDG_{kind.upper()}_HOME"
    monkeypatch.delenv(variable)
    if given is not None:
        monkeypatch.setenv(variable, given)
    expected: Path = ANSWERS[kind]("grantway", appauthor=False)
    assert os.fspath(user_folder(kind)) == os.fspath(expected)
