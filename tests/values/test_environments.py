"""An environment is refused when something of it cannot be, from Python and from configuration."""

import attrs
import pytest

from grantway import OIDC, Environment, Registry, Trust
from grantway.config import parse
from grantway.environment import host_of, is_loopback, masked_url
from grantway.protocol import GUID, PRINTABLE_ASCII

LOOPBACK = Trust(loopback_http=True)

REFUSED = {
    "plain http": "http://id.example.org",
    "plain http to a name that means loopback": "http://localhost:8080",
    "plain http to loopback, not allowed": "http://127.0.0.1:8080",
    "another scheme": "ftp://id.example.org",
    "no scheme": "id.example.org",
    "no host": "https://",
    "nothing": "",
    "user information": "https://login.example@evil.example",
    "user and password": "https://a:b@id.example.org",
    "a query": "https://id.example.org/?x=1",
    "an empty query": "https://id.example.org/?",
    "a fragment": "https://id.example.org/#x",
    "a space": "https://id.example.org /x",
    "a line break": "https://id.example.org\n",
    "a control character": "\x01https://id.example.org",
    "a tab": "https://id.exa\tmple.org",
    "a backslash": "https://id.example.org\\@evil.example",
    "a trailing dot": "https://id.example.org.",
    "an empty label": "https://id..example.org",
    "an escape": "https://id%2eexample.org",
    "a letter that looks like another": "https://id.ex\u0430mple.org",
    "a full stop that is none": "https://id\u3002example.org",
    "a dash at an end": "https://-id.example.org",
    "a port out of range": "https://id.example.org:99999",
    "a port that is no number": "https://id.example.org:https",
}


@pytest.mark.parametrize("authority", list(REFUSED.values()), ids=list(REFUSED))
def test_an_authority_that_cannot_be_is_refused(authority: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Environment("Hill", authority=authority)
    toml = f"[environments.Hill]\nauthority = {authority!r}\n"
    if authority.isprintable() and authority.isascii() and "\\" not in authority:
        assert "hill" in Registry.load(parse(toml), third_parties=False).faults


@pytest.mark.parametrize(
    "authority", ["http://127.0.0.1:8080", "http://[::1]:8080/realm", "http://127.0.0.1"]
)
def test_plain_http_is_for_a_literal_loopback_address_that_is_allowed(authority: str) -> None:
    assert Environment("Here", authority=authority, trust=LOOPBACK).authority == authority


@pytest.mark.parametrize(
    "authority",
    ["http://localhost:8080", "http://127.1", "http://2130706433", "http://0x7f.0.0.1",
     "http://127.0.0.1.example.org", "http://[::ffff:127.0.0.1]", "http://0.0.0.0"],
)  # fmt: skip
def test_what_resembles_loopback_is_not(authority: str) -> None:
    assert not is_loopback(authority)
    with pytest.raises(ValueError, match="is not https"):
        Environment("Here", authority=authority, trust=LOOPBACK)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://ID.Example.org/x", "id.example.org"),
        ("https://id.example.org:443", "id.example.org"),
        ("https://id.example.org:8443/x", "id.example.org:8443"),
        ("http://127.0.0.1:80", "127.0.0.1"),
        ("https://[::1]:8443", "[::1]:8443"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://internal_host", "internal_host"),
    ],
)
def test_a_host_has_one_spelling(url: str, host: str) -> None:
    assert host_of(url) == host


def test_hosts_match_exactly_port_included() -> None:
    hill = Environment(
        "Hill", authority="https://login.hill.example", hosts=("sts.hill.example:8443",)
    )
    assert hill.names("login.hill.example")
    assert hill.names("sts.hill.example:8443")
    for other in ("hill.example", "evil.login.hill.example", "sts.hill.example", "hill.example."):
        assert not hill.names(other)


@pytest.mark.parametrize("host", ["https://a.example", "a.example/x", "a@b.example", "a b", ""])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Environment("Hill", authority="https://hill.example", hosts=(host,))


@pytest.mark.parametrize("name", ["", " ", "The Hill", "a/b", "-x", "é", 5])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an environment"):
        Environment(name, authority="https://hill.example")
    with pytest.raises(ValueError, match="cannot name an environment"):
        Environment("Hill", authority="https://hill.example", aliases=(name,))


def test_the_protocol_is_a_protocol() -> None:
    with pytest.raises(ValueError, match="must be a Protocol"):
        Environment("Hill", authority="https://hill.example", protocol="oidc")  # type: ignore[arg-type]


def test_an_oidc_issuer_in_two_lines_is_the_same_from_python_and_from_configuration() -> None:
    toml = '[environments.Keycloak]\nauthority = "https://id.example.org/realms/main"\n'
    configured = Registry.load(parse(toml), third_parties=False).environment("Keycloak")
    made = Environment("Keycloak", authority="https://id.example.org/realms/main")
    assert configured == made
    assert made.protocol is OIDC
    assert made.single_tenant == "Keycloak"


def test_values_are_frozen_and_what_they_hold_too() -> None:
    resources = {"graph": "https://graph.example"}
    hill = Environment("Hill", authority="https://hill.example", resources=resources)
    resources["graph"] = "https://evil.example"
    assert hill.resource("Graph") == "https://graph.example"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        hill.authority = "https://evil.example"  # type: ignore[misc]
    with pytest.raises(TypeError):
        hill.resources["graph"] = "https://evil.example"  # type: ignore[index]
    assert hash(hill) == hash(attrs.evolve(hill))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("graph", "https://graph.example"),
        ("GRAPH", "https://graph.example"),
        ("https://other.example/", "https://other.example/"),
        ("api://app", "api://app"),
        ("urn:x:y", "urn:x:y"),
        ("{AAAAAAAA-1111-2222-3333-444444444444}", "aaaaaaaa-1111-2222-3333-444444444444"),
    ],
)
def test_a_resource_is_a_name_a_guid_or_an_absolute_uri(given: str, expected: str) -> None:
    hill = Environment(
        "Hill", authority="https://hill.example", resources={"graph": "https://graph.example"}
    )
    assert hill.resource(given) == expected


@pytest.mark.parametrize(
    "given", ["grap", "/x", "https:", "https://a b", "https://a#b", "//a.example", "", "{x}"]
)
def test_a_resource_that_is_none_of_these_is_refused(given: str) -> None:
    hill = Environment("Hill", authority="https://hill.example", resources={"graph": "https://g"})
    with pytest.raises(ValueError, match="neither a resource of Hill"):
        hill.resource(given)


GUIDS = "aaaaaaaa-1111-2222-3333-444444444444"


@pytest.mark.parametrize("value", [GUIDS, GUIDS.upper(), "{" + GUIDS + "}"])
def test_a_guid_has_one_spelling(value: str) -> None:
    assert GUID.read(value) == GUIDS


@pytest.mark.parametrize(
    "value", ["{" + GUIDS, GUIDS + "}", "{{" + GUIDS + "}}", GUIDS + "\n", GUIDS[1:], " " + GUIDS]
)
def test_what_resembles_a_guid_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is not a GUID"):
        GUID.read(value)


def test_any_printable_ascii_is_a_client_id_where_the_protocol_says_so() -> None:
    assert PRINTABLE_ASCII.read("my client/1") == "my client/1"
    for value in ("", "ü", "a\nb", "a\x7f"):
        with pytest.raises(ValueError, match="printable ASCII"):
            PRINTABLE_ASCII.read(value)


@pytest.mark.parametrize(
    "url",
    [
        "http://u:sentinel@h:1",
        "u:sentinel@h:1",
        "//u:sentinel@h:1",
        "http:u:sentinel@h:1",
        "http:/u:sentinel@h:1",
        "http://u:sent/sentinel@h:1",
        "http://u:sentinel?#@h:1",
        "http://u:sentinel@sentinel@h:1",
        "http://u:sentinel\nsentinel@h:1",
    ],
)
def test_a_password_in_a_url_is_masked_whatever_the_urls_shape(url: str) -> None:
    assert "sentinel" not in masked_url(url)
    assert masked_url(url).endswith("@h:1")


def test_a_url_without_a_user_is_shown_as_it_is() -> None:
    assert masked_url("https://login.example/a?b#c") == "https://login.example/a?b#c"


def test_a_password_in_the_place_of_a_port_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="no number that a port can have") as caught:
        Environment("X", authority="https://user:s3cret/x@id.example")
    assert "s3cret" not in str(caught.value)
