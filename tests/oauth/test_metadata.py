"""A metadata document of somebody else's making: what it says is believed only so far."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import OIDC, Environment, TokenRequest, Trust
from grantway.authority import FROM_METADATA
from grantway.errors import (
    AuthorityError,
    ConfigurationError,
    DeadlineExceeded,
    MalformedResponse,
    ProtocolViolation,
)
from grantway.oauth.metadata import MAX_AGE, endpoint, endpoints, is_issuer, metadata
from oauth.browsing import Person, answering, nobody
from oauth.issuer import METADATA, Issuer, sign_in
from oauth.support import (
    CLIENT_ID,
    FakeClock,
    acquire,
    context,
    dispatcher,
    granted,
    oidc,
    redeem,
)
from servers.raw import (
    MIB,
    RawServer,
    drip_body,
    drip_headers,
    exact,
    html,
    json_answer,
    large,
    redirect,
)

RFC_8414 = "/.well-known/oauth-authorization-server"
HOST = "login.microsoftonline.com"
HILL = Environment("Hill", f"https://{HOST}/hill")
ENDPOINTS = (
    "token_endpoint",
    "authorization_endpoint",
    "device_authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "revocation_endpoint",
    "jwks_uri",
)


# Where an endpoint may be.

LOOK_ALIKES = {
    "a suffix": f"https://{HOST}.evil.example/token",
    "a prefix": f"https://evil-{HOST}/token",
    "a subdomain": f"https://sub.{HOST}/token",
    "the parent": "https://microsoftonline.com/token",
    "another letter": "https://login.micros0ftonline.com/token",
    "another ending": "https://login.microsoftonline.co/token",
    "user information": f"https://{HOST}@evil.example/token",
    "a password": f"https://{HOST}:443@evil.example/token",
    "user information of its own": f"https://somebody@{HOST}/token",
    "a backslash": f"https://evil.example\\@{HOST}/token",
    "a backslash after": f"https://{HOST}\\.evil.example/token",
    "a fragment that hides": f"https://evil.example#@{HOST}/token",
    "a query that hides": f"https://evil.example?@{HOST}/token",
    "punycode": "https://xn--login-mcrosoftonline-z9b.com/token",
    "a letter of another alphabet": "https://login.micr\u043esoftonline.com/token",
    "a full stop of another": "https://login\u3002microsoftonline.com/token",
    "a full-width letter": "https://\uff4cogin.microsoftonline.com/token",
    "an escape": "https://login%2emicrosoftonline.com/token",
    "a trailing dot": f"https://{HOST}./token",
    "two dots": "https://login..microsoftonline.com/token",
    "another port": f"https://{HOST}:8443/token",
    "port 0": f"https://{HOST}:0/token",
    "no such port": f"https://{HOST}:99999/token",
    "a port in words": f"https://{HOST}:https/token",
    "an address": "https://20.190.128.1/token",
    "an address in one number": "https://348028929/token",
    "loopback": "https://127.0.0.1/token",
    "plain http": f"http://{HOST}/token",
    "plain http on loopback": "http://127.0.0.1/token",
    "another scheme": f"ftp://{HOST}/token",
    "a script": "javascript:alert(1)",
    "a file": "file:///etc/passwd",
    "no scheme": f"//{HOST}/token",
    "a path": "/token",
    "a space": f"https://{HOST} /token",
    "a line break": f"https://{HOST}\n/token",
    "a tab": f"https://{HOST[:5]}\t{HOST[5:]}/token",
    "a null": f"https://{HOST}\x00.evil.example/token",
}


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("url", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_an_endpoint_that_only_looks_like_the_authoritys_is_refused(name: str, url: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        endpoint({name: url}, name, HILL)
    assert name in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HOST}/token",
        f"https://{HOST.upper()}/token",
        f"https://{HOST}:443/other/path?with=query",
    ],
)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_on_the_authoritys_host_is_used_as_it_is(name: str, url: str) -> None:
    assert endpoint({name: url}, name, HILL) == url


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789.-:@/\\?#%[]", min_size=1, max_size=20))
def test_nothing_before_or_after_the_host_makes_it_another_ones(more: str) -> None:
    """Whatever is accepted is by every reading an address of that very host."""
    from urllib.parse import urlsplit

    for url in (f"https://{more}{HOST}/x", f"https://{HOST}{more}/x", f"https://{more}"):
        try:
            found = endpoint({"token_endpoint": url}, "token_endpoint", HILL)
        except ProtocolViolation:
            continue
        parts = urlsplit(found)
        assert (parts.hostname, parts.port or 443, parts.username) == (HOST, 443, None)


# Whose it is.

ISSUER = f"https://{HOST}/hill"
OTHERS = {
    "mixed case": ISSUER.replace("login", "Login"),
    "mixed case in its path": ISSUER.replace("hill", "Hill"),
    "a scheme in capitals": ISSUER.replace("https", "HTTPS"),
    "a slash at its end": f"{ISSUER}/",
    "its port": ISSUER.replace(HOST, f"{HOST}:443"),
    "a trailing dot": ISSUER.replace(HOST, f"{HOST}."),
    "user information": ISSUER.replace(HOST, f"x@{HOST}"),
    "a query": f"{ISSUER}?",
    "a fragment": f"{ISSUER}#",
    "an escape": ISSUER.replace("hill", "h%69ll"),
    "a dot in its path": ISSUER.replace("/hill", "/./hill"),
    "two slashes": ISSUER.replace("/hill", "//hill"),
    "white space": f" {ISSUER}",
    "a line break": f"{ISSUER}\n",
    "plain http": ISSUER.replace("https", "http"),
    "a suffix": ISSUER.replace(HOST, f"{HOST}.evil.example"),
    "punycode": ISSUER.replace(HOST, "xn--login-mcrosoftonline-z9b.com"),
    "less": f"https://{HOST}",
    "more": f"{ISSUER}/more",
    "nothing": "",
}


@pytest.mark.parametrize("issuer", OTHERS.values(), ids=OTHERS)
def test_an_issuer_that_is_written_otherwise_is_another(issuer: str) -> None:
    assert is_issuer(ISSUER, HILL)
    assert not is_issuer(issuer, HILL)
    # And the other way round: a slash that was configured is demanded.
    if issuer.startswith("https://") and not set(issuer) & set("?#@\n") and ".." not in issuer:
        with_slash = Environment("Hill", f"{ISSUER}/")
        assert is_issuer(issuer, with_slash) == (issuer == f"{ISSUER}/")


@given(st.text() | st.none() | st.integers() | st.lists(st.text()))
def test_nothing_but_the_issuer_itself_is_the_issuer(value: object) -> None:
    assert is_issuer(value, HILL) == (value == ISSUER)


@pytest.mark.parametrize("path", ["", "/", "/realms/main", "/realms/main/"])
def test_the_two_places_of_a_document_follow_from_the_issuer(
    raw_server: RawServer, path: str
) -> None:
    """OpenID appends, RFC 8414 inserts; a slash at the end goes, and stays in the issuer."""
    bare = path.rstrip("/")
    raw_server.serve(
        json_answer({"issuer": f"{raw_server.url}{path}", "token_endpoint": f"{raw_server.url}/t"}),
        path=f"{RFC_8414}{bare}",
    )
    raw_server.serve(granted(), path="/t")
    acquire(raw_server, environment=oidc(raw_server, path))
    assert [request.target for request in raw_server.requests] == [
        f"{bare}{METADATA}",
        f"{RFC_8414}{bare}",
        "/t",
    ]


def test_of_two_issuers_in_one_document_neither_a_good_first_nor_a_good_guess_helps(
    raw_server: RawServer,
) -> None:
    body = (
        f'{{"issuer": "{raw_server.url}", "issuer": "https://evil.example",'
        f' "token_endpoint": "{raw_server.url}/token"}}'
    ).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    raw_server.serve(exact(head % len(body) + body))
    with pytest.raises(ProtocolViolation, match="evil"):
        acquire(raw_server, environment=oidc(raw_server))
    assert len(raw_server.requests) == 1


# How it comes.


@pytest.mark.parametrize("content_length", [True, False])
@pytest.mark.parametrize("first", [METADATA, RFC_8414])
def test_a_huge_document_is_not_read_to_its_end(
    raw_server: RawServer, content_length: bool, first: str
) -> None:
    raw_server.serve(large(100 * MIB, content_length=content_length), path=first)
    with pytest.raises(MalformedResponse, match="more than 1 MiB"):
        acquire(raw_server, environment=oidc(raw_server))
    assert not any(request.path == "/token" for request in raw_server.requests)
    assert raw_server.bytes_sent < 40 * MIB


@pytest.mark.parametrize("slow", [drip_headers(0.02), drip_body(b" " * 100_000, 0.02)])
@pytest.mark.parametrize("where", [METADATA, RFC_8414])
def test_a_slow_document_has_the_time_of_the_call_and_no_more(
    raw_server: RawServer, slow: Any, where: str
) -> None:
    raw_server.serve(slow, path=where)
    with pytest.raises(DeadlineExceeded, match="metadata request"):
        acquire(raw_server, environment=oidc(raw_server), timeout=0.5)


@pytest.mark.parametrize("where", [METADATA, RFC_8414])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_from_neither_place(
    raw_servers: Callable[..., RawServer], where: str, status: int
) -> None:
    server, target = raw_servers(), raw_servers()
    server.serve(redirect(f"{target.url}{where}", status), path=where)
    with pytest.raises(ProtocolViolation, match="redirect"):
        acquire(server, environment=oidc(server))
    assert not target.connections


def test_nor_is_one_of_the_keys(raw_servers: Callable[..., RawServer]) -> None:
    server, target = raw_servers(), raw_servers()
    issuer = Issuer(server)
    server.serve(redirect(f"{target.url}/keys"), path="/keys")
    server.serve(granted(id_token=issuer.token()), path="/token")
    with pytest.raises(ProtocolViolation, match="keys request with a redirect"):
        redeem(server, environment=issuer.environment)
    assert not target.connections


def test_where_there_is_none_the_places_are_named(raw_server: RawServer) -> None:
    with pytest.raises(AuthorityError, match="refused the metadata request") as caught:
        acquire(raw_server, environment=oidc(raw_server, "/realms/main"))
    at = raw_server.url
    for place in (f"{at}/realms/main{METADATA}", f"{at}{RFC_8414}/realms/main"):
        assert place in caught.value.remedy
    assert "secret" not in caught.value.remedy


@pytest.mark.parametrize("where", [METADATA, RFC_8414])
def test_of_two_failures_the_one_that_says_more_is_told(raw_server: RawServer, where: str) -> None:
    raw_server.serve(html(503), path=where)
    with pytest.raises(MalformedResponse, match="HTTP 503"):
        acquire(raw_server, environment=oidc(raw_server))


# What it leaves out.


@pytest.mark.parametrize("value", [None, "", 7, True, {}, [], ["https://127.0.0.1/"]])
@pytest.mark.parametrize("name", ["token_endpoint", "authorization_endpoint", "jwks_uri"])
def test_an_endpoint_that_is_none_is_missing(name: str, value: object) -> None:
    assert endpoint({name: value}, name, HILL) == ""


def test_without_a_page_and_without_device_codes_nobody_can_sign_in(raw_server: RawServer) -> None:
    issuer = Issuer(raw_server, authorization_endpoint=None)
    with pytest.raises(ConfigurationError, match="no device code grant"):
        sign_in(issuer, Person(nobody))


@pytest.mark.parametrize("methods", [["plain"], ["S384"], ["s256"]])
def test_s256_that_is_not_offered_ends_a_sign_in_and_no_other_grant(
    raw_server: RawServer, methods: list[str]
) -> None:
    issuer = Issuer(raw_server, code_challenge_methods_supported=methods)
    person = Person(answering())
    with pytest.raises(ProtocolViolation, match="without S256"):
        sign_in(issuer, person)
    assert not person.opened
    acquire(raw_server, environment=issuer.environment)


@pytest.mark.parametrize("odd", [None, "S256", {}, 7, []])
def test_lists_that_are_none_say_nothing(raw_server: RawServer, odd: object) -> None:
    issuer = Issuer(
        raw_server,
        code_challenge_methods_supported=odd,
        token_endpoint_auth_methods_supported=odd,
        scopes_supported=odd,
        grant_types_supported=odd,
        authorization_response_iss_parameter_supported=odd,
    )
    assert sign_in(issuer, Person(answering())).access_token == "sentinel-access-token"


# What is known without it.


def test_a_path_that_the_protocol_knows_is_not_looked_up(raw_server: RawServer) -> None:
    """Not all servers list all they have: a device endpoint is left out by some."""
    raw_server.serve(
        json_answer({"issuer": raw_server.url, "token_endpoint": f"{raw_server.url}/token"}),
        path=METADATA,
    )
    known = attrs.evolve(OIDC, device_authorization_path="{authority}/device/")
    of = Environment("Own", raw_server.url, protocol=known, trust=Trust(loopback_http=True))
    request = TokenRequest(of, "User", "User", {"application_id": CLIENT_ID})
    found = endpoints(request, context(of), "device_authorization")
    assert found.device_authorization == f"{raw_server.url}/device/"
    assert found.token == f"{raw_server.url}/token"


def test_what_the_protocol_does_not_know_is_looked_up_beside_what_it_knows(
    raw_server: RawServer,
) -> None:
    document = {
        "issuer": raw_server.url,
        "token_endpoint": f"{raw_server.url}/elsewhere",
        "authorization_endpoint": f"{raw_server.url}/authorize",
    }
    raw_server.serve(json_answer(document), path=METADATA)
    known = attrs.evolve(OIDC, token_path="{authority}/token")
    of = Environment("Own", raw_server.url, protocol=known, trust=Trust(loopback_http=True))
    request = TokenRequest(of, "User", "User", {"application_id": CLIENT_ID})
    given_ = context(of)
    assert endpoints(request, given_).token == f"{raw_server.url}/token"
    assert not raw_server.requests
    found = endpoints(request, given_, "authorization")
    assert found.token == f"{raw_server.url}/token"
    assert found.authorization == f"{raw_server.url}/authorize"
    assert FROM_METADATA not in (found.token, found.authorization, found.device_authorization)


# How long it is kept.


def test_a_place_where_no_document_was_is_not_looked_at_for_each_token(
    raw_server: RawServer,
) -> None:
    raw_server.serve(
        json_answer({"issuer": raw_server.url, "token_endpoint": f"{raw_server.url}/token"}),
        path=RFC_8414,
    )
    raw_server.serve(granted(), path="/token")
    clock = FakeClock()

    def paths(scope: str) -> list[str]:
        before = len(raw_server.requests)
        asking.acquire(environment=oidc(raw_server), credential=(CLIENT_ID, "secret"), scopes=scope)
        return [request.path for request in raw_server.requests[before:]]

    with dispatcher(clock=clock) as asking:
        assert paths("a") == [METADATA, RFC_8414, "/token"]
        assert paths("b") == ["/token"]
        clock.advance(59)
        assert paths("c") == ["/token"]
        clock.advance(2)
        assert paths("d") == [METADATA, "/token"]


def test_that_there_is_none_is_told_each_time_and_believed_for_a_minute(
    raw_server: RawServer,
) -> None:
    clock, of = FakeClock(), oidc(raw_server)
    with dispatcher(clock=clock) as asking:

        def ask() -> Any:
            return asking.acquire(environment=of, credential=(CLIENT_ID, "secret"))

        for _ in range(2):
            with pytest.raises(AuthorityError, match="refused the metadata request"):
                ask()
        assert len(raw_server.requests) == 2
        raw_server.serve(
            json_answer({"issuer": raw_server.url, "token_endpoint": f"{raw_server.url}/token"}),
            path=METADATA,
        )
        raw_server.serve(granted(), path="/token")
        clock.advance(60)
        assert ask().access_token


def test_a_document_is_kept_for_an_hour_and_with_a_bound(raw_server: RawServer) -> None:
    clock = FakeClock()
    first = oidc(raw_server, "/0")
    given_ = context(first, clock=clock)

    def ask(number: int) -> None:
        path = f"/{number}"
        raw_server.serve(
            json_answer({"issuer": f"{raw_server.url}{path}"}), path=f"{path}{METADATA}"
        )
        metadata(oidc(raw_server, path), attrs.evolve(given_, environment=oidc(raw_server, path)))

    def asked(number: int) -> int:
        return sum(request.path == f"/{number}{METADATA}" for request in raw_server.requests)

    ask(0)
    ask(0)
    assert asked(0) == 1
    for number in range(1, 520):
        ask(number)
    ask(0)
    ask(519)
    assert (asked(0), asked(519)) == (2, 1)
    clock.advance(MAX_AGE)
    given_ = context(first, clock=clock, transport=given_.transport)
    ask(519)
    assert asked(519) == 2
