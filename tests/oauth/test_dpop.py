"""What goes over the wire where tokens are bound to a key, and what is made of the answers."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import jwt
import pytest
import requests

from grantway import (
    AuthenticationResult,
    Context,
    CredentialProvider,
    Dispatcher,
    Environment,
    Parameter,
    ParameterSet,
    Registry,
    TokenRequest,
    hookimpl,
)
from grantway.cache import keys
from grantway.errors import (
    AuthorityError,
    ConfigurationError,
    InvalidParameter,
    PluginError,
    ProtocolViolation,
)
from grantway.parameters import text
from oauth.support import CLIENT_ID, CLIENT_SECRET, FakeClock, acquire, environment, granted, oidc
from servers.raw import Behaviour, RawServer, Request, json_answer, redirect, respond

BOUND = granted(token_type="DPoP")
REFRESHED = granted(token_type="dpop", refresh_token="sentinel-successor")


def wants_nonce(nonce: str | None = "n-1", status: int = 400) -> Behaviour:
    headers = [] if nonce is None else [("DPoP-Nonce", nonce)]
    return json_answer({"error": "use_dpop_nonce"}, status, headers=headers)


def proofs(sent: Iterable[Request]) -> list[dict[str, Any]]:
    """The claims of the proof of each request, each signed by the key it names."""
    found = []
    for each in sent:
        proof = each.headers["dpop"]
        key = jwt.PyJWK(jwt.get_unverified_header(proof)["jwk"], "ES256").key
        found.append(jwt.decode(proof, key, ["ES256"], options={"verify_iat": False}))
    return found


def test_a_token_request_carries_a_proof(raw_server: RawServer) -> None:
    clock = FakeClock()
    result = acquire(raw_server, BOUND, environment=environment(raw_server, dpop=True), clock=clock)
    assert result.token_type == "DPoP"
    (claims,) = proofs(raw_server.requests)
    assert claims["htm"] == "POST"
    assert claims["htu"] == f"{raw_server.url}/token"
    assert claims["iat"] == int(clock.now)
    assert "nonce" not in claims
    assert "ath" not in claims


def test_without_dpop_nothing_of_it_is_sent(raw_server: RawServer) -> None:
    result = acquire(raw_server, granted())
    assert "dpop" not in raw_server.requests[0].headers
    assert result.proof_key is None


@pytest.mark.parametrize("status", [400, 401])
def test_a_request_that_lacks_the_nonce_is_sent_once_more(
    raw_server: RawServer, status: int
) -> None:
    of = environment(raw_server, dpop=True)
    raw_server.serve(wants_nonce(status=status), BOUND)
    call: dict[str, Any] = {"environment": of, "credential": (CLIENT_ID, CLIENT_SECRET)}
    with Dispatcher(prompter=False) as asking:
        asking.acquire(**call)
        asking.acquire(**call, force_refresh=True)
    claims = proofs(raw_server.requests)
    assert [each.get("nonce") for each in claims] == [None, "n-1", "n-1"]
    assert len({each["jti"] for each in claims}) == 3


def test_the_nonce_of_a_good_answer_is_used_next(raw_server: RawServer) -> None:
    body = {"access_token": "a-token-of-it", "token_type": "DPoP", "expires_in": 60}
    raw_server.serve(
        json_answer(body, headers=[("DPoP-Nonce", "first")]),
        json_answer(body, headers=[("DPoP-Nonce", "second")]),
        json_answer(body),
    )
    call: dict[str, Any] = {
        "environment": environment(raw_server, dpop=True),
        "credential": (CLIENT_ID, CLIENT_SECRET),
        "force_refresh": True,
    }
    with Dispatcher(prompter=False) as asking:
        for _ in range(4):
            asking.acquire(**call)
    nonces = [each.get("nonce") for each in proofs(raw_server.requests)]
    assert nonces == [None, "first", "second", "second"]


@pytest.mark.parametrize(
    ("behaviours", "times"),
    [
        ([wants_nonce()], 2),
        ([wants_nonce(None)], 1),
        ([wants_nonce('a "quoted" one')], 1),
        ([wants_nonce("x" * 2001)], 1),
        ([json_answer({"error": "invalid_dpop_proof"}, 400, headers=[("DPoP-Nonce", "n")])], 1),
    ],
    ids=["again and again", "no nonce", "quotes", "too long", "another error"],
)
def test_a_refusal_is_not_argued_with(
    raw_server: RawServer, behaviours: list[Behaviour], times: int
) -> None:
    with pytest.raises(AuthorityError, match="dpop"):
        acquire(raw_server, *behaviours, environment=environment(raw_server, dpop=True))
    assert len(raw_server.requests) == times


def test_a_request_that_is_throttled_has_another_proof_the_next_time(
    raw_server: RawServer,
) -> None:
    wait = json_answer({"error": "slow"}, 429, headers=[("Retry-After", "3")])
    clock = FakeClock()
    of = environment(raw_server, dpop=True)
    acquire(raw_server, wait, BOUND, environment=of, clock=clock)
    first, second = proofs(raw_server.requests)
    assert first["jti"] != second["jti"]
    assert second["iat"] == first["iat"] + 3


@pytest.mark.parametrize("kind", ["Bearer", "bearer", None, "MAC"])
def test_a_token_that_is_not_bound_is_refused(raw_server: RawServer, kind: str | None) -> None:
    of = environment(raw_server, dpop=True)
    with pytest.raises(ProtocolViolation, match="not bound to the key") as caught:
        acquire(raw_server, granted(token_type=kind), environment=of)
    assert "leave dpop out" in caught.value.remedy


def test_a_renewal_uses_the_key_of_the_refresh_token(raw_server: RawServer) -> None:
    raw_server.serve(REFRESHED)
    call: dict[str, Any] = {
        "environment": environment(raw_server, dpop=True),
        "application_id": CLIENT_ID,
        "refresh_token": "sentinel-refresh-token",
    }
    with Dispatcher(prompter=False) as asking:
        first = asking.acquire(**call)
        second = asking.acquire(**call, force_refresh=True)
    assert raw_server.requests[1].form["refresh_token"] == ["sentinel-successor"]
    assert first.proof_key is not None
    assert first.proof_key == second.proof_key
    names = [jwt.get_unverified_header(each.headers["dpop"])["jwk"] for each in raw_server.requests]
    assert names == [first.proof_key.public_jwk] * 2


@pytest.mark.parametrize(
    ("listed", "taken"),
    [
        (None, "ES256"),
        ([], "ES256"),
        ("ES256", "ES256"),
        (["RS256", "ES256"], "ES256"),
        (["RS256", "ES384"], "ES384"),
        (["Ed448", "PS256"], "PS256"),
    ],
)
def test_the_signature_is_one_that_the_metadata_lists(
    raw_server: RawServer, listed: object, taken: str
) -> None:
    describe(raw_server, listed)
    raw_server.serve(BOUND, path="/token")
    result = acquire(raw_server, environment=oidc(raw_server, dpop=True))
    assert result.proof_key is not None
    assert result.proof_key.algorithm == taken


def test_where_no_signature_is_known_nothing_is_sent(raw_server: RawServer) -> None:
    describe(raw_server, ["XY512"])
    raw_server.serve(BOUND, path="/token")
    with pytest.raises(ConfigurationError, match="XY512") as caught:
        acquire(raw_server, environment=oidc(raw_server, dpop=True))
    assert "ES256" in caught.value.remedy
    assert "/token" not in [each.path for each in raw_server.requests]


def describe(server: RawServer, listed: object) -> None:
    document = {
        "issuer": server.url,
        "token_endpoint": f"{server.url}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    if listed is not None:
        document["dpop_signing_alg_values_supported"] = listed  # type: ignore[assignment]
    server.serve(json_answer(document), path="/.well-known/openid-configuration")


def test_a_plan_shows_that_there_is_a_proof() -> None:
    of = Environment("Bound", "https://id.example", dpop=True)
    with Dispatcher(prompter=False) as asking:
        planned = asking.explain(environment=of, application_id="an application").requests
    assert dict(planned[0].fields)["dpop_jkt"] == "***"
    assert planned[1].headers["DPoP"] == "***"
    assert "DPoP" not in planned[0].headers


WHO = Parameter("who", text, "Who asks.")


class Careless:
    """A plugin that knows nothing of keys."""

    def authenticate(self, request: TokenRequest, context: Context) -> AuthenticationResult:
        return AuthenticationResult("a token")

    @hookimpl
    def grantway_providers(self) -> Iterable[CredentialProvider]:
        yield CredentialProvider("Careless", [ParameterSet("Who", (WHO,))], self.authenticate)


def test_a_provider_that_binds_nothing_breaks_its_contract() -> None:
    of = Environment("Bound", "https://id.example", dpop=True)
    with Dispatcher(Registry.of(Careless()), prompter=False) as asking:
        with pytest.raises(PluginError, match="bound to no key"):
            asking.acquire(provider="Careless", environment=of, who="me")


def test_what_is_bound_rests_apart_from_what_is_not() -> None:
    plain = Environment("One", "https://id.example")
    key = b"k" * 32
    one, other = (
        TokenRequest(each, "P", "S", {"application_id": "a"})
        for each in (plain, attrs.evolve(plain, dpop=True))
    )
    assert keys.result_key(key, one, (), "") != keys.result_key(key, other, (), "")
    assert keys.account_slot(key, one, "s") != keys.account_slot(key, other, "s")
    assert keys.owner_key(key, one) != keys.owner_key(key, other)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_a_flag_is_true_or_false(value: Any) -> None:
    for name in ("dpop", "pushed_authorization"):
        with pytest.raises(ValueError, match=f"{name} must be True or False"):
            Environment("One", "https://id.example", **{name: value})


# APIs.


API_NONCE = [("DPoP-Nonce", "api-1"), ("WWW-Authenticate", 'DPoP error="use_dpop_nonce"')]
REFUSED = respond(401, b"no", headers=API_NONCE)


@pytest.fixture
def api(raw_servers: Callable[..., RawServer]) -> RawServer:
    return raw_servers()


@pytest.fixture
def auth(raw_server: RawServer, api: RawServer) -> Any:
    raw_server.serve(BOUND)
    with Dispatcher(prompter=False) as asking:
        source = asking.bind(
            environment=environment(raw_server, dpop=True), credential=(CLIENT_ID, CLIENT_SECRET)
        )
        yield source.auth(hosts=[api.url])


def test_an_api_that_wants_a_nonce_is_asked_once_more(auth: Any, api: RawServer) -> None:
    api.serve(REFUSED, respond(200, b"yes"))
    answer = requests.post(f"{api.url}/x?y", data={"a": "b"}, auth=auth, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"yes")
    assert [each.status_code for each in answer.history] == [401]
    assert [each.form for each in api.requests] == [{"a": ["b"]}] * 2
    assert [each.get("nonce") for each in proofs(api.requests)] == [None, "api-1"]
    assert {each.headers["authorization"] for each in api.requests} == {
        "DPoP sentinel-access-token"
    }
    requests.get(api.url, auth=auth, timeout=10)
    assert proofs(api.requests)[2]["nonce"] == "api-1"


@pytest.mark.parametrize(
    ("behaviour", "times"),
    [
        (REFUSED, 2),
        (respond(401, b"no", headers=API_NONCE[:1]), 1),
        (respond(401, b"no", headers=API_NONCE[1:]), 1),
        (respond(403, b"no", headers=API_NONCE), 1),
        (
            respond(
                401,
                b"no",
                headers=[API_NONCE[0], ("WWW-Authenticate", 'DPoP error="invalid_token"')],
            ),
            1,
        ),
    ],
    ids=["again and again", "no demand", "no nonce", "another status", "another error"],
)
def test_the_refusal_of_an_api_is_handed_on(
    auth: Any, api: RawServer, behaviour: Behaviour, times: int
) -> None:
    api.serve(behaviour)
    answer = requests.get(api.url, auth=auth, timeout=10)
    assert answer.status_code in (401, 403)
    assert len(api.requests) == times


def test_a_body_that_can_be_read_again_is_sent_again(
    auth: Any, api: RawServer, tmp_path: Any
) -> None:
    api.serve(REFUSED, respond(200))
    file = tmp_path / "body"
    file.write_bytes(b"all of it")
    with file.open("rb") as body:
        assert requests.post(api.url, data=body, auth=auth, timeout=10).status_code == 200
    assert [each.body for each in api.requests] == [b"all of it"] * 2


def test_a_body_that_can_be_read_once_is_sent_once(auth: Any, api: RawServer) -> None:
    api.serve(REFUSED)
    answer = requests.post(api.url, data=iter([b"a", b"b"]), auth=auth, timeout=10)
    assert answer.status_code == 401
    assert len(api.requests) == 1


def test_a_redirect_elsewhere_takes_no_proof_of_its_own_along(
    auth: Any, api: RawServer, raw_servers: Callable[..., RawServer]
) -> None:
    other = raw_servers()
    other.serve(REFUSED)
    api.serve(redirect(f"{other.url}/x"))
    answer = requests.get(api.url, auth=auth, timeout=10)
    assert answer.status_code == 401
    assert len(other.requests) == 1
    assert "authorization" not in other.requests[0].headers
    api.serve(respond(200))
    requests.get(api.url, auth=auth, timeout=10)
    assert "nonce" not in proofs(api.requests)[-1]


def test_a_bound_token_goes_to_no_other_host(auth: Any, api: RawServer) -> None:
    with pytest.raises(ProtocolViolation, match="is not sent to"):
        requests.get("https://127.0.0.1:1/", auth=auth, timeout=10)


def test_threads_share_the_nonce_and_no_proof(auth: Any, api: RawServer) -> None:
    api.serve(respond(200, headers=API_NONCE[:1]))

    def ask() -> None:
        for _ in range(5):
            requests.get(api.url, auth=auth, timeout=10)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    claims = proofs(api.requests)
    assert len({each["jti"] for each in claims}) == len(claims) == 20


def test_a_token_of_that_type_without_its_key_says_how_to_get_one(
    raw_server: RawServer,
) -> None:
    raw_server.serve(BOUND)
    with Dispatcher(prompter=False) as asking:
        source = asking.bind(
            environment=environment(raw_server), credential=(CLIENT_ID, CLIENT_SECRET)
        )
        with pytest.raises(ProtocolViolation) as caught:
            requests.get("https://api.example.org", auth=source.auth(), timeout=10)
    assert "dpop = true" in caught.value.remedy
    with pytest.raises(InvalidParameter):
        source.result().proof("GET", "https://api.example.org")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [("invalid_dpop_proof", "clock"), ("invalid_grant", "only with the key")],
)
def test_a_refusal_says_what_may_be_wrong_with_proof_or_key(
    raw_server: RawServer, error: str, remedy: str
) -> None:
    call = {"credential": None, "application_id": CLIENT_ID, "refresh_token": "sentinel-refresh"}
    refusal = json_answer({"error": error}, 400)
    with pytest.raises(AuthorityError) as caught:
        acquire(raw_server, refusal, environment=environment(raw_server, dpop=True), **call)
    assert remedy in caught.value.remedy
    with pytest.raises(AuthorityError) as caught:
        acquire(raw_server, refusal, **call)
    assert remedy not in caught.value.remedy
