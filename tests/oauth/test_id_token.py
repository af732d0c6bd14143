"""An id_token is believed only after every check, and refused with its reason otherwise."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from typing import Any

import attrs
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from grantway import OIDC, Context, Dispatcher, Protocol, Secret
from grantway.errors import GrantwayError, MalformedResponse, ProtocolViolation
from grantway.oauth.id_token import checked_claims
from oauth.support import CLIENT_ID, FakeClock, context, environment, granted, oidc
from servers.raw import RawServer, json_answer, late

NOW = 1_700_000_000.0
ACCESS_TOKEN = "sentinel-access-token"
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, kid: str | None, more: dict[str, object] | None = None) -> dict[str, object]:
    algorithm = (
        jwt.algorithms.RSAAlgorithm
        if isinstance(key, rsa.RSAPrivateKey)
        else jwt.algorithms.ECAlgorithm
    )
    found: dict[str, object] = json.loads(algorithm.to_jwk(key.public_key()))
    found.pop("key_ops", None)
    return {**found, **({"kid": kid} if kid else {}), "use": "sig", **(more or {})}


def hash_of(token: str) -> str:
    digest = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


class Authority:
    """An issuer on a scripted server: its metadata, its keys, tokens signed by them."""

    def __init__(self, server: RawServer, protocol: Protocol = OIDC) -> None:
        self.server = server
        self.environment = oidc(server) if protocol is OIDC else environment(server, protocol)
        self.keys = [jwk(RSA, "rsa"), jwk(EC, "ec")]
        server.serve(
            json_answer(
                {
                    "issuer": server.url,
                    "token_endpoint": f"{server.url}/token",
                    "jwks_uri": f"{server.url}/keys",
                    "authorization_endpoint": "https://elsewhere.example/authorize",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            ),
            path="/.well-known/openid-configuration",
        )
        self.publish()

    def publish(self) -> None:
        self.server.serve(json_answer({"keys": self.keys}), path="/keys")

    @property
    def claims(self) -> dict[str, object]:
        return {
            "iss": self.server.url,
            "sub": "subject",
            "aud": CLIENT_ID,
            "iat": NOW - 10,
            "exp": NOW + 3600,
            "preferred_username": "alice@example.org",
        }

    def token(
        self,
        key: Any = RSA,
        algorithm: str = "RS256",
        kid: object = "rsa",
        headers: dict[str, object] | None = None,
        **changes: object,
    ) -> str:
        claims = {**self.claims, **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        given = {"kid": kid, **(headers or {})}
        # Not by jwt.encode, which refuses to sign much of what is to be refused.
        return jwt.PyJWS().encode(
            json.dumps(claims).encode(),
            key,
            algorithm,
            headers={name: value for name, value in given.items() if value is not None},
        )

    def context(self, clock: FakeClock | None = None) -> Context:
        return context(self.environment, clock=clock or FakeClock(NOW))

    def check(self, token: str, given: Context | None = None, **more: Any) -> Any:
        return checked_claims(
            Secret(token),
            client_id=CLIENT_ID,
            context=given or self.context(),
            **{"access_token": Secret(ACCESS_TOKEN), **more},
        )

    def asked(self, path: str) -> int:
        return sum(request.path == path for request in self.server.requests)


@pytest.fixture
def authority(raw_server: RawServer) -> Authority:
    return Authority(raw_server)


def forged(header: dict[str, object], claims: object, signature: bytes = b"") -> str:
    def part(value: object) -> bytes:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    return b".".join((part(header), part(claims), part(signature))).decode()


# Good ones.


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA, "RS256", "rsa"),
        (RSA, "RS512", "rsa"),
        (RSA, "PS256", "rsa"),
        (EC, "ES256", "ec"),
        (RSA, "RS256", None),
        (EC, "ES256", None),
    ],
)
def test_a_good_token_is_believed(
    authority: Authority, key: Any, algorithm: str, kid: str | None
) -> None:
    assert authority.check(authority.token(key, algorithm, kid))["sub"] == "subject"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [CLIENT_ID]},
        {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID},
        {"azp": CLIENT_ID},
        {"at_hash": hash_of(ACCESS_TOKEN)},
        {"exp": NOW - 200},
        {"iat": NOW + 200, "nbf": NOW + 200},
        {"exp": NOW + 3600.5},
    ],
)
def test_what_the_specification_allows_is_believed(
    authority: Authority, changes: dict[str, object]
) -> None:
    assert authority.check(authority.token(**changes))


def test_a_nonce_is_believed_when_it_is_the_one_that_was_sent(authority: Authority) -> None:
    assert authority.check(authority.token(nonce="n-é"), nonce=Secret("n-é"))


# Bad ones.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "its issuer"),
        ({"iss": None}, "its issuer"),
        ({"iss": 7}, "its issuer"),
        ({"aud": "another"}, "for another client"),
        ({"aud": None}, "for another client"),
        ({"aud": []}, "for another client"),
        ({"aud": {"a": CLIENT_ID}}, "for another client"),
        ({"aud": CLIENT_ID.upper()}, "for another client"),
        ({"aud": [CLIENT_ID, "another"]}, "issued to another client"),
        ({"azp": "another"}, "issued to another client"),
        ({"azp": 7}, "issued to another client"),
        ({"exp": NOW - 301}, "has expired"),
        ({"exp": None}, "does not say when"),
        ({"exp": True}, "does not say when"),
        ({"exp": str(int(NOW + 3600))}, "does not say when"),
        ({"exp": float("nan")}, "its payload is no JSON"),
        ({"exp": float("inf")}, "its payload is no JSON"),
        ({"exp": 10**400}, "does not say when"),
        ({"iat": None}, "does not say when"),
        ({"iat": NOW + 301}, "not valid yet"),
        ({"nbf": NOW + 301}, "not valid yet"),
        ({"sub": None}, "names no subject"),
        ({"sub": ""}, "names no subject"),
        ({"sub": 7}, "names no subject"),
        ({"at_hash": hash_of("another token")}, "belongs to another access token"),
        ({"at_hash": 7}, "belongs to another access token"),
        ({"at_hash": "é"}, "belongs to another access token"),
    ],
    ids=repr,
)
def test_each_wrong_claim_is_refused_with_its_reason(
    authority: Authority, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(ProtocolViolation, match=reason):
        authority.check(authority.token(**changes))


@pytest.mark.parametrize("nonce", [None, "another", 7, ""])
def test_a_missing_or_other_nonce_is_refused(authority: Authority, nonce: object) -> None:
    with pytest.raises(ProtocolViolation, match="nonce"):
        authority.check(authority.token(nonce=nonce), nonce=Secret("the one that was sent"))


def test_an_unsigned_token_is_refused(authority: Authority) -> None:
    for spelling in ("none", "None", "NONE", "nOnE"):
        with pytest.raises(ProtocolViolation, match=r"algorithm .* is not allowed"):
            authority.check(forged({"alg": spelling}, authority.claims))


def test_an_unsigned_token_is_dropped_where_the_protocol_says_that_such_are_sent(
    raw_server: RawServer,
) -> None:
    protocol = attrs.evolve(OIDC, name="v1-like", ignore_unsigned_id_token=True)
    authority = Authority(raw_server, protocol)
    assert authority.check(forged({"alg": "none"}, authority.claims)) is None
    with pytest.raises(ProtocolViolation, match="not allowed"):
        authority.check(forged({"alg": "NONE"}, authority.claims))


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(authority: Authority) -> None:
    import hmac

    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    unsigned = forged({"alg": "HS256", "kid": "rsa"}, authority.claims).rpartition(".")[0]
    signature = hmac.digest(public, unsigned.encode(), "sha256")
    token = f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    with pytest.raises(ProtocolViolation, match="algorithm 'HS256' is not allowed"):
        authority.check(token)
    assert not authority.server.requests


@pytest.mark.parametrize("algorithm", [None, 7, ["RS256"], "", "RS1", "EdDSA", "x" * 1000])
def test_an_algorithm_that_is_not_on_the_list_is_refused(
    authority: Authority, algorithm: object
) -> None:
    with pytest.raises(ProtocolViolation, match=r"not allowed|no JWT") as caught:
        authority.check(forged({"alg": algorithm}, authority.claims))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (OTHER_RSA, "RS256", "rsa"),
        (OTHER_RSA, "RS256", None),
        (RSA, "RS256", "ec"),
        (EC, "ES256", "rsa"),
        (RSA, "RS256", "unknown"),
    ],
)
def test_a_signature_counts_only_by_the_key_of_that_id(
    authority: Authority, key: Any, algorithm: str, kid: str | None
) -> None:
    with pytest.raises(ProtocolViolation, match="no key of the authority verifies"):
        authority.check(authority.token(key, algorithm, kid))


@pytest.mark.parametrize(
    "more",
    [{"use": "enc"}, {"alg": "RS384"}, {"n": "AQAB"}, {"n": 7}, {"kty": "EC"}, {"kid": ["rsa"]}],
)
def test_a_key_that_is_not_for_this_is_not_used(
    authority: Authority, more: dict[str, object]
) -> None:
    authority.keys = [jwk(RSA, "rsa", more)]
    authority.publish()
    with pytest.raises(ProtocolViolation, match="no key of the authority verifies"):
        authority.check(authority.token())


def test_odd_entries_among_the_keys_are_passed_over(authority: Authority) -> None:
    authority.keys = [7, None, {}, {"kty": "oct", "kid": "rsa", "k": "AAAA"}, *authority.keys]  # type: ignore[list-item]
    authority.publish()
    assert authority.check(authority.token())


@pytest.mark.parametrize("where", ["jku", "x5u", "jwk", "x5c"])
def test_keys_that_a_token_brings_along_are_never_looked_at(
    authority: Authority, raw_servers: Callable[..., RawServer], where: str
) -> None:
    thief = raw_servers()
    brought: object = {
        "jku": f"{thief.url}/keys",
        "x5u": f"{thief.url}/certificate",
        "jwk": jwk(OTHER_RSA, "theirs"),
        "x5c": ["AAAA"],
    }[where]
    for kid in ("theirs", "rsa", None):
        token = authority.token(OTHER_RSA, kid=kid, headers={where: brought})
        with pytest.raises(ProtocolViolation, match="no key of the authority verifies"):
            authority.check(token)
    assert not thief.connections


def test_demanded_extensions_are_refused(authority: Authority) -> None:
    with pytest.raises(ProtocolViolation, match=r"demands extensions|no JWT"):
        authority.check(authority.token(headers={"crit": ["exp"], "exp": 1}))


@pytest.mark.parametrize(
    "token",
    ["x", "a.b.c", "....", "é.é.é", forged({"alg": "RS256"}, b"\xff"), "a" * 70_000,
     forged({"alg": "RS256", "kid": 7}, {}), forged([], {}),  # type: ignore[arg-type]
     forged({"alg": "RS256", "x": "y" * 60_000}, {})],
)  # fmt: skip
def test_what_is_no_token_is_refused(authority: Authority, token: str) -> None:
    with pytest.raises(ProtocolViolation, match="The id_token is refused"):
        authority.check(token)


def test_a_deep_token_is_refused(authority: Authority) -> None:
    token = forged({"alg": "RS256", "kid": "rsa"}, b"[" * 20_000 + b"]" * 20_000)
    with pytest.raises(ProtocolViolation, match="The id_token is refused"):
        authority.check(token)


def test_a_token_too_large_for_any_header_is_refused(authority: Authority) -> None:
    with pytest.raises(ProtocolViolation, match="too large"):
        authority.check(authority.token(padding="x" * 70_000))


@pytest.mark.parametrize("payload", [[], "text", 7, None])
def test_claims_that_are_no_object_are_refused(authority: Authority, payload: object) -> None:
    signed = jwt.PyJWS().encode(json.dumps(payload).encode(), RSA, "RS256", headers={"kid": "rsa"})
    with pytest.raises(ProtocolViolation, match="The id_token is refused"):
        authority.check(signed)


# Keys.


def test_keys_and_metadata_are_asked_for_once(authority: Authority) -> None:
    given = authority.context()
    for _ in range(3):
        authority.check(authority.token(), given)
    assert authority.asked("/keys") == authority.asked("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("kid", ["new", None])
def test_a_key_that_is_new_is_found_at_most_once_a_minute(
    authority: Authority, kid: str | None
) -> None:
    clock = FakeClock(NOW)
    given = authority.context(clock)
    token = authority.token(OTHER_RSA, kid=kid)
    authority.check(authority.token(), given)
    clock.advance(61)
    for _ in range(5):
        with pytest.raises(ProtocolViolation, match="no key of the authority"):
            authority.check(token, attrs.evolve(given, deadline=given.deadline + 1000))
    assert authority.asked("/keys") == 2
    authority.keys = [jwk(OTHER_RSA, kid)]
    authority.publish()
    clock.advance(61)
    assert authority.check(token, attrs.evolve(given, deadline=given.deadline + 1000))
    assert authority.asked("/keys") == 3


def test_a_document_is_asked_for_again_after_an_hour(authority: Authority) -> None:
    clock = FakeClock(NOW)
    given = attrs.evolve(authority.context(clock), deadline=1e12)
    authority.check(authority.token(), given)
    clock.advance(3599)
    authority.check(authority.token(exp=NOW + 1e6), given)
    assert authority.asked("/keys") == 1
    clock.advance(2)
    authority.check(authority.token(exp=NOW + 1e6), given)
    assert authority.asked("/keys") == 2


def test_a_herd_asks_for_metadata_and_keys_once(authority: Authority) -> None:
    document = json_answer({"keys": authority.keys})
    authority.server.serve(late(0.3, document), document, path="/keys")
    given = authority.context()
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(authority.check(authority.token(), given)))
        for _ in range(32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 32
    assert authority.asked("/keys") == authority.asked("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {"a": 1}}, {"keys": "x"}])
def test_a_key_document_without_a_list_is_malformed(
    authority: Authority, document: dict[str, object]
) -> None:
    authority.server.serve(json_answer(document), path="/keys")
    with pytest.raises(MalformedResponse, match="lists no keys"):
        authority.check(authority.token())


def test_an_authority_that_names_no_keys_is_said_to_name_none(raw_server: RawServer) -> None:
    authority = Authority(raw_server)
    raw_server.serve(
        json_answer({"issuer": raw_server.url, "token_endpoint": f"{raw_server.url}/token"}),
        path="/.well-known/openid-configuration",
    )
    with pytest.raises(ProtocolViolation, match="names no keys"):
        authority.check(authority.token())


def test_keys_on_a_host_that_is_not_named_are_not_asked_for(
    authority: Authority, raw_servers: Callable[..., RawServer]
) -> None:
    other = raw_servers()
    authority.server.serve(
        json_answer({"issuer": authority.server.url, "jwks_uri": f"{other.url}/keys"}),
        path="/.well-known/openid-configuration",
    )
    with pytest.raises(ProtocolViolation, match=r"jwks_uri .* is on another host") as caught:
        authority.check(authority.token())
    assert f'hosts = ["127.0.0.1:{other.port}"]' in caught.value.remedy
    assert not other.connections


# In a grant.


def test_who_signed_in_comes_from_checked_claims(authority: Authority) -> None:
    authority.server.serve(granted(id_token=authority.token()), path="/token")
    with Dispatcher(clock=FakeClock(NOW), prompter=False) as asking:
        result = asking.acquire(
            environment=authority.environment,
            application_id=CLIENT_ID,
            refresh_token="sentinel-refresh-token",
        )
    assert result.account is not None
    assert result.account.user_name == "alice@example.org"
    assert result.id_token


def test_a_refresh_token_that_arrived_with_a_bad_id_token_is_kept(authority: Authority) -> None:
    bad = authority.token(aud="another")
    authority.server.serve(
        granted(id_token=bad, refresh_token="sentinel-successor"), granted(), path="/token"
    )
    given: dict[str, Any] = {
        "environment": authority.environment,
        "application_id": CLIENT_ID,
        "refresh_token": "sentinel-refresh-token",
    }
    with Dispatcher(clock=FakeClock(NOW), prompter=False) as asking:
        with pytest.raises(ProtocolViolation, match="for another client"):
            asking.acquire(**given)
        asking.acquire(**given)
    redeemed = [
        request.form["refresh_token"][0]
        for request in authority.server.requests
        if request.path == "/token"
    ]
    assert redeemed == ["sentinel-refresh-token", "sentinel-successor"]


def test_an_access_token_that_came_with_a_bad_id_token_is_not_returned(
    authority: Authority,
) -> None:
    authority.server.serve(granted(id_token="x"), path="/token")
    with Dispatcher(clock=FakeClock(NOW), prompter=False) as asking:
        with pytest.raises(GrantwayError):
            asking.acquire(
                environment=authority.environment,
                application_id=CLIENT_ID,
                refresh_token="sentinel-refresh-token",
            )
        assert not asking._workplace.cache._results  # type: ignore[attr-defined]
