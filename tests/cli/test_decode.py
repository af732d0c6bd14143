"""`grantway decode`: header and claims of a token, read on this machine alone."""

import base64
import json
from pathlib import Path

import pytest

from cli.support import Clock, Outcome, jwt, run, session

NOW = 1_900_000_000.0
CLAIMS = {"aud": "https://api.example", "exp": NOW + 3540, "iat": NOW - 90, "nbf": NOW - 7200}


def decode(stdin: str | bytes, *args: str) -> Outcome:
    return run("decode", *args, session=session(clock=Clock(NOW)), stdin=stdin)


def test_claims_are_shown_with_times_for_people() -> None:
    outcome = decode(jwt(CLAIMS))
    assert outcome.code == 0
    assert "alg  RS256" in outcome.stdout
    assert "exp  2030-03-17 18:45:40 UTC (in 59 min)" in outcome.stdout
    assert "iat  2030-03-17 17:45:10 UTC (1 min ago)" in outcome.stdout
    assert "nbf  2030-03-17 15:46:40 UTC (2 h ago)" in outcome.stdout


def test_it_says_that_nothing_was_verified() -> None:
    assert "not verified" in decode(jwt(CLAIMS)).stderr
    assert decode(jwt(CLAIMS), "--json").json["verified"] is False


def test_json_has_the_claims_as_they_came() -> None:
    facts = decode(jwt(CLAIMS), "--json").json
    assert facts["claims"] == CLAIMS
    assert facts["times"]["exp"] == "2030-03-17T18:45:40Z"


@pytest.mark.parametrize(
    "around",
    ["{}", "  {}\n\n", "Bearer {}", "Authorization: Bearer {}\n", '{{"access_token": "{}"}}'],
)
def test_what_grantway_prints_is_understood(around: str) -> None:
    assert "https://api.example" in decode(around.format(jwt(CLAIMS))).stdout


def test_a_reference_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME_TOKEN", jwt(CLAIMS))
    assert "https://api.example" in decode("", "env:SOME_TOKEN").stdout
    file = tmp_path / "token"
    file.write_text(jwt(CLAIMS))
    file.chmod(0o600)
    assert "https://api.example" in decode("", f"file:{file}").stdout


def test_a_reference_to_nothing_is_a_vaults_error() -> None:
    assert decode("", "env:NOT_THERE").code == 3


def test_an_encrypted_token_shows_its_header_only() -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "dir", "enc": "A256GCM"}).encode())
    outcome = decode(f"{header.decode().rstrip('=')}..aXY.Y3Q.dGFn")
    assert outcome.code == 0
    assert "A256GCM" in outcome.stdout
    assert "encrypted" in outcome.stderr
    assert "Claims" not in outcome.stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "opaque-token",
        "a.b",
        "a.b.c",
        "....",
        "{}",
        '{"access_token": 7}',
        "{" * 100_000,
        jwt({}).split(".")[0] + ".W10.x",
        jwt({}).split(".")[0] + ".!!!.x",
        jwt({}).split(".")[0] + "." + base64.b64encode(b'"' + b"[" * 50_000).decode() + ".x",
        "x" * (1 << 21),
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_token_is_said_to_be_none(text: str) -> None:
    outcome = decode(text)
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert "The token cannot be shown" in outcome.stderr
    assert len(outcome.stderr) < 500


def test_bytes_that_are_no_text_are_no_token() -> None:
    assert decode(b"\xff\xfe\x00").code == 2


@pytest.mark.parametrize("exp", [1e300, -1e300, True, "soon", None, [1], float("nan")])
def test_times_that_are_none_are_shown_as_they_are(exp: object) -> None:
    assert decode(jwt({"exp": exp})).code == 0
    assert decode(jwt({"exp": exp}), "--json").code == 0


def test_claims_do_not_steer_the_terminal() -> None:
    outcome = decode(jwt({"name": "\x1b[2J\x07", "\x1b]0;": "x"}))
    assert "\x1b" not in outcome.stdout
    assert "\\x1b[2J" in outcome.stdout
