"""A request whose body is a JSON object: what is sent, what is shown, what is refused."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from grantway import AuthorityRequest, Secret
from grantway.authority import Fields
from grantway.errors import AuthorityError, GrantwayError, InvalidClient, InvalidGrant, Throttled
from grantway.oauth.client_authentication import ClientSecretBasic, ClientSecretPost
from grantway.oauth.transport import HttpTransport
from oauth.support import FakeClock, context, environment
from servers.raw import RawServer, json_answer

SENTINEL = 's3ntinel-in-json: "ü" \\ \n'
MEMBERS: Mapping[str, Any] = {
    "repositories": ["one", "two"],
    "permissions": {"contents": "read"},
    "proof": {"code": Secret(SENTINEL)},
    "lifetime": 60,
    "strict": True,
    "none": None,
    "name": "a name",
}


def request(
    server: RawServer, members: Mapping[str, Any] = MEMBERS, **more: Any
) -> AuthorityRequest:
    return AuthorityRequest("token", f"{server.url}/token", json=members, **more)


def fetch(server: RawServer, sent: AuthorityRequest, **more: Any) -> Mapping[str, object]:
    return HttpTransport(environ={}).fetch_json(sent, context(environment(server), **more))


def test_it_is_posted_as_json_with_its_secrets_revealed(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({"token": "a"}, status=200))
    assert fetch(raw_server, request(raw_server)) == {"token": "a"}
    (sent,) = raw_server.requests
    assert (sent.method, sent.headers["content-type"]) == ("POST", "application/json")
    assert json.loads(sent.body) == {**MEMBERS, "proof": {"code": SENTINEL}}


def test_an_empty_object_is_posted_too(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({}))
    fetch(raw_server, request(raw_server, {}))
    assert (raw_server.requests[0].method, raw_server.requests[0].body) == ("POST", b"{}")


def test_a_token_can_be_fetched_by_it(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({"access_token": "a token"}))
    with pytest.raises(GrantwayError, match="no usable access_token"):
        HttpTransport(environ={}).fetch_token(request(raw_server), context(environment(raw_server)))
    raw_server.serve(json_answer({"access_token": "a-token"}))
    answer = HttpTransport(environ={}).fetch_token(
        request(raw_server), context(environment(raw_server))
    )
    assert answer["access_token"] == "a-token"


def test_what_is_shown_of_it_is_each_member_as_text_and_no_secret(raw_server: RawServer) -> None:
    shown = request(raw_server).masked()
    assert shown.method == "POST"
    assert shown.headers["Content-Type"] == "application/json"
    assert dict(shown.fields) == {
        "repositories": '["one", "two"]',
        "permissions": '{"contents": "read"}',
        "proof": '{"code": "***"}',
        "lifetime": "60",
        "strict": "true",
        "none": "null",
        "name": "a name",
    }
    assert "s3ntinel" not in f"{shown.as_dict()} {request(raw_server)}"


@pytest.mark.parametrize(
    ("authentication", "added"),
    [
        (
            ClientSecretPost("app", Secret(SENTINEL)),
            {"client_id": "app", "client_secret": SENTINEL},
        ),
        (ClientSecretBasic("app", Secret(SENTINEL)), {}),
    ],
)
def test_what_a_client_adds_to_forms_is_members_here(
    raw_server: RawServer, authentication: Any, added: Mapping[str, str]
) -> None:
    raw_server.serve(json_answer({}))
    fetch(raw_server, request(raw_server, {"a": "b"}, authentication=authentication))
    (sent,) = raw_server.requests
    assert json.loads(sent.body) == {"a": "b", **added}
    assert ("authorization" in sent.headers) is not bool(added)


def test_client_authentication_is_asked_once_for_each_sending(raw_server: RawServer) -> None:
    class Counting:
        count = 0

        def headers(self, url: str) -> Mapping[str, str | Secret]:
            self.count += 1
            return {"Authorization": Secret(f"Bearer {self.count}")}

        def fields(self, url: str) -> Fields:
            return ()

    raw_server.serve(json_answer({}, 429, headers=[("Retry-After", "1")]), json_answer({}))
    fetch(raw_server, request(raw_server, authentication=Counting()), clock=FakeClock())
    assert [each.headers["authorization"] for each in raw_server.requests] == [
        "Bearer 1",
        "Bearer 2",
    ]


def test_a_secret_in_it_is_masked_in_what_the_authority_repeats(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "s3ntinel-that-is-repeated"
    raw_server.serve(json_answer({"message": f"wrong: {secret}"}, 401))
    with pytest.raises(InvalidClient) as caught:
        fetch(raw_server, request(raw_server, {"a": [{"b": Secret(secret)}]}))
    assert caught.value.description == "wrong: ***"
    assert secret not in f"{caught.value} {vars(caught.value)} {caplog.text}"


def test_an_authority_that_says_why_in_a_message_is_quoted(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({"message": "Bad credentials", "documentation_url": "x"}, 422))
    with pytest.raises(AuthorityError, match="Bad credentials"):
        fetch(raw_server, request(raw_server))


def test_a_refused_code_or_refresh_token_is_an_invalid_grant(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({}, 400))
    with pytest.raises(InvalidGrant):
        fetch(raw_server, request(raw_server, {"refresh_token": Secret(SENTINEL)}))


def test_who_is_asked_to_wait_longer_than_there_is_time_is_throttled(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({}, 429, headers=[("Retry-After", "999")]))
    with pytest.raises(Throttled):
        fetch(raw_server, request(raw_server))


def test_what_is_handed_over_is_copied() -> None:
    given: dict[str, Any] = {"a": ["b"], "c": {"d": "e"}}
    made = AuthorityRequest("token", "https://id.example", json=given)
    given["a"].append("more")
    given["c"]["d"] = "other"
    assert made.masked().fields == (("a", '["b"]'), ("c", '{"d": "e"}'))


@pytest.mark.parametrize("wrong", [object(), b"bytes", {1: "a"}, {"a"}, float("nan"), [object()]])
def test_what_is_no_json_is_refused_when_the_request_is_made(wrong: Any) -> None:
    with pytest.raises(TypeError):
        AuthorityRequest("token", "https://id.example", json={"a": wrong})


@pytest.mark.parametrize("wrong", [[], ["a"], "a", 1, True])
def test_what_is_no_json_object_is_refused_when_the_request_is_made(wrong: Any) -> None:
    with pytest.raises(TypeError, match="given as a mapping"):
        AuthorityRequest("token", "https://id.example", json=wrong)


@pytest.mark.parametrize("more", [{"fields": (("a", "b"),)}, {"in_browser": True}])
def test_a_form_and_json_exclude_each_other(more: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match="not both"):
        AuthorityRequest("token", "https://id.example", json={}, **more)
