"""An application for which its platform vouches, as Entra has it."""

from typing import Any

import attrs
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from grantway_sandbox.clients import ASSERTION_TYPE
from grantway_sandbox.model import FederatedCredential
from grantway_sandbox.server import Sandbox
from sandbox.support import Ask, FakeClock, claims_of, code_of, unverified


def vouched(ask: Ask, token: str) -> Any:
    return ask(client_secret=None, client_assertion_type=ASSERTION_TYPE, client_assertion=token)


def test_a_platforms_token_is_a_proof(sandbox: Sandbox, ask: Ask) -> None:
    answer = vouched(ask, sandbox.platform_token())
    assert answer.status_code == 200
    claims = claims_of(answer)
    assert (claims["appid"], claims["appidacr"]) == (sandbox.application.application_id, "2")
    assert "refresh_token" not in answer.json()


@pytest.mark.parametrize(
    ("change", "number", "told"),
    [
        ({"issuer": "https://another.example"}, 700211, "issuer 'https://another.example'"),
        ({"issuer": "https://platform.example/"}, 700211, "issuer 'https://platform.example/'"),
        ({"subject": "repo:else"}, 700213, "subject 'repo:else'"),
        ({"audience": "api://else"}, 700212, "audience 'api://else'"),
        ({"lifetime": -400}, 700024, "valid time range"),
        ({"lifetime": 90_000}, 700024, "1440 minutes"),
    ],
)
def test_a_token_that_says_something_else_is_refused(
    sandbox: Sandbox, ask: Ask, change: dict[str, Any], number: int, told: str
) -> None:
    answer = vouched(ask, sandbox.platform_token(**change))
    assert (answer.status_code, code_of(answer)) == (401, number)
    assert answer.json()["error"] == "invalid_client"
    assert told in answer.json()["error_description"]


def test_a_token_that_somebody_else_has_signed_is_refused(sandbox: Sandbox, ask: Ask) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(unverified(sandbox.platform_token()), key, algorithm="RS256")
    assert code_of(vouched(ask, forged)) == 700027
    unsigned = jwt.encode(unverified(sandbox.platform_token()), None, algorithm="none")
    assert code_of(vouched(ask, unsigned)) == 700027


def test_what_an_application_takes_can_be_changed(sandbox: Sandbox, ask: Ask) -> None:
    application = sandbox.authority.find_application(sandbox.application.application_id)
    assert application is not None
    credential = FederatedCredential("https://issuer.example", "me", "https://audience.example")
    sandbox.register(attrs.evolve(application, federated_credentials=(credential,)))
    token = sandbox.platform_token("me", issuer=credential.issuer, audience=credential.audience)
    assert vouched(ask, token).status_code == 200
    assert code_of(vouched(ask, sandbox.platform_token())) == 700211


def test_a_platforms_token_comes_again_while_it_lasts(
    sandbox: Sandbox, ask: Ask, clock: FakeClock
) -> None:
    token = sandbox.platform_token()
    for seconds in (0, 1800, 1800):
        clock.advance(seconds)
        assert vouched(ask, token).status_code == 200
    clock.advance(301)
    assert code_of(vouched(ask, token)) == 700024
