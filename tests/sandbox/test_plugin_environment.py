"""The environment `Sandbox`: where it is found, and what it says where it is not."""

import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import requests

from grantway import Configuration, Credential, Dispatcher, Environment, Registry
from grantway.config import parse
from grantway.errors import ConfigurationError
from grantway_clouds import ENTRA_V1
from grantway_sandbox import state
from grantway_sandbox.environment import VARIABLE, environment_at, sandbox_environment
from grantway_sandbox.server import Sandbox

URL = "http://127.0.0.1:4711"


def credential(sandbox: Sandbox) -> Credential:
    return Credential(sandbox.application.application_id, sandbox.application.secret)


def test_the_variable_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f" {URL}/ ")
    environment = sandbox_environment()
    assert environment.authority == URL
    assert environment.resources["api"] == URL
    assert not environment.unavailable


def test_else_the_running_one_is_found() -> None:
    state.announce(state.State(URL, os.getpid(), "/ca.pem"))
    environment = sandbox_environment()
    assert environment.authority == URL
    assert environment.trust.ca_bundle == "/ca.pem"


def test_the_variable_beats_the_running_one(monkeypatch: pytest.MonkeyPatch) -> None:
    state.announce(state.State(URL, os.getpid(), "/ca.pem"))
    monkeypatch.setenv(VARIABLE, "http://[::1]:1")
    assert sandbox_environment().authority == "http://[::1]:1"
    assert sandbox_environment().trust.ca_bundle is None
    monkeypatch.setenv(VARIABLE, URL)
    assert sandbox_environment().trust.ca_bundle == "/ca.pem"


def test_where_none_runs_a_token_is_refused_with_the_command_that_starts_one() -> None:
    with Dispatcher() as dispatcher:
        explanation = dispatcher.explain(
            environment="Sandbox", credential=("x" * 8 + "-0001-4a00-8a00-" + "0" * 12, "s")
        )
        assert explanation.problem is not None
        with pytest.raises(ConfigurationError, match="`grantway sandbox run`") as caught:
            dispatcher.acquire(
                environment="sandbox",
                credential=Credential("5a9d0b0c-0001-4a00-8a00-00000000c0de", "s"),
                tenant_id="contoso.example",
            )
        assert caught.value.message == "Sandbox cannot be used now."


def test_where_none_runs_an_explanation_is_given_all_the_same_and_warns() -> None:
    with Dispatcher() as dispatcher:
        explanation = dispatcher.explain(
            environment="Sandbox",
            credential=Credential("5a9d0b0c-0001-4a00-8a00-00000000c0de", "s"),
            tenant_id="contoso.example",
        )
    assert explanation.parameter_set == "ServicePrincipal"
    (warning,) = explanation.warnings
    assert "grantway sandbox run" in warning


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example",
        "https://login.example",
        "https://sentinel-user:sentinel-password@127.0.0.1",
        "http://localhost:4711",
        "http://0.0.0.0:4711",
        "http://127.0.0.1@login.example",
        "http://127.0.0.1:4711/tenant",
        "http://127.0.0.1:4711?x",
        "http://127.0.0.1:notaport",
        "127.0.0.1:4711",
        "nonsense",
    ],
)
def test_any_other_address_is_refused_and_not_replaced_by_a_guess(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    state.announce(state.State(URL, os.getpid()))
    monkeypatch.setenv(VARIABLE, url)
    with Dispatcher() as dispatcher:
        with pytest.raises(ConfigurationError, match=f"{VARIABLE} must be .* loopback") as caught:
            dispatcher.acquire(
                environment="Sandbox",
                credential=Credential("5a9d0b0c-0001-4a00-8a00-00000000c0de", "s"),
                tenant_id="contoso.example",
            )
    assert "sentinel" not in str(caught.value)


def test_an_environment_is_made_for_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        environment_at("https://login.example")


def test_an_environment_like_it_with_an_authority_of_its_own_is_available() -> None:
    text = (
        f'[environments.mine]\nlike = "Sandbox"\nauthority = "{URL}"\n'
        "[environments.mine.trust]\nloopback_http = true\n"
    )
    registry = Registry.load(parse(text))
    assert registry.environment("Sandbox").unavailable
    assert not registry.environment("mine").unavailable


def test_v1_is_one_line_of_configuration_away() -> None:
    state.announce(state.State(URL, os.getpid()))
    text = '[environments.old]\nlike = "Sandbox"\nprotocol = "entra-v1"\n'
    registry = Registry.load(parse(text))
    assert registry.environment("old").protocol is ENTRA_V1


@pytest.mark.parametrize("protocol", ["v2", "v1"])
def test_a_token_of_it_serves_at_its_api(sandbox: Sandbox, protocol: str) -> None:
    environment: Environment = environment_at(sandbox.url)
    if protocol == "v1":
        environment = attrs.evolve(environment, protocol=ENTRA_V1)
    with Dispatcher() as dispatcher:
        source = dispatcher.bind(
            environment=environment,
            credential=credential(sandbox),
            tenant_id=sandbox.tenant.domain,
        )
        answer = requests.get(sandbox.api, auth=source.auth(), timeout=10)
    assert answer.json()["azp"] == sandbox.application.application_id


@pytest.mark.parametrize("resource", ["partner", "graph", "arm", "keyvault", "exchange", "api"])
def test_every_resource_it_names_is_one_that_the_sandbox_has(
    sandbox: Sandbox, resource: str
) -> None:
    with Dispatcher() as dispatcher:
        result = dispatcher.acquire(
            environment=environment_at(sandbox.url),
            credential=credential(sandbox),
            tenant_id=sandbox.tenant.domain,
            resource=resource,
        )
    assert result.access_token


def test_a_proxy_of_the_network_is_passed_by(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with Dispatcher() as dispatcher:
        assert dispatcher.acquire(
            environment=environment_at(sandbox.url),
            credential=credential(sandbox),
            tenant_id=sandbox.tenant.domain,
        )


def test_under_tls_its_own_ca_is_trusted(tls_sandbox: Sandbox) -> None:
    state.announce(state.State(tls_sandbox.url, os.getpid(), str(tls_sandbox.ca_bundle)))
    with Dispatcher() as dispatcher:
        result = dispatcher.acquire(
            environment="Sandbox",
            credential=credential(tls_sandbox),
            tenant_id=tls_sandbox.tenant.domain,
        )
    assert result.environment == "Sandbox"


def test_finding_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, grantway_sandbox as plugin\n"
        "heavy = {'authlib', 'click', 'cryptography', 'flask', 'jwt', 'requests', 'werkzeug'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "(environment,) = plugin.grantway_environments()\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "(command,) = plugin.grantway_commands()\n"
        "assert heavy & set(sys.modules) == {'click'}, heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_plugin_is_active_and_survives_a_home_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    registry = Registry.load(Configuration())
    (plugin,) = [each for each in registry.plugins if each.name == "grantway:sandbox"]
    assert plugin.state == "active"
