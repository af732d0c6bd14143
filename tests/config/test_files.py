"""The configuration file: what is wrong in it is said with its place, and one mistake is one."""

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from grantway import Configuration, Dispatcher, Registry, TokenCacheFactory, hookimpl
from grantway.cache.memory import MemoryTokenCache
from grantway.config import load, parse, user_file
from grantway.described import protocols_of
from grantway.errors import ConfigurationError, UnknownEnvironment

CLIENT = "11111111-2222-3333-4444-555555555555"


def fault(text: str, file: Path | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, file)
    return caught.value


def registry(text: str) -> Registry:
    read = parse(text, Path("config.toml"))
    return Registry.load(read, third_parties=False)


def environment_fault(text: str, name: str = "Hill") -> ConfigurationError:
    found = registry(text).faults[name.casefold()]
    assert isinstance(found, ConfigurationError)
    return found


# The file.


def test_what_is_not_toml_is_said_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('default_profile = "work"\n[profiles.work\n')
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert (caught.value.file, caught.value.line) == (str(file), 2)
    assert str(caught.value).startswith(f"{file}:2: not TOML: ")


@pytest.mark.parametrize(
    "text",
    [f"x = {'1' * 5000}", f"[profiles.a]\ntenant_id = {'1' * 5000}", "x = " + "[" * 5000,
     f"{'a.' * 5000}a = 1"],
    ids=["a number", "a number in a profile", "lists", "tables"],
)  # fmt: skip
def test_what_the_reader_cannot_hold_is_a_mistake_like_any_other(text: str) -> None:
    error = fault(text, Path("config.toml"))
    assert str(error).startswith("config.toml")


MISTAKES = {
    "an unknown key": ("profile = 1\n", 1, "unknown key 'profile'. Did you mean profiles"),
    "an unknown table": ("\n[plugin]\n", 2, "unknown key 'plugin'. Did you mean plugins"),
    "an unknown key of plugins": (
        '[plugins]\nenable = []\ndisabled = ["x"]\n',
        3,
        "plugins has an unknown key 'disabled'. Did you mean disable",
    ),
    "plugins that are no table": ("plugins = 1\n", 1, "plugins must be a table."),
    "a list that is none": ("[plugins]\nenable = [1]\n", 2, "enable must be a list of texts."),
    "a default profile that is no text": (
        "default_profile = 1\n",
        1,
        "default_profile must be a text.",
    ),
    "a cache that is no text": ("\ncache = 1\n", 2, "cache must be a text."),
    "profiles that are no table": ("profiles = []\n", 1, "profiles must be a table."),
    "a profile that is no table": ("[profiles]\nwork = 1\n", 2, "work must be a table."),
    "an environment that is no table": (
        "[environments]\nHill = 'x'\n",
        2,
        "Hill must be a table.",
    ),
}


@pytest.mark.parametrize(("text", "line", "message"), list(MISTAKES.values()), ids=list(MISTAKES))
def test_a_mistake_is_said_with_its_line(text: str, line: int, message: str) -> None:
    error = fault(text, Path("config.toml"))
    assert error.line == line
    assert str(error).startswith(f"config.toml:{line}: {message}")


def test_a_file_that_is_named_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="There is no configuration file"):
        load(tmp_path / "gone.toml")
    monkeypatch.setenv("GRANTWAY_CONFIG", str(tmp_path / "gone.toml"))
    with pytest.raises(ConfigurationError, match="GRANTWAY_CONFIG"):
        load()


def test_the_users_file_need_not_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().file is None
    # An empty variable counts as one that is not set.
    monkeypatch.setenv("GRANTWAY_CONFIG", "")
    assert load().file is None


def test_nor_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    assert load().file is None


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="It must be a UTF-8 text file"):
        load(binary)


def test_grantway_config_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('default_profile = "work"\n[profiles.work]\ntenant_id = "a.example"\n')
    monkeypatch.setenv("GRANTWAY_CONFIG", str(file))
    assert user_file() == file
    assert load().default_profile == "work"
    assert load().file == file


def test_python_reads_no_file_unless_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("this is no TOML")
    monkeypatch.setenv("GRANTWAY_CONFIG", str(file))
    with Dispatcher(prompter=False) as dispatcher:
        assert dispatcher.explain(application_id=CLIENT).provider == "User"
    with pytest.raises(ConfigurationError):
        Dispatcher(config=file)


# Profiles.

PROFILES = f"""
default_profile = "work"

[profiles.work]
application_id = "{CLIENT}"
tenant-id = "work.example"

[profiles.home]
application_id = "{CLIENT}"
tenant_id = "home.example"
environment = "ChinaCloud"
"""


def tenant(profile: str | None = None, environ: dict[str, str] | None = None) -> str:
    read = parse(PROFILES)
    configuration = Configuration(
        profiles=read.profiles, default_profile=read.default_profile, environ=environ or {}
    )
    with Dispatcher(config=configuration, profile=profile, prompter=False) as dispatcher:
        return dispatcher.explain().values["tenant_id"]


def test_a_profile_is_the_one_named_then_the_variables_then_the_default_one() -> None:
    assert tenant() == "work.example"
    assert tenant(environ={"GRANTWAY_PROFILE": "home"}) == "home.example"
    assert tenant("work", {"GRANTWAY_PROFILE": "home"}) == "work.example"


def test_a_profile_comes_before_the_variables_and_after_the_call() -> None:
    environ = {"GRANTWAY_TENANT_ID": "variables.example"}
    assert tenant(environ=environ) == "work.example"
    configuration = parse(PROFILES)
    with Dispatcher(config=configuration, prompter=False) as dispatcher:
        plan = dispatcher.explain(tenant_id="call.example")
    assert (plan.values["tenant_id"], plan.provider) == ("call.example", "User")
    assert plan.origins["application_id"] == "profile work"


def test_a_profile_chooses_the_environment() -> None:
    with Dispatcher(config=parse(PROFILES), profile="home", prompter=False) as dispatcher:
        assert dispatcher.explain().environment == "ChinaCloud"
        assert dispatcher.explain(environment="GlobalCloud").environment == "GlobalCloud"


def test_an_unknown_profile_offers_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"no profile 'wrok'.*Did you mean work"):
        Dispatcher(config=parse(PROFILES), profile="wrok")
    with pytest.raises(ConfigurationError, match="no profile 'x'"):
        Dispatcher(config=Configuration(environ={"GRANTWAY_PROFILE": "x"}))


def test_an_unknown_parameter_of_a_profile_is_said_with_its_line() -> None:
    text = '[profiles.other]\ntenant_id = "a"\n\n[profiles.work]\ntennant_id = "a"\n'
    with pytest.raises(ConfigurationError) as caught:
        Dispatcher(config=parse(text, Path("c.toml")), profile="work")
    assert caught.value.line == 5
    assert "Did you mean tenant_id" in str(caught.value)


def test_a_parameter_that_a_profile_gives_twice_is_refused() -> None:
    text = '[profiles.work]\ntenant_id = "a.example"\ntenant-id = "b.example"\n'
    with pytest.raises(ConfigurationError) as caught:
        Dispatcher(config=parse(text, Path("c.toml")), profile="work")
    assert "gives tenant_id twice" in str(caught.value)
    text = '[profiles.work]\ntenant_id = "a.example"\ndomain = "b.example"\n'
    with pytest.raises(ConfigurationError, match="domain is another word for it"):
        Dispatcher(config=parse(text), profile="work")


def test_a_mistake_in_another_profile_is_not_felt() -> None:
    text = f"{PROFILES}\n[profiles.broken]\nnonsense = 1\n"
    with Dispatcher(config=parse(text), prompter=False) as dispatcher:
        assert dispatcher.explain().problem is None


def test_a_wrong_type_in_a_profile_is_said_with_the_profile() -> None:
    text = f'[profiles.work]\napplication_id = "{CLIENT}"\ntenant_id = 5\n'
    with Dispatcher(config=parse(text), profile="work", prompter=False) as dispatcher:
        with pytest.raises(ConfigurationError, match="tenant_id from profile work"):
            dispatcher.explain()
        assert dispatcher.explain(tenant_id="a.example").problem is None


def test_a_profile_may_hold_flags_and_lists() -> None:
    text = f'[profiles.w]\napplication_id = "{CLIENT}"\ndevice_code = false\nscopes = ["a", "b"]\n'
    with Dispatcher(config=parse(text), profile="w", prompter=False) as dispatcher:
        plan = dispatcher.explain()
    assert (plan.values["device_code"], plan.values["scopes"]) == ("false", "a b")


# Environments.


def test_an_issuer_is_an_environment_in_two_lines() -> None:
    found = registry('[environments.Keycloak]\nissuer = "https://id.example.org/realms/main"\n')
    keycloak = found.environment("keycloak")
    assert keycloak.authority == "https://id.example.org/realms/main"
    assert keycloak.protocol.name == "oidc"


def test_an_environment_takes_anothers_values_as_a_start() -> None:
    found = registry(
        '[environments.Mine]\nlike = "globalcloud"\nprotocol = "entra-v1"\ntenant = "a.example"\n'
    )
    mine, base = found.environment("Mine"), found.environment("GlobalCloud")
    assert (mine.authority, mine.resources) == (base.authority, base.resources)
    assert (mine.protocol.name, mine.tenant) == ("entra-v1", "a.example")
    assert (mine.default, mine.aliases) == (False, ())
    assert found.environment() is base


def test_with_an_authority_of_its_own_it_takes_over_no_host_that_may_be_sent_a_secret() -> None:
    found = registry(
        '[environments.Hill]\nlike = "GermanCloud"\nauthority = "https://login.hill.example"\n'
    )
    hill = found.environment("Hill")
    assert hill.secret_hosts == {"login.hill.example"}
    assert (hill.issuers, hill.closed) == ((), "")
    assert hill.protocol is found.environment("GermanCloud").protocol


def test_an_environment_may_be_like_one_that_stands_further_down() -> None:
    found = registry(
        '[environments.A]\nlike = "B"\nsummary = "a"\n'
        '[environments.B]\nlike = "C"\n'
        '[environments.C]\nauthority = "https://c.example"\n'
    )
    assert not found.faults
    assert found.environment("a").authority == "https://c.example"


def test_a_long_chain_of_environments_is_followed_to_its_end() -> None:
    chain = [f'[environments.e{number}]\nlike = "e{number + 1}"' for number in range(3000)]
    found = registry("\n".join([*chain, '[environments.e3000]\nauthority = "https://e.example"']))
    assert not found.faults
    assert found.environment("e0").authority == "https://e.example"


def test_environments_that_are_like_each_other_are_faults() -> None:
    found = registry('[environments.A]\nlike = "B"\n[environments.B]\nlike = "A"\n')
    assert found.faults.keys() == {"a", "b"}


def test_trust_is_read() -> None:
    found = registry(
        '[environments.Hill]\nauthority = "https://hill.example"\n'
        '[environments.Hill.trust]\nca_bundle = "/ca.pem"\nproxy = ""\n'
        'client_certificate = ["/c.pem", "/k.pem"]\nheaders = { X-Gate = "1" }\n'
    )
    trust = found.environment("Hill").trust
    assert (trust.ca_bundle, trust.proxy) == ("/ca.pem", "")
    assert trust.client_certificate == ("/c.pem", "/k.pem")
    assert trust.headers == {"X-Gate": "1"}


WRONG = {
    "no authority": ("", 1, "the environment 'Hill' needs an authority."),
    "an unknown key": (
        'authority = "https://h.example"\nauthorty = "x"',
        3,
        "the environment 'Hill' has an unknown key 'authorty'. Did you mean authority",
    ),
    "an authority and an issuer": (
        'authority = "https://h.example"\nissuer = "https://h.example"',
        3,
        "the environment 'Hill' has an authority and an issuer.",
    ),
    "plain http": ('authority = "http://h.example"', 1, "the environment 'Hill': "),
    "an unknown protocol": (
        'authority = "https://h.example"\nprotocol = "entra-v3"',
        3,
        "there is no protocol 'entra-v3'. Did you mean entra-v",
    ),
    "an unknown model": (
        'like = "GlobalClod"',
        2,
        "'Hill' is to be like 'GlobalClod', which is no environment. Did you mean GlobalCloud",
    ),
    "a number for a text": (
        'authority = "https://h.example"\ntenant = 5',
        3,
        "tenant must be a text.",
    ),
    "a number among texts": (
        'authority = "https://h.example"\nhosts = ["a.example", 5]',
        3,
        "hosts must be a list of texts.",
    ),
    "resources that are no table": (
        'authority = "https://h.example"\nresources = "x"',
        3,
        "resources must be a table.",
    ),
    "a resource that is no text": (
        'authority = "https://h.example"\nresources = { graph = 1 }',
        3,
        "graph must be a text.",
    ),
    "an unknown client authentication": (
        'authority = "https://h.example"\nclient_authentication = "client_secret_pst"',
        3,
        "there is no client_authentication 'client_secret_pst'. Did you mean client_secret_post",
    ),
    "a default resource that is none": (
        'authority = "https://h.example"\ndefault_resource = "graph"',
        1,
        "the environment 'Hill': 'graph' is neither a resource of Hill",
    ),
    "trust that is no table": (
        'authority = "https://h.example"\ntrust = true',
        3,
        "trust must be a table.",
    ),
    "an unknown key of trust": (
        'authority = "https://h.example"\n[environments.Hill.trust]\nca_bundel = "x"',
        4,
        "trust has an unknown key 'ca_bundel'. Did you mean ca_bundle",
    ),
    "an unknown key that is like none": (
        'authority = "https://h.example"\nzzz = 1',
        3,
        "the environment 'Hill' has an unknown key 'zzz'. There are: like, authority, issuer,",
    ),
    "a key of trust outside it": (
        'authority = "http://127.0.0.1:8080"\nloopback_http = true',
        3,
        "the environment 'Hill' has the key 'loopback_http', which belongs in its trust. Write tr",
    ),
    "a flag that is none": (
        'authority = "https://h.example"\n[environments.Hill.trust]\nloopback_http = "yes"',
        4,
        "loopback_http must be true or false.",
    ),
    "half a client certificate": (
        'authority = "https://h.example"\n[environments.Hill.trust]\nclient_certificate = ["x"]',
        4,
        "client_certificate must be two texts: the certificate and its key.",
    ),
}


@pytest.mark.parametrize(("text", "line", "message"), list(WRONG.values()), ids=list(WRONG))
def test_a_mistake_in_an_environment_is_said_with_its_line(
    text: str, line: int, message: str
) -> None:
    # The same keys stand further up, where they are right.
    error = environment_fault(f"[environments.Hill]\n{text}\n")
    assert str(error).startswith(f"config.toml:{line}: {message}")
    before = '[environments.Before]\nauthority = "https://b.example"\nsummary = "authority"\n'
    error = environment_fault(f"{before}[environments.Hill]\n{text}\n")
    assert error.line == line + 3


def test_a_mistake_in_one_environment_does_not_stop_the_others() -> None:
    found = registry(
        '[environments.Broken]\nauthority = "http://x.example"\n'
        '[environments.Good]\nauthority = "https://good.example"\n'
    )
    assert found.environment("Good").authority == "https://good.example"
    assert found.environment("GlobalCloud").default
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="is not https"):
            found.environment("broken")
    with pytest.raises(UnknownEnvironment):
        found.environment("neither")


@pytest.mark.parametrize("name", ["GlobalCloud", "globalcloud", "AzureCloud"])
def test_a_built_ins_name_is_not_taken_over(name: str) -> None:
    found = registry(f'[environments.{name}]\nauthority = "https://evil.example"\n')
    assert "takes a built-in's name" in str(found.faults[name.casefold()])
    assert found.environment(name).authority != "https://evil.example"


def test_two_environments_do_not_share_a_name() -> None:
    found = registry(
        '[environments.Hill]\nauthority = "https://one.example"\n'
        '[environments.HILL]\nauthority = "https://two.example"\n'
    )
    assert found.environment("hill").authority == "https://one.example"
    assert "takes a name of 'Hill'" in str(found.faults["hill"])


def test_a_name_with_a_space_is_a_fault() -> None:
    error = environment_fault(
        '[environments."The Hill"]\nauthority = "https://h.example"\n', "The Hill"
    )
    assert "cannot name an environment" in str(error)
    assert error.line == 1


def test_protocols_are_those_of_known_environments_and_their_variants() -> None:
    found = Registry.load(Configuration(environ={}), third_parties=False)
    names = [each.name for each in protocols_of(found.environments)]
    assert {"oidc", "entra-v1", "entra-v2"} <= set(names)
    assert len(names) == len(set(names))


# The token cache.


class Caches:
    """Kinds of token cache that remember what they were made of."""

    def __init__(self) -> None:
        self.made: list[str] = []

    @hookimpl
    def grantway_token_caches(self) -> Sequence[TokenCacheFactory]:
        return [TokenCacheFactory("noted", self._make), TokenCacheFactory("broken", self._fail)]

    def _make(self, named: str) -> MemoryTokenCache:
        self.made.append(named)
        return MemoryTokenCache()

    def _fail(self, named: str) -> MemoryTokenCache:
        raise ImportError(named)


def chosen(given: str | None = None, variable: str = "", file: str = "") -> list[str]:
    """What the cache of a dispatcher was made of; nothing: it is one in memory."""
    caches = Caches()
    read = parse(file, Path("config.toml"))
    configuration = attrs.evolve(read, environ={"GRANTWAY_CACHE": variable})
    registry = Registry.of(caches, configuration=configuration)
    with Dispatcher(registry, cache=given, config=configuration, prompter=False):
        return caches.made


def test_the_cache_is_the_one_given_then_the_variables_then_the_files_then_in_memory() -> None:
    file = 'cache = "noted:file"'
    assert chosen("noted:given", "noted:variable", file) == ["noted:given"]
    assert chosen(None, "NOTED:variable", file) == ["NOTED:variable"]
    assert chosen(None, "", file) == ["noted:file"]
    assert chosen() == chosen("memory", "noted:variable", file) == []


def test_a_dispatcher_reads_the_variable_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTWAY_CACHE", "noted")
    caches = Caches()
    Dispatcher(Registry.of(caches), prompter=False).close()
    assert caches.made == ["noted"]


def test_a_cache_that_is_not_there_is_said_with_its_place() -> None:
    with pytest.raises(ConfigurationError) as caught:
        chosen(file='\n\ncache = "notd"')
    assert (caught.value.file, caught.value.line) == ("config.toml", 3)
    assert str(caught.value) == (
        "config.toml:3: cache: There is no token cache 'notd'. Did you mean noted?"
    )
    with pytest.raises(ConfigurationError, match=r"^GRANTWAY_CACHE: There is no token cache 'x'"):
        chosen(variable="x", file='cache = "noted"')


def test_a_plugin_that_cannot_make_its_cache_is_told_of_without_the_url() -> None:
    with pytest.raises(
        ConfigurationError, match=r"broken cannot be made \(ImportError\)"
    ) as caught:
        chosen(variable="broken:sentinel")
    assert "sentinel" not in str(caught.value)
    assert "its plugin" in caught.value.remedy


def test_a_cache_that_was_passed_in_stays_open_and_one_made_here_is_closed() -> None:
    class Closing(MemoryTokenCache):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    class Makes:
        @hookimpl
        def grantway_token_caches(self) -> Sequence[TokenCacheFactory]:
            return [TokenCacheFactory("closing", lambda _: cache)]

    cache = Closing()
    with Dispatcher(cache=cache, prompter=False):
        pass
    assert cache.closed == 0
    with Dispatcher(Registry.of(Makes()), cache="closing", prompter=False):
        pass
    assert cache.closed == 1
