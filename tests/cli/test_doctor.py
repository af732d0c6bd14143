"""`environments test` and `doctor`: what they tell, in which form, with which exit code."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.support import METADATA, NAMES, Issuer
from cli.support import APP, GRANTWAY, Outcome, Shop, process, run, session
from cli.test_listings import Broken, Claimant
from grantway.cli.session import Session
from servers.raw import RawServer, respond, silence
from servers.tls import DAY, LocalCa

LOCAL = ["versions", "variables", "configuration", "plugins", "cache", "keyring"]


@pytest.fixture
def issuer(raw_servers: Callable[..., RawServer], local_ca: LocalCa) -> Issuer:
    return Issuer(raw_servers, local_ca)


def config(issuer: Issuer, more: str = "", top: str = "") -> str:
    return (
        f"{top}\n[environments.Hill]\nauthority = {issuer.url!r}\n"
        f"trust = {{ca_bundle = {str(issuer.ca.bundle)!r}}}\n{more}"
    )


def hill(issuer: Issuer, *plugins: object, more: str = "", top: str = "", **parts: Any) -> Session:
    """A session in which the environment `Hill` is the issuer."""
    return session(*plugins, config=config(issuer, more, top), **parts)


def rows(outcome: Outcome) -> dict[str, str]:
    """The lines that are findings, by the name of the check; of several the last."""
    found = re.findall(r"^(\w+) +((?:ok|warning|failed|skipped) .*)$", outcome.stdout, re.MULTILINE)
    return dict(found)


# environments test


def test_an_environment_is_told_in_aligned_lines_with_a_summary(issuer: Issuer) -> None:
    outcome = run("environments", "test", "hill", session=hill(issuer))
    assert (outcome.code, outcome.stderr) == (0, "")
    *lines, summary = outcome.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert {line.index(" ok ") for line in lines} == {len("configuration") + 1}
    assert summary == f"Nothing is wrong ({len(NAMES)} checks)."


def test_an_environment_in_json_is_one_object(issuer: Issuer) -> None:
    outcome = run("environments", "test", "Hill", "--json", session=hill(issuer))
    assert outcome.code == 0
    assert outcome.json["environment"] == "Hill"
    assert (outcome.json["faults"], outcome.json["warnings"]) == (0, 0)
    checks = {each["name"]: each for each in outcome.json["checks"]}
    assert list(checks) == list(NAMES)
    assert set(checks["tls"]) == {"name", "outcome", "found", "remedy", "facts"}
    assert checks["expiry"]["facts"]["days_left"] == 364


def test_what_has_failed_is_told_with_its_remedy_on_the_line(issuer: Issuer) -> None:
    issuer.describe(issuer="https://elsewhere.example")
    outcome = run("environments", "test", "Hill", session=hill(issuer))
    assert outcome.code == 6
    line = rows(outcome)["issuer"]
    assert line.startswith("failed   The metadata of Hill is of the issuer")
    assert line.endswith("is added to the environment's issuers.")
    assert outcome.stdout.splitlines()[-1] == f"1 fault in {len(NAMES)} checks."
    outcome = run("environments", "test", "Hill", "--json", session=hill(issuer))
    assert (outcome.code, outcome.json["faults"]) == (6, 1)


def test_what_is_wrong_on_this_side_has_the_exit_code_of_the_set_up(
    issuer: Issuer, tmp_path: Path
) -> None:
    here = hill(issuer, more=f"[environments.Dale]\nlike = 'Hill'\nauthority = {issuer.url!r}\n"
                f"trust = {{ca_bundle = '{tmp_path}/gone.pem'}}\n")  # fmt: skip
    outcome = run("environments", "test", "Dale", session=here)
    assert outcome.code == 3
    assert "there is no file" in rows(outcome)["trust"]
    assert issuer.server.connections == 0


def test_warnings_are_no_failure(raw_servers: Callable[..., RawServer], local_ca: LocalCa) -> None:
    identity = local_ca.issue("localhost", lifetime=3 * DAY + DAY / 2)
    issuer = Issuer(raw_servers, local_ca, identity, jwks_uri=None)
    outcome = run("environments", "test", "Hill", session=hill(issuer))
    assert outcome.code == 0
    assert "expires in 3 days" in rows(outcome)["expiry"]
    assert outcome.stdout.splitlines()[-1] == f"2 warnings in {len(NAMES)} checks."


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf", "1e300"])
def test_a_time_that_is_none_is_a_mistake_in_the_call(issuer: Issuer, timeout: str) -> None:
    for command in (["environments", "test", "Hill"], ["doctor"]):
        outcome = run(*command, "--timeout", timeout, session=hill(issuer))
        assert (outcome.code, outcome.stdout) == (2, "")
        assert "no positive number of seconds" in outcome.stderr


def test_a_test_takes_no_longer_than_it_may(issuer: Issuer) -> None:
    issuer.server.serve(silence(), path=METADATA)
    outcome = run("environments", "test", "Hill", "--timeout", "1", session=hill(issuer))
    assert outcome.code == 6
    assert "Give more time with --timeout." in rows(outcome)["metadata"]


@pytest.mark.parametrize("command", [["environments", "test"], ["doctor", "--environment"]])
def test_an_unknown_environment_is_answered_with_the_nearest(command: list[str]) -> None:
    outcome = run(*command, "GlobalClod", session=session())
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "Did you mean GlobalCloud" in outcome.stderr


def test_what_an_authority_writes_cannot_steer_a_terminal(issuer: Issuer) -> None:
    issuer.describe(issuer="https://x.example/\x1b[2J\u202e\nok")
    outcome = run("environments", "test", "Hill", session=hill(issuer))
    assert "\x1b" not in outcome.stdout
    assert "\u202e" not in outcome.stdout
    assert len(outcome.stdout.splitlines()) == len(NAMES) + 1


def test_a_proxys_password_is_not_shown(issuer: Issuer, raw_server: RawServer) -> None:
    raw_server.serve(respond(407))
    proxy = f"http://somebody:hidden-password@127.0.0.1:{raw_server.port}"
    here = hill(issuer, more=f"[environments.Dale]\nauthority = 'https://dale.example'\n"
                f"trust = {{proxy = '{proxy}'}}\n")  # fmt: skip
    for form in ([], ["--json"]):
        outcome = run("-vv", "environments", "test", "Dale", *form, session=here)
        assert outcome.code == 6
        assert f"127.0.0.1:{raw_server.port}" in outcome.stdout
        assert "hidden" not in outcome.all


CROOKED = """[environments.Crooked]
isuer = "https://id.example"
"""


def test_an_environment_that_is_described_wrongly_fails_its_test(issuer: Issuer) -> None:
    here = hill(issuer, more=CROOKED)
    outcome = run("environments", "test", "crooked", session=here)
    assert (outcome.code, outcome.stderr) == (3, "")
    assert "unknown key 'isuer'" in rows(outcome)["environment"]
    assert "Did you mean issuer" in rows(outcome)["environment"]
    assert outcome.stdout.splitlines()[-1] == "1 fault in 1 check."
    outcome = run("environments", "test", "crooked", "--json", session=here)
    assert (outcome.code, outcome.json["faults"], outcome.json["environment"]) == (3, 1, "crooked")


# doctor


def doctor(here: Session, *args: str) -> Outcome:
    return run("doctor", "--environment", "Hill", *args, session=here)


def test_doctor_looks_at_this_machine_then_at_the_environment(issuer: Issuer) -> None:
    outcome = doctor(hill(issuer))
    assert (outcome.code, outcome.stderr) == (0, "")
    assert list(rows(outcome)) == [*LOCAL, *NAMES]
    assert outcome.stdout.splitlines()[-1] == f"Nothing is wrong ({len([*LOCAL, *NAMES])} checks)."


def test_doctor_in_json_is_one_object(issuer: Issuer) -> None:
    outcome = doctor(hill(issuer), "--json")
    assert outcome.code == 0
    checks = {each["name"]: each for each in outcome.json["checks"]}
    assert list(checks) == [*LOCAL, *NAMES]
    assert checks["versions"]["facts"]["python"] == sys.version.split()[0]
    assert checks["versions"]["facts"]["executable"] == sys.executable
    assert checks["versions"]["found"].endswith(f"; run by {sys.executable}")
    assert checks["cache"]["facts"]["kind"] == "memory"


@pytest.mark.parametrize("origin", ["profile", "option", "variable", "default profile"])
def test_doctor_tests_the_environment_that_a_call_would_use(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    work = '[profiles.work]\nenvironment = "Hill"\n'
    top = 'default_profile = "work"' if origin == "default profile" else ""
    args = {"profile": ["--profile", "work"], "option": ["--environment", "hill"]}
    if origin == "variable":
        monkeypatch.setenv("GRANTWAY_ENVIRONMENT", "Hill")
    outcome = run("doctor", *args.get(origin, []), session=hill(issuer, more=work, top=top))
    assert outcome.code == 0
    assert rows(outcome)["environment"].startswith(f"ok       Hill: {issuer.url}")


def test_a_fault_of_the_environment_is_a_fault(issuer: Issuer) -> None:
    issuer.server.serve(respond(404), path=METADATA)
    outcome = doctor(hill(issuer))
    assert outcome.code == 1
    assert outcome.stdout.splitlines()[-1].startswith("1 fault in ")


def test_every_fault_of_the_configuration_is_told(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTWAY_TENNANT_ID", "hidden")
    more = '[profiles.a]\nnonsense = 1\n[environments.Crooked]\nauthority = "ftp://x"\n'
    outcome = doctor(hill(issuer, more=more), "--json")
    assert outcome.code == 1
    found = [each for each in outcome.json["checks"] if each["name"] == "configuration"]
    assert {each["outcome"] for each in found} == {"failed"}
    assert len(found) == 3
    text = json.dumps(found)
    assert "Did you mean GRANTWAY_TENANT_ID?" in text
    assert "config.toml:" in text
    assert "hidden" not in outcome.all
    # All else is looked at all the same.
    assert outcome.json["checks"][-1]["outcome"] == "ok"


def test_an_environment_that_is_described_wrongly_is_told(issuer: Issuer) -> None:
    more = '[profiles.a]\nenvironment = "Crooked"\n[environments.Crooked]\nauthority = "ftp://x"\n'
    outcome = run("doctor", "-p", "a", session=hill(issuer, more=more))
    assert outcome.code == 1
    assert rows(outcome)["environment"].startswith("failed")
    assert "proxy" not in rows(outcome)


def test_one_that_is_described_wrongly_and_named_is_told_after_the_rest(issuer: Issuer) -> None:
    here = hill(issuer, more=CROOKED)
    outcome = run("doctor", "--environment", "Crooked", session=here)
    assert (outcome.code, outcome.stderr) == (1, "")
    assert list(rows(outcome)) == [*LOCAL, "environment"]
    assert "unknown key 'isuer'" in rows(outcome)["configuration"]
    assert "unknown key 'isuer'" in rows(outcome)["environment"]
    outcome = run("doctor", "--environment", "Crooked", "--json", session=here)
    assert (outcome.code, outcome.json["checks"][-1]["name"]) == (1, "environment")


def test_a_fault_is_told_once_and_not_with_the_command_that_told_it() -> None:
    text = (
        '[environments.Mine]\nauthority = "https://mine.example"\ntenant = 5\n'
        '[profiles.work]\nenvironment = "Mine"\ntenant_id = "t.example"\n'
    )
    outcome = run("config", "check", session=session(config=text))
    assert outcome.code == 3
    told = outcome.stderr.removeprefix("Error: ").splitlines()
    assert [Path(told[0]).name, *told[1:]] == [
        "config.toml:3: tenant must be a text.",
        "  Correct it there.",
    ]


def test_a_profile_that_only_a_variable_names_is_a_fault(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTWAY_PROFILE", "nope")
    here = hill(issuer)
    outcome = doctor(here)
    assert outcome.code == 1
    told = rows(outcome)["configuration"]
    assert told.startswith("failed   There is no profile 'nope'")
    assert "which GRANTWAY_PROFILE names" in told
    outcome = run("config", "check", session=here)
    assert outcome.code == 3
    assert "There is no profile 'nope'" in outcome.stderr
    monkeypatch.setenv("GRANTWAY_PROFILE", "")
    assert run("config", "check", session=hill(issuer)).code == 0


def test_with_a_file_that_cannot_be_read_the_rest_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("this is no TOML")
    monkeypatch.setenv("GRANTWAY_CONFIG", str(file))
    outcome = run("doctor")
    assert outcome.code == 1
    told = rows(outcome)
    assert f"{file}:1: not TOML" in told["configuration"]
    assert "the built-in ones alone" in told["plugins"]
    assert told["cache"] == "skipped  configuration has to be right first"
    assert told["environment"] == "skipped  configuration has to be right first"
    named = rows(run("doctor", "--environment", "Sandbox"))
    assert named["environment"].startswith("failed   Sandbox cannot be used now.")


def test_every_plugin_that_is_set_aside_is_a_fault_and_doctor_works(issuer: Issuer) -> None:
    plugins = Broken(), Broken(), Shop(), Claimant(), object(), Shop(commands=("no command",))
    names = ["a:b", "c:d", "e:shop", "f:claimant", "g:nothing", "h:shop"]
    outcome = doctor(hill(issuer, *plugins, names=names), "--json")
    assert outcome.code == 1
    failed = {
        each["facts"]["plugin"]: each
        for each in outcome.json["checks"]
        if each["outcome"] == "failed"
    }
    assert set(failed) == set(names)
    assert "no luck" in failed["a:b"]["found"]
    assert all(each["remedy"] for each in failed.values())
    assert outcome.json["checks"][-1]["outcome"] == "ok"


def test_plugins_that_are_disabled_are_named(issuer: Issuer) -> None:
    here = hill(issuer, Shop(), names=["acme:shop"])
    here.registry.plugins[-1].state = "disabled"
    outcome = doctor(here)
    assert outcome.code == 0
    assert "disabled: acme:shop" in rows(outcome)["plugins"]


# The token cache.


def test_the_users_cache_is_written_to_and_left_as_it_was(issuer: Issuer) -> None:
    file = Path(os.environ["XDG_CONFIG_HOME"]) / "grantway" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(config(issuer, top='cache = "sqlite"'))
    outcome = process("doctor", "--environment", "Hill", "--json")
    assert (outcome.code, outcome.stderr) == (0, "")
    cache = next(each for each in outcome.json["checks"] if each["name"] == "cache")
    assert cache["facts"]["location"].endswith("tokens.db")
    assert "encrypted with the file" in cache["found"]
    assert cache["found"].endswith(": 0 access tokens, 0 refresh tokens")
    assert process("cache", "list", "--json").json == []


def test_a_cache_that_cannot_be_written_is_a_fault(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRANTWAY_CACHE", f"sqlite://{tmp_path}/file/tokens.db")
    outcome = doctor(hill(issuer, cache=None))
    assert outcome.code == 1
    assert rows(outcome)["cache"].startswith("failed")


def test_tokens_of_another_key_are_warned_of(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cache.support import result
    from grantway.cache.sqlite import from_url

    url = f"sqlite://{tmp_path}/own/tokens.db"
    monkeypatch.setenv("GRANTWAY_CACHE", url)
    monkeypatch.setenv("GRANTWAY_CACHE_KEY", "0f" * 32)
    kept = from_url(url)
    kept.put("ab" * 32, result())
    kept.close()
    monkeypatch.setenv("GRANTWAY_CACHE_KEY", "0e" * 32)
    outcome = doctor(hill(issuer, cache=None))
    assert outcome.code == 0
    line = rows(outcome)["cache"]
    assert "and 1 that were encrypted with another key" in line
    assert line.endswith(
        "Bring the other key back; or have `grantway cache clear` forget all there is."
    )
    monkeypatch.setenv("GRANTWAY_CACHE_KEY", "0f" * 32)
    [told] = rows(doctor(hill(issuer, cache=None)))["cache"].splitlines()
    assert told.endswith(": 1 access token, 0 refresh tokens")
    assert "0e0e" not in outcome.all


def test_a_cache_that_loses_what_it_is_given_is_a_fault(issuer: Issuer) -> None:
    from grantway.cache.memory import MemoryTokenCache

    class Leaky(MemoryTokenCache):
        def get(self, key: str) -> None:
            return None

    outcome = doctor(hill(issuer, cache=Leaky()))
    assert outcome.code == 1
    assert "does not give back what is put into it" in rows(outcome)["cache"]


def test_a_cache_that_raises_what_it_must_not_is_a_fault(issuer: Issuer) -> None:
    from grantway.cache.memory import MemoryTokenCache

    class Wild(MemoryTokenCache):
        def info(self) -> Any:
            raise RuntimeError("sentinel")

    outcome = doctor(hill(issuer, cache=Wild()))
    assert outcome.code == 1
    assert "RuntimeError" in rows(outcome)["cache"]
    assert "sentinel" not in outcome.all


# What surprises.


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "the one in lower case"),
        ({"HTTP_PROXY": "http://a:1"}, "names a proxy for http alone"),
        ({"SSL_CERT_FILE": "/x.pem"}, "SSL_CERT_FILE is set, and is not read here"),
    ],
)
def test_a_variable_that_does_less_than_it_seems_is_warned_of(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    for name, value in {**variables, "no_proxy": "localhost"}.items():
        monkeypatch.setenv(name, value)
    outcome = doctor(hill(issuer))
    assert outcome.code == 0
    assert rows(outcome)["variables"].startswith("warning")
    assert told in rows(outcome)["variables"]
    found = {each["name"]: each for each in doctor(hill(issuer), "--json").json["checks"]}
    facts = found["variables"]["facts"]
    assert variables.keys() <= {*facts["set"], *facts["set_and_not_read"]}


def test_variables_are_named_and_their_values_not_shown(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://somebody:hidden@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("GRANTWAY_APPLICATION_ID", APP)
    outcome = doctor(hill(issuer))
    assert rows(outcome)["variables"].split()[1:] == [
        "HTTPS_PROXY,", "NO_PROXY,", "GRANTWAY_APPLICATION_ID",
    ]  # fmt: skip
    assert "hidden" not in outcome.all
    assert APP not in outcome.all


def test_a_reference_to_a_keyring_that_is_not_there_is_a_fault(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    work = f'[profiles.work]\ncredential = "{APP}=keyring:service/name"\n'
    file = Path(os.environ["XDG_CONFIG_HOME"]) / "grantway" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(config(issuer))
    assert rows(process("doctor", "--environment", "Hill"))["keyring"].startswith("ok       none (")
    file.write_text(config(issuer, more=work))
    outcome = process("doctor", "--environment", "Hill")
    assert outcome.code == 1
    told = rows(outcome)["keyring"]
    assert told.startswith("failed   credential from profile work refers to the system's keyring")
    assert "file:PATH" in told


# How it ends.


@pytest.mark.skipif(sys.platform == "win32", reason="a signal is needed")
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_interrupt_ends_it_at_once_and_what_was_found_was_told(
    issuer: Issuer, form: list[str]
) -> None:
    issuer.server.serve(silence(), path=METADATA)
    file = Path(os.environ["XDG_CONFIG_HOME"]) / "grantway" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(config(issuer))
    with subprocess.Popen(
        [str(GRANTWAY), "environments", "test", "Hill", *form],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        while not issuer.server.requests:
            assert child.poll() is None
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "Traceback" not in err
    assert (len(out.splitlines()) == NAMES.index("clock")) if not form else out == ""
