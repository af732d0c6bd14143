"""`grantway explain --error`: what to do about an authority's own error number, offline."""

import json

import pytest

from cli.support import APP, Shop, run, session
from grantway_clouds import ADVICE


@pytest.mark.parametrize(
    "said",
    [
        "50076",
        " 50076 ",
        "AADSTS50076",
        "aadsts50076",
        "AADSTS50076: Due to a change made by your administrator, you must (AADSTS1) use MFA.",
        "invalid_grant: AADSTS50076: Due to a change\r\nTrace ID: 1",
    ],
)
def test_a_number_is_told_what_to_do_about(said: str) -> None:
    outcome = run("explain", "--error", said)
    assert (outcome.code, outcome.stdout.strip(), outcome.stderr) == (0, ADVICE[50076], "")


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_every_number_is_known_in_every_cloud(code: int) -> None:
    outcome = run("explain", "--error", f"AADSTS{code}", "--environment", "ChinaCloud", "--json")
    assert outcome.json["advice"] == ADVICE[code]


def test_json_has_the_numbers_that_mean_the_same() -> None:
    facts = run("explain", "--error", "50079", "--environment", "GlobalCloud", "--json").json
    assert facts == {
        "environment": "GlobalCloud",
        "code": 50079,
        "codes": [50072, 50074, 50076, 50079],
        "advice": ADVICE[50079],
    }


def test_the_environment_is_that_of_a_call() -> None:
    here = session(config='[profiles.w]\nenvironment = "ChinaCloud"\n')
    facts = run("explain", "-p", "w", "--error", "50076", "--json", session=here).json
    assert facts["environment"] == "ChinaCloud"


def test_what_is_not_known_is_said_not_to_be() -> None:
    outcome = run("explain", "--error", "424242")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "nothing is known of 424242 at GlobalCloud" in outcome.stderr
    assert "grantway environments show GlobalCloud" in outcome.stderr
    outcome = run("explain", "--error", "50076", "--environment", "Mall", session=session(Shop()))
    assert "Mall has no advice at all" in outcome.stderr


@pytest.mark.parametrize("said", ["", "MFA", "AADSTS", "-1", "1" * 10, "MSIS50076", "\u0661"])
def test_what_is_no_number_of_the_authoritys_is_refused(said: str) -> None:
    outcome = run("explain", "--error", said, "--json")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "there is no number of GlobalCloud's in it" in json.dumps(outcome.error)


@pytest.mark.parametrize(
    "more", [("--application-id", APP), ("--provider", "User"), ("--tenant-id", "x")]
)
def test_nothing_of_a_call_goes_with_it(more: tuple[str, ...]) -> None:
    outcome = run("explain", "--error", "50076", *more)
    assert outcome.code == 2
    assert "--error goes with --environment and --profile alone" in outcome.stderr
