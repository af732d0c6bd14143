"""`grantway token --challenge`: the token that an API wants, from the header of its refusal."""

import base64
import json

import pytest

from cli.support import SENTINEL, Clock, Outcome, Shop, run, session
from cli.test_token import NOW, VOUCHER
from grantway.parameters import CLAIMS, SCOPES

WANTED = {"access_token": {"nbf": {"essential": True, "value": "1"}}}
ENCODED = base64.b64encode(json.dumps(WANTED).encode()).decode()
HEADER = f'Bearer realm="", error="insufficient_claims", claims="{ENCODED}"'


@pytest.fixture(autouse=True)
def voucher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", SENTINEL)


def token(shop: Shop, *args: str) -> Outcome:
    here = session(shop, clock=Clock(NOW), prompter=False)
    return run("token", "--environment", "Mall", *VOUCHER, *args, session=here)


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        f"WWW-Authenticate: {HEADER}",
        f"www-authenticate:{HEADER}\r\n",
        f"WWW-Authenticate: Negotiate\r\nWWW-Authenticate: {HEADER}\r\n",
        f"Negotiate, {HEADER}",
    ],
)
def test_the_claims_are_asked_for(header: str) -> None:
    shop = Shop()
    outcome = token(shop, "--challenge", header)
    assert (outcome.code, outcome.stdout.strip()) == (0, "the-access-token")
    (request,) = shop.requests
    assert json.loads(request.get(CLAIMS) or "") == WANTED


def test_scopes_are_asked_for() -> None:
    shop = Shop()
    assert token(shop, "--challenge", 'Bearer error=insufficient_scope, scope="a b"').code == 0
    assert shop.requests[0].get(SCOPES) == ("a", "b")


@pytest.mark.parametrize("header", ["", "Bearer error=invalid_token", "Basic realm=x", "nonsense="])
def test_a_challenge_that_no_token_satisfies_is_refused(header: str) -> None:
    shop = Shop()
    outcome = token(shop, "--challenge", header)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--challenge: no other token would satisfy it" in outcome.stderr
    assert not shop.requests


def test_it_goes_beside_no_claims_of_the_calls_own() -> None:
    outcome = token(Shop(), "--challenge", HEADER, "--claims", "{}")
    assert outcome.code == 2
    assert "--challenge and --claims exclude each other" in outcome.stderr


def test_a_way_to_sign_in_is_refused_by_a_set_without_people() -> None:
    header = "Bearer error=insufficient_user_authentication, acr_values=gold"
    outcome = token(Shop(), "--challenge", header)
    assert outcome.code == 2
    assert "does not take --prompt" in outcome.stderr
