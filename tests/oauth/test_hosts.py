"""Secrets go to the hosts that an environment names, and metadata is believed only so far."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from grantway import AuthenticationResult, Dispatcher, Environment, TokenRequest, Trust
from grantway.environment import host_of
from grantway.errors import (
    AuthorityError,
    InvalidParameter,
    MalformedResponse,
    ProtocolViolation,
)
from grantway.oauth.bearer import BearerAuth
from oauth.support import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeClock,
    acquire,
    context,
    dispatcher,
    environment,
    granted,
    oidc,
    token_request,
)
from servers.raw import RawServer, empty, html, json_answer, late, redirect

WELL_KNOWN = "/.well-known/openid-configuration"
HOST = "login.example.org"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://login.example.org", HOST),
        ("https://LOGIN.example.ORG:443/path", HOST),
        ("https://login.example.org:8443", f"{HOST}:8443"),
        ("https://login.example.org?@evil.example/", HOST),
        ("https://login.example.org#@evil.example/", HOST),
        ("http://127.0.0.1:80", "127.0.0.1"),
        ("https://[::1]:8443/x", "[::1]:8443"),
        ("https://xn--lgin-5qa.example.org", "xn--lgin-5qa.example.org"),
    ],
)
def test_a_host_has_one_spelling(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.org@evil.example/",
        "https://user:password@login.example.org/",
        "https://login.example.org.",
        "https://login.example.org\\@evil.example/",
        "https://evil.example\\.login.example.org/",
        "https://login.example.org /",
        "https://login.exa\nmple.org/",
        "https://login.exa\tmple.org/",
        "\x00https://login.example.org/",
        "https://login.example.org\x00.evil.example/",
        "https://lógin.example.org/",
        "https://login\uff0eexample.org/",
        "https://login.example.org\u3002evil/",
        "https://login.example.org:port/",
        "https://login.example.org:99999/",
        "https:///login.example.org/",
        "https://",
        "//login.example.org/",
        "login.example.org",
        "ftp://login.example.org/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "",
    ],
)
def test_what_only_looks_like_a_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        host_of(url)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.org.evil.example/token",
        "https://evil-login.example.org/token",
        "https://sub.login.example.org/token",
        "https://example.org/token",
        "https://1ogin.example.org/token",
        "https://xn--lgin-5qa.example.org/token",
        "https://login.example.org:8443/token",
        "https://login.example.org@evil.example/token",
        "https://login.example.org\\@evil.example/token",
        "https://login.example.org./token",
        "https://lógin.example.org/token",
        "https://login%2eexample.org/token",
        "http://login.example.org/token",
        "http://127.0.0.1/token",
        "(from metadata)",
        "",
    ],
)
def test_nothing_is_sent_to_a_host_that_is_not_named(url: str) -> None:
    given = context(Environment("Raw", f"https://{HOST}"))
    for send in (given.transport.fetch_token, given.transport.fetch_json):
        with pytest.raises(ProtocolViolation):
            send(token_request(url), given)


def test_the_refusal_has_the_line_to_add() -> None:
    given = context(Environment("Raw", f"https://{HOST}"))
    with pytest.raises(ProtocolViolation, match="nothing is sent there") as caught:
        given.transport.fetch_token(token_request("https://other.example:8443/token"), given)
    assert 'hosts = ["other.example:8443"]' in caught.value.remedy


@pytest.mark.parametrize(
    "url", ["http://127.1/", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/",
            "http://127.0.0.1.evil.example/", "http://localhost/", "http://127.0.0.2/"]
)  # fmt: skip
def test_only_a_literal_loopback_address_may_do_without_tls(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not https|not an http"):
        Environment("Raw", url, trust=Trust(loopback_http=True))


# Port 0: an HTTP library takes it for none, and would go to the scheme's own port.


@pytest.mark.parametrize("port", ["0", "00"])
def test_nothing_is_sent_to_port_0(port: str) -> None:
    """An environment may say it, to mean nowhere; a request that goes there is refused."""
    authority = f"http://127.0.0.1:{port}"
    given = context(Environment("Raw", authority, trust=Trust(loopback_http=True, proxy="")))
    for send in (given.transport.fetch_token, given.transport.fetch_json):
        with pytest.raises(ProtocolViolation, match="port 0"):
            send(token_request(f"{authority}/token"), given)


# Metadata.


def document(server: RawServer, path: str = "", **changes: object) -> dict[str, object]:
    found = {
        "issuer": f"{server.url}{path}",
        "token_endpoint": f"{server.url}/token",
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def publish(server: RawServer, path: str = "", **changes: object) -> None:
    server.serve(json_answer(document(server, path, **changes)), path=f"{path}{WELL_KNOWN}")
    server.serve(granted(), path="/token")


def test_endpoints_come_from_metadata(raw_server: RawServer) -> None:
    publish(raw_server, "/realms/main")
    acquire(raw_server, environment=oidc(raw_server, "/realms/main"))
    assert [request.path for request in raw_server.requests] == [
        f"/realms/main{WELL_KNOWN}",
        "/token",
    ]
    assert b"sentinel" not in raw_server.requests[0].raw


@pytest.mark.parametrize("answer", [empty(404), html(404), empty(400), html(200), html(503)])
def test_rfc_8414_is_where_it_is_looked_for_next(raw_server: RawServer, answer: Any) -> None:
    publish(raw_server)
    raw_server.serve(answer, path=f"/realms/main{WELL_KNOWN}")
    raw_server.serve(
        json_answer(document(raw_server, "/realms/main")),
        path="/.well-known/oauth-authorization-server/realms/main",
    )
    acquire(raw_server, environment=oidc(raw_server, "/realms/main"))
    assert [request.path for request in raw_server.requests][-2:] == [
        "/.well-known/oauth-authorization-server/realms/main",
        "/token",
    ]


def test_an_authority_without_any_metadata_is_said_to_have_none(raw_server: RawServer) -> None:
    with pytest.raises(AuthorityError, match="refused the metadata request"):
        acquire(raw_server, empty(404), environment=oidc(raw_server))


@pytest.mark.parametrize("where", ["first", "second"])
def test_metadata_of_another_issuer_is_refused(raw_server: RawServer, where: str) -> None:
    publish(raw_server, issuer="https://evil.example")
    if where == "second":
        raw_server.serve(empty(404), path=WELL_KNOWN)
        raw_server.serve(
            json_answer(document(raw_server, issuer="https://evil.example")),
            path="/.well-known/oauth-authorization-server",
        )
    with pytest.raises(ProtocolViolation, match=r"is of the issuer 'https://evil\.example'"):
        acquire(raw_server, environment=oidc(raw_server))
    assert not any(request.path == "/token" for request in raw_server.requests)


@pytest.mark.parametrize(
    "change",
    [
        lambda url: f"{url}/",
        lambda url: url.upper(),
        lambda url: f"{url}/realms/Main",
        lambda url: f"{url}/realms/main/",
        lambda url: f" {url}/realms/main",
        lambda url: None,
        lambda url: 7,
        lambda url: [f"{url}/realms/main"],
    ],
)
def test_an_issuer_counts_to_the_letter(
    raw_server: RawServer, change: Callable[[str], object]
) -> None:
    publish(raw_server, "/realms/main", issuer=change(raw_server.url))
    with pytest.raises(ProtocolViolation, match="is of the issuer") as caught:
        acquire(raw_server, environment=oidc(raw_server, "/realms/main"))
    assert "to the letter" in caught.value.remedy


def test_an_issuer_with_a_slash_at_its_end_is_one(raw_server: RawServer) -> None:
    publish(raw_server, issuer=f"{raw_server.url}/")
    acquire(raw_server, environment=oidc(raw_server, "/"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_token_endpoint_on_another_host_is_refused_with_the_line_to_add(
    raw_servers: Callable[..., RawServer], scheme: str
) -> None:
    server, other = raw_servers(), raw_servers()
    publish(server, token_endpoint=f"{scheme}://127.0.0.1:{other.port}/token")
    with pytest.raises(ProtocolViolation, match="token_endpoint of Raw is on another") as caught:
        acquire(server, environment=oidc(server))
    assert f'hosts = ["127.0.0.1:{other.port}"]' in caught.value.remedy
    assert not other.connections


def test_the_line_to_add_helps(raw_servers: Callable[..., RawServer]) -> None:
    server, other = raw_servers(), raw_servers()
    publish(server, token_endpoint=f"{other.url}/token")
    other.serve(granted())
    acquire(server, environment=oidc(server, hosts=[f"127.0.0.1:{other.port}"]))
    assert len(other.requests) == 1


@pytest.mark.parametrize(
    "url", ["http://login.example/token", "http://localhost:1/token", "ftp://x/token", "token",
            "https://a@127.0.0.1/token"]
)  # fmt: skip
def test_a_token_endpoint_that_cannot_be_is_refused(raw_server: RawServer, url: str) -> None:
    publish(raw_server, token_endpoint=url)
    with pytest.raises(ProtocolViolation, match="cannot be used"):
        acquire(raw_server, environment=oidc(raw_server))


@pytest.mark.parametrize("endpoint", [None, "", 7, ["https://x.example/token"]])
def test_metadata_without_a_token_endpoint_is_malformed(
    raw_server: RawServer, endpoint: object
) -> None:
    publish(raw_server, token_endpoint=endpoint)
    with pytest.raises(MalformedResponse, match="names no token_endpoint"):
        acquire(raw_server, environment=oidc(raw_server))


def test_an_endpoint_that_is_not_needed_may_be_anywhere(raw_server: RawServer) -> None:
    from grantway.oauth.metadata import endpoints

    publish(
        raw_server,
        authorization_endpoint="https://elsewhere.example/authorize",
        device_authorization_endpoint="https://elsewhere.example/device",
    )
    acquire(raw_server, environment=oidc(raw_server))
    of = oidc(raw_server)
    from grantway import TokenRequest

    request = TokenRequest(of, "User", "User", {"application_id": CLIENT_ID})
    assert endpoints(request, context(of)).authorization == ""
    with pytest.raises(ProtocolViolation, match="authorization_endpoint of Raw is on another"):
        endpoints(request, context(of), "authorization")


def test_a_redirect_of_metadata_is_not_a_reason_to_look_elsewhere(raw_server: RawServer) -> None:
    raw_server.serve(redirect(f"{raw_server.url}/x"))
    with pytest.raises(ProtocolViolation, match="redirect"):
        acquire(raw_server, environment=oidc(raw_server))
    assert len(raw_server.requests) == 1


def test_a_herd_whose_metadata_fails_asks_once_and_all_are_told(raw_server: RawServer) -> None:
    raw_server.serve(late(0.5, html(503)))
    failed: list[str] = []

    def ask(number: int) -> None:
        with pytest.raises(MalformedResponse) as caught:
            asking.acquire(
                environment=of, credential=(CLIENT_ID, CLIENT_SECRET), scopes=f"s{number}"
            )
        failed.append(str(caught.value))

    of = oidc(raw_server)
    with dispatcher() as asking:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(failed) == 16
    assert len(raw_server.requests) <= 4


def test_who_waits_for_anothers_metadata_keeps_a_deadline_of_its_own(
    raw_server: RawServer,
) -> None:
    import time

    from grantway.errors import DeadlineExceeded

    publish(raw_server)
    raw_server.serve(late(3, json_answer(document(raw_server))), path=WELL_KNOWN)
    of = oidc(raw_server)
    with dispatcher() as asking:
        given: dict[str, Any] = {"environment": of, "credential": (CLIENT_ID, CLIENT_SECRET)}
        slow = threading.Thread(target=lambda: asking.acquire(**given, scopes="a"))
        slow.start()
        while not raw_server.requests:
            slow.join(0.01)
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            asking.acquire(**given, scopes="b", timeout=0.5)
        assert time.monotonic() - started < 1.2
        slow.join()


def test_a_document_that_one_trust_vouched_for_serves_no_other(raw_server: RawServer) -> None:
    publish(raw_server)
    with dispatcher() as asking:
        for trust in (Trust(loopback_http=True), Trust(loopback_http=True, headers={"a": "b"})):
            for _ in range(2):
                asking.acquire(
                    environment=oidc(raw_server, trust=trust),
                    credential=(CLIENT_ID, CLIENT_SECRET),
                    force_refresh=True,
                )
    assert [request.path for request in raw_server.requests].count(WELL_KNOWN) == 2


# The bearer.


@pytest.fixture
def source(raw_server: RawServer) -> Any:
    raw_server.serve(granted())
    with Dispatcher(prompter=False, clock=FakeClock()) as asking:
        yield asking.bind(
            environment=environment(raw_server),
            credential=(CLIENT_ID, CLIENT_SECRET),
            resource=f"https://{HOST}/app",
        )


def prepared(url: str) -> Any:
    import requests

    return requests.Request("GET", url).prepare()


@pytest.mark.parametrize("url", [f"https://{HOST}/x", f"https://{HOST.upper()}:443/x?y"])
def test_the_token_goes_to_the_hosts_of_its_audience(source: Any, url: str) -> None:
    sent = source.auth()(prepared(url))
    assert sent.headers["Authorization"] == "Bearer sentinel-access-token"
    assert "sentinel" not in sent.url
    assert "sentinel" not in repr(source.auth())


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        f"https://{HOST}.evil.example/",
        f"https://sub.{HOST}/",
        f"https://{HOST}:8443/",
        f"http://{HOST}/",
        f"https://{HOST}@evil.example/",
    ],
)
def test_the_token_goes_nowhere_else(source: Any, raw_server: RawServer, url: str) -> None:
    request = prepared(url)
    with pytest.raises(ProtocolViolation):
        source.auth()(request)
    assert "Authorization" not in request.headers
    assert not raw_server.requests


def test_the_token_is_not_sent_to_port_0(source: Any, raw_server: RawServer) -> None:
    request = prepared("https://graph.example/")
    # `requests` would have left it out of an address of its own making.
    request.url = "https://graph.example:0/"
    with pytest.raises(ProtocolViolation, match="port 0"):
        source.auth(hosts=["graph.example:0"])(request)
    assert "Authorization" not in request.headers
    assert not raw_server.requests


def test_further_hosts_are_named_by_the_caller(source: Any) -> None:
    auth = source.auth(hosts=["graph.example", "api.example:8443"])
    auth(prepared("https://graph.example/"))
    auth(prepared("https://api.example:8443/"))
    with pytest.raises(ProtocolViolation):
        auth(prepared("https://api.example/"))
    with pytest.raises(InvalidParameter, match="hosts"):
        source.auth(hosts=["user@evil.example"])


def test_a_guid_as_audience_needs_hosts(raw_server: RawServer) -> None:
    with Dispatcher(prompter=False) as asking:
        source = asking.bind(
            environment=environment(raw_server),
            credential=(CLIENT_ID, CLIENT_SECRET),
            resource="11111111-2222-3333-4444-555555555555",
        )
        with pytest.raises(InvalidParameter, match="cannot be told from the audience"):
            source.auth()
        assert source.auth(hosts="api.example").hosts == {"api.example"}


def test_a_token_that_is_no_bearer_token_is_not_sent_as_one(raw_server: RawServer) -> None:
    raw_server.serve(granted(token_type="DPoP"))
    with Dispatcher(prompter=False) as asking:
        source = asking.bind(
            environment=environment(raw_server), credential=(CLIENT_ID, CLIENT_SECRET)
        )
        with pytest.raises(ProtocolViolation, match="type 'DPoP'"):
            source.auth()(prepared("https://api.example.org/"))


@pytest.mark.parametrize("spelled", ["bearer", "BEARER"])
def test_a_bearer_token_is_one_however_its_plugin_spells_it(spelled: str) -> None:
    auth = BearerAuth(
        lambda: AuthenticationResult("sentinel-access-token", spelled),
        TokenRequest(Environment("Raw", f"https://{HOST}"), "Third", "Set", {}),
        hosts=[HOST],
    )
    sent = auth(prepared(f"https://{HOST}/"))
    assert sent.headers["Authorization"] == "Bearer sentinel-access-token"


def test_a_redirect_of_the_api_does_not_take_the_token_along(
    raw_servers: Callable[..., RawServer],
) -> None:
    import requests

    authority, api, thief = raw_servers(), raw_servers(), raw_servers()
    authority.serve(granted())
    api.serve(redirect(f"{thief.url}/"))
    thief.serve(json_answer({}))
    with Dispatcher(prompter=False) as asking, requests.Session() as session:
        source = asking.bind(
            environment=environment(authority),
            credential=(CLIENT_ID, CLIENT_SECRET),
            resource=api.url,
        )
        session.trust_env = False
        session.get(api.url, auth=source.auth(), timeout=5)
    assert api.requests[0].headers["authorization"] == "Bearer sentinel-access-token"
    assert "authorization" not in thief.requests[0].headers
