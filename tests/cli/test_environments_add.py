"""`grantway environments add` and `remove`: what is learned, refused and written."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.support import run, session
from clouds.arm_documents import cloud_2022
from grantway.cli.session import Session
from grantway.config import load, user_file
from grantway.registry import Registry
from servers.raw import RawServer, json_answer, redirect
from servers.tls import LocalCa

LOOPBACK = "--loopback-http"
HILL = '[environments.Hill]\nauthority = "https://hill.example"\n'
KEPT = """# mine
default_profile = "work"   # why

[profiles.work]
tenant_id = "contoso.example"

# about the hill
[environments.Hill]  # here
authority = "https://hill.example"  # its place

[environments.Hill.resources]
api = "https://api.hill.example"

# about plugins
[plugins]
disable = [
    "some",  # broken
]
"""


@pytest.fixture
def config() -> Path:
    return user_file()


def have(config: Path, text: str) -> None:
    config.parent.mkdir(mode=0o700, exist_ok=True)
    config.write_text(text)


def add(*args: str, **parts: object) -> tuple[int, str, str]:
    done = run("environments", "add", *args, **parts)  # type: ignore[arg-type]
    return done.code, done.stdout, done.stderr


def issuer(server: RawServer, **changes: object) -> str:
    facts = {"issuer": server.url, "token_endpoint": f"{server.url}/token"}
    server.serve(json_answer({**facts, **changes}))
    return f"oidc={server.url}"


def test_an_issuer_is_learned_shown_written_and_known(raw_server: RawServer, config: Path) -> None:
    code, out, err = add("Home", "--discover", issuer(raw_server), LOOPBACK)
    assert (code, err) == (0, "")
    assert re.search(rf"^Authority +{raw_server.url}$", out, re.MULTILINE)
    assert "[environments.Home]" in out
    assert tomllib.loads(config.read_text()) == {
        "environments": {"Home": {"authority": raw_server.url, "trust": {"loopback_http": True}}}
    }
    assert (config.stat().st_mode & 0o777, config.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert run("environments", "show", "home", "--json").json["authority"] == raw_server.url  # type: ignore[index]
    assert [each.name for each in config.parent.iterdir()] == ["config.toml"]


def test_a_dry_run_writes_nothing(raw_server: RawServer, config: Path) -> None:
    code, out, _ = add("Home", "--discover", issuer(raw_server), LOOPBACK, "--dry-run", "--json")
    answer = json.loads(out)
    assert (code, answer["written"], answer["table"]["authority"]) == (0, False, raw_server.url)
    assert not config.exists()


def test_another_host_that_signs_in_has_to_be_confirmed(
    raw_server: RawServer, config: Path
) -> None:
    raw_server.serve(json_answer(cloud_2022(raw_server.url)))
    call = ("Hill", "--discover", f"arm={raw_server.url}", LOOPBACK)
    code, _, err = add(*call)
    assert code == 4
    assert "sign-in is at login.hill.example, which then may see secrets" in err
    assert not config.exists()
    assert add(*call, "--yes")[0] == 0
    table = tomllib.loads(config.read_text())["environments"]["Hill"]
    assert (table["authority"], table["protocol"]) == ("https://login.hill.example", "entra-v2")
    assert table["resources"]["arm"] == "https://management.core.hill.example/"


class Person:
    """Somebody at a terminal."""

    def __init__(self, says: str) -> None:
        self.says, self.asked = says, ""

    def ask(self, question: str, *, secret: bool = False) -> str:
        self.asked = question
        return self.says

    def show(self, text: str) -> None:
        raise AssertionError(text)

    def open(self, url: str) -> bool:
        raise AssertionError(url)


@pytest.mark.parametrize(("says", "code"), [("y", 0), ("Yes ", 0), ("", 130), ("no", 130)])
def test_a_person_is_asked_about_it(
    raw_server: RawServer, config: Path, says: str, code: int
) -> None:
    raw_server.serve(json_answer(cloud_2022(raw_server.url)))
    person = Person(says)
    found = add(
        "Hill", "--discover", f"arm={raw_server.url}", LOOPBACK, session=Session(prompter=person)
    )
    assert found[0] == code
    assert person.asked.endswith("Is that right? [y/N] ")
    assert config.exists() == (code == 0)


def test_endpoints_elsewhere_need_their_hosts_named(raw_server: RawServer, config: Path) -> None:
    source = issuer(raw_server, jwks_uri="https://keys.example/keys")
    code, _, err = add("Home", "--discover", source, LOOPBACK)
    assert code == 6
    assert "--host keys.example" in err
    assert add("Home", "--discover", source, LOOPBACK, "--host", "keys.example")[0] == 0
    assert load(config).environments["Home"]["hosts"] == ["keys.example"]


def test_what_is_not_there_or_lies_is_not_added(raw_server: RawServer, config: Path) -> None:
    raw_server.serve(redirect("https://elsewhere.example/"))
    assert add("Home", "--discover", f"oidc={raw_server.url}", LOOPBACK)[0] == 6
    assert add("Home", "--discover", f"oicd={raw_server.url}", LOOPBACK)[0] == 2
    assert add("Home", "--discover", f"oidc={raw_server.url}")[0] == 2
    assert not config.exists()


def test_a_private_ca_is_for_the_discovery_and_after_it(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa, config: Path, tmp_path: Path
) -> None:
    identity = local_ca.issue("localhost")
    server = raw_servers(identity=identity, host="localhost")
    source = issuer(server)
    code, _, err = add("Home", "--discover", source)
    assert code == 6
    assert "certificate" in err
    ca = str(local_ca.bundle)
    assert add("Home", "--discover", source, "--ca-bundle", ca)[0] == 0
    assert load(config).environments["Home"]["trust"] == {"ca_bundle": ca}


# Files.


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hill.toml", 'authority = "https://hill.example"\nresources = {api = "urn:a"}\n'),
        (
            "hill.toml",
            '[environments.Other]\nauthority = "https://hill.example"\nresources.api = "urn:a"\n',
        ),
        ("hill.json", '{"authority": "https://hill.example", "resources": {"api": "urn:a"}}'),
    ],
)
def test_a_file_with_the_table_will_do(config: Path, tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert add("Hill", "--from", str(file))[0] == 0
    assert load(config).environments == {
        "Hill": {"authority": "https://hill.example", "resources": {"api": "urn:a"}}
    }


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.toml", '\nauthority = "https://a.example"\nisuer = "x"\n', "a.toml:3: "),
        ("a.toml", 'authority = "https://a.example"\nisuer = "x"\n', "Did you mean issuer"),
        ("a.toml", "authority = 5\n", "a.toml:1: authority must be a text"),
        ("a.toml", "authority = https\n", "a.toml:1: not TOML"),
        ("a.toml", 'authority = "ftp://a.example"\n', "not an http or https URL"),
        ("a.toml", 'authority = "a"\nauthority = "b"\n', "not TOML"),
        ("a.toml", "[environments.A]\n[environments.B]\n", "describes 2 environments"),
        ("a.toml", "", "needs an authority"),
        ("a.json", "[]", "no JSON object"),
        ("a.json", "{\n1}", "a.json:2: not JSON"),
        ("a.json", '{"authority": "a", "authority": "b"}', "'authority' stands twice"),
        ("a.json", "[" * 100_000, "nested too deep"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_line(
    config: Path, tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    code, _, err = add("Hill", "--from", str(tmp_path / name))
    assert code == 3
    assert says in err
    assert not config.exists()


def test_a_file_that_is_not_there_is_told(config: Path, tmp_path: Path) -> None:
    code, _, err = add("Hill", "--from", str(tmp_path / "none.toml"))
    assert (code, "There is no file" in err) == (3, True)


def test_what_a_file_hides_is_not_shown(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "hill.toml"
    file.write_text(
        'authority = "https://hill.example"\n'
        'trust = {proxy = "http://me:sentinel@proxy.example", headers = {X-Key = "sentinel"}}\n'
    )
    for more in ([], ["--json", "--replace"]):
        code, out, err = add("Hill", "--from", str(file), *more)
        assert code == 0
        assert "sentinel" not in out + err
    assert "sentinel" in config.read_text()


def test_one_source_is_given(tmp_path: Path) -> None:
    for args in (
        (),
        ("--from", "a.toml", "--discover", "oidc=https://a.example"),
        ("--from", "a.toml", "--host", "b.example"),
    ):
        assert add("Hill", *args)[0] == 2


def test_a_password_is_not_taken_from_the_command_line() -> None:
    code, out, err = add(
        "Hill", "--discover", "oidc=https://a.example", "--proxy", "http://me:sentinel@p.example"
    )
    assert code == 2
    assert "sentinel" not in out + err


# Names.


@pytest.mark.parametrize("name", ["GlobalCloud", "azurecloud", "sandbox", "hill", "ALSO"])
def test_a_name_that_is_taken_is_refused(config: Path, tmp_path: Path, name: str) -> None:
    have(config, f"{HILL}aliases = ['also']\n")
    (tmp_path / "new.toml").write_text('authority = "https://new.example"\n')
    code, _, err = add(name, "--from", str(tmp_path / "new.toml"))
    assert code == 2
    assert "environment" in err
    assert "--name" not in err
    assert config.read_text() == f"{HILL}aliases = ['also']\n"


@pytest.mark.parametrize("alias", ["GlobalCloud", "hill", "Broken"])
def test_so_is_an_alias(config: Path, tmp_path: Path, alias: str) -> None:
    have(config, f"{HILL}[environments.broken]\n")
    (tmp_path / "new.toml").write_text(
        f'authority = "https://new.example"\naliases = ["{alias}"]\n'
    )
    assert add("New", "--from", str(tmp_path / "new.toml"))[0] == 2


def test_a_name_that_cannot_be_is_refused(tmp_path: Path, config: Path) -> None:
    (tmp_path / "new.toml").write_text('authority = "https://new.example"\n')
    code, _, err = add("a name", "--from", str(tmp_path / "new.toml"))
    assert (code, "cannot name an environment" in err) == (3, True)


def test_replacing_takes_the_place_and_leaves_the_rest(config: Path, tmp_path: Path) -> None:
    have(config, KEPT)
    (tmp_path / "new.toml").write_text('authority = "https://new.example"\n')
    code, out, _ = add("hill", "--from", str(tmp_path / "new.toml"), "--replace", "--json")
    assert (code, json.loads(out)["replaced"]) == (0, "Hill")
    before, _, rest = KEPT.partition("[environments.Hill]")
    after = rest[rest.index("\n# about plugins") :]
    assert config.read_text() == (
        f'{before}[environments.hill]\nauthority = "https://new.example"\n{after}'
    )


def test_replacing_a_faulty_one_mends_it(config: Path, tmp_path: Path) -> None:
    have(config, '[environments.Hill]\nauthority = "ftp://hill.example"\n')
    (tmp_path / "new.toml").write_text('authority = "https://new.example"\n')
    call = ("Hill", "--from", str(tmp_path / "new.toml"))
    assert add(*call)[0] == 2
    assert add(*call, "--replace")[0] == 0
    assert Registry.load(load(config)).environment("Hill").authority == "https://new.example"


def test_none_is_like_itself(config: Path, tmp_path: Path) -> None:
    have(config, HILL)
    (tmp_path / "new.toml").write_text('like = "hill"\n')
    code, _, err = add("Hill", "--from", str(tmp_path / "new.toml"), "--replace")
    assert (code, "new.toml:1: Hill is to be like itself" in err) == (3, True)
    assert config.read_text() == HILL


# The rest of the file.


@pytest.mark.parametrize(
    "text",
    [
        KEPT,
        KEPT.rstrip("\n"),
        "# nothing but this",
        HILL.replace("Hill", '"Hi.ll"'),
        "environments.Hill.authority = 'https://hill.example'\n[plugins]\ndisable = []\n",
        "environments = {Hill = {authority = 'https://hill.example'}}\n[plugins]\n",
        '[environments]\nHill = {authority = "https://hill.example"}  # inline\n',
    ],
)
def test_adding_and_removing_leaves_the_rest_to_the_letter(
    config: Path, tmp_path: Path, text: str
) -> None:
    have(config, text)
    config.chmod(0o640)
    before = tomllib.loads(text)
    (tmp_path / "new.toml").write_text(
        'authority = "https://new.example"\nresources = {api = "urn:a"}\n'
    )
    assert add("New", "--from", str(tmp_path / "new.toml"))[0] == 0
    after = tomllib.loads(config.read_text())
    assert after["environments"].pop("New")["authority"] == "https://new.example"
    assert after == {"environments": {}, **before}
    assert all(line in config.read_text() for line in text.splitlines() if "{" not in line)
    assert config.stat().st_mode & 0o777 == 0o640
    assert run("environments", "remove", "new").code == 0
    assert {"environments": {}, **tomllib.loads(config.read_text())} == {
        "environments": {},
        **before,
    }
    assert config.read_text().rstrip() == text.rstrip()


def test_removing_leaves_comments_and_the_rest(config: Path) -> None:
    have(config, KEPT)
    done = run("environments", "remove", "hill", "--json")
    assert done.json == {"file": str(config), "removed": "Hill"}
    text = config.read_text()
    assert "Hill" not in text.replace("# about the hill", "")
    for kept in ("# mine", "# why", "# about plugins", '    "some",  # broken'):
        assert kept in text


def test_lines_that_only_look_like_a_table_stay(config: Path) -> None:
    text = f'{HILL}summary = """\n[environments.Hill.trust]\nno table\n"""\n\n[plugins]\n'
    have(config, text)
    assert run("environments", "remove", "Hill").code == 0
    assert tomllib.loads(config.read_text()).get("environments", {}) == {}


def test_windows_line_ends_stay(config: Path) -> None:
    have(config, "")
    config.write_bytes(KEPT.replace("\n", "\r\n").encode())
    assert run("environments", "remove", "Hill").code == 0
    assert config.read_bytes().count(b"\n") == config.read_bytes().count(b"\r\n")


def test_a_link_stays_a_link(config: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text(HILL)
    config.parent.mkdir(mode=0o700, exist_ok=True)
    config.symlink_to(real)
    assert run("environments", "remove", "Hill").code == 0
    assert config.is_symlink()
    assert "Hill" not in real.read_text()


def test_a_file_that_changes_meanwhile_is_not_overwritten(config: Path) -> None:
    have(config, HILL)
    stale = Session()
    assert stale.configuration.environments
    have(config, HILL + "# more\n")
    done = run("environments", "remove", "Hill", session=stale)
    assert (done.code, "has changed meanwhile" in done.stderr) == (3, True)
    assert config.read_text() == HILL + "# more\n"


def test_a_folder_that_cannot_be_written_is_told(config: Path, tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text('authority = "https://new.example"\n')
    config.parent.parent.mkdir(exist_ok=True)
    config.parent.write_text("a file where the folder would be")
    code, _, err = add("New", "--from", str(tmp_path / "new.toml"))
    assert (code, "cannot be" in err) == (3, True)


def test_a_malformed_file_is_told_and_left(config: Path, tmp_path: Path) -> None:
    have(config, "[environments.Hill\n")
    (tmp_path / "new.toml").write_text('authority = "https://new.example"\n')
    code, _, err = add("New", "--from", str(tmp_path / "new.toml"))
    assert (code, "config.toml:1: not TOML" in err) == (3, True)
    assert config.read_text() == "[environments.Hill\n"


# What cannot be removed.


def test_only_what_is_configured_is_removed(config: Path) -> None:
    text = f'{HILL}aliases = ["also"]\n[environments.Dale]\nlike = "hill"\n'
    have(config, text)
    for name, says in (
        ("GlobalCloud", "A built-in one cannot be removed"),
        ("also", "is an alias of Hill"),
        ("Hil", "Did you mean Hill"),
        ("hill", "'Dale' is like 'Hill'"),
    ):
        done = run("environments", "remove", name)
        assert (done.code, says in done.stderr) == (2, True), done.stderr
    assert config.read_text() == text


def test_of_a_plugin_it_is_told_whose_it_is() -> None:
    from cli.support import Shop

    done = run("environments", "remove", "mall", session=session(Shop(), names=["acme:shop"]))
    assert done.code == 2
    assert "of the plugin acme:shop" in done.stderr
    assert "Uninstall acme" in done.stderr
