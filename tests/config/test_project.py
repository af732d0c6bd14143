"""A project's file: it adds environments, and changes what no call means."""

import json
import os
from pathlib import Path

import pytest

from cli.support import Outcome, run
from grantway import Dispatcher
from grantway.config import user_file
from grantway.configuration_files import PROJECT

HILL = '[environments.Hill]\nauthority = "https://project.example"\n'
APP = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a project in a folder of which the test is in."""
    inner = tmp_path / "project" / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    return tmp_path / "project" / PROJECT


def configure(text: str) -> None:
    user_file().parent.mkdir(exist_ok=True)
    user_file().write_text(text)


def row(name: str) -> str:
    lines = run("environments").stdout.splitlines()
    return next((line for line in lines if line.startswith(name)), "")


def faults() -> Outcome:
    return run("config", "check")


def test_its_environments_are_known_below_its_folder(project: Path) -> None:
    project.write_text(HILL)
    assert f"project {project}" in row("Hill")
    facts = run("environments", "show", "hill", "--json").json
    assert facts["authority"] == "https://project.example"  # type: ignore[index]
    shown = run("config", "show", "--json").json
    assert shown["project"] == str(project)  # type: ignore[index]
    assert faults().code == 0


def test_the_nearest_one_counts_and_none_above_the_home_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text(HILL)
    monkeypatch.setenv("HOME", str(project.parent / "a"))
    assert not row("Hill")
    (project.parent / "a" / PROJECT).write_text(HILL.replace("Hill", "Dale"))
    assert row("Dale")


@pytest.mark.parametrize(
    "text",
    [
        HILL,
        f'{HILL}aliases = ["also"]\n'.replace("Hill", "Vale").replace("also", "HILL"),
        HILL.replace("Hill", "GlobalCloud"),
    ],
)
def test_it_takes_no_name_from_anybody(project: Path, text: str) -> None:
    configure(HILL.replace("project", "mine"))
    project.write_text(text)
    assert run("environments", "show", "Hill", "--json").json["authority"] == "https://mine.example"  # type: ignore[index]
    assert run("environments", "show", "GlobalCloud").code == 0
    found = faults()
    assert found.code == 3
    assert f"{project}:1: " in found.stderr
    assert "takes a name that is taken" in found.stderr


def test_not_even_from_one_that_is_faulty(project: Path) -> None:
    configure('[environments.Hill]\nauthority = "ftp://mine.example"\n')
    project.write_text(HILL)
    done = run("environments", "show", "Hill")
    assert done.code == 3
    assert "https://project.example" not in done.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n[profiles.a]\n", ":2: a project's file holds environments, and no 'profiles'"),
        ('default_profile = "a"\n', "no 'default_profile'"),
        ("[plugins]\nenable = []\n", "no 'plugins'"),
        ("not TOML", ":1: not TOML"),
        ("environments = 5\n", "must be a table"),
    ],
)
def test_a_file_that_is_wrong_is_told_and_all_else_goes_on(
    project: Path, text: str, says: str
) -> None:
    configure(HILL.replace("project", "mine"))
    project.write_text(text)
    assert row("Hill")
    assert says in run("environments").stdout
    listed = json.loads(run("environments", "--json").stdout)
    assert listed[-1]["from"] == f"project {project}"
    found = faults()
    assert (found.code, says in found.stderr) == (3, True)
    assert run("explain", "--application-id", APP).code == 0


def test_one_that_everybody_may_write_is_not_read(project: Path) -> None:
    project.write_text(HILL)
    project.chmod(0o666)
    assert not row("Hill")
    assert "another user could have written it" in faults().stderr


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away"
)
def test_one_of_another_user_is_not_read(project: Path) -> None:
    project.write_text(HILL)
    os.chown(project, 12345, 12345)
    assert not row("Hill")


def test_a_dispatcher_in_python_reads_none(project: Path) -> None:
    project.write_text(HILL)
    with Dispatcher() as dispatcher:
        assert "Hill" not in {each.name for each in dispatcher.registry.environments}


def test_add_writes_to_the_users_file_and_takes_no_name_of_the_projects(project: Path) -> None:
    project.write_text(HILL)
    new = project.with_name("new.toml")
    new.write_text('authority = "https://new.example"\n')
    assert run("environments", "add", "Hill", "--from", str(new)).code == 2
    assert run("environments", "add", "Dale", "--from", str(new)).code == 0
    assert "Dale" in user_file().read_text()
    done = run("environments", "remove", "Hill")
    assert (done.code, str(project) in done.stderr) == (2, True)
    assert project.read_text() == HILL
