"""The JSON schema of the configuration: it says what the reader takes, and is published as it is."""

import json
import tomllib
from pathlib import Path

import attrs
import pytest
from jsonschema import Draft202012Validator

from cli.support import Shop, run, session
from config import keys_page
from grantway import Environment, Registry, Trust
from grantway.config import parse
from grantway.config_schema import schema
from grantway.environment_keys import ENVIRONMENT, TRUST
from grantway.errors import ConfigurationError

PUBLISHED = Path(__file__).parents[2] / "docs" / "configuration.schema.json"
VALIDATOR = Draft202012Validator(schema())


def test_the_published_schema_is_that_of_this_version() -> None:
    assert json.loads(PUBLISHED.read_text()) == schema()
    assert run("config", "schema").json == schema()


def test_the_reference_of_keys_is_that_of_this_version() -> None:
    assert keys_page.PAGE.read_text(encoding="utf-8") == keys_page.page(), keys_page.REGENERATE


def test_every_key_of_an_environment_is_in_the_reference() -> None:
    rows = [line for line in keys_page.page().splitlines() if line.startswith("| `")]
    for name, key in {**ENVIRONMENT, **TRUST}.items():
        assert [row for row in rows if row.startswith(f"| `{name}` |") and key.help in row]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


def test_its_keys_are_those_of_the_values_that_are_made() -> None:
    fields = {each.name for each in attrs.fields(Environment)}
    not_configured = {"name", "advice", "default", "unavailable", "transient", "secret_hosts"}
    assert set(ENVIRONMENT) == fields - not_configured | {"like", "issuer"}
    assert set(TRUST) == {each.name for each in attrs.fields(Trust)}


GOOD = (
    "",
    'default_profile = "a"\ncache = "memory"\n[profiles.a]\ntenant_id = "a.example"\n',
    '[plugins]\nenable = []\ndisable = ["a"]\n',
    '[environments.A]\nauthority = "https://a.example"\n',
    '[environments.A]\nissuer = "https://a.example"\naliases = "b"\nhosts = ["c.example"]\n',
    '[environments.A]\nlike = "Sandbox"\nclosed = "since 2020"\nsummary = "old"\n',
    (
        '[environments.A]\nauthority = "https://a.example"\nprotocol = "adfs"\ntenant = "adfs"\n'
        'resources = {api = "urn:a"}\ndefault_resource = "api"\nissuers = ["https://b.example"]\n'
        'client_authentication = "client_secret_basic"\n'
        '[environments.A.trust]\nca_bundle = "a.pem"\nclient_certificate = ["a.pem", "a.key"]\n'
        'proxy = ""\nheaders = {X-A = "b"}\nloopback_http = true\n'
    ),
)
BAD = (
    "surplus = 1\n",
    "default_profile = 1\n",
    "cache = []\n",
    "profiles = 1\n",
    "profiles = {a = 1}\n",
    "environments = []\n",
    "[plugins]\nenabled = []\n",
    "[plugins]\nenable = [1]\n",
    "[environments.A]\n",
    '[environments."A B"]\nauthority = "https://a.example"\n',
    '[environments.A]\nauthority = "https://a.example"\nissuer = "https://a.example"\n',
    *(
        f'[environments.A]\nauthority = "https://a.example"\n{line}\n'
        for line in (
            "isuer = 'x'", "tenant = 5", "aliases = [5]", "resources = ['a']", "hosts = {}",
            "resources = {a = 5}", "client_authentication = 'none'", "trust = 'all'",
            "trust = {ca = 'a.pem'}", "trust = {client_certificate = ['a.pem']}",
            "trust = {loopback_http = 'yes'}", "trust = {headers = {a = 1}}", "closed = false",
        )
    ),
)  # fmt: skip


def is_read(text: str) -> bool:
    """Whether the reader takes a configuration without a fault."""
    try:
        return not Registry.load(parse(text), third_parties=False).faults
    except ConfigurationError:
        return False


@pytest.mark.parametrize("text", GOOD)
def test_what_is_read_is_valid(text: str) -> None:
    assert is_read(text)
    assert VALIDATOR.is_valid(tomllib.loads(text))


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused_is_not_valid(text: str) -> None:
    assert not is_read(text)
    assert not VALIDATOR.is_valid(tomllib.loads(text))


# Precedence.

SHADOWING = """
[environments.Mall]
authority = "https://mine.example"

[environments.Fine]
authority = "https://fine.example"
aliases = ["GlobalCloud"]
"""


def test_a_configured_environment_that_shadows_a_plugins_is_told() -> None:
    with_shop = session(Shop(), config=SHADOWING, names=["acme:shop"])
    lines = run("environments", session=with_shop).stdout.splitlines()
    [line] = [each for each in lines if each.startswith("Mall")]
    assert "https://mine.example" in line
    assert "shadows Mall (mall) of acme:shop" in line
    [found] = [
        each
        for each in run("environments", "--json", session=with_shop).json  # type: ignore[attr-defined]
        if each["name"] == "Mall"
    ]
    assert found["shadows"] == [{"name": "mall", "environment": "Mall", "from": "acme:shop"}]


def test_a_built_in_ones_names_cannot_be_taken() -> None:
    with_shop = session(Shop(), config=SHADOWING)
    lines = run("environments", session=with_shop).stdout.splitlines()
    [line] = [each for each in lines if each.startswith("Fine")]
    assert "takes a built-in's name: globalcloud" in line
    assert "config.toml:5" in line
