"""A JWT that somebody has signed is the grant: the request field by field, and a real server."""

import logging
import secrets
import time
from typing import Any

import attrs
import jwt
import pytest
import requests

from certificates.making import made
from certificates.test_assertions import SecurityModule, verify
from grants.presenting import UNFIT, shown
from grants.test_oidc_provider import client_of, of
from grants.test_token_exchange import pairs
from grantway import Reference, SigningKey
from grantway.errors import InvalidClient, InvalidGrant, InvalidParameter
from grantway.oauth.jwt_contents import claims_of
from grantway.secret import MASK
from grantway_clouds import ENTRA_V1, ENTRA_V2
from grantway_clouds.protocols import ADFS
from grantway_sandbox.server import Sandbox
from oauth.support import RAW, RESOURCE, FakeClock, dispatcher, environment, granted, oidc
from peers.oidc_provider import OidcProvider
from servers.raw import RawServer, json_answer

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "sentinel.signed.jwt"
SECRET = "sentinel-client-secret"
CLIENT = "an application"
FIRST = [("grant_type", GRANT_TYPE), ("assertion", ASSERTION)]

SHAPES: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "no client at all": ({}, [("resource", RESOURCE)]),
    "scopes": ({"scopes": ["read", "write"]}, [("scope", "read write")]),
    "a public client": (
        {"application_id": CLIENT, "resource": "https://other.example"},
        [("resource", "https://other.example"), ("client_id", CLIENT)],
    ),
    "a confidential client": (
        {"credential": (CLIENT, SECRET), "scopes": "read"},
        [("scope", "read"), ("client_id", CLIENT), ("client_secret", SECRET)],
    ),
}
HIDDEN = ("assertion", "client_secret")


@pytest.mark.parametrize("name", SHAPES)
def test_the_grant_sends_these_fields_and_no_others(raw_server: RawServer, name: str) -> None:
    given, rest = SHAPES[name]
    raw_server.serve(granted())
    call: dict[str, Any] = {"environment": environment(raw_server), "assertion": ASSERTION, **given}
    with dispatcher() as asking:
        explained = asking.explain(**call)
        assert not raw_server.connections
        result = asking.acquire(**call)
    (request,), (planned,) = raw_server.requests, explained.requests
    assert (request.method, request.target) == ("POST", "/token")
    assert pairs(request) == FIRST + rest
    assert "authorization" not in request.headers
    assert list(planned.fields) == [
        (field, MASK if field in HIDDEN else value) for field, value in FIRST + rest
    ]
    assert "sentinel" not in repr(explained)
    assert (result.provider, result.account) == ("JwtBearer", None)


def test_no_client_is_named_where_only_metadata_says_where_to_go(raw_server: RawServer) -> None:
    raw_server.serve(
        json_answer({"issuer": raw_server.url, "token_endpoint": f"{raw_server.url}/token"}),
        path="/.well-known/openid-configuration",
    )
    raw_server.serve(granted(), path="/token")
    with dispatcher() as asking:
        asking.acquire(environment=oidc(raw_server, default_resource=None), assertion=ASSERTION)
    assert pairs(raw_server.requests[-1]) == FIRST
    assert "authorization" not in raw_server.requests[-1].headers


@pytest.mark.parametrize("secret", [None, SECRET])
def test_it_sends_what_requests_oauth2client_sends(
    raw_server: RawServer, secret: str | None
) -> None:
    theirs = pytest.importorskip("requests_oauth2client")
    raw_server.serve(granted(), granted())
    proof = theirs.PublicApp(CLIENT) if secret is None else theirs.ClientSecretPost(CLIENT, secret)
    assertion = jwt.encode({"sub": "alice"}, secrets.token_hex(32))
    with requests.Session() as session:
        session.trust_env = False
        client = theirs.OAuth2Client(
            f"{raw_server.url}/token".replace("http://127.0.0.1", "http://localhost"),
            auth=proof,
            session=session,
            testing=True,
        )
        client.jwt_bearer(assertion, scope="read write")
    own: dict[str, Any] = (
        {"application_id": CLIENT} if secret is None else {"credential": (CLIENT, secret)}
    )
    with dispatcher() as asking:
        asking.acquire(
            environment=environment(raw_server), assertion=assertion, scopes="read write", **own
        )
    by_them, by_us = raw_server.requests
    assert sorted(pairs(by_us)) == sorted(pairs(by_them))


def test_what_one_assertion_brought_is_served_for_no_other(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_server.serve(*(granted(access_token=each) for each in ("a", "b", "c", "d")))
    of_raw = environment(raw_server)
    with dispatcher() as asking:
        for _ in range(2):
            assert asking.acquire(environment=of_raw, assertion="one").access_token == "a"
            assert asking.acquire(environment=of_raw, assertion="two").access_token == "b"
        for expected in ("c", "d"):
            monkeypatch.setenv("SIGNED", expected)
            found = asking.acquire(environment=of_raw, assertion=Reference("env:SIGNED"))
            assert found.access_token == expected
    assert [each.form["assertion"] for each in raw_server.requests[2:]] == [["c"], ["d"]]


@pytest.mark.parametrize("protocol", [ENTRA_V1, ENTRA_V2, ADFS], ids=lambda each: each.name)
def test_an_authority_that_means_something_else_by_it_is_told_of(
    raw_server: RawServer, protocol: Any
) -> None:
    with dispatcher() as asking:
        for ask in (asking.acquire, asking.explain):
            with pytest.raises(InvalidParameter, match=r"takes no JWT.*user_assertion"):
                ask(environment=environment(raw_server, protocol), assertion=ASSERTION)
    assert not raw_server.connections


def test_an_authority_without_it_is_told_of(raw_server: RawServer) -> None:
    protocol = attrs.evolve(RAW, absent_grants=(GRANT_TYPE,))
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match=r"takes no JWT.*Use another grant"):
            asking.acquire(environment=environment(raw_server, protocol), assertion=ASSERTION)
    assert not raw_server.connections


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_token_is_refused_and_not_repeated(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    given: dict[str, Any] = {"assertion": UNFIT[name]}
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter) as caught:
            asking.acquire(environment=environment(raw_server), **given)
    assert caught.value.parameter == "assertion"
    assert not raw_server.connections
    assert "sentinel" not in shown(caught.value) + caplog.text


# A server that nobody here wrote.


def signed(server: OidcProvider, **changes: Any) -> str:
    claims = {
        "iss": server.assertions["issuer"],
        "aud": server.issuer,
        "sub": "alice",
        "exp": int(time.time()) + 300,
        **changes,
    }
    return jwt.encode(claims, server.assertions["key"], algorithm="ES256")


@pytest.mark.parametrize("name", ["basic", "post", "public"])
def test_oidc_provider_gives_a_token_for_whom_the_assertion_names(
    oidc_provider: OidcProvider, name: str
) -> None:
    with dispatcher() as asking:
        result = asking.acquire(
            environment=of(oidc_provider, name),
            **client_of(oidc_provider, name),
            assertion=signed(oidc_provider),
            resource=oidc_provider.resources["jwt"].uri,
        )
    claims = claims_of(result.access_token)
    assert (claims["sub"], claims["aud"]) == ("alice", oidc_provider.resources["jwt"].uri)
    assert claims["client_id"] == oidc_provider.clients[name].client_id
    assert result.expires_on is not None


@pytest.mark.parametrize(
    "changes", [{"exp": 1}, {"aud": "https://elsewhere.example"}, {"iss": "nobody"}]
)
def test_oidc_provider_refuses_an_assertion_and_the_remedy_says_what_to_look_at(
    oidc_provider: OidcProvider, changes: dict[str, Any]
) -> None:
    with dispatcher() as asking:
        with pytest.raises(InvalidGrant, match=r"request is invalid.*grantway decode"):
            asking.acquire(
                environment=of(oidc_provider),
                **client_of(oidc_provider, "basic"),
                assertion=signed(oidc_provider, **changes),
            )


def test_oidc_provider_refuses_a_wrong_secret(oidc_provider: OidcProvider) -> None:
    with dispatcher() as asking:
        with pytest.raises(InvalidClient):
            asking.acquire(
                environment=of(oidc_provider),
                credential=(oidc_provider.clients["basic"].client_id, "wrong"),
                assertion=signed(oidc_provider),
            )


# The JWT that the application itself signs.


def test_the_application_signs_for_whom_a_token_is_wanted(raw_server: RawServer) -> None:
    raw_server.serve(granted())
    of_raw = environment(raw_server)
    signer = SecurityModule(made("p256"), SigningKey(("ES256",), key_id="mine"))
    call: dict[str, Any] = {
        "environment": of_raw,
        "application_id": "robot@project.example",
        "certificate": signer,
        "subject": "alice@project.example",
        "scopes": ["read", "write"],
        "key_id": "yours",
    }
    with dispatcher(clock=FakeClock()) as asking:
        plan = asking.explain(**call)
        assert not signer.asked
        result = asking.acquire(**call)
        assert asking.acquire(**call).access_token == result.access_token
    assert (result.provider, signer.asked) == ("SignedJwtBearer", ["ES256"])
    (request,) = raw_server.requests
    fields = dict(pairs(request))
    token = fields.pop("assertion")
    assert fields == {"grant_type": GRANT_TYPE, "scope": "read write"}
    assert dict(plan.requests[0].fields) == {**fields, "assertion": MASK}
    now = int(FakeClock().now)
    claims = verify(token, made("p256"), "ES256")
    assert claims.pop("jti")
    assert claims == {
        "iss": "robot@project.example",
        "sub": "alice@project.example",
        "aud": raw_server.url,
        "scope": "read write",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
    }
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": "yours"}


def test_two_subjects_are_not_served_each_others_token(raw_server: RawServer) -> None:
    raw_server.serve(granted(access_token="a"), granted(access_token="b"))
    call: dict[str, Any] = {
        "environment": environment(raw_server),
        "application_id": "me",
        "certificate": SecurityModule(made("p256"), SigningKey(("ES256",))),
    }
    with dispatcher() as asking:
        for _ in range(2):
            assert asking.acquire(**call, subject="one").access_token == "a"
            assert asking.acquire(**call, subject="two").access_token == "b"


def test_the_sandbox_believes_an_application_that_vouches_by_its_certificate() -> None:
    with Sandbox() as sandbox, dispatcher() as asking:
        result = asking.acquire(
            environment=sandbox.issuer,
            application_id=sandbox.application.application_id,
            certificate=sandbox.application.certificate_path,
            subject=sandbox.user.user_name,
            scopes=f"{sandbox.url}/.default",
        )
    claims = claims_of(result.access_token)
    assert claims["oid"] == sandbox.user.object_id


def test_entra_takes_none_that_an_application_signs(raw_server: RawServer) -> None:
    with dispatcher() as asking, pytest.raises(InvalidParameter, match=r"subject: .*takes no JWT"):
        asking.acquire(
            environment=environment(raw_server, ENTRA_V2),
            application_id="11111111-2222-3333-4444-555555555555",
            certificate=SecurityModule(made(), SigningKey(("PS256",))),
            subject="alice",
        )
    assert not raw_server.connections
