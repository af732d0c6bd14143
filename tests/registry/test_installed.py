"""Which plugins are installed, remembered: a manifest is believed only where it is right and ours."""

import importlib.metadata
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grantway.installed import Installed, installed

GROUP = "grantway.plugins"
needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="no permission bits there")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "plugins" / "manifest.json"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Once called, nobody can ask the distributions any more."""

    def refuse(**_: object) -> object:
        raise AssertionError("the distributions were asked")

    return lambda: monkeypatch.setattr(importlib.metadata, "distributions", refuse)


def install(site: Path, name: str, *, kind: str = "dist-info", module: str = "json") -> Path:
    metadata = site / f"{name}-1.0.{kind}"
    metadata.mkdir()
    told = "METADATA" if kind == "dist-info" else "PKG-INFO"
    (metadata / told).write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    entries = metadata / "entry_points.txt"
    entries.write_text(f"[{GROUP}]\n{name} = {module}\n")
    return entries


def names(found: tuple[Installed, ...]) -> set[str]:
    return {each.name for each in found}


def test_what_was_found_is_found_again_without_asking(
    manifest: Path, site: Path, blind: Callable[[], None]
) -> None:
    install(site, "mine")
    found = installed(GROUP, manifest)
    assert {"clouds", "grants", "mine"} <= names(found)
    blind()
    assert installed(GROUP, manifest) == found
    assert Installed("mine", "json", "mine", "1.0") in found


def test_without_a_manifest_nothing_is_kept(tmp_path: Path, site: Path) -> None:
    assert "late" not in names(installed(GROUP))
    install(site, "late")
    assert "late" in names(installed(GROUP))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["site"]


def test_what_is_installed_or_uninstalled_later_is_noticed(manifest: Path, site: Path) -> None:
    installed(GROUP, manifest)
    entries = install(site, "late")
    assert "late" in names(installed(GROUP, manifest))
    entries.unlink()
    (entries.parent / "METADATA").unlink()
    entries.parent.rmdir()
    assert "late" not in names(installed(GROUP, manifest))


def test_entry_points_that_are_written_anew_in_place_are_noticed(
    manifest: Path, site: Path
) -> None:
    entries = install(site, "legacy", kind="egg-info")
    assert "legacy" in names(installed(GROUP, manifest))
    entries.write_text(f"[{GROUP}]\nrenamed = json\n")
    os.utime(entries, ns=(1, 1))
    assert {"legacy", "renamed"} & names(installed(GROUP, manifest)) == {"renamed"}


def test_another_path_is_another_state(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(GROUP, manifest)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    install(folder, "elsewhere")
    monkeypatch.syspath_prepend(str(folder))
    assert "elsewhere" in names(installed(GROUP, manifest))


def test_a_finder_of_another_kind_is_always_asked(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finder:
        @staticmethod
        def find_spec(*_: object) -> None:
            return None

        @staticmethod
        def find_distributions(*_: object) -> list[importlib.metadata.Distribution]:
            return []

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    installed(GROUP, manifest)
    assert not manifest.exists()


def test_the_standard_librarys_successor_finds_no_other(manifest: Path, site: Path) -> None:
    pytest.importorskip("importlib_metadata")
    install(site, "mine")
    assert "mine" in names(installed(GROUP, manifest))
    assert manifest.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b"[]", b"null", b'{"state": {}}', b"[" * 100_000],
    ids=["empty", "half", "no text", "a list", "null", "another state", "deep"],
)
def test_a_broken_manifest_is_made_anew(
    manifest: Path, site: Path, blind: Callable[[], None], content: bytes
) -> None:
    install(site, "mine")
    installed(GROUP, manifest)
    manifest.write_bytes(content)
    found = installed(GROUP, manifest)
    assert "mine" in names(found)
    blind()
    assert installed(GROUP, manifest) == found


@pytest.mark.parametrize(
    "rows",
    [[], {}, "", "text", None, [[]], [["a", "b", "c", "d"]], [["a", "b", "c", "d", 1]], ["abcde"]],
    ids=repr,
)
def test_a_manifest_of_the_right_state_with_other_rows_is_made_anew(
    manifest: Path, site: Path, rows: object
) -> None:
    install(site, "mine")
    found = installed(GROUP, manifest)
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "installed": rows}))
    assert installed(GROUP, manifest) == found
    assert json.loads(manifest.read_text())["installed"] != rows


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_stands_in_the_place_of_the_manifest_costs_only_time(
    manifest: Path, site: Path, kind: str
) -> None:
    install(site, "mine")
    manifest.parent.mkdir(parents=True, mode=0o700)
    if kind == "folder":
        manifest.mkdir(mode=0o700)
    elif hasattr(os, "mkfifo"):
        os.mkfifo(manifest, 0o600)
    assert "mine" in names(installed(GROUP, manifest))


BROKEN: dict[str, Callable[[Path], object]] = {
    "no text": lambda entries: entries.write_bytes(b"[console_scripts]\nb\xff = x:y\n"),
    "no entry": lambda entries: entries.write_text(f"[{GROUP}]\nthis is no entry point\n"),
    "a link to itself": lambda entries: (entries.unlink(), entries.symlink_to(entries)),
}


@pytest.mark.parametrize("kind", ["dist-info", "egg-info"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_distribution_whose_entry_points_cannot_be_read_is_named_and_the_others_go_on(
    manifest: Path, site: Path, how: str, kind: str
) -> None:
    BROKEN[how](install(site, "broken", kind=kind))
    install(site, "mine")
    for found in (installed(GROUP, manifest), installed(GROUP, manifest), installed(GROUP)):
        assert {"mine", "clouds"} <= names(found)
        (fault,) = [each for each in found if each.fault]
        assert (fault.distribution, fault.version) == ("broken", "1.0")
        assert f"broken-1.0.{kind}" in fault.fault


def test_a_distribution_without_metadata_is_called_as_its_folder(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, name in ((site, "one"), (tmp_path / "other", "two")):
        folder.mkdir(exist_ok=True)
        (install(folder, name).parent / "METADATA").unlink()
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    found = {(each.name, each.distribution, each.version) for each in installed(GROUP)}
    assert {("one", "one", "1.0"), ("two", "two", "1.0")} <= found


def test_who_says_another_name_than_its_folder_is_called_as_the_folder(site: Path) -> None:
    entries = install(site, "mine")
    (entries.parent / "METADATA").write_text("Metadata-Version: 2.1\nName: grantway\nVersion: 9\n")
    (found,) = [each for each in installed(GROUP) if each.name == "mine"]
    assert (found.distribution, found.version) == ("mine", "1.0")


@pytest.mark.parametrize(
    ("folder", "identity"),
    [
        ("grantway-acme-1.2.dist-info", ("grantway-acme", "1.2")),
        ("acme_lab-1.2.dev3+g12.dist-info", ("acme_lab", "1.2.dev3+g12")),
        ("acme-1.2-py3.11.egg-info", ("acme", "1.2")),
        ("acme.egg-info", ("acme", "")),
    ],
)
def test_a_folder_says_name_and_version(site: Path, folder: str, identity: tuple[str, str]) -> None:
    (site / folder).mkdir()
    (site / folder / "entry_points.txt").write_text(f"[{GROUP}]\nmine = json\n")
    (found,) = [each for each in installed(GROUP) if each.name == "mine"]
    assert (found.distribution, found.version) == identity
    # None of them is taken for ours, or takes its place.
    assert "clouds" in names(installed(GROUP))


def test_of_two_distributions_with_one_name_the_first_on_the_path_counts(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(site, "mine", module="json")
    second = tmp_path / "before"
    second.mkdir()
    install(second, "Mine", module="csv")
    monkeypatch.syspath_prepend(str(second))
    found = [each.target for each in installed(GROUP) if each.distribution.casefold() == "mine"]
    assert found == ["csv"]


def forged(manifest: Path) -> None:
    """Say in the manifest, of the state as it is, that something else is installed."""
    kept = json.loads(manifest.read_text())
    kept["installed"] = [["evil", "evil", "grantway", "1", ""]]
    manifest.write_text(json.dumps(kept))


@needs_modes
@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_a_manifest_that_others_could_have_written_is_not_believed(
    manifest: Path, tmp_path: Path, what: str
) -> None:
    installed(GROUP, manifest)
    forged(manifest)
    assert names(installed(GROUP, manifest)) == {"evil"}  # that is what is at stake
    match what:
        case "file":
            manifest.chmod(0o666)
        case "folder":
            manifest.parent.chmod(0o777)
        case _:
            elsewhere = tmp_path / "theirs.json"
            manifest.rename(elsewhere)
            manifest.symlink_to(elsewhere)
    assert "evil" not in names(installed(GROUP, manifest))


@needs_modes
def test_the_manifest_is_this_users_alone(manifest: Path) -> None:
    installed(GROUP, manifest)
    assert manifest.stat().st_mode & 0o777 == 0o600
    assert manifest.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in manifest.parent.iterdir()] == [manifest.name]


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path: Path, site: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    install(site, "mine")
    for _ in range(2):
        assert "mine" in names(installed(GROUP, tmp_path / "cache" / "manifest.json"))


@pytest.mark.parametrize("module", ["json", "json:loads", "os:path.join", "json : loads [extra]"])
def test_what_a_manifest_names_is_what_the_standard_library_loads(
    manifest: Path, site: Path, module: str
) -> None:
    install(site, "mine", module=module)
    first = next(each for each in installed(GROUP, manifest) if each.name == "mine")
    again = next(each for each in installed(GROUP, manifest) if each.name == "mine")
    assert again.load() is first.load()


@pytest.mark.parametrize(
    "rows",
    [[[1, 2, 3, 4]], [[None] * 4], [[["x"], {}, [], {}]], [["a", "b", "c"]], {"a": 1}, 3, ["abcd"]],
)
def test_rows_that_are_none_are_not_believed(manifest: Path, site: Path, rows: object) -> None:
    install(site, "mine")
    installed(GROUP, manifest)
    kept = json.loads(manifest.read_text())
    kept["installed"] = rows
    manifest.write_text(json.dumps(kept))
    assert "mine" in names(installed(GROUP, manifest))


def test_a_folder_whose_time_was_set_back_is_looked_at_again(manifest: Path, site: Path) -> None:
    entries = install(site, "mine")
    before = site.stat()
    assert "mine" in names(installed(GROUP, manifest))
    for each in (entries, entries.parent / "METADATA"):
        each.unlink()
    entries.parent.rmdir()
    os.utime(site, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "mine" not in names(installed(GROUP, manifest))


@pytest.mark.skipif(sys.platform != "linux", reason="names there are text")
@pytest.mark.parametrize("entry", [os.fsdecode(b"/tmp/caf\xe9"), Path("/nowhere"), "", "a\nb"])
def test_a_path_that_holds_other_things_than_names_costs_only_time(
    manifest: Path, site: Path, monkeypatch: pytest.MonkeyPatch, entry: object
) -> None:
    install(site, "mine")
    monkeypatch.setattr(sys, "path", [*sys.path, entry])
    for _ in range(2):
        assert "mine" in names(installed(GROUP, manifest))
