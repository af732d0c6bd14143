"""`providers`, `environments`, `plugins`: what is there, where it is from, what is wrong with it."""

import json
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from cli import providers_page
from cli.support import APP, Shop, run, session
from grantway import CredentialProvider, Environment, ParameterSet, hookimpl
from grantway.parameters import APPLICATION_ID, CREDENTIAL, TENANT_ID

CONFIG = """
[environments.Home]
authority = "https://home.example"
tenant = "only"
trust = {proxy = "http://user:hidden-password@proxy.example:3128", headers = {X-Key = "hidden-key"}}

[environments.Crooked]
authority = "ftp://crooked.example"
"""


class Broken:
    """A plugin that raises."""

    @hookimpl
    def grantway_providers(self) -> None:
        raise RuntimeError("no luck")


class Claimant:
    """A plugin that claims another's environment."""

    @hookimpl
    def grantway_environments(self) -> list[Environment]:
        return [Environment("mall", authority="https://other.example")]


class Hidden:
    """A plugin whose one set takes all that a built-in one requires."""

    @hookimpl
    def grantway_providers(self) -> list[CredentialProvider]:
        optional = (CREDENTIAL, APPLICATION_ID)
        sets = [ParameterSet("Hidden", (TENANT_ID,), optional=optional)]
        return [CredentialProvider("Hidden", sets, print)]  # type: ignore[arg-type]  # never called


@pytest.mark.parametrize("what", ["providers", "environments", "plugins"])
def test_bare_means_list(what: str) -> None:
    bare, listed = (run(what, *more, session=session(Shop())) for more in ([], ["list"]))
    assert bare == listed
    assert bare.code == 0
    bare, listed = (run(what, *more, "--json", session=session(Shop())) for more in ([], ["list"]))
    assert bare.json == listed.json


def test_providers_are_listed_with_sets_and_plugin() -> None:
    outcome = run("providers", session=session(Shop(), names=["acme:shop"]))
    line = next(line for line in outcome.stdout.splitlines() if line.startswith("Shop"))
    assert line.split() == ["Shop", "Voucher,", "Told", "acme:shop", "hands", "out", "tokens"]


def test_a_provider_shows_syntax_and_parameters() -> None:
    text = run("providers", "show", "shop", session=session(Shop())).stdout
    assert (
        "Shop/Voucher\n    grantway token --voucher <Voucher> [--colour <red|green>] [--quick] "
        "[--tags <Tags>...]\n     [--save-refresh-token" in text
    )
    assert (
        "Shop/Told\n    grantway token --colour <red|green> "
        "{--application-id <ApplicationId> | --tags <Tags>...}" in text
    )
    assert "[<CommonParameters>]" in text
    row = next(line for line in text.splitlines() if line.startswith("--colour"))
    assert row.split()[:4] == ["--colour", "red|green", "Told", "-"]
    assert "TEST_VOUCHER" in text
    assert "--environment-name" in text


def test_a_provider_in_json_has_a_schema_for_each_set() -> None:
    facts = run("providers", "show", "Shop", "--json", session=session(Shop())).json
    sets = {each["name"]: each for each in facts["parameter_sets"]}
    schema = sets["Voucher"]["schema"]
    assert schema["required"] == ["voucher"]
    assert schema["properties"]["voucher"]["writeOnly"] is True
    assert sets["Voucher"]["selectable"] is True
    assert sets["Voucher"]["syntax"].startswith("grantway token --voucher <Voucher> [--colour ")


def test_a_provider_in_json_says_all_that_is_known_of_its_parameters() -> None:
    facts = run("providers", "show", "Shop", "--json", session=session(Shop())).json
    found = {each["name"]: each for each in facts["parameters"]}
    voucher, colour, resource = found["voucher"], found["colour"], found["resource"]
    assert (voucher["option"], voucher["type"], voucher["secret"]) == (
        "--voucher",
        "REFERENCE",
        True,
    )
    assert voucher["sources"] == ["call", "profile", "variable TEST_VOUCHER"]
    assert voucher["required_by"] == ["Voucher"]
    assert (colour["choices"], colour["aliases"]) == (["red", "green"], ["hue"])
    assert found["tags"]["required_by"] == ["Told (one of)"]
    assert (resource["common"], resource["excludes"]) == (True, ["scopes"])


@pytest.mark.parametrize("name", ["User", "ServicePrincipal", "RefreshToken", "Consent"])
def test_the_example_of_each_set_is_a_call_that_it_takes(name: str) -> None:
    facts = run("providers", "show", name, "--json").json
    for each in facts["parameter_sets"]:
        _, _, *arguments = shlex.split(each["example"])
        found = run("explain", *arguments, "--json").json
        assert (found["provider"], found["parameter_set"]) == (name, each["name"])
        assert found["problem"] is None
        assert each["example"] in run("providers", "show", name).stdout


def test_the_reference_of_providers_is_that_of_this_version() -> None:
    assert providers_page.PAGE.read_text(encoding="utf-8") == providers_page.page(), (
        providers_page.REGENERATE
    )


def test_a_set_that_only_its_provider_reaches_is_shown_and_called_so() -> None:
    text = run("providers", "show", "hidden", session=session(Hidden())).stdout
    assert "grantway token --provider Hidden --tenant-id <TenantId>" in text
    here = session(Hidden())
    facts = run("providers", "show", "Hidden", "--json", session=here).json
    _, _, *arguments = shlex.split(facts["parameter_sets"][0]["example"])
    assert run("explain", *arguments, "--json", session=here).json["provider"] == "Hidden"


def test_providers_are_shown_though_every_plugin_of_a_third_party_is_broken() -> None:
    here = session(Broken(), Broken(), names=["a:b", "c:d"])
    assert "grantway:grants" in run("providers", "show", "User", session=here).stdout
    assert "User" in run("providers", session=here).stdout


def test_environments_say_default_closed_and_where_from() -> None:
    here = session(Shop(), config=CONFIG, names=["acme:shop"])
    rows = {line.split()[0]: line for line in run("environments", session=here).stdout.splitlines()}
    assert sum("default" in row for row in rows.values()) == 1
    assert "closed: closed since 2020" in rows["Ruin"]
    assert "acme:shop" in rows["Mall"]
    assert "configuration" in rows["Home"]
    assert "faulty: " in rows["Crooked"]


def test_an_environment_shows_resources_hosts_and_protocol_but_no_secrets() -> None:
    here = session(Shop(), config=CONFIG)
    mall = run("environments", "show", "MALL", session=here).stdout
    assert "https://till.example" in mall
    assert "mall.example" in mall
    assert "oidc" in mall
    home = run("environments", "show", "home", session=here)
    assert "proxy.example:3128" in home.stdout
    assert "X-Key" in home.stdout
    assert "hidden" not in home.all
    assert "hidden" not in run("environments", "show", "home", "--json", session=here).all


def test_an_unknown_environment_is_answered_with_the_nearest() -> None:
    outcome = run("environments", "show", "Mal", session=session(Shop()))
    assert outcome.code == 2
    assert "Did you mean Mall?" in outcome.stderr


def test_a_short_name_is_not_taken_for_another_short_one() -> None:
    outcome = run("environments", "show", "Nope", session=session())
    assert outcome.code == 2
    assert "Did you mean" not in outcome.stderr
    assert "There are: GlobalCloud" in outcome.stderr


def test_one_that_is_nowhere_now_has_no_address_in_the_list() -> None:
    here = session()
    lines = run("environments", session=here).stdout.splitlines()
    [line] = [each for each in lines if each.startswith("Sandbox ")]
    assert line.split()[1] == "-"
    found = {each["name"]: each for each in run("environments", "--json", session=here).json}  # type: ignore[attr-defined]
    assert "grantway sandbox run" in found["Sandbox"]["unavailable"]
    assert found["GlobalCloud"]["unavailable"] == ""


def test_plugins_show_every_state_with_its_reason() -> None:
    here = session(Shop(), Broken(), Claimant(), names=["a:shop", "b:broken", "c:claimant"])
    outcome = run("plugins", session=here)
    assert outcome.code == 0
    rows = {line.split()[0]: line for line in outcome.stdout.splitlines()}
    assert "RuntimeError: no luck" in rows["b:broken"]
    assert "claims the environment 'mall', as does a:shop" in rows["c:claimant"]
    assert "active" in rows["grantway:grants"]
    assert "Uninstall one of them" in outcome.stderr


def test_plugins_work_though_every_third_party_is_broken() -> None:
    outcome = run("plugins", "--json", session=session(Broken(), Broken(), names=["a:b", "c:d"]))
    states = {each["name"]: each["state"] for each in outcome.json}
    assert states["a:b"] == states["c:d"] == "set aside"


def test_a_plugin_that_fails_only_at_its_commands_is_shown_as_broken() -> None:
    here = session(Shop(commands=("no command",)), names=["a:shop"])
    facts = run("plugins", "show", "shop", "--json", session=here).json
    assert facts["state"] == "set aside"
    assert "not a Command" in facts["reason"]


def test_timings_tell_how_long_each_plugin_takes_and_name_a_slow_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_slow_plugin.py").write_text(
        "import time\ntime.sleep(0.25)\nfrom grantway import hookimpl\n"
        "@hookimpl\ndef grantway_vaults():\n    return []\n"
    )
    metadata = tmp_path / "sloth-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sloth\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[grantway.plugins]\nsloth = a_slow_plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("a_slow_plugin", None)
    outcome = run("plugins", "list", "--timings")
    first = outcome.stdout.splitlines()[1]
    assert first.startswith("sloth:sloth ")
    assert re.search(r" (2[5-9]|[3-9]\d)\d\.\d ms ", first)
    assert re.search(r"sloth:sloth takes \d+ ms to import", outcome.stderr)
    sys.modules.pop("a_slow_plugin", None)
    facts = {each["name"]: each for each in run("plugins", "--timings", "--json").json}
    assert facts["sloth:sloth"]["import_seconds"] > 0.2
    assert "import_seconds" not in run("plugins", "--json").json[0]
    one = run("plugins", "show", "grants", "--timings", "--json").json
    assert isinstance(one["import_seconds"], float)
    sys.modules.pop("a_slow_plugin", None)


def test_a_plugin_is_shown_by_its_short_name() -> None:
    text = run("plugins", "show", "shop", session=session(Shop(), names=["acme:shop"])).stdout
    assert "acme:shop" in text
    assert "Mall, Ruin" in text


def test_a_plugin_is_shown_with_its_hooks() -> None:
    shown = run("plugins", "show", "shop", "--json", session=session(Shop(), names=["acme:shop"]))
    assert shown.json["hooks"] == [
        "grantway_commands", "grantway_environments", "grantway_providers",
    ]  # fmt: skip

    class Watcher:
        @hookimpl
        def grantway_event(self) -> None:
            pass

    listed = run("plugins", session=session(Watcher(), names=["acme:watcher"]))
    assert re.search("acme:watcher .* hooks: grantway_event", listed.stdout)


def test_an_unknown_plugin_is_answered_with_the_nearest() -> None:
    outcome = run("plugins", "show", "acme:shp", session=session(Shop(), names=["acme:shop"]))
    assert outcome.code == 2
    assert "acme:shop" in outcome.stderr


def test_what_plugins_say_does_not_steer_the_terminal() -> None:
    class Loud:
        @hookimpl
        def grantway_environments(self) -> list[Environment]:
            return [Environment("Loud", authority="https://l.example", summary="\x1b[31mred")]

    assert "\x1b" not in run("environments", session=session(Loud())).stdout


# The configuration.

FAULTY = """\
default_profile = "work"

[profiles.work]
tenant_id = "contoso.example"

[profiles.bad]
tenant_id = 7
environment = "Mal"

[profiles.worse]
tenat_id = "x"

[environments.Odd]
authorty = "https://odd.example"
"""


def test_config_check_finds_every_fault_with_its_line(tmp_path: Path) -> None:
    outcome = run("config", "check", session=session(Shop(), config=FAULTY))
    assert outcome.code == 3
    assert outcome.stdout == ""
    for said in (
        "/there/config.toml:7: ", "/there/config.toml:8: ", "/there/config.toml:11: ",
        "/there/config.toml:14: ", "Did you mean Mall?", "Did you mean tenant_id",
    ):  # fmt: skip
        assert said in outcome.stderr
    assert outcome.stderr.count("Error:") == 4


def test_config_check_in_json_is_one_object_with_all_faults() -> None:
    outcome = run("config", "check", "--json", session=session(Shop(), config=FAULTY))
    assert [each["line"] for each in outcome.error["faults"]] == [7, 8, 11, 14]


def test_config_check_reads_variables_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_VOUCHER", "a-bare-secret-in-a-variable")
    outcome = run("config", "check", session=session(Shop()))
    assert outcome.code == 3
    assert "TEST_VOUCHER" in outcome.stderr
    assert "a-bare-secret" not in outcome.all


def test_config_check_is_content_with_what_is_right() -> None:
    here = session(Shop(), config='[profiles.work]\nvoucher = "env:X"\n')
    assert run("config", "check", session=here).stdout.endswith("1 profile, 0 environments.\n")
    assert run("config", "check", session=session()).code == 0


@pytest.mark.parametrize(
    ("config", "variables", "told"),
    [
        (
            '[profiles.w]\nresource = "graph"\nscopes = ["a"]\n',
            {},
            "resource and scopes exclude each other",
        ),
        (
            '[profiles.w]\nenvironment = "GlobalCloud"\ntenant_id = "con toso"\n',
            {},
            "tenant_id: 'con toso' is not a tenant",
        ),
        ("", {"GRANTWAY_ENVIRONMENT": "Nope"}, "There is no environment 'Nope'"),
        ("", {"GRANTWAY_TENNANT_ID": "x"}, "Did you mean GRANTWAY_TENANT_ID?"),
        ("", {"GRANTWAY_PLUGINS": "nosuch"}, "GRANTWAY_PLUGINS names nosuch"),
        ('[plugins]\ndisable = ["typo"]\n', {}, "plugins.disable names typo"),
        (
            "",
            {"GRANTWAY_DISABLE_PLUGINS": "grantway:sandbox"},
            "is built in and cannot be disabled",
        ),
    ],
    ids=["rivals", "tenant", "environment", "variable", "enabled", "disabled", "built in"],
)
def test_config_check_finds_what_every_call_would_stumble_over(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: str,
    variables: dict[str, str],
    told: str,
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(config)
    for name, value in {**variables, "GRANTWAY_CONFIG": str(file)}.items():
        monkeypatch.setenv(name, value)
    outcome = run("config", "check")
    assert (outcome.code, outcome.stdout) == (3, "")
    assert told in outcome.stderr


def test_what_is_missing_is_said_to_be_missing() -> None:
    outcome = run("providers", "show")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "NAME is missing." in outcome.stderr
    assert "SHELL is missing. It is one of bash, fish, zsh." in run("completion").stderr


def test_advice_is_shown_once_for_all_its_numbers() -> None:
    shown = run("environments", "show", "GlobalCloud").stdout
    assert "50072, 50074, 50076, 50079 " in shown
    assert shown.count("Multifactor authentication is needed") == 1


def test_an_unknown_option_is_said_to_be_perhaps_a_plugins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "grantway plugins" not in run("token", "--lease", "x", session=session()).stderr
    here = session(Shop(), object())
    assert "see `grantway plugins`" in run("token", "--lease", "x", session=here).stderr


def test_a_profile_that_is_wrong_is_a_matter_of_the_set_up() -> None:
    here = session(config='[profiles.w]\nenvironment = "Nope"\n')
    outcome = run("token", "--application-id", APP, "-p", "w", session=here)
    assert outcome.code == 3
    assert "environment from profile w" in outcome.stderr
    tenant = '[profiles.w]\nenvironment = "GlobalCloud"\ntenant_id = "con toso"\n'
    outcome = run("token", "--application-id", APP, "-p", "w", session=session(config=tenant))
    assert outcome.code == 3
    assert "tenant_id from profile w: 'con toso'" in outcome.stderr


def test_a_file_that_is_no_toml_is_told_with_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('a = "x"\nb = \n')
    monkeypatch.setenv("GRANTWAY_CONFIG", str(file))
    for args in (("config", "check"), ("token",), ("environments",), ("plugins",)):
        outcome = run(*args)
        assert outcome.code == 3
        assert f"{file}:2" in outcome.stderr


def test_help_works_though_the_configuration_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRANTWAY_CONFIG", str(tmp_path / "missing.toml"))
    for args in (("--help",), ("token", "--help"), ("config", "path")):
        assert run(*args).code == 0


def test_config_show_gives_values_with_their_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTWAY_TENANT_ID", "fabrikam.example")
    config = 'default_profile = "work"\n[profiles.work]\nvoucher = "env:X"\n'
    here = session(Shop(), config=config)
    facts = run("config", "show", "--json", session=here).json
    assert facts["profile"] == "work"
    values = {each["parameter"]: each for each in facts["values"]}
    assert values["voucher"]["value"] == "env:X"
    assert values["voucher"]["from"] == "profile work"
    assert values["tenant_id"]["from"] == "environment variables"
    text = run("config", "show", session=here).stdout
    assert "voucher    env:X             profile work" in text


def test_config_path_is_where_the_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("config", "path").stdout.endswith("grantway/config.toml\n")
    monkeypatch.setenv("GRANTWAY_CONFIG", "/some/where.toml")
    assert run("config", "path").stdout == "/some/where.toml\n"


def test_json_is_ascii_so_that_every_program_can_read_it() -> None:
    here = session(Shop(), config='[profiles."Zoë"]\n')
    text = run("config", "show", "--json", session=here).stdout
    assert text.isascii()
    assert json.loads(text)["profiles"] == ["Zoë"]
    assert tomllib.loads(FAULTY)
