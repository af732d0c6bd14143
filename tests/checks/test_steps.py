"""Steps depend on each other, and whatever one does the others go on."""

from collections.abc import Iterable, Iterator

from grantway.checks.check import Check, Step, run
from grantway.errors import TransportError


def step(name: str, outcome: str = "ok", *needs: str) -> Step:
    return Step((name,), lambda: (Check(name, outcome, "found"),), needs)


def told(*steps: Step) -> list[tuple[str, str, str]]:
    return [(each.name, each.outcome, each.found) for each in run(steps)]


def test_what_needs_a_failed_check_is_skipped_with_the_first_failure_as_its_reason() -> None:
    assert told(
        step("a"), step("b", "failed", "a"), step("c", "ok", "b"), step("d", "ok", "c"), step("e")
    ) == [
        ("a", "ok", "found"),
        ("b", "failed", "found"),
        ("c", "skipped", "b has to be right first"),
        ("d", "skipped", "b has to be right first"),
        ("e", "ok", "found"),
    ]


def test_a_warning_and_a_check_that_had_nothing_to_look_at_hold_nobody_up() -> None:
    found = told(step("a", "warning"), step("b", "skipped", "a"), step("c", "ok", "a", "b"))
    assert found[-1] == ("c", "ok", "found")


def test_an_error_is_the_failure_of_what_was_being_looked_at() -> None:
    def look() -> Iterator[Check]:
        yield Check("a", "ok", "found")
        raise TransportError("No answer.", remedy="Try again.")

    first, second, third = run([Step(("a", "b", "c"), look)])
    assert first.outcome == "ok"
    assert (second.name, second.outcome, second.remedy) == ("b", "failed", "Try again.")
    assert (third.name, third.found) == ("c", "b has to be right first")


def test_what_nobody_expected_is_a_failure_that_shows_no_text() -> None:
    def look() -> Iterable[Check]:
        raise RuntimeError("sentinel")

    found = list(run([Step(("a",), look), step("b")]))
    assert [each.outcome for each in found] == ["failed", "ok"]
    assert "RuntimeError" in found[0].found
    assert "sentinel" not in str(found)


def test_one_failure_among_several_of_a_name_is_a_failure() -> None:
    both = (Check("a", "failed", "one"), Check("a", "ok", "other"))
    found = list(run([Step(("a",), lambda: both), step("b", "ok", "a")]))
    assert [each.outcome for each in found] == ["failed", "ok", "skipped"]


def test_findings_come_one_by_one() -> None:
    made: list[str] = []

    def look() -> Iterator[Check]:
        made.append("made")
        yield Check("a", "ok", "found")

    found = run([Step(("a",), look), Step(("a",), look)])
    assert not made
    next(found)
    assert made == ["made"]


def test_a_finding_in_json_has_all_of_it() -> None:
    assert Check("a", "warning", "found", "remedy", {"number": 1}).as_dict() == {
        "name": "a",
        "outcome": "warning",
        "found": "found",
        "remedy": "remedy",
        "facts": {"number": 1},
    }
