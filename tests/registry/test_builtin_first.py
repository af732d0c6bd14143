"""Plugins of third parties are imported where the built-in ones do not settle a call."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grantway import Configuration, Credential, Dispatcher, Reference, Registry
from grantway.config import parse
from grantway.errors import GrantwayError, InvalidParameter
from grantway.plugins import check_declarations

APP = "11111111-2222-3333-4444-555555555555"
PLUGIN = """
from grantway import (
    AuthenticationResult, CredentialProvider, Environment, Parameter, ParameterSet, Vault, hookimpl
)
from grantway.parameters import APPLICATION_ID, DEVICE_CODE, text

PASS = Parameter("boat_pass", text, "A pass.", env="BOAT_PASS")

@hookimpl
def grantway_providers():
    sets = (
        ParameterSet("Boat", (PASS,), optional=(APPLICATION_ID, DEVICE_CODE)),
        ParameterSet("Coded", (PASS, DEVICE_CODE)),
    )
    return [CredentialProvider("Boat", sets, lambda request, context: AuthenticationResult("b"))]

@hookimpl
def grantway_environments():
    return [Environment("Harbour", authority="https://harbour.example", aliases=("Quay",))]

@hookimpl
def grantway_vaults():
    return [Vault("locker", lambda name, context: None)]
"""

SERVICE = {
    "tenant_id": "contoso.example",
    "credential": Credential(APP, Reference("env:X")),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a_boat_plugin.py").write_text(PLUGIN)
    metadata = folder / "boat-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: boat\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[grantway.plugins]\nboat = a_boat_plugin\n")
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("a_boat_plugin", None)


Begin = Callable[..., Dispatcher]


@pytest.fixture
def begin(site: Path, tmp_path: Path) -> Begin:
    def dispatcher(text: str = "", *, lazy: bool = True, **environ: str) -> Dispatcher:
        configuration = parse(text)
        configuration = Configuration(
            environ, **{name: getattr(configuration, name) for name in ("profiles", "environments")}
        )
        manifest = tmp_path / "cache" / "manifest.json" if lazy else None
        registry = Registry.load(configuration, manifest=manifest)
        return Dispatcher(registry, config=configuration, prompter=False)

    return dispatcher


def is_imported() -> bool:
    return "a_boat_plugin" in sys.modules


def settled(dispatcher: Dispatcher, **parameters: object) -> tuple[str, str, str]:
    source = dispatcher.bind(**parameters)  # type: ignore[call-overload]
    request = source._request
    return request.provider, request.parameter_set, request.environment.name


BUILTIN_CALLS = (
    SERVICE,
    {"application_id": APP},
    {"application_id": APP, "environment": "ChinaCloud"},
    {"provider": "ServicePrincipal", **SERVICE},
    {"refresh_token": Reference("env:RT"), "application_id": APP},
    {"credential": SERVICE["credential"], "client_id": APP, "tenant": "contoso.example"},
)
OTHER_CALLS = (
    {"boat_pass": "p"},
    {"boat_pass": "p", "application_id": APP},
    {"application_id": APP, "environment": "quay"},
    {"provider": "Boat", "parameter_set": "Boat", "boat_pass": "p"},
    {**SERVICE, "credential": Credential(APP, Reference("locker:1"))},
)


@pytest.mark.parametrize("call", BUILTIN_CALLS)
def test_a_call_that_a_built_in_set_takes_imports_no_other(
    begin: Begin, call: dict[str, object]
) -> None:
    with begin() as dispatcher:
        found = settled(dispatcher, **call)
    assert not is_imported()
    with begin(lazy=False) as dispatcher:
        assert is_imported()
        assert settled(dispatcher, **call) == found


@pytest.mark.parametrize("call", OTHER_CALLS)
def test_a_call_with_something_of_a_third_partys_imports_it(
    begin: Begin, call: dict[str, object]
) -> None:
    with begin() as dispatcher:
        found = settled(dispatcher, **call)
        assert is_imported()
    with begin(lazy=False) as dispatcher:
        assert settled(dispatcher, **call) == found


PROFILE = f'[profiles.p]\napplication_id = "{APP}"\n'
LAYERED = (
    # What completes a built-in set does so whatever else there is.
    (PROFILE, {"GRANTWAY_PROFILE": "p", "BOAT_PASS": "p"}, "User", False),
    ("", {"GRANTWAY_APPLICATION_ID": APP, "BOAT_PASS": "p"}, "User", False),
    # Nothing does.
    ("", {"BOAT_PASS": "p"}, "Boat", True),
    # The profile gives what only a third party takes.
    (f'{PROFILE}boat_pass = "p"\n', {"GRANTWAY_PROFILE": "p"}, "User", True),
    ('[profiles.p]\nboat-pass = "p"\n',
     {"GRANTWAY_PROFILE": "p", "GRANTWAY_APPLICATION_ID": APP}, "Boat", True),
)  # fmt: skip


@pytest.mark.parametrize(("text", "environ", "provider", "imports"), LAYERED)
def test_a_call_that_layers_complete_is_the_same_whether_or_not_all_are_loaded(
    begin: Begin, text: str, environ: dict[str, str], provider: str, imports: bool
) -> None:
    with begin(text, **environ) as dispatcher:
        assert settled(dispatcher)[0] == provider
        assert is_imported() is imports
    with begin(text, lazy=False, **environ) as dispatcher:
        assert settled(dispatcher)[0] == provider


def test_what_nobody_knows_is_an_error_that_knows_all(begin: Begin) -> None:
    with begin() as dispatcher:
        with pytest.raises(InvalidParameter, match="no parameter 'boat_pas'") as caught:
            dispatcher.explain(boat_pas="p")  # type: ignore[call-overload]
        assert "boat_pass" in caught.value.remedy


def test_a_projects_file_takes_no_name_of_a_plugin_that_waits(site: Path, tmp_path: Path) -> None:
    theirs = parse('[environments.Harbour]\nauthority = "https://evil.example"\n')
    configuration = Configuration(environ={}, project=theirs)
    registry = Registry.load(configuration, manifest=tmp_path / "cache" / "m.json")
    assert registry.environment("Harbour").authority == "https://harbour.example"


def test_a_configured_environment_that_leans_on_a_third_partys_is_found(begin: Begin) -> None:
    text = '[environments.Mine]\nlike = "Harbour"\n[environments.Own]\nauthority = "https://o.example"\n'
    with begin(text) as dispatcher:
        assert dispatcher.registry.environment("own").authority == "https://o.example"
        assert not is_imported()
        assert dispatcher.registry.environment("mine").authority == "https://harbour.example"


def test_lists_are_of_all(begin: Begin) -> None:
    registry = begin().registry
    assert "boat_pass" in set(registry.parameters)
    assert {"locker", "env"} <= set(registry.vaults)
    assert len(registry.vaults) == len(set(registry.vaults))
    assert [each.name for each in registry.plugins if not each.builtin and "boat" in each.name]
    sets = {each.label for each in registry.provider_candidates("ServicePrincipal")}
    assert sets <= {each.label for each in registry.candidates}
    assert all(each in registry.candidates for each in registry.provider_candidates("User"))


def test_nothing_is_said_of_a_plugin_that_waits_and_everything_once_it_is_asked_for(
    begin: Begin, site: Path
) -> None:
    (site / "a_boat_plugin.py").write_text("raise RuntimeError('sunk')\n")
    with begin() as dispatcher:
        settled(dispatcher, **SERVICE)
        with pytest.raises(GrantwayError):
            settled(dispatcher, boat_pass="p")
        (boat,) = (each for each in dispatcher.registry.plugins if not each.builtin)
        assert (boat.state, "sunk" in boat.reason) == ("set aside", True)


def test_to_show_a_registry_imports_nothing(begin: Begin) -> None:
    registry = begin().registry
    assert repr(registry) == "<Registry, of whose plugins 1 are not loaded>"
    assert not is_imported()
    assert len(registry.plugins) > 1
    assert "active" in repr(registry)


def test_built_in_plugins_declare_what_may_be() -> None:
    for plugin in Registry.load(third_parties=False).plugins:
        assert plugin.state in ("active", "disabled")
        if plugin.builtin:
            check_declarations(plugin)
