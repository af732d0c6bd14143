"""An API that demands claims of a token gets a token that has them, once."""

import base64
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import requests

from grantway import Challenge, Dispatcher, TokenSource
from grantway.errors import AuthorityError, InteractionRequired, InvalidParameter
from grantway_sandbox.server import Sandbox
from oauth.support import (
    CLIENT_ID,
    CLIENT_SECRET,
    RESOURCE,
    dispatcher,
    environment,
    granted,
    oidc,
)
from servers.raw import Behaviour, RawServer, Request, json_answer, redirect, respond

CLAIMS = {"access_token": {"nbf": {"essential": True, "value": "1604106651"}}}
ENCODED = base64.b64encode(json.dumps(CLAIMS).encode()).decode()
CHALLENGE = f'Bearer realm="", error="insufficient_claims", claims="{ENCODED}"'
BETTER = 'Bearer error="insufficient_user_authentication", acr_values="gold"'

OLD, NEW = granted(access_token="the-old-token"), granted(access_token="the-new-token")


def refused(*challenges: str, status: int = 401, **headers: str) -> Behaviour:
    lines = [("WWW-Authenticate", each) for each in challenges or (CHALLENGE,)]
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return respond(status, b"no", headers=[*lines, *more])


def served() -> Behaviour:
    return respond(200, b"yes")


def tokens_of(api: RawServer) -> list[str]:
    return [each.headers.get("authorization", "").partition(" ")[2] for each in api.requests]


@pytest.fixture
def api(raw_servers: Callable[..., RawServer]) -> RawServer:
    return raw_servers()


def call(authority: RawServer, **more: Any) -> dict[str, Any]:
    return {
        "environment": environment(authority),
        "credential": (CLIENT_ID, CLIENT_SECRET),
        **more,
    }


@pytest.fixture
def asking() -> Iterator[Dispatcher]:
    with dispatcher() as found:
        yield found


@pytest.fixture
def source(raw_server: RawServer, asking: Dispatcher) -> TokenSource:
    raw_server.serve(OLD, NEW)
    return asking.bind(**call(raw_server))


def get(source: TokenSource, api: RawServer, **more: Any) -> requests.Response:
    auth = source.auth(hosts=[api.url])
    return requests.request("POST", f"{api.url}/a?b=c", auth=auth, timeout=10, **more)


# The request goes once more.


def test_the_request_goes_once_more_with_a_token_that_has_the_claims(
    source: TokenSource, api: RawServer, raw_server: RawServer
) -> None:
    api.serve(refused(), served())
    answer = get(source, api, data={"x": "y"})
    assert (answer.status_code, answer.text) == (200, "yes")
    assert [each.status_code for each in answer.history] == [401]
    assert tokens_of(api) == ["the-old-token", "the-new-token"]
    first, second = api.requests
    assert (second.method, second.target, second.body) == ("POST", "/a?b=c", b"x=y")
    assert first.body == second.body
    without, with_claims = raw_server.requests
    assert "claims" not in without.form
    assert json.loads(with_claims.form["claims"][0]) == CLAIMS


def test_the_answer_takes_the_place_of_the_token_at_rest(
    source: TokenSource, api: RawServer, raw_server: RawServer, asking: Dispatcher
) -> None:
    api.serve(refused(), served())
    get(source, api)
    assert source.token() == "the-new-token"
    assert asking.acquire(**call(raw_server)).access_token == "the-new-token"
    assert asking.bind(**call(raw_server)).token() == "the-new-token"
    get(source, api)
    assert len(raw_server.requests) == 2
    assert tokens_of(api)[-1] == "the-new-token"


def test_the_challenge_is_found_among_others_and_in_several_headers(
    source: TokenSource, api: RawServer
) -> None:
    api.serve(refused("Negotiate", f'Basic realm="x", {CHALLENGE}'), served())
    assert get(source, api).status_code == 200


def test_a_second_challenge_is_the_callers(
    source: TokenSource, api: RawServer, raw_server: RawServer
) -> None:
    api.serve(refused())
    answer = get(source, api)
    assert answer.status_code == 401
    assert Challenge.demanded(answer.headers["WWW-Authenticate"]) is not None
    assert tokens_of(api) == ["the-old-token", "the-new-token"]
    assert len(raw_server.requests) == 2


def test_a_file_is_sent_again_from_where_it_began(source: TokenSource, api: RawServer) -> None:
    file = io.BytesIO(b"skipped the content")
    file.seek(8)
    api.serve(refused(), served())
    assert get(source, api, data=file).status_code == 200
    assert [each.body for each in api.requests] == [b"the content"] * 2


def test_what_can_be_read_but_once_is_not_sent_again(
    source: TokenSource, api: RawServer, raw_server: RawServer
) -> None:
    api.serve(refused(), served())
    answer = get(source, api, data=(part for part in (b"a", b"b")))
    assert answer.status_code == 401
    assert len(raw_server.requests) == len(api.requests) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        refused("Bearer"),
        refused('Bearer error="invalid_token"'),
        refused(f'Basic realm="x", claims="{ENCODED}"'),
        refused('Bearer error="insufficient_claims", claims="e30x"'),
        refused('Bearer error="insufficient_scope", scope="more"'),
        refused(BETTER),
        refused("Bearer error=insufficient_user_authentication, max_age=5"),
        refused(status=403),
        refused(status=400),
        respond(401),
    ],
)
def test_any_other_refusal_is_the_callers(
    source: TokenSource, api: RawServer, raw_server: RawServer, refusal: Behaviour
) -> None:
    api.serve(refusal, served())
    assert get(source, api).status_code >= 400
    assert len(raw_server.requests) == len(api.requests) == 1


def test_a_host_that_a_redirect_leads_to_demands_nothing(
    source: TokenSource,
    api: RawServer,
    raw_server: RawServer,
    raw_servers: Callable[..., RawServer],
) -> None:
    other = raw_servers()
    other.serve(refused())
    api.serve(redirect(f"{other.url}/x", 307))
    answer = get(source, api)
    assert answer.status_code == 401
    assert tokens_of(other) == [""]
    assert len(raw_server.requests) == 1


def test_where_a_redirect_stays_at_the_host_its_challenge_is_answered(
    source: TokenSource, api: RawServer
) -> None:
    api.serve(redirect(f"{api.url}/there", 307), path="/a")
    api.serve(refused(), served(), path="/there")
    assert get(source, api).status_code == 200
    assert [each.path for each in api.requests] == ["/a", "/there", "/there"]
    assert tokens_of(api)[1:] == ["the-old-token", "the-new-token"]


def test_a_session_answers_each_request_for_itself(source: TokenSource, api: RawServer) -> None:
    api.serve(refused(), served())
    with requests.Session() as session:
        session.auth = source.auth(hosts=[api.url])
        assert [session.get(api.url, timeout=10).status_code for _ in range(3)] == [200] * 3
    assert tokens_of(api) == ["the-old-token", *["the-new-token"] * 3]


def test_threads_that_are_refused_together_are_all_served(
    raw_server: RawServer, api: RawServer, asking: Dispatcher
) -> None:
    raw_server.serve(OLD, NEW)

    def judge(request: Request) -> Behaviour:
        return refused() if request.headers["authorization"].endswith("old-token") else served()

    api.serve(Behaviour(lambda exchange: judge(_of(exchange)).act(exchange)))
    source = asking.bind(**call(raw_server))
    source.token()
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(get(source, api).status_code))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [200] * 8


def _of(exchange: Any) -> Request:
    request: Request = exchange.request
    return request


# What can go wrong.


def test_where_the_authority_refuses_that_is_raised(
    source: TokenSource, api: RawServer, raw_server: RawServer
) -> None:
    refusal = {"error": "invalid_client", "error_description": "not today"}
    raw_server.serve(OLD, json_answer(refusal, status=401))
    api.serve(refused(), served())
    with pytest.raises(AuthorityError, match="not today"):
        get(source, api)
    assert len(api.requests) == 1
    # What was held is held still.
    assert source.token() == "the-old-token"


def test_where_a_person_must_act_the_claims_are_told(
    source: TokenSource, api: RawServer, raw_server: RawServer
) -> None:
    raw_server.serve(OLD, json_answer({"error": "interaction_required"}, status=400))
    api.serve(refused(), served())
    with pytest.raises(InteractionRequired) as caught:
        get(source, api)
    assert json.loads(caught.value.claims) == CLAIMS


def test_what_the_authority_demands_beyond_that_is_told_instead(
    source: TokenSource, api: RawServer, raw_server: RawServer
) -> None:
    beyond = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
    raw_server.serve(
        OLD, json_answer({"error": "interaction_required", "claims": beyond}, status=400)
    )
    api.serve(refused(), served())
    with pytest.raises(InteractionRequired) as caught:
        get(source, api)
    assert caught.value.claims == beyond


def test_where_tokens_come_from_somewhere_that_takes_no_claims_the_refusal_is_the_callers(
    api: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.serve(refused(), served())
    with Sandbox() as sandbox, dispatcher() as asking:
        for name, value in sandbox.identity_variables.items():
            monkeypatch.setenv(name, value)
        source = asking.bind(
            environment=sandbox.environment, managed_identity=True, resource="graph"
        )
        answer = get(source, api)
    assert (answer.status_code, answer.text) == (401, "no")
    assert len(api.requests) == 1


# Other HTTP libraries.


def test_a_challenge_is_answered_for_any_http_library(
    source: TokenSource, raw_server: RawServer
) -> None:
    challenge = Challenge.demanded(CHALLENGE)
    assert challenge is not None
    assert source.token() == "the-old-token"
    assert source.answer(challenge).access_token == "the-new-token"
    assert source.token() == "the-new-token"
    assert len(raw_server.requests) == 2


@pytest.mark.parametrize(
    ("header", "remedy"),
    [
        ("Bearer error=invalid_token", "neither claims"),
        ("Bearer error=insufficient_scope, scope=more", "Bind a source with the scopes"),
    ],
)
def test_what_no_token_of_the_source_satisfies_is_refused(
    source: TokenSource, raw_server: RawServer, header: str, remedy: str
) -> None:
    with pytest.raises(InvalidParameter, match="no new token of this source") as caught:
        source.answer(Challenge.parse(header)[0])
    assert remedy in caught.value.remedy
    assert not raw_server.requests


def test_an_application_cannot_sign_in_better(source: TokenSource, raw_server: RawServer) -> None:
    with pytest.raises(InvalidParameter, match="prompt: ServicePrincipal does not take it") as it:
        source.answer(Challenge.parse(BETTER)[0])
    assert "have one sign in" in it.value.remedy
    assert not raw_server.requests


def test_a_person_who_has_to_sign_in_better_is_asked(
    raw_server: RawServer, asking: Dispatcher
) -> None:
    metadata = {
        "issuer": raw_server.url,
        "token_endpoint": f"{raw_server.url}/token",
        "authorization_endpoint": f"{raw_server.url}/authorize",
    }
    raw_server.serve(json_answer(metadata))
    source = asking.bind(environment=oidc(raw_server), application_id=CLIENT_ID)
    with pytest.raises(InteractionRequired, match="nobody can be asked") as caught:
        source.answer(Challenge.parse(BETTER)[0])
    acr = {"essential": True, "values": ["gold"]}
    assert json.loads(caught.value.claims) == {"id_token": {"acr": acr}}


# Refresh tokens, and keys.


def test_a_refresh_grant_sends_the_claims(raw_server: RawServer, asking: Dispatcher) -> None:
    raw_server.serve(OLD, NEW)
    source = asking.bind(
        environment=environment(raw_server), application_id=CLIENT_ID, refresh_token="the-first"
    )
    source.token()
    source.answer(Challenge.parse(CHALLENGE)[0])
    first, second = (each.form for each in raw_server.requests)
    assert first["grant_type"] == second["grant_type"] == ["refresh_token"]
    assert "claims" not in first
    assert json.loads(second["claims"][0]) == CLAIMS
    assert source.token() == "the-new-token"


def test_a_token_that_is_bound_to_a_key_goes_again_with_a_proof_of_its_own(
    raw_server: RawServer, api: RawServer, asking: Dispatcher
) -> None:
    tokens = [granted(access_token=f"the-{each}-token", token_type="DPoP") for each in ("a", "b")]
    raw_server.serve(*tokens)
    challenge = CHALLENGE.replace("Bearer", "DPoP")
    api.serve(refused('DPoP error="use_dpop_nonce"', DPoP_Nonce="n1"), refused(challenge), served())
    source = asking.bind(**call(raw_server, environment=environment(raw_server, dpop=True)))
    answer = get(source, api)
    assert answer.status_code == 200
    assert tokens_of(api) == ["the-a-token", "the-a-token", "the-b-token"]
    last = jwt.decode(api.requests[-1].headers["dpop"], options={"verify_signature": False})
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"the-b-token").digest())
    assert last["ath"] == digest.rstrip(b"=").decode()
    assert last["nonce"] == "n1"
    proofs = {each.headers["dpop"] for each in api.requests}
    assert len(proofs) == 3


def test_the_audience_of_the_call_is_kept(source: TokenSource, raw_server: RawServer) -> None:
    source.answer(Challenge.parse(CHALLENGE)[0])
    assert raw_server.requests[0].form["resource"] == [RESOURCE]
