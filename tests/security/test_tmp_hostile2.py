"""Id_tokens made to deceive, over the whole way of a sign-in: each is refused, and for its own reason.

The token endpoint is a scripted server's, and so are metadata and keys; the token comes with an
answer that is good otherwise, to a code that has just been redeemed. What fails a check is an
error: no access token comes of it.
"""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from typing import Any

import attrs
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from grantway import OIDC, AuthenticationResult, Secret
from grantway.errors import MalformedResponse, ProtocolViolation
from grantway.oauth.exchange import exchange
from grantway.request import TokenRequest
from oauth.support import CLIENT_ID, FakeClock, context, granted, token_request
from oauth.test_id_token import EC, NOW, OTHER_RSA, RSA, Authority, forged, jwk
from servers.raw import RawServer, json_answer

CODE = "sentinel-code"
NONCE = "sentinel-nonce"
ACCESS_TOKEN = "sentinel-access-token"
SMALL_RSA = rsa.generate_private_key(65537, 1024)
EC_384 = ec.generate_private_key(ec.SECP384R1())
GUID = "11111111-2222-3333-4444-555555555555"


def hash_of(text: str, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, text.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def encoded(data: str | bytes) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: str | bytes, claims: str | bytes, key: Any = RSA) -> str:
    """A token of these very texts, with a good signature (RS256)."""
    start = f"{encoded(header)}.{encoded(claims)}"
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(
        start.encode(), key
    )
    return f"{start}.{encoded(signature)}"


@pytest.fixture
def authority(raw_server: RawServer) -> Authority:
    return Authority(raw_server)


def asked(authority: Authority) -> TokenRequest:
    return TokenRequest(authority.environment, "test", "test", {"application_id": CLIENT_ID})


def redeem(
    authority: Authority, id_token: str, *, clock: FakeClock | None = None, **more: Any
) -> AuthenticationResult:
    """Redeem a code for an answer with this id_token."""
    authority.server.serve(granted(id_token=id_token), path="/token")
    given = context(authority.environment, clock=clock or FakeClock(NOW))
    sent = token_request(
        f"{authority.server.url}/token",
        ("grant_type", "authorization_code"),
        ("code", Secret(CODE)),
        single_use=True,
    )
    request = asked(authority)
    return exchange(sent, request, given, **{"nonce": Secret(NONCE), **more})


def good(authority: Authority, **changes: Any) -> str:
    return authority.token(**{"nonce": NONCE, **changes})


def header_text(authority: Authority, extra: str) -> str:
    claims = json.dumps({**authority.claims, "nonce": NONCE})
    return signed('{"alg": "RS256", "kid": "rsa"' + extra + "}", claims)


def claims_text(authority: Authority, extra: str) -> str:
    claims = json.dumps({**authority.claims, "nonce": NONCE})
    return signed('{"alg": "RS256", "kid": "rsa"}', claims[:-1] + extra + "}")


def with_public_key_as_secret(authority: Authority) -> str:
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    start = forged({"alg": "HS256", "kid": "rsa"}, authority.claims).rpartition(".")[0]
    return f"{start}.{encoded(hmac.digest(public, start.encode(), 'sha256'))}"


def as_json(authority: Authority) -> str:
    header, claims, signature = good(authority).split(".")
    found = {"protected": header, "payload": claims, "signature": signature}
    return json.dumps(found, separators=(",", ":"))


# What is no token of the kind.

Make = Callable[[Authority], str]

NOT_SUCH: dict[str, tuple[Make, str]] = {
    "no parts": (lambda at: "abc", "it is no JWT"),
    "encrypted": (lambda at: "a.b.c.d.e", "it is encrypted"),
    "JSON-serialised": (as_json, "it is in the JSON serialization"),
    "padded": (lambda at: good(at).replace(".", "=.", 1), "the part with its header is no JSON"),
    "another alphabet": (
        lambda at: "+/" + good(at),
        "the part with its header is no JSON",
    ),
    "a list for a header": (lambda at: signed("[]", "{}"), "the part with its header is no JSON"),
    "no UTF-8": (lambda at: signed(b"\xff", "{}"), "the part with its header is no JSON"),
    "a deep header": (
        lambda at: header_text(at, ', "x": ' + "[" * 9000 + "]" * 9000),
        "the part with its header is nested too deeply",
    ),
    "deep claims": (
        lambda at: claims_text(at, ', "x": ' + "[" * 9000 + "]" * 9000),
        "the part with its claims is nested too deeply",
    ),
    "a name twice in its header": (
        lambda at: header_text(at, ', "alg": "RS256"'),
        "the part with its header is ambiguous",
    ),
    "a name twice in its claims": (
        lambda at: claims_text(at, f', "aud": "{CLIENT_ID}"'),
        "the part with its claims is ambiguous",
    ),
    "a name twice, once escaped": (
        lambda at: claims_text(at, ', "\\u0073ub": "another"'),
        "the part with its claims is ambiguous",
    ),
    "a name twice within": (
        lambda at: claims_text(at, ', "x": [{"a": 1, "a": 2}]'),
        "the part with its claims is ambiguous",
    ),
    "NaN": (lambda at: claims_text(at, ', "x": NaN'), "the part with its claims is no JSON"),
    "half a pair": (
        lambda at: claims_text(at, ', "name": "\\ud800"'),
        "the part with its claims is no JSON",
    ),
    "a number of 5000 digits": (
        lambda at: claims_text(at, f', "x": {"9" * 5000}'),
        "the part with its claims is no JSON",
    ),
    "claims that are a text": (
        lambda at: signed('{"alg": "RS256", "kid": "rsa"}', '"text"'),
        "the part with its claims is no JSON",
    ),
}

# What is signed otherwise than it has to be.

ALGORITHM = "algorithm .* is not allowed"
NO_KEY = r"no key of the authority verifies its signature\.$"

WRONGLY_SIGNED: dict[str, tuple[Make, str]] = {
    **{
        f"unsigned: {spelling!r}": (
            lambda at, spelling=spelling: forged({"alg": spelling}, at.claims),  # type: ignore[misc]
            ALGORITHM,
        )
        for spelling in ("none", "None", "NONE", "nOnE", " none", "none ", "", None, ["none"])
    },
    "by the public key as a secret": (with_public_key_as_secret, "'HS256' is not allowed"),
    "by no algorithm": (lambda at: forged({"kid": "rsa"}, at.claims), ALGORITHM),
    "not at all": (lambda at: good(at).rpartition(".")[0] + ".", NO_KEY),
    "by another key of that name": (lambda at: good(at, key=OTHER_RSA), NO_KEY),
    "by a key of another name": (lambda at: good(at, kid="ec"), NO_KEY),
    "by a key of no name there": (lambda at: good(at, kid="../rsa"), NO_KEY),
    "by a name that is no text": (
        lambda at: header_text(at, "").replace(
            encoded('{"alg": "RS256", "kid": "rsa"}'), encoded('{"alg": "RS256", "kid": ["rsa"]}')
        ),
        "the name of its key is no text",
    ),
    "an EC key's name for RSA": (
        lambda at: forged({"alg": "RS256", "kid": "ec"}, at.claims, b"x" * 256),
        NO_KEY,
    ),
    "an RSA key's name for EC": (
        lambda at: good(at, key=EC, algorithm="ES256", kid="rsa"),
        NO_KEY,
    ),
    "by a curve of another algorithm": (
        lambda at: forged({"alg": "ES256", "kid": "ec-384"}, at.claims, b"x" * 64),
        NO_KEY,
    ),
    "by a small key": (
        lambda at: signed('{"alg": "RS256", "kid": "small"}', json.dumps(at.claims), SMALL_RSA),
        "RSA keys below 2048 bits do not count",
    ),
    "by a key whose private half is published": (
        lambda at: good(at, key=OTHER_RSA, kid="private"),
        NO_KEY,
    ),
    "by a key for other operations": (
        lambda at: good(at, key=OTHER_RSA, kid="wrapping"),
        NO_KEY,
    ),
    "claims of another": (
        lambda at: ".".join(
            each.split(".")[index]
            for index, each in enumerate((good(at), good(at, sub="root"), good(at)))
        ),
        NO_KEY,
    ),
    **{
        f"by what it brings along: {name}": (
            lambda at, name=name, brought=brought: good(  # type: ignore[misc]
                at, key=OTHER_RSA, kid="theirs", headers={name: brought}
            ),
            NO_KEY,
        )
        for name, brought in {
            "jwk": jwk(OTHER_RSA, "theirs"),
            "jku": "http://127.0.0.1:9/keys",
            "x5u": "http://127.0.0.1:9/certificate",
            "x5c": ["AAAA"],
        }.items()
    },
    "demanding": (
        lambda at: header_text(at, ', "crit": ["b64"], "b64": false'),
        "it demands extensions",
    ),
    "demanding nothing": (lambda at: header_text(at, ', "crit": []'), "it demands extensions"),
    **{
        f"of another kind: {kind!r}": (
            lambda at, kind=kind: header_text(at, f', "typ": {json.dumps(kind)}'),  # type: ignore[misc]
            "it is a token of another kind",
        )
        for kind in ("at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", "AT+JWT", 7, None)
    },
}

# What claims wrong things.

WHEN = "it does not say when it was issued or expires"
FROM_WHEN = "it does not say from when it is valid"
NO_TIMES: tuple[tuple[str, object], ...] = (
    ("a flag", True),
    ("a text", str(int(NOW + 600))),
    ("negative", -1),
    ("huge", 10**300),
    ("beyond the calendar", 1e12),
    ("a list", [NOW + 600]),
    ("null", None),
)
AUDIENCE = "its audience is neither a text nor a list of texts"

WRONG_CLAIMS: dict[str, tuple[dict[str, object], str]] = {
    "another issuer": ({"iss": "https://evil.example"}, "its issuer .* is not the authority's"),
    "an issuer that is a list": ({"iss": ["x"]}, "its issuer .* is not the authority's"),
    "another audience": ({"aud": "another"}, "it is for another client"),
    "no audience": ({"aud": []}, "it is for another client"),
    "an audience that is a number": ({"aud": 7}, AUDIENCE),
    "an audience that is null": ({"aud": None}, AUDIENCE),
    "an audience among what is no text": ({"aud": [CLIENT_ID, 7]}, AUDIENCE),
    "an audience in a list of lists": ({"aud": [[CLIENT_ID]]}, AUDIENCE),
    "several audiences": ({"aud": [CLIENT_ID, "another"]}, "issued to another client"),
    "another party": ({"azp": "another"}, "issued to another client"),
    "a party that is a list": ({"azp": [CLIENT_ID]}, "issued to another client"),
    "expired": ({"exp": NOW - 301}, "it has expired"),
    "issued in the future": ({"iat": NOW + 301}, "it is not valid yet"),
    "not valid yet": ({"nbf": NOW + 301}, "it is not valid yet"),
    **{f"exp is {name}": ({"exp": value}, WHEN) for name, value in NO_TIMES},
    **{f"iat is {name}": ({"iat": value}, WHEN) for name, value in NO_TIMES},
    **{f"nbf is {name}": ({"nbf": value}, FROM_WHEN) for name, value in NO_TIMES},
    "no subject": ({"sub": ""}, "it names no subject"),
    "a subject that is a number": ({"sub": 7}, "it names no subject"),
    "another nonce": ({"nonce": "another"}, "it does not repeat the nonce"),
    "a nonce that is a list": ({"nonce": [NONCE]}, "it does not repeat the nonce"),
    "another access token's": ({"at_hash": hash_of("x")}, "it belongs to another access token"),
    "at_hash by another hash": (
        {"at_hash": hash_of(ACCESS_TOKEN, "sha512")},
        "it belongs to another access token",
    ),
    "at_hash is null": ({"at_hash": None}, "it belongs to another access token"),
    "another code's": ({"c_hash": hash_of("x")}, "it belongs to another code"),
    "c_hash is a number": ({"c_hash": 7}, "it belongs to another code"),
    "c_hash is null": ({"c_hash": None}, "it belongs to another code"),
}


def claiming(changes: dict[str, object]) -> Make:
    def make(at: Authority) -> str:
        claims = {**at.claims, "nonce": NONCE, **changes}
        return signed('{"alg": "RS256", "kid": "rsa"}', json.dumps(claims))

    return make


HOSTILE: dict[str, tuple[Make, str]] = {
    **NOT_SUCH,
    **WRONGLY_SIGNED,
    **{name: (claiming(changes), why) for name, (changes, why) in WRONG_CLAIMS.items()},
    "exp is beyond all numbers": (
        lambda at: signed(
            '{"alg": "RS256", "kid": "rsa"}',
            json.dumps({**at.claims, "nonce": NONCE, "exp": 0}).replace('"exp": 0', '"exp": 1e400'),
        ),
        WHEN,
    ),
    "without times": (lambda at: good(at, exp=None), WHEN),
    "without a subject": (lambda at: good(at, sub=None), "it names no subject"),
    "without a nonce": (lambda at: good(at, nonce=None), "it does not repeat the nonce"),
    "without an audience": (lambda at: good(at, aud=None), "it is for another client"),
    "without an issuer": (lambda at: good(at, iss=None), "its issuer .* is not the authority's"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_each_hostile_id_token_fails_the_call_with_its_own_reason(
    authority: Authority, name: str
) -> None:
    make, reason = HOSTILE[name]
    private = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_RSA))
    authority.keys += [
        jwk(SMALL_RSA, "small"),
        jwk(EC_384, "ec-384"),
        {**private, "kid": "private", "key_ops": ["verify"]},
        jwk(OTHER_RSA, "wrapping", {"key_ops": ["wrapKey"]}),
    ]
    authority.publish()
    token = make(authority)
    with pytest.raises(ProtocolViolation, match=f"^The id_token is refused: .*{reason}") as caught:
        redeem(authority, token)
    shown = f"{caught.value} {caught.value!r} {caught.value.as_dict()}"
    for secret in (token, ACCESS_TOKEN, CODE, NONCE):
        assert secret not in shown


def test_an_oversized_id_token_is_not_even_learned(authority: Authority) -> None:
    with pytest.raises(MalformedResponse, match="no usable id_token: it is too long"):
        redeem(authority, good(authority, padding="x" * 70_000))
    assert not authority.asked("/keys")


def test_a_good_token_signs_in(authority: Authority) -> None:
    token = good(authority, at_hash=hash_of(ACCESS_TOKEN), c_hash=hash_of(CODE))
    result = redeem(authority, token)
    assert result.account is not None
    assert result.account.subject == "subject"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "application/jwt", "JOSE"])
def test_a_type_that_says_no_other_kind_is_no_reason(authority: Authority, kind: str) -> None:
    assert redeem(authority, good(authority, headers={"typ": kind})).account


@pytest.mark.parametrize(
    ("key", "algorithm", "kid", "digest"),
    [
        (RSA, "RS384", "rsa", "sha384"),
        (RSA, "PS512", "rsa", "sha512"),
        (EC, "ES256", "ec", "sha256"),
    ],
)
def test_a_hash_is_that_of_the_signatures_algorithm(
    authority: Authority, key: Any, algorithm: str, kid: str, digest: str
) -> None:
    token = good(
        authority,
        key=key,
        algorithm=algorithm,
        kid=kid,
        at_hash=hash_of(ACCESS_TOKEN, digest),
        c_hash=hash_of(CODE, digest),
    )
    assert redeem(authority, token).account


def test_the_hash_of_a_code_is_looked_at_only_where_a_code_was_redeemed(
    authority: Authority,
) -> None:
    authority.server.serve(granted(id_token=good(authority, c_hash="whatever")), path="/token")
    request = asked(authority)
    sent = token_request(
        f"{authority.server.url}/token",
        ("grant_type", "device_code"),
        ("code", Secret("a device code")),
    )
    given = context(authority.environment, clock=FakeClock(NOW))
    assert exchange(sent, request, given).account


# Microsoft's issuer is a template: whose tenant it is, the token says, and must be a GUID.


@pytest.mark.parametrize(
    ("issuer", "tenant", "counts"),
    [
        ("{at}/" + GUID + "/v2.0", GUID, True),
        ("{at}/" + GUID + "/v2.0", GUID[:-1] + "6", False),
        ("{at}/" + GUID + "/v2.0", None, False),
        ("{at}/{tenantid}/v2.0", "{tenantid}", False),
        ("{at}/{tenantid}/v2.0", GUID, False),
        ("{at}/evil/v2.0", "evil", False),
        ("{at}/x/../" + GUID + "/v2.0", "x/../" + GUID, False),
        ("{at}/" + GUID + "/v2.0/", GUID, False),
        ("https://evil.example/" + GUID + "/v2.0", GUID, False),
        ("{at}/" + GUID + "/v2.0", GUID + "\n", False),
    ],
)
def test_an_issuer_by_template_is_that_of_the_tokens_own_tenant(
    raw_server: RawServer, issuer: str, tenant: str | None, counts: bool
) -> None:
    protocol = attrs.evolve(
        OIDC, name="many-tenants", issuers=("{authority}/{tenantid}/v2.0", "{issuer}")
    )
    authority = Authority(raw_server, protocol)
    token = good(authority, iss=issuer.replace("{at}", raw_server.url), tid=tenant)
    document = {
        "issuer": f"{raw_server.url}/{{tenantid}}/v2.0",
        "token_endpoint": f"{raw_server.url}/token",
        "jwks_uri": f"{raw_server.url}/keys",
    }
    raw_server.serve(json_answer(document), path="/.well-known/openid-configuration")
    if counts:
        assert redeem(authority, token).account
    else:
        with pytest.raises(ProtocolViolation, match="its issuer"):
            redeem(authority, token)


# Keys that are not there.


def test_a_flood_of_unknown_keys_asks_for_them_once_a_minute_whoever_asks(
    authority: Authority,
) -> None:
    clock = FakeClock(NOW)
    given = attrs.evolve(authority.context(clock), deadline=clock.monotonic() + 1000)
    authority.check(good(authority), given)
    for minute in range(1, 4):
        clock.advance(60)
        refused: list[BaseException] = []

        def ask(name: str, refused: list[BaseException] = refused) -> None:
            for number in range(10):
                token = good(authority, key=OTHER_RSA, kid=f"{name}-{number}")
                try:
                    authority.check(token, given)
                except ProtocolViolation as error:
                    refused.append(error)

        threads = [threading.Thread(target=ask, args=(f"{minute}-{one}",)) for one in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 80
        assert authority.asked("/keys") == 1 + minute
    clock.advance(59)
    with pytest.raises(ProtocolViolation, match=NO_KEY):
        authority.check(good(authority, key=OTHER_RSA, kid="last"), given)
    assert authority.asked("/keys") == 4
