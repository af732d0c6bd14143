"""The clock of this machine, by the authority's: what is a second, what is a warning, what is a fault."""

import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.support import Issuer, by_name, examined, outcomes
from grantway.checks.authority import NOTICEABLE, skew_check
from grantway.oauth.id_token import SKEW
from servers.raw import RawServer
from servers.tls import LocalCa

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("skew", "outcome"),
    [
        (0, "ok"), (60, "ok"), (-60, "ok"), (60.5, "warning"), (-60.5, "warning"),
        (300, "warning"), (-300, "warning"), (300.5, "failed"), (-300.5, "failed"),
    ],
)  # fmt: skip
def test_a_minute_is_noticed_and_five_are_a_fault(skew: float, outcome: str) -> None:
    assert skew_check(skew, now=NOW).outcome == outcome


def test_the_limits_are_those_by_which_tokens_are_refused() -> None:
    assert (NOTICEABLE, SKEW) == (60.0, 300.0)


@given(st.floats(-1e8, 1e8))
def test_both_directions_count_alike_and_a_remedy_comes_with_a_doubt(skew: float) -> None:
    one, other = skew_check(skew, now=NOW), skew_check(-skew, now=NOW)
    assert one.outcome == other.outcome
    assert bool(one.remedy) == (one.outcome != "ok")


def test_which_clock_is_behind_is_told() -> None:
    assert "This machine's clock is 400 s behind" in skew_check(400, now=NOW).found
    assert "This machine's clock is 400 s ahead" in skew_check(-400, now=NOW).found
    assert "2023-11-14 22:20:00 UTC" in skew_check(400, now=NOW).found


@pytest.mark.parametrize(
    ("off", "age", "outcome"),
    [(0, 0, "ok"), (120, 0, "warning"), (-1000, 0, "failed"), (-1000, 1000, "ok")],
    ids=["right", "two minutes", "a quarter of an hour", "an answer from a cache"],
)
def test_the_date_of_an_answer_is_what_counts(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa, off: int, age: int, outcome: str
) -> None:
    issuer = Issuer(raw_servers, local_ca)
    headers = {"Date": formatdate(time.time() + off, usegmt=True)}
    issuer.describe({**headers, "Age": str(age)} if age else headers)
    found = examined(issuer.environment())
    assert by_name(found)["clock"].outcome == outcome
    # Whatever the clock says, there is more to look at.
    assert by_name(found)["keys"].outcome == "ok"


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}, {"Date": ""}])
def test_an_answer_without_a_date_says_nothing(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa, headers: dict[str, str]
) -> None:
    issuer = Issuer(raw_servers, local_ca)
    issuer.describe(headers)
    assert outcomes(examined(issuer.environment()), "skipped") == ["clock"]
