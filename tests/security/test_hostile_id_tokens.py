"""id_tokens of a thief's making, come the whole way: each fails the call, with its reason."""

import base64
import hmac
import json
import threading
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from jwt.utils import der_to_raw_signature

from grantway import OIDC, AuthenticationResult, Dispatcher
from grantway.errors import GrantwayError, ProtocolViolation
from grantway.oauth.strict_json import DEEPEST
from oauth.browsing import Person, answering
from oauth.issuer import Issuer, sign_in
from oauth.support import CLIENT_ID, FakeClock, granted
from oauth.test_id_token import (
    ACCESS_TOKEN,
    EC,
    NOW,
    OTHER_RSA,
    RSA,
    Authority,
    forged,
    hash_of,
    jwk,
)
from servers.raw import RawServer, json_answer

SMALL_RSA = rsa.generate_private_key(65537, 1024)
P384 = ec.generate_private_key(ec.SECP384R1())

Forge = Callable[[Authority], str]


@pytest.fixture
def authority(raw_server: RawServer) -> Authority:
    return Authority(raw_server)


def redeem(
    authority: Authority, *tokens: str, clock: FakeClock | None = None
) -> AuthenticationResult:
    """Answer with these id_tokens, and ask for a token as somebody who signed in earlier."""
    authority.server.serve(*(granted(id_token=each) for each in tokens), path="/token")
    with Dispatcher(clock=clock or FakeClock(NOW), prompter=False) as asking:
        for each in range(len(tokens)):
            result = asking.acquire(
                environment=authority.environment,
                application_id=CLIENT_ID,
                refresh_token=f"sentinel-refresh-token-{each}",
            )
    return result


def signed(
    payload: bytes, header: str = '{"alg":"RS256","kid":"rsa"}', key: rsa.RSAPrivateKey = RSA
) -> str:
    """A token with a good signature over whatever these are."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signing_input = f"{part(header.encode())}.{part(payload)}"
    signature = key.sign(signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signing_input}.{part(signature)}"


def told(authority: Authority, **changes: object) -> str:
    """The claims of a good token with some changed, as JSON."""
    return json.dumps({**authority.claims, **changes})


def with_raw(authority: Authority, name: str, raw: str) -> str:
    """A well-signed token with one claim spelled as it is here."""
    claims = {key: value for key, value in authority.claims.items() if key != name}
    return signed(f'{json.dumps(claims)[:-1]}, "{name}": {raw}}}'.encode())


def claim(**changes: object) -> Forge:
    return lambda authority: authority.token(**changes)


def raw_claim(name: str, raw: str) -> Forge:
    return lambda authority: with_raw(authority, name, raw)


def header(**changes: object) -> Forge:
    told_of_it = json.dumps({"alg": "RS256", "kid": "rsa", **changes})
    return lambda authority: signed(told(authority).encode(), told_of_it)


def unsigned(algorithm: str) -> Forge:
    return lambda authority: forged({"alg": algorithm}, authority.claims)


def by(key: Any, algorithm: str, kid: str | None, **headers: object) -> Forge:
    return lambda authority: authority.token(key, algorithm, kid, headers=headers)


def with_the_public_key_as_secret(authority: Authority) -> str:
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    start = forged({"alg": "HS256", "kid": "rsa"}, authority.claims).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(hmac.digest(public, start.encode(), "sha256"))
    return f"{start}.{signature.rstrip(b'=').decode()}"


def cut_and_pasted(authority: Authority) -> str:
    """A good signature, under other claims."""
    head, _, signature = authority.token().split(".")
    return ".".join(
        (head, forged({}, {**authority.claims, "sub": "root"}).split(".")[1], signature)
    )


def in_json(authority: Authority) -> str:
    """The JSON serialization, with two signatures (RFC 7515, section 7.2.1)."""
    head, payload, signature = authority.token().split(".")
    one = {"protected": head, "signature": signature}
    return json.dumps({"payload": payload, "signatures": [one, one]}, separators=(",", ":"))


def by_another_curve(authority: Authority) -> str:
    """A signature by a P-384 key, said to be ES256."""
    start = forged({"alg": "ES256", "kid": "p384"}, authority.claims).rpartition(".")[0]
    der = P384.sign(start.encode(), ec.ECDSA(hashes.SHA256()))
    signature = base64.urlsafe_b64encode(der_to_raw_signature(der, P384.curve))
    return f"{start}.{signature.rstrip(b'=').decode()}"


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


NO_KEY = "no key of the authority verifies"
NO_TIME = "does not say when"
LOGOUT = {"http://schemas.openid.net/event/backchannel-logout": {}}

REFUSED: dict[str, tuple[Forge, str]] = {
    # Who signed it, and how.
    **{
        f"alg {name}": (unsigned(name), "algorithm .* is not allowed")
        for name in ("none", "None", "NONE", "nOnE", "none ", "")
    },
    "HS256 by the public key": (with_the_public_key_as_secret, "'HS256' is not allowed"),
    "another's RSA key": (by(OTHER_RSA, "RS256", "rsa"), NO_KEY),
    "another's key, no kid": (by(OTHER_RSA, "RS256", None), NO_KEY),
    "an unknown kid": (by(RSA, "RS256", "unknown"), NO_KEY),
    "the kid of the EC key": (by(RSA, "RS256", "ec"), NO_KEY),
    "an EC signature by the kid of the RSA key": (by(EC, "ES256", "rsa"), NO_KEY),
    "an RSA key that is too small": (
        lambda a: signed(told(a).encode(), '{"alg":"RS256","kid":"small"}', SMALL_RSA),
        "too small does not count",
    ),
    "a curve that is not the algorithm's": (by_another_curve, NO_KEY),
    "claims of its own under a good signature": (cut_and_pasted, NO_KEY),
    "a signature cut off": (lambda a: a.token().rpartition(".")[0] + ".", NO_KEY),
    "a kid that is a number": (header(kid=7), "id of its key is no text"),
    "a key in jwk": (by(OTHER_RSA, "RS256", "x", jwk=jwk(OTHER_RSA, "x")), NO_KEY),
    "a key in x5c": (by(OTHER_RSA, "RS256", "rsa", x5c=["AAAA"]), NO_KEY),
    "crit": (header(crit=["b64"], b64=True), "demands extensions"),
    "crit that demands nothing": (header(crit=[]), "demands extensions"),
    # What it is.
    **{
        f"typ {kind}": (header(typ=kind), "token of another kind")
        for kind in ("at+jwt", "AT+JWT", "application/at+jwt", "logout+jwt", "dpop+jwt", "JOSE", "")
    },
    "typ 7": (header(typ=7), "token of another kind"),
    "a logout token without typ": (claim(events=LOGOUT), "logout token"),
    "the JSON form with two signatures": (in_json, "compact form|no usable id_token"),
    "two signatures": (lambda a: f"{a.token()}.{a.token().rpartition('.')[2]}", "compact form"),
    "encrypted": (lambda _: "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", "it is encrypted"),
    "one part": (lambda _: "eyJhbGciOiJSUzI1NiJ9", "compact form"),
    "padding": (lambda a: a.token() + "==", "compact form"),
    "standard base64": (lambda a: a.token().replace(".", "+.", 1), "compact form"),
    "too large": (claim(padding="x" * 70_000), "too large|no usable id_token: it is too long"),
    # How it is written.
    "alg twice": (
        lambda a: signed(told(a).encode(), '{"alg":"none","kid":"rsa","alg":"RS256"}'),
        "its header says 'alg' twice",
    ),
    "sub twice": (
        lambda a: signed(f'{{"sub":"root",{told(a)[1:]}'.encode()),
        "its payload says 'sub' twice",
    ),
    "a name twice, deep inside": (raw_claim("x", '[{"a":1,"a":2}]'), "says 'a' twice"),
    "a list": (lambda _: signed(b"[]"), "its payload is no JSON object"),
    "no JSON": (lambda _: signed(b"{"), "its payload is no JSON"),
    "nothing": (lambda _: signed(b" "), "its payload is no JSON"),
    "UTF-16": (lambda a: signed(told(a).encode("utf-16")), "its payload is no JSON"),
    "half a character": (claim(name="\ud800"), "its payload is no JSON"),
    "a header that is a list": (lambda _: forged([], {}), "its header is no JSON object"),  # type: ignore[arg-type]
    "deep": (raw_claim("x", deep(DEEPEST)), "its payload is no JSON"),
    "deeper than the stack": (lambda _: signed(deep(20_000).encode()), "its payload is no JSON"),
    "a deep header": (lambda a: signed(told(a).encode(), f'{{"a":{deep(99)}}}'), "no JSON"),
    # What it claims.
    "another issuer": (claim(iss="https://evil.example"), "its issuer"),
    "an issuer with a slash": (lambda a: a.token(iss=f"{a.server.url}/"), "its issuer"),
    "no issuer": (claim(iss=None), "its issuer"),
    "an issuer in a list": (lambda a: a.token(iss=[a.server.url]), "its issuer"),
    "another audience": (claim(aud="another"), "for another client"),
    "an audience that is a number": (claim(aud=7), "for another client"),
    "an audience that is true": (claim(aud=True), "for another client"),
    "no audience": (claim(aud=None), "for another client"),
    "an empty audience": (claim(aud=[]), "for another client"),
    "an audience in an object": (claim(aud={CLIENT_ID: 1}), "for another client"),
    "a number among the audiences": (claim(aud=[CLIENT_ID, 7], azp=CLIENT_ID), "another client"),
    "two audiences without azp": (claim(aud=[CLIENT_ID, "b"]), "issued to another client"),
    "another azp": (claim(azp="another"), "issued to another client"),
    "an azp that is a list": (claim(azp=[CLIENT_ID]), "issued to another client"),
    "an empty azp": (claim(azp=""), "issued to another client"),
    "expired": (claim(exp=NOW - 301), "has expired"),
    "not yet issued": (claim(iat=NOW + 301), "not valid yet"),
    "not yet valid": (claim(nbf=NOW + 301), "not valid yet"),
    **{
        f"exp {raw[:20]}": (raw_claim("exp", raw), reason)
        for raw, reason in (
            ("true", NO_TIME),
            ("null", NO_TIME),
            ("1e400", NO_TIME),
            ("-1", NO_TIME),
            ("1e12", NO_TIME),
            ("9" * 400, NO_TIME),
            ("9" * 5000, "its payload is no JSON"),
            ("NaN", "its payload is no JSON"),
            ("Infinity", "its payload is no JSON"),
            ('"1700003600"', NO_TIME),
            ("[1700003600]", NO_TIME),
            ("0", "has expired"),
        )
    },
    "iat as text": (claim(iat=str(int(NOW))), NO_TIME),
    "iat true": (claim(iat=True), NO_TIME),
    "no iat": (claim(iat=None), NO_TIME),
    "nbf as text": (claim(nbf=str(int(NOW))), NO_TIME),
    "nbf true": (claim(nbf=True), NO_TIME),
    "an empty subject": (claim(sub=""), "names no subject"),
    "a subject that is a number": (claim(sub=7), "names no subject"),
    "no subject": (claim(sub=None), "names no subject"),
    "another at_hash": (claim(at_hash=hash_of("another")), "another access token"),
    "an at_hash that is a list": (claim(at_hash=[hash_of(ACCESS_TOKEN)]), "another access token"),
    "an empty at_hash": (claim(at_hash=""), "another access token"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_id_token_fails_the_call_with_its_reason(authority: Authority, name: str) -> None:
    forge, reason = REFUSED[name]
    authority.keys += [jwk(SMALL_RSA, "small"), jwk(P384, "p384")]
    authority.publish()
    token = forge(authority)
    with pytest.raises(GrantwayError, match=reason) as caught:
        redeem(authority, token)
    assert len(str(caught.value)) < 500
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        {"d": "AQAB"},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"use": "enc"},
        {"alg": "PS256"},
    ],
    ids=str,
)
def test_a_key_that_is_not_for_this_or_that_everybody_has_does_not_count(
    authority: Authority, more: dict[str, object]
) -> None:
    authority.keys[:] = [{**jwk(RSA, "rsa"), **more}]
    authority.publish()
    with pytest.raises(ProtocolViolation, match=NO_KEY):
        redeem(authority, authority.token())
    authority.keys[:] = [{**jwk(RSA, "rsa"), "key_ops": ["verify"]}]
    authority.publish()
    with pytest.raises(ProtocolViolation, match=NO_KEY):
        redeem(authority, authority.token(OTHER_RSA))


def test_what_a_token_brings_along_is_looked_at_neither_here_nor_at_its_address(
    authority: Authority, raw_servers: Callable[..., RawServer]
) -> None:
    thief = raw_servers()
    thief.serve(json_answer({"keys": [jwk(OTHER_RSA, "theirs")]}))
    for where in ("jku", "x5u"):
        token = authority.token(OTHER_RSA, kid="theirs", headers={where: f"{thief.url}/keys"})
        with pytest.raises(ProtocolViolation, match=NO_KEY):
            redeem(authority, token)
        # With a key of the authority's it is a good one, whatever else it carries.
        assert redeem(authority, authority.token(headers={where: f"{thief.url}/keys"})).account
    assert not thief.connections


@pytest.mark.parametrize("kind", ["JWT", "jwt", "application/jwt", None])
def test_an_id_token_may_say_that_it_is_a_jwt(authority: Authority, kind: str | None) -> None:
    assert redeem(authority, authority.token(headers={"typ": kind})).account


def test_a_claim_that_is_null_is_one_that_is_not_made(authority: Authority) -> None:
    for name in ("azp", "nbf", "at_hash", "c_hash"):
        assert redeem(authority, with_raw(authority, name, "null")).account


# Issuers by template.

TENANT = "11111111-2222-3333-4444-555555555555"
TEMPLATED = attrs.evolve(OIDC, name="templated", issuers=("{issuer}/{tenantid}/v2.0",))


@pytest.mark.parametrize(
    ("path", "tid"),
    [
        ("{tid}/v2.0", "another"),
        ("{tid}/v2.0", None),
        ("{tid}/v2.0", [TENANT]),
        ("{tid}/v2.0", TENANT.replace("1", "9")),
        ("{{tenantid}}/v2.0", TENANT),
        ("{{tenantid}}/v2.0", "{tenantid}"),
        ("{tid}/v2.0/", TENANT),
        ("x/{tid}/v2.0", TENANT),
        ("{tid}", TENANT),
    ],
)
def test_an_issuer_by_template_is_that_of_the_tenant_the_token_names(
    raw_server: RawServer, path: str, tid: object
) -> None:
    authority = Authority(raw_server, TEMPLATED)
    raw_server.serve(
        json_answer(
            {
                "issuer": f"{raw_server.url}/{{tenantid}}/v2.0",
                "token_endpoint": f"{raw_server.url}/token",
                "jwks_uri": f"{raw_server.url}/keys",
            }
        ),
        path="/.well-known/openid-configuration",
    )
    good = authority.token(iss=f"{raw_server.url}/{TENANT}/v2.0", tid=TENANT)
    assert redeem(authority, good).tenant_id == TENANT
    with pytest.raises(ProtocolViolation, match="its issuer"):
        redeem(
            authority, authority.token(iss=f"{raw_server.url}/{path.format(tid=TENANT)}", tid=tid)
        )


# In a sign-in: the nonce, and the hash of the code.


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": None}, "nonce"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": ["another"]}, "nonce"),
        ({"c_hash": hash_of("another")}, "another authorization code"),
        ({"c_hash": 7}, "another authorization code"),
        ({"c_hash": ""}, "another authorization code"),
    ],
)
def test_a_sign_in_is_refused_whose_id_token_is_of_another(
    raw_server: RawServer, claims: dict[str, Any], reason: str
) -> None:
    issuer, person = Issuer(raw_server), Person(answering())
    raw_server.serve(issuer.signs_in(person, **claims), path="/token")
    with pytest.raises(ProtocolViolation, match=reason):
        sign_in(issuer, person)


def test_a_sign_in_may_tell_the_hash_of_its_code(raw_server: RawServer) -> None:
    issuer, person = Issuer(raw_server), Person(answering(code="the-code"))
    raw_server.serve(issuer.signs_in(person, c_hash=hash_of("the-code")), path="/token")
    assert sign_in(issuer, person).account


# Keys.


def crowd(authority: Authority, asking: Dispatcher, tokens: int = 16) -> list[GrantwayError]:
    """Many threads, each with an id_token by a key of another invented id."""
    forged_tokens = [authority.token(OTHER_RSA, kid=f"invented-{n}") for n in range(tokens)]
    authority.server.serve(*(granted(id_token=each) for each in forged_tokens), path="/token")
    failures: list[GrantwayError] = []

    def ask(number: int) -> None:
        try:
            asking.acquire(
                environment=authority.environment,
                application_id=CLIENT_ID,
                refresh_token=f"sentinel-refresh-token-{number}",
                force_refresh=True,
            )
        except GrantwayError as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(tokens)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_a_flood_of_invented_key_ids_makes_one_look_a_minute(authority: Authority) -> None:
    clock = FakeClock(NOW)
    with Dispatcher(clock=clock, prompter=False) as asking:
        for minute in range(1, 4):
            assert len(crowd(authority, asking)) == 16
            assert authority.asked("/keys") == minute
            assert len(crowd(authority, asking)) == 16
            assert authority.asked("/keys") == minute
            clock.advance(61)


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_look_in_vain_is_not_repeated_within_the_minute_and_costs_no_known_key(
    authority: Authority, status: int
) -> None:
    clock = FakeClock(NOW)
    with Dispatcher(clock=clock, prompter=False) as asking:
        crowd(authority, asking)
        authority.server.serve(json_answer({}, status), path="/keys")
        clock.advance(61)
        for minute in range(2, 4):
            crowd(authority, asking)
            crowd(authority, asking)
            assert authority.asked("/keys") == minute
            clock.advance(61)
        authority.server.serve(granted(id_token=authority.token()), path="/token")
        assert asking.acquire(
            environment=authority.environment,
            application_id=CLIENT_ID,
            refresh_token="sentinel-refresh-token",
        ).account
