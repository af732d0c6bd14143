"""One token for another: the request field by field, real servers, and what is no access token."""

import logging
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests

from grants.presenting import UNFIT, shown
from grants.test_oidc_provider import REDIRECT_URI, client_of, of
from grantway.errors import (
    AuthorityError,
    InvalidClient,
    InvalidParameter,
    NoParameterSetMatches,
    ProtocolViolation,
)
from grantway.oauth.jwt_contents import claims_of
from grantway.secret import MASK
from grantway_clouds import ENTRA_V1, ENTRA_V2
from grantway_clouds.protocols import ADFS
from oauth.support import RAW, RESOURCE, dispatcher, environment, granted
from peers.oidc_provider import OidcProvider
from peers.oidc_provider_login import sign_in
from servers.raw import RawServer, Request

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
KIND = "urn:ietf:params:oauth:token-type:"
SUBJECT = "sentinel.subject.token"
ACTOR = "sentinel.actor.token"
SECRET = "sentinel-client-secret"
CLIENT = "an application"

Fields = list[tuple[str, str]]

SHAPES: dict[str, tuple[dict[str, Any], Fields]] = {
    "no client at all": (
        {},
        [
            ("grant_type", GRANT_TYPE),
            ("subject_token", SUBJECT),
            ("subject_token_type", f"{KIND}access_token"),
            ("resource", RESOURCE),
        ],
    ),
    "a public client, the kinds by their words": (
        {
            "application_id": CLIENT,
            "subject_token_type": "ID_token",
            "requested_token_type": "saml2",
            "scopes": "read write",
        },
        [
            ("grant_type", GRANT_TYPE),
            ("subject_token", SUBJECT),
            ("subject_token_type", f"{KIND}id_token"),
            ("requested_token_type", f"{KIND}saml2"),
            ("scope", "read write"),
            ("client_id", CLIENT),
        ],
    ),
    "all of it": (
        {
            "credential": (CLIENT, SECRET),
            "subject_token_type": "urn:example:token-type:badge",
            "actor_token": ACTOR,
            "actor_token_type": "jwt",
            "requested_token_type": "https://example.org/kinds#1",
            "audience": ["first service", "second"],
            "resource": "https://other.example",
        },
        [
            ("grant_type", GRANT_TYPE),
            ("subject_token", SUBJECT),
            ("subject_token_type", "urn:example:token-type:badge"),
            ("actor_token", ACTOR),
            ("actor_token_type", f"{KIND}jwt"),
            ("requested_token_type", "https://example.org/kinds#1"),
            ("audience", "first"),
            ("audience", "service"),
            ("audience", "second"),
            ("resource", "https://other.example"),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
        ],
    ),
    "an actor's access token": (
        {"application_id": CLIENT, "actor_token": ACTOR, "scopes": "read"},
        [
            ("grant_type", GRANT_TYPE),
            ("subject_token", SUBJECT),
            ("subject_token_type", f"{KIND}access_token"),
            ("actor_token", ACTOR),
            ("actor_token_type", f"{KIND}access_token"),
            ("scope", "read"),
            ("client_id", CLIENT),
        ],
    ),
}
HIDDEN = ("subject_token", "actor_token", "client_secret")


def pairs(request: Request) -> Fields:
    return parse_qsl(request.body.decode(), strict_parsing=True)


@pytest.mark.parametrize("name", SHAPES)
def test_an_exchange_sends_these_fields_and_no_others(raw_server: RawServer, name: str) -> None:
    given, fields = SHAPES[name]
    raw_server.serve(granted(issued_token_type=f"{KIND}access_token"))
    call: dict[str, Any] = {
        "environment": environment(raw_server), "subject_token": SUBJECT, **given
    }  # fmt: skip
    with dispatcher() as asking:
        explained = asking.explain(**call)
        assert not raw_server.connections
        result = asking.acquire(**call)
    (request,), (planned,) = raw_server.requests, explained.requests
    assert (request.method, request.target) == ("POST", "/token")
    assert pairs(request) == fields
    assert "authorization" not in request.headers
    assert list(planned.fields) == [
        (field, MASK if field in HIDDEN else value) for field, value in fields
    ]
    assert "sentinel" not in repr(explained)
    assert result.issued_token_type == f"{KIND}access_token"
    assert (result.token_type, result.provider) == ("Bearer", "TokenExchange")


@pytest.mark.parametrize("secret", [None, SECRET])
def test_it_sends_what_requests_oauth2client_sends(
    raw_server: RawServer, secret: str | None
) -> None:
    theirs = pytest.importorskip("requests_oauth2client")
    raw_server.serve(granted(), granted())
    proof = theirs.PublicApp(CLIENT) if secret is None else theirs.ClientSecretPost(CLIENT, secret)
    with requests.Session() as session:
        session.trust_env = False
        client = theirs.OAuth2Client(
            f"{raw_server.url}/token".replace("http://127.0.0.1", "http://localhost"),
            auth=proof,
            session=session,
            testing=True,
        )
        client.token_exchange(
            subject_token=SUBJECT,
            subject_token_type="access_token",
            actor_token=ACTOR,
            actor_token_type=f"{KIND}jwt",
            requested_token_type=f"{KIND}access_token",
            audience=["one", "two"],
            scope="read write",
        )
    own: dict[str, Any] = (
        {"application_id": CLIENT} if secret is None else {"credential": (CLIENT, secret)}
    )
    with dispatcher() as asking:
        asking.acquire(
            environment=environment(raw_server),
            subject_token=SUBJECT,
            actor_token=ACTOR,
            actor_token_type="jwt",
            requested_token_type="access_token",
            audience=["one", "two"],
            scopes="read write",
            **own,
        )
    by_them, by_us = raw_server.requests
    assert sorted(pairs(by_us)) == sorted(pairs(by_them))
    assert by_us.headers["content-type"] == by_them.headers["content-type"]


# What comes back.


@pytest.mark.parametrize("kind", ["refresh_token", "id_token", "saml1", "saml2"])
@pytest.mark.parametrize("said", ["N_A", "Bearer", None])
def test_what_is_no_access_token_is_never_sent_as_one(
    raw_server: RawServer, kind: str, said: str | None
) -> None:
    raw_server.serve(granted(token_type=said, issued_token_type=f"{KIND}{kind}"))
    with dispatcher() as asking, requests.Session() as session:
        session.trust_env = False
        source = asking.bind(
            environment=environment(raw_server, default_resource=raw_server.url),
            subject_token=SUBJECT,
            requested_token_type=kind,
        )
        result = source.result()
        with pytest.raises(ProtocolViolation, match=r"N_A.*cannot be sent as a bearer"):
            session.get(raw_server.url, auth=source.auth())
    assert (result.token_type, result.issued_token_type) == ("N_A", f"{KIND}{kind}")
    assert len(raw_server.requests) == 1


@pytest.mark.parametrize("kind", [None, 5, "", "access_token", "a b:c", "urn:\n", ["urn:x"]])
def test_a_kind_that_is_no_uri_is_not_told(raw_server: RawServer, kind: object) -> None:
    raw_server.serve(granted(issued_token_type=kind))
    with dispatcher() as asking:
        result = asking.acquire(environment=environment(raw_server), subject_token=SUBJECT)
    assert (result.issued_token_type, result.token_type) == ("", "Bearer")


def test_what_is_said_of_the_kind_survives_the_cache(raw_server: RawServer) -> None:
    raw_server.serve(granted(issued_token_type=f"{KIND}jwt", token_type="N_A"))
    with dispatcher(cache="sqlite") as asking:
        found = [
            asking.acquire(environment=environment(raw_server), subject_token=SUBJECT)
            for _ in range(2)
        ]
    assert {(each.token_type, each.issued_token_type) for each in found} == {("N_A", f"{KIND}jwt")}
    assert len(raw_server.requests) == 1


def test_what_one_subjects_token_brought_is_served_for_no_other(raw_server: RawServer) -> None:
    calls: list[dict[str, Any]] = [
        {"subject_token": "one"},
        {"subject_token": "two"},
        {"subject_token": "one", "actor_token": "two"},
        {"subject_token": "two", "actor_token": "one"},
        {"subject_token": "one", "subject_token_type": "jwt"},
        {"subject_token": "one", "audience": "service"},
        {"subject_token": "one", "requested_token_type": "jwt"},
    ]
    raw_server.serve(*(granted(access_token=f"t{n}") for n in range(len(calls))))
    with dispatcher() as asking:
        for _ in range(2):
            for number, call in enumerate(calls):
                result = asking.acquire(environment=environment(raw_server), **call)
                assert result.access_token == f"t{number}"
    assert len(raw_server.requests) == len(calls)


def test_a_refresh_token_is_the_callers_and_the_next_exchange_presents_the_subject_again(
    raw_server: RawServer,
) -> None:
    raw_server.serve(granted(refresh_token="one", expires_in=0), granted())
    with dispatcher() as asking:
        call: dict[str, Any] = {
            "environment": environment(raw_server), "subject_token": SUBJECT
        }  # fmt: skip
        assert asking.acquire(**call).refresh_token == "one"
        asking.acquire(**call)
    assert [request.form["grant_type"] for request in raw_server.requests] == [[GRANT_TYPE]] * 2


# What is refused before any network.


@pytest.mark.parametrize("protocol", [ENTRA_V1, ENTRA_V2, ADFS], ids=lambda each: each.name)
def test_an_authority_without_it_is_told_of_with_what_it_has(
    raw_server: RawServer, protocol: Any
) -> None:
    with dispatcher() as asking:
        for ask in (asking.acquire, asking.explain):
            with pytest.raises(InvalidParameter, match=r"no token exchange.*user_assertion"):
                ask(environment=environment(raw_server, protocol), subject_token=SUBJECT)
    assert not raw_server.connections


def test_one_without_either_is_told_of(raw_server: RawServer) -> None:
    import attrs

    protocol = attrs.evolve(RAW, absent_grants=(GRANT_TYPE,))
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match=r"no token exchange.*Use another grant"):
            asking.acquire(environment=environment(raw_server, protocol), subject_token=SUBJECT)


def test_the_kind_of_an_actors_token_needs_one(raw_server: RawServer) -> None:
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match="no actor_token") as caught:
            asking.acquire(
                environment=environment(raw_server), subject_token=SUBJECT, actor_token_type="jwt"
            )
    assert caught.value.parameter == "actor_token_type"
    assert not raw_server.connections


@pytest.mark.parametrize(
    "kind", ["", " ", "badge", "a b", "urn:a b", "urn:\x00", ":x", 5, b"jwt", []]
)
def test_what_is_no_kind_of_token_is_refused(raw_server: RawServer, kind: object) -> None:
    given: dict[str, Any] = {"subject_token_type": kind}
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter) as caught:
            asking.acquire(environment=environment(raw_server), subject_token=SUBJECT, **given)
    assert caught.value.parameter == "subject_token_type"
    assert not raw_server.connections


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize("parameter", ["subject_token", "actor_token"])
def test_what_is_no_token_is_refused_and_not_repeated(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture, parameter: str, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    given: dict[str, Any] = {"subject_token": "a.b.c", parameter: UNFIT[name]}
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter) as caught:
            asking.acquire(environment=environment(raw_server), **given)
    assert caught.value.parameter == parameter
    assert not raw_server.connections
    assert "sentinel" not in shown(caught.value) + caplog.text


def test_an_actor_alone_is_nobody() -> None:
    with dispatcher() as asking:
        with pytest.raises(NoParameterSetMatches) as caught:
            asking.acquire(environment=environment("http://127.0.0.1:1"), actor_token=ACTOR)
    assert (caught.value.nearest, caught.value.missing) == ("TokenExchange", ("subject_token",))


# A server that nobody here wrote.


def signed_in(server: OidcProvider, resource: str | None = None) -> dict[str, Any]:
    client = server.clients["basic"]
    scope = "openid offline_access" + (" api:read" if resource else "")
    found: dict[str, Any] = sign_in(
        server.issuer, client.client_id, REDIRECT_URI, scope, resource, client.auth
    )
    return found


@pytest.mark.parametrize("name", ["basic", "post", "public"])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_oidc_provider_exchanges_a_token_for_one_of_another_api(
    oidc_provider: OidcProvider, name: str, kind: str
) -> None:
    arrived = signed_in(oidc_provider, oidc_provider.resources["opaque"].uri)
    with dispatcher() as asking:
        result = asking.acquire(
            environment=of(oidc_provider, name),
            **client_of(oidc_provider, name),
            subject_token=arrived[kind],
            subject_token_type=kind,
            resource=oidc_provider.resources["jwt"].uri,
        )
    claims = claims_of(result.access_token)
    assert claims["sub"] == claims_of(arrived["id_token"])["sub"]
    assert claims["aud"] == oidc_provider.resources["jwt"].uri
    assert claims["client_id"] == oidc_provider.clients[name].client_id
    assert result.issued_token_type == f"{KIND}access_token"
    assert result.expires_on is not None


def test_oidc_provider_hears_of_an_actor_and_of_every_audience(
    oidc_provider: OidcProvider,
) -> None:
    arrived, other = signed_in(oidc_provider), signed_in(oidc_provider)
    with dispatcher() as asking:
        result = asking.acquire(
            environment=of(oidc_provider),
            **client_of(oidc_provider, "basic"),
            subject_token=arrived["access_token"],
            actor_token=other["access_token"],
            audience=["one", "two"],
            resource=oidc_provider.resources["jwt"].uri,
        )
    claims = claims_of(result.access_token)
    assert claims["act"] == {"sub": claims_of(other["id_token"])["sub"]}
    assert claims["audiences"] == ["one", "two"]


def test_oidc_provider_issues_what_is_no_access_token(oidc_provider: OidcProvider) -> None:
    arrived = signed_in(oidc_provider)
    with dispatcher() as asking:
        result = asking.acquire(
            environment=of(oidc_provider),
            **client_of(oidc_provider, "basic"),
            subject_token=arrived["access_token"],
            requested_token_type="id_token",
        )
    assert (result.token_type, result.issued_token_type) == ("N_A", f"{KIND}id_token")
    assert claims_of(result.access_token)["sub"] == claims_of(arrived["id_token"])["sub"]


def test_oidc_provider_refuses_a_token_that_is_none_and_a_wrong_secret(
    oidc_provider: OidcProvider,
) -> None:
    environment = of(oidc_provider)
    client = oidc_provider.clients["basic"].client_id
    with dispatcher() as asking:
        with pytest.raises(AuthorityError, match="subject_token is not valid"):
            asking.acquire(
                environment=environment,
                **client_of(oidc_provider, "basic"),
                subject_token="nobody's",
            )
        with pytest.raises(InvalidClient):
            asking.acquire(
                environment=environment, credential=(client, "wrong"), subject_token="nobody's"
            )
