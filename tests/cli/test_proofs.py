"""`grantway token` with a token that is bound to a key: what is printed is of use, or says not."""

import shlex
from typing import Any

import jwt
import pytest

from cli.support import SENTINEL, Clock, Outcome, Shop, run, session, token_result
from cli.test_token import NOW, VOUCHER
from grantway import ProofKey

KEY = ProofKey.generate()
URL = "https://till.example/me?all#top"


@pytest.fixture(autouse=True)
def voucher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", SENTINEL)


def token(*args: str, bound: bool = True) -> Outcome:
    more: dict[str, Any] = {"token_type": "DPoP", "proof_key": KEY} if bound else {}
    shop = Shop(lambda request, context: token_result(**more))
    here = session(shop, clock=Clock(NOW), prompter=False)
    return run("token", "--environment", "Mall", *VOUCHER, *args, session=here)


def claims(proof: str) -> dict[str, Any]:
    key = jwt.PyJWK(jwt.get_unverified_header(proof)["jwk"], "ES256").key
    found: dict[str, Any] = jwt.decode(proof, key, ["ES256"])
    return found


def test_headers_are_of_the_token_and_its_proof() -> None:
    outcome = token("-o", "header", "--proof-for", "get", URL, "--proof-nonce", "n-1")
    first, second = outcome.stdout.splitlines()
    assert (outcome.code, outcome.stderr) == (0, "")
    assert first == "Authorization: DPoP the-access-token"
    name, _, proof = second.partition(": ")
    assert name == "DPoP"
    found = claims(proof)
    assert (found["htm"], found["htu"]) == ("GET", "https://till.example/me")
    assert found["nonce"] == "n-1"
    assert found["ath"]


def test_assignments_have_the_proof() -> None:
    outcome = token("-o", "env", "--proof-for", "POST", URL)
    values = dict(shlex.split(line)[0].split("=", 1) for line in outcome.stdout.splitlines())
    assert values["GRANTWAY_TOKEN_TYPE"] == "DPoP"
    assert claims(values["GRANTWAY_DPOP_PROOF"])["htm"] == "POST"


def test_json_has_the_proof_and_never_the_key() -> None:
    outcome = token("--json", "--all-tokens", "--proof-for", "GET", URL)
    found: Any = outcome.json
    assert claims(found["dpop_proof"])["htm"] == "GET"
    assert KEY.export().reveal()[40:80] not in outcome.all
    assert "proof_key" not in found


@pytest.mark.parametrize("format_", ["text", "header", "env", "json"])
def test_without_a_proof_it_is_said_that_the_token_alone_is_of_no_use(format_: str) -> None:
    outcome = token("-o", format_)
    assert outcome.code == 0
    assert "the-access-token" in outcome.stdout
    assert "bound to a key" in outcome.stderr
    assert "--proof-for METHOD URL" in outcome.stderr


def test_a_bearer_token_has_no_proof() -> None:
    outcome = token("-o", "header", "--proof-for", "GET", URL, bound=False)
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert "bound to no key" in outcome.stderr
    assert token("-o", "header", bound=False).stderr == ""


@pytest.mark.parametrize(
    ("args", "match"),
    [
        (("--proof-for", "GET", URL), "needs --output header, env or json"),
        (("-o", "table", "--proof-for", "GET", URL), "needs --output header, env or json"),
        (("-o", "header", "--proof-nonce", "n"), "needs --proof-for"),
        (("-o", "header", "--proof-for", "GET", "till"), "not an http or https URL"),
        (("-o", "header", "--proof-for", "GET"), "requires 2 arguments"),
    ],
)
def test_options_that_make_no_sense_are_refused(args: tuple[str, ...], match: str) -> None:
    outcome = token(*args)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert match in outcome.stderr
