"""Plugins that are good enough to publish: installed with pip, tested and used as by anybody."""

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from peers import require_peer
from plugins.support import PUBLISHED, Done, run
from servers.raw import RawServer

ROOT = Path(__file__).parents[2]
CALLER = Path(__file__).with_name("published_caller.py")
REFUSED = {
    number
    for number, line in enumerate(CALLER.read_text(encoding="utf-8").splitlines(), start=1)
    if "# refused" in line
}
NAMES = sorted(each.name for each in PUBLISHED.iterdir() if each.is_dir())


def helper(name: str, file: str) -> ModuleType:
    """A module of a plugin's own tests."""
    spec = spec_from_file_location(
        f"published_{name}_{file}", PUBLISHED / name / "tests" / f"{file}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass_as_its_author_runs_them(
    name: str, published_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(PUBLISHED / name, tmp_path / name)
    # What is tested is what pip has installed.
    shutil.rmtree(folder / "src")
    done = run("-q", "-p", "no:cacheprovider", module="pytest", path=published_folder, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_it_is_active_beside_the_others(name: str, published_folder: Path, tmp_path: Path) -> None:
    done = run("plugins", "list", "--json", path=published_folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = (
        each for each in json.loads(done.stdout) if each["distribution"] == f"grantway-{name}"
    )
    assert (found["state"], found["reason"]) == ("active", "")
    stated = tomllib.loads((PUBLISHED / name / "pyproject.toml").read_text())["project"]
    assert found["version"] == stated["version"]


# As type checkers see them.


def test_mypy_agrees_with_callers_and_authors(published_folder: Path, tmp_path: Path) -> None:
    require_peer(find_spec("mypy") is not None, "mypy (pip install 'grantway[dev]')")
    packages = [str(published_folder / f"grantway_{name}") for name in NAMES]
    done = run(
        "--strict", "--no-error-summary", "--no-pretty", "--cache-dir", str(tmp_path / "cache"),
        str(CALLER), *packages,
        module="mypy", path=published_folder, cwd=tmp_path, MYPYPATH=str(published_folder),
    )  # fmt: skip
    lines = re.findall(r"(\w+\.py):(\d+): error", done.stdout)
    assert set(lines) == {(CALLER.name, str(line)) for line in REFUSED}, done.stdout + done.stderr


def test_pyright_agrees_with_callers_and_authors(
    published_folder: Path, tmp_path: Path, original_environment: Mapping[str, str]
) -> None:
    require_peer(find_spec("pyright") is not None, "pyright (pip install 'grantway[dev]')")
    shutil.copy(CALLER, tmp_path)
    for name in NAMES:
        shutil.copytree(published_folder / f"grantway_{name}", tmp_path / f"grantway_{name}")
    settings = {
        "include": [CALLER.name, *(f"grantway_{name}" for name in NAMES)],
        "extraPaths": [str(tmp_path), str(ROOT / "framework"), str(ROOT / "providers")],
        "typeCheckingMode": "strict",
        "venvPath": str(Path(sys.prefix).parent),
        "venv": Path(sys.prefix).name,
    }
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps(settings), encoding="utf-8")
    done = run(
        "--outputjson", "--project", str(project),
        module="pyright", path=published_folder, cwd=tmp_path, **original_environment,
    )  # fmt: skip
    found = [
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in json.loads(done.stdout)["generalDiagnostics"]
        if each["severity"] == "error"
    ]
    assert set(found) == {(CALLER.name, line) for line in REFUSED}, done.stdout


# From the shell, against real servers.


@pytest.fixture(scope="module")
def app_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def github_config(app_key: rsa.RSAPrivateKey, tmp_path: Path) -> Iterator[Path]:
    server = helper("github", "github_server")
    public = app_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(
        app_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    with server.running(public.decode()) as github:
        config = tmp_path / "config.toml"
        config.write_text(
            f'[environments.Work]\nlike = "GitHub"\nauthority = "{github.url}"\n'
            "[environments.Work.trust]\nloopback_http = true\n"
        )
        yield config


def test_an_enterprise_server_is_a_few_lines_of_configuration(
    github_config: Path, published_folder: Path, tmp_path: Path
) -> None:
    arguments = (
        "token", "--environment", "Work", "--github-app-id", "Iv23liABCDEFGHIJKLMN",
        "--github-app-key", "key.pem", "--github-installation-id", "1234567",
    )  # fmt: skip

    def grantway(*more: str) -> Done:
        environ = {"GRANTWAY_CONFIG": str(github_config)}
        return run(*arguments, *more, path=published_folder, cwd=tmp_path, **environ)

    done = grantway("--github-permissions", "contents:read")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"ghs_\d{36}\n", done.stdout)
    done = grantway("--github-repositories", "theirs")
    assert (done.returncode, done.stdout) == (5, "")
    assert "Ask for repositories and permissions that the installation has." in done.stderr


def test_a_code_by_mail_needs_a_person_who_is_told_so_before_it_is_mailed(
    published_folder: Path, tmp_path: Path, raw_server: RawServer
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[environments.Here]\nauthority = "{raw_server.url}"\nprotocol = "postern"\n'
        "[environments.Here.trust]\nloopback_http = true\n"
    )
    given = ("--postern-mail", "me@example.org", "--environment", "Here")
    environ = {"GRANTWAY_CONFIG": str(config)}
    done = run("explain", *given, "--json", path=published_folder, cwd=tmp_path, **environ)
    plan = json.loads(done.stdout)
    assert (plan["provider"], [each["endpoint"] for each in plan["requests"]]) == (
        "Postern",
        ["codes", "token"],
    )
    done = run("--no-input", "token", *given, path=published_folder, cwd=tmp_path, **environ)
    assert (done.returncode, done.stdout) == (4, "")
    assert raw_server.requests == []


def test_a_cloud_brings_its_root_along(published_folder: Path, tmp_path: Path) -> None:
    done = run("environments", "show", "hill-cloud", "--json", path=published_folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    bundle = published_folder / "grantway_hillcloud" / "roots.pem"
    assert str(bundle) in done.stdout
    assert bundle.is_file()
