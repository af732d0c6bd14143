"""A plugin installed with pip, and a broken one beside it: from Python and from the shell."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grantway import Configuration, Dispatcher, Reference, Registry
from grantway.errors import InvalidParameter, NoParameterSetMatches, PluginError, VaultError

CLIENT = "11111111-2222-3333-4444-555555555555"
SENTINEL = "s3ntinel-of-a-key"


@pytest.fixture
def registry(plugins_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(str(plugins_folder))
    return Registry.load(Configuration(environ={}))


@pytest.fixture
def dispatcher(registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(registry, config=Configuration(environ={}), prompter=False) as made:
        yield made


# From Python.


def test_it_is_active_and_the_broken_one_is_set_aside(registry: Registry) -> None:
    states = {each.name: each.state for each in registry.plugins if not each.builtin}
    assert states == {"grantway-sample:lease": "active", "grantway-broken:wreck": "set aside"}
    (broken,) = (each for each in registry.plugins if each.state == "set aside")
    assert "No module named 'a_module_that_is_nowhere'" in broken.reason
    assert broken.remedy == "Update or uninstall grantway-broken."
    (sample,) = (each for each in registry.plugins if each.name == "grantway-sample:lease")
    assert (sample.version, sample.target) == ("1.2", "grantway_sample")
    assert Path(sample.file).name == "grantway_sample.py"


def test_its_provider_is_selected_by_its_own_parameter(dispatcher: Dispatcher) -> None:
    before = datetime.now(UTC)
    result = dispatcher.acquire(lease_name="boat", lease_term=30, environment="hill")  # type: ignore[call-overload]
    assert result.access_token == "BOAT, open, at LeaseHill"
    assert (result.provider, result.environment) == ("Lease", "LeaseHill")
    assert result.expires_on is not None
    assert 1790 <= (result.expires_on - before).total_seconds() <= 1860


def test_its_result_is_cached_like_any_other(dispatcher: Dispatcher) -> None:
    asked = {"provider": "lease", "lease_name": "boat", "lease_term": 30}
    first = dispatcher.acquire(**asked)  # type: ignore[call-overload]
    assert dispatcher.acquire(**asked) is first  # type: ignore[call-overload]
    assert dispatcher.acquire(**{**asked, "lease_name": "car"}) is not first  # type: ignore[call-overload]


def test_its_vault_opens_a_secret_for_it(dispatcher: Dispatcher) -> None:
    result = dispatcher.acquire(
        provider="Lease", lease_name="boat", lease_key=Reference(f"samplebox:{SENTINEL}")
    )
    assert result.access_token.startswith(f"BOAT, opened with {len(SENTINEL)} letters")
    with pytest.raises(VaultError, match="The box is empty"):
        dispatcher.acquire(
            provider="Lease", lease_name="boat", lease_key=Reference("samplebox:nothing")
        )


def test_what_its_parse_refuses_is_an_invalid_parameter(dispatcher: Dispatcher) -> None:
    with pytest.raises(InvalidParameter, match="lease_term: expected a whole number of minutes"):
        dispatcher.acquire(provider="Lease", lease_name="boat", lease_term="long")


def test_a_built_in_call_is_as_without_it(dispatcher: Dispatcher) -> None:
    plan = dispatcher.explain(application_id=CLIENT, tenant_id="contoso.example")
    assert (plan.provider, plan.environment) == ("User", "GlobalCloud")
    with pytest.raises(NoParameterSetMatches):
        dispatcher.acquire(lease_name="boat", application_id=CLIENT)  # type: ignore[call-overload]


def test_without_third_parties_its_parameters_are_unknown(
    plugins_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(plugins_folder))
    monkeypatch.setenv("GRANTWAY_PLUGINS", "")
    sys.modules.pop("grantway_sample", None)
    with Dispatcher(prompter=False) as dispatcher:
        assert "grantway_sample" not in sys.modules
        with pytest.raises(InvalidParameter, match="no parameter 'lease_name'"):
            dispatcher.explain(lease_name="boat")
        with pytest.raises(PluginError, match="no credential provider 'Lease'"):
            dispatcher.explain(provider="Lease")


# From the shell.

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(plugins_folder: Path, tmp_path: Path) -> Shell:
    def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "grantway", *arguments],
            env={**os.environ, "PYTHONPATH": str(plugins_folder), **environ},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_token_is_all_that_standard_output_carries(shell: Shell) -> None:
    done = shell("token", "--lease-name", "boat", "--environment", "LeaseHill")
    assert (done.returncode, done.stdout) == (0, "BOAT, open, at LeaseHill\n"), done.stderr
    assert done.stderr == ""


def test_its_parameters_come_from_variables_too(shell: Shell) -> None:
    done = shell("token", "-o", "json", LEASE_NAME="boat", GRANTWAY_ENVIRONMENT="hill")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["access_token"], answer["provider"]) == ("BOAT, open, at LeaseHill", "Lease")


def test_its_secret_is_a_reference_and_a_bare_one_is_refused_and_not_echoed(shell: Shell) -> None:
    done = shell("token", "--lease-name", "boat", "--lease-key", "env:KEY", KEY=SENTINEL)
    assert f"opened with {len(SENTINEL)} letters" in done.stdout, done.stderr
    done = shell("token", "--lease-name", "boat", "--lease-key", SENTINEL)
    assert (done.returncode, done.stdout) == (2, "")
    assert "lease" in done.stderr
    assert SENTINEL not in done.stderr


def test_plugins_names_the_broken_one_and_is_no_failure(shell: Shell) -> None:
    done = shell("plugins", "list", "--json")
    assert done.returncode == 0, done.stderr
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert found["grantway-broken:wreck"]["state"] == "set aside"
    assert "a_module_that_is_nowhere" in found["grantway-broken:wreck"]["reason"]
    assert found["grantway-sample:lease"]["providers"] == ["Lease"]
    done = shell("plugins")
    assert done.returncode == 0
    assert "grantway-broken:wreck" in done.stdout
    assert "set aside" in done.stdout
    assert "uninstall grantway-broken" in done.stderr


def test_its_provider_environment_and_help_are_shown(shell: Shell) -> None:
    assert "Lease" in shell("providers").stdout
    assert "LeaseHill" in shell("environments").stdout
    assert "--lease-term" in shell("providers", "show", "Lease").stdout
    assert "--lease-name" in shell("token", "--help").stdout


def test_explain_says_why_it_was_chosen(shell: Shell) -> None:
    done = shell("explain", "--lease-name", "boat", "--json")
    plan = json.loads(done.stdout)
    assert (done.returncode, plan["provider"]) == (0, "Lease")
    assert plan["because"] == "Lease is the one set that takes lease_name."


EXITS: dict[str, tuple[tuple[str, ...], int]] = {
    "an unknown option": (("token", "--lease-nam", "boat"), 2),
    "nothing given": (("token",), 2),
    "a value that cannot be": (("token", "--lease-name", "b", "--lease-term", "long"), 2),
    "an empty vault": (("token", "--lease-name", "b", "--lease-key", "samplebox:nothing"), 3),
    "its option without plugins": (("--no-plugins", "token", "--lease-name", "boat"), 2),
    "a built-in call, all plugins at hand": (("explain", "--application-id", CLIENT), 0),
    "a person who is not there": (("--no-input", "token", "--application-id", CLIENT), 4),
}


@pytest.mark.parametrize(("arguments", "code"), list(EXITS.values()), ids=list(EXITS))
def test_exit_codes(shell: Shell, arguments: tuple[str, ...], code: int) -> None:
    done = shell(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_disabled_before_it_is_imported(shell: Shell) -> None:
    done = shell("plugins", "list", "--json", GRANTWAY_DISABLE_PLUGINS="grantway_sample")
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert found["grantway-sample:lease"]["state"] == "disabled"
    assert found["grantway-broken:wreck"]["state"] == "set aside"
    done = shell("--no-plugins", "plugins", "list", "--json")
    found = {each["name"]: each for each in json.loads(done.stdout)}
    states = {each["state"] for each in found.values() if not each["builtin"]}
    assert states == {"disabled"}
