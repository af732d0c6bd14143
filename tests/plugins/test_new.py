"""`grantway plugins new`: what it makes works as it is, and where it cannot, nothing is left."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cli.support import Outcome, Shop, session
from cli.support import run as command_line
from grantway.cli.scaffold import KINDS, File, Names, package, write
from peers import require_peer
from plugins.support import pip_install, run

# One word and several: what is made of a name differs.
NAMES = {"provider": "acme-lab", "environment": "acme", "cache": "shelf2", "vault": "acme-box"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By kind, the folder of a package that was just made."""
    into = tmp_path_factory.mktemp("made")
    found: dict[str, Path] = {}
    for kind, name in NAMES.items():
        done = run("plugins", "new", name, "--kind", kind, "--into", str(into), path=into, cwd=into)
        assert (done.returncode, done.stderr) == (0, "")
        found[kind] = into / f"grantway-{name}"
    return found


@pytest.fixture(scope="module")
def installed(
    made: Mapping[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    original_environment: Mapping[str, str],
) -> Path:
    """The folder that pip has installed all of them in, without an edit."""
    return pip_install(
        made.values(),
        tmp_path_factory.mktemp("installed"),
        tmp_path_factory.mktemp("sources"),
        original_environment,
    )


def test_each_kind_is_tried() -> None:
    assert NAMES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_whole_package(kind: str, made: Mapping[str, Path]) -> None:
    folder = made[kind]
    module = folder.name.replace("-", "_")
    files = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    assert files == {
        ".github/workflows/ci.yml",
        ".gitignore",
        "README.md",
        "pyproject.toml",
        f"src/{module}/__init__.py",
        f"src/{module}/py.typed",
        f"tests/test_{module}.py",
    }
    for each in files:
        assert not re.search(r"@\w+@", (folder / each).read_text(encoding="utf-8")), each


@pytest.mark.parametrize("kind", KINDS)
def test_it_shows_in_the_list_of_plugins(kind: str, installed: Path, tmp_path: Path) -> None:
    done = run("plugins", "list", "--json", path=installed, cwd=tmp_path)
    found = {each["name"]: each for each in json.loads(done.stdout)}
    mine = found[f"grantway-{NAMES[kind]}:{NAMES[kind]}"]
    assert (mine["state"], mine["reason"], mine["version"]) == ("active", "", "0.1.0")
    offers = {"cache": "token_caches"}.get(kind, f"{kind}s")
    title = "".join(word.capitalize() for word in NAMES[kind].split("-"))
    assert mine[offers] == [title if kind in ("provider", "environment") else NAMES[kind]]


@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass(
    kind: str, made: Mapping[str, Path], installed: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(made[kind], tmp_path / "checkout", ignore=lambda *_: ["src"])
    done = run("-q", "-p", "no:cacheprovider", module="pytest", path=installed, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_its_types_and_its_style_are_right(
    kind: str, made: Mapping[str, Path], tmp_path: Path
) -> None:
    for module in ("mypy", "ruff"):
        require_peer(find_spec(module) is not None, f"{module} (pip install 'grantway[dev]')")
    folder = made[kind]
    path = folder / "src"
    done = run("check", "--no-cache", ".", module="ruff", path=path, cwd=folder)
    assert done.returncode == 0, done.stdout
    cache = str(tmp_path / "cache")
    done = run(
        "--strict", "--cache-dir", cache, "src", "tests",
        module="mypy", path=path, cwd=folder, MYPYPATH="src",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_provider_of_it_gets_a_token_by_its_own_parameters(
    installed: Path, tmp_path: Path
) -> None:
    done = run(
        "explain", "--acme-lab-account", "me", "--acme-lab-key", "env:KEY", "--json",
        path=installed, cwd=tmp_path,
    )  # fmt: skip
    plan = json.loads(done.stdout)
    assert (plan["provider"], plan["requests"][0]["endpoint"]) == ("AcmeLab", "token")
    assert ["key", "***"] in plan["requests"][0]["fields"]


# What it says, and what it refuses.


def new(*arguments: str, into: Path, plugins: tuple[object, ...] = ()) -> Outcome:
    return command_line(
        "plugins", "new", *arguments, "--into", str(into), session=session(*plugins)
    )


def test_it_says_what_it_has_made(tmp_path: Path) -> None:
    told: Any = new("acme", "--kind", "vault", "--json", into=tmp_path).json
    folder = tmp_path / "grantway-acme"
    assert told == {
        "name": "grantway-acme:acme",
        "kind": "vault",
        "distribution": "grantway-acme",
        "module": "grantway_acme",
        "folder": str(folder),
        "files": told["files"],
    }
    found = [str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()]
    assert sorted(told["files"]) == sorted(found)
    text = new("other", "--kind", "vault", into=tmp_path)
    assert text.code == 0
    assert f"pip install -e '{tmp_path / 'grantway-other'}[dev]'" in text.stdout


def test_the_prefix_may_be_given(tmp_path: Path) -> None:
    assert new("grantway-acme", "--kind", "cache", into=tmp_path).code == 0
    assert [each.name for each in tmp_path.iterdir()] == ["grantway-acme"]


BAD_NAMES = (
    "", "Acme", "acme_lab", "acme lab", "1acme", "acme-", "-acme", "acme--lab", "acme/lab", "..",
    "no-acme", "grantway", "grantway-grantway", "test", "test-lab", "açme", "acme\n", "grantway-", "a" * 41,
)  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_cannot_be_is_refused_and_not_repeated(name: str, tmp_path: Path) -> None:
    done = new("--kind", "vault", "--", name, into=tmp_path) if name[:1] == "-" else new(
        name, "--kind", "vault", into=tmp_path
    )  # fmt: skip
    assert done.code == 2
    assert not name or f"{name!r}" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name", "whose"),
    [
        ("vault", "env", "The vault env, of grantway:vaults,"),
        ("cache", "sqlite", "The token cache sqlite, of grantway:token-caches,"),
        ("provider", "user", "The provider User, of grantway:grants,"),
        ("environment", "mall", "The environment Mall, of acme:shop,"),
        ("provider", "clouds", "The module grantway_clouds"),
    ],
)
def test_a_name_that_would_set_the_plugin_aside_is_refused(
    kind: str, name: str, whose: str, tmp_path: Path
) -> None:
    done = command_line(
        "plugins", "new", name, "--kind", kind, "--into", str(tmp_path),
        session=session(Shop(), names=["acme:shop"]),
    )  # fmt: skip
    assert done.code == 2
    assert f"{whose} is there already." in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["a folder", "an empty folder", "a file", "a dangling link"])
def test_what_is_there_already_stays(what: str, tmp_path: Path) -> None:
    there = tmp_path / "grantway-acme"
    match what:
        case "a folder":
            there.mkdir()
            (there / "mine").write_text("mine")
        case "an empty folder":
            there.mkdir()
        case "a file":
            there.write_text("mine")
        case _:
            there.symlink_to(tmp_path / "nowhere")
    before = sorted(tmp_path.rglob("*"))
    done = new("acme", "--kind", "vault", into=tmp_path)
    assert done.code == 2
    assert "is there already, and stays as it is." in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = new("acme", "--kind", "vault", into=tmp_path / "nowhere")
    assert (done.code, done.stdout) == (2, "")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("arguments", [("acme",), ("acme", "--kind", "something")])
def test_the_kind_has_to_be_said(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = new(*arguments, into=tmp_path)
    assert done.code == 2
    assert "provider" in done.stderr


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_what_ends_halfway_leaves_nothing(failure: BaseException, tmp_path: Path) -> None:
    def halfway() -> Iterator[File]:
        for number, each in enumerate(package("provider", Names("acme"))):
            if number == 4:
                raise failure
            yield each

    with pytest.raises(failure if isinstance(failure, type) else type(failure)):
        write(halfway(), tmp_path / "grantway-acme")
    assert list(tmp_path.iterdir()) == []


def test_its_files_are_as_any_others(tmp_path: Path) -> None:
    folder = tmp_path / "grantway-acme"
    write(package("vault", Names("acme")), folder)
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    assert folder.stat().st_mode == ordinary.stat().st_mode
