"""Whatever an authority answers: a result, or an error of the tree that shows no secret.

Bytes, JSON of any shape, and good documents with something in them changed. They are understood by
the transport's own reading; only the wire below it is played.
"""

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grantway import AuthenticationResult, Dispatcher, Environment, Registry
from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.errors import GrantwayError
from grantway.oauth.answers import Answer
from grantway.oauth.transport import HttpTransport
from grantway.terminal import StreamPrompter
from oauth.support import CLIENT_ID, RESOURCE, FakeClock
from oauth.test_id_token import EC, NOW, RSA, jwk
from security.test_hostile_id_tokens import signed
from security.test_sentinels import texts

AUTHORITY = "https://id.example.org"
REFRESH_TOKEN = "sentinel-refresh-token"
ACCESS_TOKEN = "sentinel-access-token"
REGISTRY = Registry.load(third_parties=False)
ENVIRONMENT = Environment("Fuzzed", authority=AUTHORITY, default_resource=RESOURCE)

GOOD_METADATA: dict[str, object] = {
    "issuer": AUTHORITY,
    "token_endpoint": f"{AUTHORITY}/token",
    "jwks_uri": f"{AUTHORITY}/keys",
    "device_authorization_endpoint": f"{AUTHORITY}/device",
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
    "scopes_supported": ["openid"],
}
GOOD_KEYS: dict[str, object] = {"keys": [jwk(RSA, "rsa"), jwk(EC, "ec")]}
GOOD_CLAIMS: dict[str, object] = {
    "iss": AUTHORITY,
    "sub": "subject",
    "aud": CLIENT_ID,
    "iat": NOW - 10,
    "exp": NOW + 3600,
    "preferred_username": "alice@example.org",
}
GOOD_TOKEN: dict[str, object] = {
    "access_token": ACCESS_TOKEN,
    "token_type": "Bearer",
    "expires_in": 3600,
    "ext_expires_in": "7200",
    "refresh_in": 1800,
    "scope": "read",
    "refresh_token": "sentinel-successor",
    "id_token": signed(json.dumps(GOOD_CLAIMS).encode()),
}
GOOD_REFUSAL: dict[str, object] = {
    "error": "invalid_grant",
    "error_description": f"AADSTS50076: no, {REFRESH_TOKEN}",
    "error_codes": [50076],
    "suberror": "bad_token",
    "claims": '{"access_token":{}}',
    "correlation_id": "1",
    "trace_id": "2",
    "timestamp": "2026-01-01 00:00:00Z",
}
GOOD_DEVICE: dict[str, object] = {
    "device_code": "sentinel-device-code",
    "user_code": "ABCD-EFGH",
    "verification_uri": f"{AUTHORITY}/device",
    "expires_in": 900,
    "interval": 5,
}


class Wire(HttpTransport):
    """Reads answers as HTTP does; what they are is said here, by the end of the path."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__(environ={})
        self.answers = answers

    def send(self, request: AuthorityRequest, context: Context) -> Answer:
        context.remaining()
        return self.answers.get(request.url.rpartition("/")[2], answer(GOOD_METADATA))


def answer(value: object, status: int = 200, content_type: str = "application/json") -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, {"Content-Type": content_type}, body)


# Whatever json.dumps can write: half characters, numbers without end, what is no JSON at all.
TEXTS = st.text(
    st.characters(categories=["L", "N", "P", "Cs", "Cc"]), max_size=12
) | st.sampled_from(["", REFRESH_TOKEN, ACCESS_TOKEN, AUTHORITY, "\ud800", "\x00\x1b[2J", "é" * 9])
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**400, -(10**400), 1e308, float("nan"), 253402300800, -1, 0, 2**63])
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
RAW = st.sampled_from(
    [
        b"",
        b"null",
        b"[" * 100_000,
        b"[" * 900 + b"]" * 900,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"access_token":"a","access_token":' + b"9" * 5000 + b"}",
        b'{"error":1e999,"access_token":"a"}',
        b'\xef\xbb\xbf{"access_token":"a"}',
        '{"access_token":"a"}'.encode("utf-16"),
        b'{"error":"' + b"x" * 70_000 + b'"}',
    ]
)


@st.composite
def changed(draw: st.DrawFn, good: Mapping[str, object]) -> dict[str, object]:
    """A good document with a member or two changed, left out or added."""
    document = dict(good)
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(good)) | TEXTS)
        if draw(st.booleans()):
            document[name] = draw(JSON)
        else:
            document.pop(name, None)
    return document


def bodies(good: Mapping[str, object]) -> st.SearchStrategy[Any]:
    """Bytes, JSON, or a good document that has been changed."""
    return st.binary(max_size=60) | RAW | JSON | changed(good)


STATUSES = st.sampled_from([200, 200, 200, 201, 204, 302, 304, 400, 401, 403, 404, 429, 500, 503])
TYPES = st.sampled_from(
    ["application/json", "application/json; charset=x", "", "text/html", "\x1b["]
)


def ask(
    answers: Mapping[str, Answer], *secrets: str, **parameters: Any
) -> AuthenticationResult | GrantwayError:
    """Ask twice, the second time of a cache that has what the first call left."""
    given: dict[str, Any] = {
        "environment": ENVIRONMENT,
        "application_id": CLIENT_ID,
        "refresh_token": REFRESH_TOKEN,
        **parameters,
    }
    people = StreamPrompter(io.StringIO()) if parameters.get("device_code") else False
    outcome: AuthenticationResult | GrantwayError
    with Dispatcher(REGISTRY, transport=Wire(answers), clock=FakeClock(NOW), prompter=people) as of:
        try:
            outcome = of.acquire(**given)
            # What is kept can be read again, and shown.
            of.acquire(**given)
            json.dumps(outcome.as_dict())
            repr(outcome)
        except GrantwayError as error:
            outcome = error
            for text in texts(error):
                for secret in (REFRESH_TOKEN, *secrets):
                    assert secret not in text
            json.dumps(error.as_dict()).encode()
            str(error).encode()
    return outcome


@given(bodies(GOOD_TOKEN), STATUSES, TYPES)
@example({**GOOD_TOKEN, "scope": "\ud800"}, 200, "application/json")
@example({**GOOD_TOKEN, "refresh_token": "\ud800"}, 200, "application/json")
def test_whatever_a_token_endpoint_answers(body: object, status: int, content_type: str) -> None:
    ask({"token": answer(body, status, content_type)})


@given(bodies(GOOD_REFUSAL), st.sampled_from([400, 401, 403, 429, 500, 503]))
@example({**GOOD_REFUSAL, "error": "\ud800"}, 400)
@example({**GOOD_REFUSAL, "error_codes": [10**400, True, 1.5]}, 400)
def test_whatever_an_authority_refuses_with(body: object, status: int) -> None:
    ask({"token": answer(body, status)})


@settings(max_examples=60)
@given(bodies(GOOD_METADATA), STATUSES)
def test_whatever_is_published_as_metadata(body: object, status: int) -> None:
    told = answer(body, status)
    for parameters in ({}, {"refresh_token": None, "device_code": True}):
        answers = {"openid-configuration": told, "oauth-authorization-server": told}
        ask({**answers, "token": answer(GOOD_TOKEN), "keys": answer(GOOD_KEYS)}, **parameters)


@given(
    bodies(GOOD_KEYS)
    | st.lists(changed(jwk(RSA, "rsa")) | changed(jwk(EC, "ec")) | JSON, max_size=4).map(
        lambda keys: {"keys": keys}
    ),
    STATUSES,
)
def test_whatever_is_published_as_keys(body: object, status: int) -> None:
    ask({"token": answer(GOOD_TOKEN), "keys": answer(body, status)})


@given(bodies(GOOD_DEVICE), STATUSES)
def test_whatever_a_request_for_a_device_code_is_answered(body: object, status: int) -> None:
    answers = {
        "device": answer(body, status),
        "token": answer(GOOD_TOKEN),
        "keys": answer(GOOD_KEYS),
    }
    ask(answers, refresh_token=None, device_code=True)


def segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def written(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


TOKENS = (
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
    | st.builds(
        lambda head, payload, signature: ".".join(map(segment, (head, payload, signature))),
        bodies({"alg": "RS256", "kid": "rsa", "typ": "JWT"}).map(written),
        bodies(GOOD_CLAIMS).map(written),
        st.binary(max_size=20),
    )
    # With a good signature, so that what it says is looked at.
    | bodies(GOOD_CLAIMS).map(lambda claims: signed(written(claims)))
    | changed({"alg": "RS256", "kid": "rsa", "typ": "JWT"}).map(
        lambda head: signed(json.dumps(GOOD_CLAIMS).encode(), json.dumps(head))
    )
)


@settings(max_examples=100)
@given(TOKENS)
def test_whatever_comes_as_an_id_token(token: str) -> None:
    answers = {"token": answer({**GOOD_TOKEN, "id_token": token}), "keys": answer(GOOD_KEYS)}
    outcome = ask(answers, *([token] if len(token) > 20 else []))
    if isinstance(outcome, AuthenticationResult) and outcome.account is not None:
        assert outcome.account.issuer == AUTHORITY


def test_the_good_documents_are_good() -> None:
    answers = {"token": answer(GOOD_TOKEN), "keys": answer(GOOD_KEYS)}
    outcome = ask(answers)
    assert isinstance(outcome, AuthenticationResult)
    assert outcome.account
    by_device = {**answers, "device": answer(GOOD_DEVICE)}
    assert isinstance(ask(by_device, refresh_token=None, device_code=True), AuthenticationResult)
    refused = ask({"token": answer(GOOD_REFUSAL, 400)})
    with pytest.raises(GrantwayError, match="invalid_grant"):
        raise refused  # type: ignore[misc]
