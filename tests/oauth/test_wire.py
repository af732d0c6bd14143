"""What leaves the machine, to the byte; each pitfall of the libraries below has a test here."""

import base64
import logging
import os
import threading
import warnings
from typing import Any
from urllib.parse import quote_plus, unquote

import pytest
import requests
import urllib3

from grantway import Dispatcher, Secret
from grantway.errors import GrantwayError, InvalidClient, ProtocolViolation
from grantway.oauth.client_authentication import (
    ClientSecretBasic,
    ClientSecretPost,
    FormAuth,
    PublicClient,
)
from oauth.support import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeClock,
    acquire,
    context,
    environment,
    granted,
    oidc,
    redeem,
    token_request,
)
from servers.raw import RawServer, json_answer, redirect

ODD_ID = "an app:100%+1 ~/?&=ü"
ODD_SECRET = 's3cret: 50% + "half" & <more> = ~`/\\?#[]@!$()*,;|{}^_-.\'é'


def head_and_body(server: RawServer) -> tuple[bytes, bytes]:
    (request,) = server.requests
    head, _, body = request.raw.partition(b"\r\n\r\n")
    return head, body


# Client authentication.


def test_a_secret_by_post_is_in_the_form_and_nowhere_else(raw_server: RawServer) -> None:
    of = environment(raw_server, client_authentication="client_secret_post")
    acquire(raw_server, granted(), environment=of, credential=(CLIENT_ID, ODD_SECRET))
    head, body = head_and_body(raw_server)
    assert b"client_id=an+application&client_secret=" + quote_plus(ODD_SECRET).encode() in body
    assert b"authorization" not in head.lower()
    assert raw_server.requests[0].form["client_secret"] == [ODD_SECRET]
    assert raw_server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_secret_by_basic_is_form_encoded_first_with_a_space_as_percent_20(
    raw_server: RawServer,
) -> None:
    of = environment(raw_server, client_authentication="client_secret_basic")
    acquire(raw_server, granted(), environment=of, credential=("a b:c", "d e:f%+"))
    head, body = head_and_body(raw_server)
    expected = base64.b64encode(b"a%20b%3Ac:d%20e%3Af%25%2B")
    assert b"Authorization: Basic " + expected + b"\r\n" in head + b"\r\n"
    assert b"client_id" not in body
    assert b"client_secret" not in body


def test_any_secret_survives_basic(raw_server: RawServer) -> None:
    auth = ClientSecretBasic(ODD_ID, Secret(ODD_SECRET))
    value = auth.headers("")["Authorization"]
    assert isinstance(value, Secret)
    pair = base64.b64decode(value.reveal().split()[1]).decode("ascii")
    client_id, secret = pair.split(":")
    assert (unquote(client_id), unquote(secret)) == (ODD_ID, ODD_SECRET)


def test_a_public_client_names_itself_and_sends_no_basic(raw_server: RawServer) -> None:
    redeem(raw_server, granted())
    head, _ = head_and_body(raw_server)
    assert b"authorization" not in head.lower()
    assert raw_server.requests[0].form["client_id"] == [CLIENT_ID]
    assert "client_secret" not in raw_server.requests[0].form


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_a_refresh_authenticates_the_client_as_any_grant_does(
    raw_server: RawServer, method: str
) -> None:
    of = environment(raw_server, client_authentication=method)
    redeem(
        raw_server,
        granted(),
        environment=of,
        application_id=None,
        credential=(CLIENT_ID, CLIENT_SECRET),
    )
    request = raw_server.requests[0]
    assert ("authorization" in request.headers) == (method == "client_secret_basic")
    assert ("client_secret" in request.form) == (method == "client_secret_post")


@pytest.mark.parametrize(
    ("listed", "is_basic"),
    [
        (["client_secret_post", "client_secret_basic"], False),
        (["client_secret_basic", "client_secret_post"], True),
        (["private_key_jwt", "client_secret_post"], False),
        (["private_key_jwt"], True),
        ([], True),
        (None, True),
        ("client_secret_post", True),
    ],
)
def test_metadata_says_how_a_secret_is_shown(
    raw_server: RawServer, listed: object, is_basic: bool
) -> None:
    document: dict[str, object] = {
        "issuer": raw_server.url,
        "token_endpoint": f"{raw_server.url}/token",
    }
    if listed is not None:
        document["token_endpoint_auth_methods_supported"] = listed
    raw_server.serve(json_answer(document), path="/.well-known/openid-configuration")
    raw_server.serve(granted(), path="/token")
    acquire(raw_server, environment=oidc(raw_server))
    assert ("authorization" in raw_server.requests[1].headers) == is_basic


def test_an_environment_set_to_what_a_secret_cannot_do_says_so(raw_server: RawServer) -> None:
    from grantway.errors import ConfigurationError

    of = environment(raw_server, client_authentication="private_key_jwt")
    with pytest.raises(ConfigurationError, match="a secret cannot do"):
        acquire(raw_server, granted(), environment=of)
    assert not raw_server.requests


@pytest.mark.parametrize(
    "auth",
    [
        ClientSecretPost("id", Secret("a secret")),
        ClientSecretBasic("id", Secret("a secret")),
        PublicClient("id"),
    ],
)
def test_client_authentication_serves_any_session_of_requests(
    raw_server: RawServer, auth: FormAuth
) -> None:
    raw_server.serve(json_answer({}))
    fields = [("resource", "a"), ("resource", "b"), ("empty", "")]
    with requests.Session() as session:
        session.trust_env = False
        session.post(f"{raw_server.url}/introspect", data=fields, auth=auth, timeout=5)
    (request,) = raw_server.requests
    assert request.form["resource"] == ["a", "b"]
    assert request.form["empty"] == [""]
    shown = "authorization" in request.headers or request.form["client_id"] == ["id"]
    assert shown
    assert "a secret" not in repr(auth)


# The pitfalls.


def test_the_variable_for_insecure_transport_is_left_alone(raw_server: RawServer) -> None:
    acquire(raw_server, granted())
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ


def test_no_redirect_resends_a_secret_in_clear(raw_servers: Any) -> None:
    server, thief = raw_servers(), raw_servers()
    with pytest.raises(ProtocolViolation):
        acquire(server, redirect(f"{thief.url}/token", 307))
    assert not thief.connections


def test_a_granted_scope_that_differs_warns_nobody(raw_server: RawServer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        acquire(raw_server, granted(scope="quite other"), scopes="read")


def test_six_threads_redeem_a_refresh_token_once(raw_server: RawServer) -> None:
    from servers.raw import late

    raw_server.serve(late(0.3, granted(refresh_token="sentinel-successor")))
    given: dict[str, Any] = {
        "environment": environment(raw_server),
        "application_id": CLIENT_ID,
        "refresh_token": "sentinel-refresh-token",
    }
    found: list[str] = []
    with Dispatcher(prompter=False) as asking:
        threads = [
            threading.Thread(target=lambda: found.append(asking.acquire(**given).access_token))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 6
    assert len(raw_server.requests) == 1


def test_an_invalid_request_is_not_taken_for_an_invalid_client(raw_server: RawServer) -> None:
    with pytest.raises(GrantwayError) as caught:
        acquire(raw_server, json_answer({"error": "invalid_request"}, 400))
    assert not isinstance(caught.value, InvalidClient)


def test_every_request_has_timeouts(raw_server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    urlopen = urllib3.HTTPConnectionPool.urlopen

    def spy(self: Any, *request: Any, timeout: urllib3.Timeout, **how: Any) -> Any:
        seen.append(str(timeout))
        return urlopen(self, *request, timeout=timeout, **how)

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", spy)
    acquire(raw_server, granted(), clock=FakeClock())
    acquire(raw_server, granted(), clock=FakeClock(), timeout=3)
    assert seen == [
        "Timeout(connect=5.0, read=30.0, total=None)",
        "Timeout(connect=3.0, read=3.0, total=None)",
    ]


def test_fields_that_repeat_or_are_empty_reach_the_wire_in_order(raw_server: RawServer) -> None:
    raw_server.serve(granted())
    of = environment(raw_server)
    given = context(of)
    request = token_request(
        f"{of.authority}/token",
        ("resource", "https://a.example"),
        ("resource", "https://b.example"),
        ("empty", ""),
        ("zero", "0"),
        authentication=PublicClient("id"),
    )
    given.transport.fetch_token(request, given)
    assert raw_server.requests[0].body == (
        b"resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example"
        b"&empty=&zero=0&client_id=id"
    )


def test_no_secret_is_in_an_address(raw_server: RawServer) -> None:
    acquire(raw_server, granted())
    assert raw_server.requests[0].target == "/token"


def test_one_grant_is_one_request_of_exactly_this_shape(raw_server: RawServer) -> None:
    acquire(raw_server, granted())
    head, body = head_and_body(raw_server)
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /token HTTP/1.1"
    sent = {line.split(b":")[0].lower() for line in lines[1:]}
    assert sent - {b"connection"} == {
        b"accept", b"accept-encoding", b"content-length", b"content-type", b"host", b"user-agent",
    }  # fmt: skip
    assert body == (
        b"grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.org"
        b"&client_id=an+application&client_secret=sentinel-client-secret"
    )


def test_the_id_of_the_exchange_is_sent_where_the_protocol_has_a_header_for_it(
    raw_server: RawServer,
) -> None:
    import attrs

    from oauth.support import RAW

    protocol = attrs.evolve(RAW, correlation_header="client-request-id")
    result = acquire(raw_server, granted(), environment=environment(raw_server, protocol))
    assert raw_server.requests[0].headers["client-request-id"] == result.correlation_id


@pytest.mark.parametrize("level", [logging.DEBUG, 1])
def test_what_the_libraries_would_log_is_not_logged(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture, level: int
) -> None:
    for name in ("requests_oauthlib.oauth2_session", "oauthlib", "requests_oauthlib", "urllib3"):
        caplog.set_level(level, logger=name)
    caplog.set_level(level)
    redeem(raw_server, granted(refresh_token="sentinel-successor"))
    assert "/token" in caplog.text
    assert "sentinel" not in caplog.text


def test_a_value_that_no_header_takes_is_an_error_that_does_not_show_it(
    raw_server: RawServer,
) -> None:
    class Broken(FormAuth):
        def headers(self, url: str) -> dict[str, str | Secret]:
            return {"Authorization": Secret("sentinel\r\nX-Injected: 1")}

    of = environment(raw_server)
    given = context(of)
    with pytest.raises(GrantwayError, match="cannot be sent") as caught:
        given.transport.fetch_token(
            token_request(f"{of.authority}/token", authentication=Broken()), given
        )
    assert "sentinel" not in repr(caught.value)
    assert caught.value.__context__ is None
    assert not raw_server.requests
