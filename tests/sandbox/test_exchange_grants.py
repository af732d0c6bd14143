"""Tokens for tokens: the grants beside on-behalf-of, as the standards have them."""

from typing import Any

import jwt
import pytest
import requests

from grantway_sandbox.model import APPLICATION_ID, Resource, User
from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH, Ask, FakeClock, claims_of, code_of

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KIND = "urn:ietf:params:oauth:token-type:"
OTHERS = f"{GRAPH}/User.Read"


def exchange(ask: Ask, token: str, **fields: str | None) -> requests.Response:
    given: dict[str, str | None] = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": token,
        "subject_token_type": f"{KIND}access_token",
        "scope": f"{GRAPH}/User.Read openid offline_access",
    }
    return ask(**(given | fields))


def vouch(ask: Ask, assertion: str, **fields: str | None) -> requests.Response:
    given: dict[str, str | None] = {
        "grant_type": JWT_BEARER,
        "assertion": assertion,
        "client_id": None,
        "client_secret": None,
        "scope": f"{GRAPH}/User.Read offline_access",
    }
    return ask(**(given | fields))


def test_a_token_that_came_is_exchanged_for_one_of_another_api(sandbox: Sandbox, ask: Ask) -> None:
    answer = exchange(ask, sandbox.issue_access_token())
    claims = claims_of(answer)
    assert (claims["oid"], claims["aud"]) == (sandbox.user.object_id, GRAPH)
    assert claims["appid"] == APPLICATION_ID
    assert claims["scp"] == "User.Read"
    assert answer.json()["issued_token_type"] == f"{KIND}access_token"
    assert "refresh_token" not in answer.json()


def test_a_public_client_exchanges_too(sandbox: Sandbox, ask: Ask) -> None:
    client = sandbox.public_application_id
    sandbox.register(Resource(client, "Public", (f"api://{client}",), scopes=("call",)))
    token = sandbox.issue_access_token(scope=f"api://{client}/call")
    answer = exchange(ask, token, client_id=client, client_secret=None)
    assert claims_of(answer)["appid"] == client
    # A token that came to the other application is none of its business.
    other = exchange(ask, sandbox.issue_access_token(), client_id=client, client_secret=None)
    assert code_of(other) == 500131


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ({"subject_token": "x.y.z"}, 50013),
        ({"subject_token": None}, 900144),
        ({"subject_token_type": None}, 900144),
        ({"subject_token_type": f"{KIND}saml2"}, 9002313),
        ({"requested_token_type": f"{KIND}id_token"}, 9002313),
        ({"actor_token": "x.y.z"}, 9002313),
        ({"tenant": "fabrikam.example"}, 50013),
        ({"client_secret": "wrong"}, 7000215),
    ],
)
def test_an_exchange_is_refused(
    sandbox: Sandbox, ask: Ask, spoil: dict[str, str | None], code: int
) -> None:
    assert code_of(exchange(ask, sandbox.issue_access_token(), **spoil)) == code


def test_a_token_for_somebody_else_is_not_exchanged(sandbox: Sandbox, ask: Ask) -> None:
    assert code_of(exchange(ask, sandbox.issue_access_token(scope=OTHERS))) == 500131


def test_an_expired_token_is_not_exchanged(sandbox: Sandbox, ask: Ask, clock: FakeClock) -> None:
    token = sandbox.issue_access_token()
    clock.advance(3600)
    assert code_of(exchange(ask, token)) == 500133


def test_an_application_vouches_for_a_user(sandbox: Sandbox, ask: Ask) -> None:
    bob = User(
        "5a9d0b0c-2001-4a00-8a00-0000000000bb", "bob@contoso.example", "Bob",
        sandbox.tenant.tenant_id,
    )  # fmt: skip
    sandbox.register(bob)
    for user in (sandbox.user, bob):
        answer = vouch(ask, sandbox.sign_assertion(user))
        claims = claims_of(answer)
        assert (claims["oid"], claims["appid"]) == (user.object_id, APPLICATION_ID)
        assert "refresh_token" not in answer.json()


def test_a_client_that_is_named_beside_it_is_authenticated(sandbox: Sandbox, ask: Ask) -> None:
    assertion, client = sandbox.sign_assertion(), APPLICATION_ID
    secret = sandbox.application.secret
    assert vouch(ask, assertion, client_id=client, client_secret=secret).ok
    assert code_of(vouch(ask, assertion, client_id=client, client_secret="wrong")) == 7000215


def signed(sandbox: Sandbox, key: str | None = None, **changes: Any) -> str:
    claims = {
        "iss": APPLICATION_ID,
        "sub": sandbox.user.user_name,
        "aud": f"{sandbox.url}/{sandbox.tenant.tenant_id}/v2.0",
        "exp": sandbox.authority.clock() + 60,
        **changes,
    }
    found = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(found, key or sandbox.application.private_key, algorithm="RS256")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"exp": 1}, 500133),
        ({"exp": None}, 500133),
        ({"aud": "https://elsewhere.example"}, 500131),
        ({"sub": None}, 50013),
        ({"sub": "nobody@contoso.example"}, 50034),
        # What no application made is for on-behalf-of, which lacks a field.
        ({"iss": "https://elsewhere.example"}, 900144),
        ({"iss": None}, 900144),
    ],
)
def test_an_assertion_is_held_against_what_it_says(
    sandbox: Sandbox, ask: Ask, changes: dict[str, Any], code: int
) -> None:
    answer = vouch(ask, signed(sandbox, **changes))
    assert (0 if answer.ok else code_of(answer)) == code


def test_an_assertion_by_another_key_is_refused(sandbox: Sandbox, ask: Ask) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    assert sandbox.application.certificate
    key: Any = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert code_of(vouch(ask, signed(sandbox, key))) == 50013


def test_a_public_application_has_no_key_to_vouch_with(sandbox: Sandbox, ask: Ask) -> None:
    assert code_of(vouch(ask, signed(sandbox, iss=sandbox.public_application_id))) == 50013
