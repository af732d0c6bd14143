"""What looks like a plugin and is none is told, for nothing else ever tells it."""

from pathlib import Path

import pytest

from cli.support import run, session
from grantway.checks.unlisted import unlisted

WHERE = '[project.entry-points."grantway.plugins"]'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, name: str, group: str = "") -> None:
    metadata = site / f"{name}-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    if group:
        (metadata / "entry_points.txt").write_text(f"[{group}]\nmine = json\n")


def told(name: str) -> list[str]:
    return [each.found for each in unlisted() if each.distribution == name]


@pytest.mark.parametrize(
    "group", ["grantway.plugin", "grantway-plugins", "grantway", "GRANTWAY_Plugins"]
)
def test_a_group_that_is_written_otherwise_is_told(site: Path, group: str) -> None:
    install(site, "acme", group)
    assert told("acme") == [
        f"acme 1.2 has entry points in the group {group!r}, which nobody reads."
    ]


def test_a_plugin_without_an_entry_point_is_told(site: Path) -> None:
    install(site, "grantway-acme")
    assert told("grantway-acme") == [
        "grantway-acme 1.2 has no entry point, so there is no plugin in it."
    ]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("grantway-acme", "grantway.plugins"),
        ("acme", ""),
        ("acme", "console_scripts"),
        ("acme", "grantway_reports"),
    ],
)
def test_what_is_right_or_something_else_is_not(site: Path, name: str, group: str) -> None:
    install(site, name, group)
    assert told(name) == []


def test_one_that_cannot_be_read_keeps_none_from_being_told(site: Path) -> None:
    install(site, "broken", "grantway.plugin")
    (site / "broken-1.2.dist-info" / "entry_points.txt").write_bytes(b"[x]\n\xff = y\n")
    install(site, "grantway-acme")
    assert told("broken") == []
    assert told("grantway-acme")


def test_plugins_show_and_doctor_tell_it(site: Path) -> None:
    install(site, "grantway-acme", "grantway.plugin")
    for name in ("grantway-acme", "grantway-acme:mine", "Grantway_Acme"):
        shown = run("plugins", "show", name, session=session())
        assert shown.code == 2
        assert "'grantway.plugin', which nobody reads" in shown.stderr
        assert WHERE in shown.stderr
    looked = run("doctor", "--json", "--environment", "Sandbox", session=session())
    (found,) = [each for each in looked.json["checks"] if "which nobody reads" in each["found"]]
    assert (found["name"], found["outcome"]) == ("plugins", "warning")
    assert found["facts"] == {"distribution": "grantway-acme", "group": "grantway.plugin"}
    assert WHERE in found["remedy"]
