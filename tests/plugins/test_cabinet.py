"""A cabinet of broken plugins, each installed with pip: what is told of it, and that all else goes on."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from grantway import Configuration, Registry
from plugins.support import HERE, Done, pip, pip_install, run

CLIENT = "11111111-2222-3333-4444-555555555555"
BROKEN = HERE / "broken"
NAMES = sorted(each.name for each in BROKEN.iterdir() if each.is_dir())
UPDATE = "Update or uninstall grantway-broken-{}."
ONE_OF = "Uninstall one of them, or disable it: GRANTWAY_DISABLE_PLUGINS, or plugins.disable in "

BUILT_IN = "Its author has to give it another name. Uninstall it, or disable it"

# By folder: the reason it is set aside for when it is alone with healthy ones, and the remedy.
REASONS: Mapping[str, tuple[str, str]] = {
    "wreck": ("cannot be imported: ModuleNotFoundError: No module named", "Update or uninstall"),
    "exits": ("It cannot be imported: SystemExit: enough of this", UPDATE),
    "future": (
        "It cannot be imported: ImportError: cannot import name 'SomethingOfALaterVersion'",
        f"{UPDATE} It asks for grantway >=99, and this is ",
    ),
    "misspelt": (
        "grantway_provider is not a hook of this version. Did you mean grantway_providers",
        "Its author has to correct the name; or update grantway.",
    ),
    "unknown": ("grantway_dances is not a hook of this version.", "Its author has to correct"),
    "raising": ("grantway_providers failed: RuntimeError: no luck today", UPDATE),
    "mistaken": ("grantway_providers returned a str, not a CredentialProvider.", UPDATE),
    "halfway": ("grantway_environments failed: OSError: the list ends here", UPDATE),
    "wrapping": ("grantway_providers is a hook wrapper", UPDATE),
    "claiming": ("It claims the provider 'user', as does grantway:grants.", BUILT_IN),
    "posing": ("It claims the environment 'globalcloud', as does grantway:clouds.", BUILT_IN),
}
# What is broken only in company.
TWINS = ("twin_one", "twin_two")
# What is at work, and may only take nothing from others.
AT_WORK = ("greedy", "rival_one", "rival_two")


def entry(name: str) -> str:
    return "grantway-broken:wreck" if name == "wreck" else f"{dashed(name)}:plugin"


def dashed(name: str) -> str:
    return "grantway-broken" if name == "wreck" else f"grantway-broken-{name.replace('_', '-')}"


@pytest.fixture(scope="module")
def cabinet(
    tmp_path_factory: pytest.TempPathFactory, original_environment: Mapping[str, str]
) -> Path:
    """The folder in which pip has installed all of them, a healthy one, and one with a mark."""
    return pip_install(
        [*(BROKEN / name for name in NAMES), HERE / "sample", HERE / "marking"],
        tmp_path_factory.mktemp("cabinet"),
        tmp_path_factory.mktemp("sources"),
        original_environment,
    )


@pytest.fixture
def some_of(cabinet: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a folder in which only some of them are installed, beside the healthy one."""

    def make(*names: str) -> Path:
        folder = tmp_path / "site"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ("grantway-sample", *names):
            wanted = name.replace("-", "_")
            for each in cabinet.iterdir():
                if re.fullmatch(rf"{wanted}(\.py|-[\d.]+\.dist-info)", each.name):
                    (shutil.copytree if each.is_dir() else shutil.copy)(each, folder / each.name)
        return folder

    return make


def plugins(path: Path, cwd: Path, *before: str, **environ: str) -> dict[str, Any]:
    done = run(*before, "plugins", "list", "--json", path=path, cwd=cwd, **environ)
    assert done.returncode == 0, done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)}


def lease(path: Path, cwd: Path) -> Done:
    return run("token", "--lease-name", "boat", "--environment", "LeaseHill", path=path, cwd=cwd)


def test_each_drawer_is_tried() -> None:
    assert sorted({*REASONS, *TWINS, *AT_WORK}) == NAMES


@pytest.mark.parametrize("name", REASONS)
def test_a_broken_one_is_told_with_all_that_is_known_and_the_rest_goes_on(
    name: str, some_of: Callable[..., Path], tmp_path: Path
) -> None:
    reason, remedy = REASONS[name]
    path = some_of(dashed(name))
    found = plugins(path, tmp_path)
    broken = found.pop(entry(name))
    assert {each["state"] for each in found.values()} == {"active"}
    assert broken["state"] == "set aside"
    assert reason in broken["reason"]
    assert broken["remedy"].startswith(remedy.format(name))
    version = "0.1" if name == "wreck" else "0.7"
    assert (broken["distribution"], broken["version"]) == (dashed(name), version)
    assert broken["file"] == str(path / f"{dashed(name).replace('-', '_')}.py")
    if "claims" not in reason:
        # What it claims is told; what cannot be relied on is not.
        assert not any(broken[kind] for kind in ("providers", "environments", "vaults"))
    listed = run("plugins", path=path, cwd=tmp_path)
    assert listed.returncode == 0
    assert re.search(rf"{re.escape(entry(name))} +{version} +set aside", listed.stdout)
    told = listed.stderr.replace("\n", " ")
    assert broken["remedy"] in told
    assert broken["file"] in told
    done = lease(path, tmp_path)
    assert (done.returncode, done.stdout) == (0, "BOAT, open, at LeaseHill\n"), done.stderr


def test_twins_are_both_set_aside_and_one_alone_is_at_work(
    some_of: Callable[..., Path], tmp_path: Path
) -> None:
    path = some_of(*map(dashed, TWINS))
    found = plugins(path, tmp_path)
    for name, other in (TWINS, TWINS[::-1]):
        assert found[entry(name)]["reason"] == (
            f"It claims the environment 'twin', as does {entry(other)}."
        )
    done = run(
        "explain", "--environment", "Twin", "--application-id", CLIENT, path=path, cwd=tmp_path
    )
    assert done.returncode == 2
    found = plugins(path, tmp_path, GRANTWAY_DISABLE_PLUGINS=dashed(TWINS[0]))
    assert [found[entry(name)]["state"] for name in TWINS] == ["disabled", "active"]


def test_rivals_are_ambiguous_on_the_calls_that_both_match_and_on_no_other(
    some_of: Callable[..., Path], tmp_path: Path
) -> None:
    path = some_of("grantway-broken-rival-one", "grantway-broken-rival-two")
    given = ("--rival-key", "a", "--environment", "LeaseHill")
    # Each may declare the parameter, as long as both declare it the same.
    assert {each["state"] for each in plugins(path, tmp_path).values()} == {"active"}
    done = run("token", *given, path=path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "RivalOne" in done.stderr
    assert "RivalTwo" in done.stderr
    done = run("token", *given, "--provider", "RivalTwo", path=path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "a-token-of-RivalTwo\n")
    assert lease(path, tmp_path).returncode == 0


def test_a_greedy_one_is_reached_by_its_name_alone_and_diverts_no_secret(
    some_of: Callable[..., Path], tmp_path: Path
) -> None:
    path = some_of("grantway-broken-greedy")
    given = ("--credential", f"{CLIENT}=env:KEY", "--tenant-id", "a.example")
    done = run("explain", *given, "--json", path=path, cwd=tmp_path, KEY="a key")
    assert json.loads(done.stdout)["provider"] == "ServicePrincipal"
    done = run("token", *given, "--provider", "Greedy", path=path, cwd=tmp_path, KEY="a key")
    assert (done.returncode, done.stdout) == (0, "a-token-of-Greedy\n")


def test_all_of_them_at_once_leave_the_healthy_at_work(cabinet: Path, tmp_path: Path) -> None:
    mark = {"MARK": str(tmp_path / "mark")}
    found = plugins(cabinet, tmp_path, **mark)
    states = {name: found[entry(name)]["state"] for name in NAMES}
    assert states == {name: "active" if name in AT_WORK else "set aside" for name in NAMES}
    healthy = {each["state"] for name, each in found.items() if "broken" not in name}
    assert healthy == {"active"}
    environ = {**os.environ, "PYTHONPATH": str(cabinet), **mark}
    done = subprocess.run(
        [sys.executable, "-m", "grantway", "token", "--lease-name", "boat", "--environment", "Hill"],
        env=environ, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "BOAT, open, at LeaseHill\n"), done.stderr
    done = run("explain", "--application-id", CLIENT, path=cabinet, cwd=tmp_path, **mark)
    assert done.returncode == 0, done.stderr


# Before import.


@pytest.mark.parametrize(
    ("before", "environ", "configured"),
    [
        (("--no-plugins",), {}, ""),
        ((), {"GRANTWAY_PLUGINS": ""}, ""),
        ((), {"GRANTWAY_PLUGINS": "grantway-sample"}, ""),
        ((), {"GRANTWAY_DISABLE_PLUGINS": "Grantway_Marking"}, ""),
        ((), {}, '[plugins]\ndisable = ["grantway-marking"]\n'),
        ((), {}, '[plugins]\nenable = ["grantway-sample"]\n'),
    ],
)
def test_what_is_disabled_is_never_imported(
    before: tuple[str, ...],
    environ: Mapping[str, str],
    configured: str,
    some_of: Callable[..., Path],
    tmp_path: Path,
) -> None:
    mark, config = tmp_path / "mark", tmp_path / "config.toml"
    config.write_text(configured)
    given = {"MARK": str(mark), "GRANTWAY_CONFIG": str(config), **environ}
    path = some_of("grantway-marking")
    found = plugins(path, tmp_path, *before, **given)
    assert found["grantway-marking:plugin"]["state"] == "disabled"
    assert not mark.exists()
    config.write_text("")
    found = plugins(path, tmp_path, MARK=str(mark), GRANTWAY_CONFIG=str(config))
    assert found["grantway-marking:plugin"]["state"] == "active"
    assert mark.exists()


# Order.


def test_whatever_the_order_of_loading_the_outcome_is_the_same(
    cabinet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))
    folders: list[Path] = []
    for each in sorted(cabinet.glob("*.dist-info")):
        folder = tmp_path / each.name
        folder.mkdir()
        shutil.copytree(each, folder / each.name)
        module = each.name.partition("-")[0]
        shutil.copy(cabinet / f"{module}.py", folder)
        folders.append(folder)

    def outcome(order: Iterable[Path]) -> object:
        with monkeypatch.context() as patch:
            for folder in order:
                patch.syspath_prepend(str(folder))
            registry = Registry.load(Configuration(environ={}))
        return (
            [(each.name, each.state, each.reason, each.remedy) for each in registry.plugins],
            [each.label for each in registry.candidates],
            [each.name for each in registry.environments],
            list(registry.parameters),
        )

    first = outcome(folders)
    shuffler = random.Random(7)
    for _ in range(8):
        assert outcome(shuffler.sample(folders, len(folders))) == first


# Uninstalled.


def test_a_broken_one_is_uninstalled_by_pip_and_so_is_a_healthy_one(
    tmp_path: Path, original_environment: Mapping[str, str]
) -> None:
    place = tmp_path / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    python = str(place / ("Scripts" if os.name == "nt" else "bin") / "python")
    (site,) = place.rglob("site-packages")
    # What is installed for the tests is there too, with what its own .pth files name.
    (site / "tests.pth").write_text("\n".join(each for each in sys.path if each))
    scratch = tmp_path / "scratch"
    target = pip_install(
        [BROKEN / "wreck", HERE / "sample"], tmp_path / "target", scratch, original_environment
    )
    for each in target.iterdir():
        (shutil.copytree if each.is_dir() else shutil.copy)(each, site / each.name)

    def grantway(*arguments: str) -> Done:
        return subprocess.run(
            [python, "-m", "grantway", *arguments],
            cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def states() -> Mapping[str, str]:
        found = json.loads(grantway("plugins", "list", "--json").stdout)
        return {each["name"]: each["state"] for each in found if not each["builtin"]}

    def uninstall(distribution: str) -> None:
        pip("--python", python, "uninstall", "--yes", distribution, environ=original_environment)

    assert states() == {"grantway-broken:wreck": "set aside", "grantway-sample:lease": "active"}
    uninstall("grantway-broken")
    assert states() == {"grantway-sample:lease": "active"}
    assert grantway("token", "--lease-name", "boat", "--environment", "Hill").returncode == 0
    uninstall("grantway-sample")
    assert states() == {}
    assert grantway("token", "--lease-name", "boat", "--environment", "Hill").returncode == 2
    assert grantway("explain", "--application-id", CLIENT).returncode == 0
