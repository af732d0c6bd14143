"""Real peers are required in CI, and a visible skip elsewhere; no test sees this machine."""

import os
from pathlib import Path

import pytest

from . import require_peer


def test_an_available_peer_is_used() -> None:
    require_peer(True, "anything")


@pytest.mark.parametrize("value", ["true", "1", "TRUE"])
def test_a_missing_peer_fails_in_ci(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CI", value)
    with pytest.raises(pytest.fail.Exception, match="required in CI: the remedy"):
        require_peer(False, "the remedy")


@pytest.mark.parametrize("value", [None, "", "false", "0"])
def test_a_missing_peer_skips_elsewhere(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("CI", raising=False)
    if value is not None:
        monkeypatch.setenv("CI", value)
    with pytest.raises(pytest.skip.Exception, match="the remedy"):
        require_peer(False, "the remedy")


def test_the_home_of_a_test_is_empty_and_its_own(clean_environment: Path) -> None:
    assert Path.home().is_relative_to(clean_environment)
    assert not [path for path in clean_environment.rglob("*") if not path.is_dir()]
    assert not [name for name in os.environ if name.upper().startswith("GRANTWAY_")]
    assert not {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"} & {
        *os.environ
    }
