"""An environment that keeps the contract, and some that break it; see `providers`."""

from typing import Any

import attrs

from contracts.cabinet.shelf import Shelf
from grantway import OIDC, Environment, Trust
from grantway.testing import EnvironmentContract, metadata_of

HILL: dict[str, Any] = {
    "authority": "https://login.cabinet.example",
    "resources": {"api": "https://api.cabinet.example"},
    "default_resource": "api",
    "aliases": ("CabHill",),
    "summary": "a hill",
}


def hill(name: str = "CabinetHill", **fields: Any) -> Environment:
    return Environment(name, **{**HILL, **fields})


def shelf(*environments: Environment) -> Shelf:
    return Shelf(environments=environments)


class Cabinet(EnvironmentContract):
    breaks: tuple[str, ...] = ()
    api_version = (0, 1)
    plugin: object = shelf(hill())
    environment = "CabinetHill"


class TestRight(Cabinet):
    metadata = metadata_of(hill(), scopes_supported=["a"])


class TestNotAccepted(Cabinet):
    breaks = ("test_the_registry_accepts_its_plugin",)
    plugin = shelf(hill(default=True))


class TestHasAnotherName(Cabinet):
    breaks = ("test_it_is_found_by_each_of_its_names",)
    plugin = shelf(hill("CabinetHills"))


class TestTakesAName(Cabinet):
    breaks = ("test_it_takes_no_name_of_a_built_in",)
    plugin = shelf(hill("GlobalCloud"))


class TestHeavy(Cabinet):
    breaks = ("test_importing_its_plugin_loads_nothing_heavy",)
    module = "contracts.cabinet.heavy"


class TestHasNoSummary(Cabinet):
    breaks = ("test_it_has_a_summary_for_lists",)
    plugin = shelf(hill(summary=""))


def speaking(**fields: Any) -> Shelf:
    return shelf(hill(protocol=attrs.evolve(OIDC, name="cabinet", **fields)))


class TestSpeaksInClear(Cabinet):
    breaks = ("test_whatever_it_names_is_https",)
    plugin = speaking(token_path="http://login.cabinet.example/token")


class TestSpeaksElsewhere(Cabinet):
    breaks = ("test_its_endpoints_are_on_hosts_that_it_names", "test_a_call_goes_through")
    plugin = speaking(token_path="https://tokens.cabinet.example/token")


class TestHasNoResources(Cabinet):
    breaks = ("test_its_resources_are_what_a_token_can_be_for",)
    plugin = shelf(hill(resources={"api": "no identifier"}, default_resource=None))


class TestTrustsNothing(Cabinet):
    breaks = ("test_what_it_trusts_is_there",)
    plugin = shelf(hill(trust=Trust(ca_bundle="/no/such/bundle.pem")))


class TestIsAnother(Cabinet):
    breaks = ("test_its_metadata_is_its_own",)
    metadata = metadata_of(hill(), issuer="https://login.cabinet.example/")


class TestHasNoTokens(Cabinet):
    breaks = ("test_a_call_goes_through",)
    metadata = {"issuer": "https://login.cabinet.example"}


class TestNamesResourcesInVain(Cabinet):
    breaks = ("test_each_resource_can_be_asked_for",)
    plugin = shelf(
        hill(protocol=attrs.evolve(OIDC, name="cabinet", audience="fixed"), default_resource=None)
    )
