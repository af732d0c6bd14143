"""How checks are told: a line each as soon as it is there, or all of them as JSON."""

from typing import TYPE_CHECKING

from grantway.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grantway.checks.check import Check

_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
_NAME = max(map(len, ("configuration", "environment")))
_OUTCOME = max(map(len, _STYLES))


def told(checks: "Iterable[Check]", *, as_json: bool) -> "tuple[Check, ...]":
    """Tell each check when it is there, unless all are to be told as JSON; returns them."""
    found: list[Check] = []
    for check in checks:
        found.append(check)
        if not as_json:
            output.write(_line(check))
            # Somebody waits, and the next one may take a while.
            output.flush()
    return tuple(found)


def count(checks: "Sequence[Check]", outcome: str) -> int:
    """How many have that outcome."""
    return sum(check.outcome == outcome for check in checks)


def summary(checks: "Sequence[Check]") -> str:
    """One line: how many there are, and what is wrong."""
    failed, warned = count(checks, "failed"), count(checks, "warning")
    if not failed and not warned:
        return f"Nothing is wrong ({output.counted(len(checks), 'check')})."
    parts = [
        output.counted(number, word)
        for number, word in ((failed, "fault"), (warned, "warning"))
        if number
    ]
    return f"{' and '.join(parts)} in {output.counted(len(checks), 'check')}."


def painted_summary(checks: "Sequence[Check]") -> str:
    """The same, in the colour of the worst."""
    worst = next((each for each in ("failed", "warning") if count(checks, each)), "ok")
    return output.paint(summary(checks), _STYLES[worst])


def as_facts(checks: "Sequence[Check]") -> dict[str, object]:
    """All of it as JSON-ready facts."""
    from grantway.cli.logs import masked_values

    return {
        "summary": summary(checks),
        "faults": count(checks, "failed"),
        "warnings": count(checks, "warning"),
        "checks": masked_values([check.as_dict() for check in checks]),
    }


def _line(check: "Check") -> str:
    from grantway.cli.failures import in_options
    from grantway.cli.logs import masked

    outcome = output.paint(check.outcome, _STYLES[check.outcome])
    padding = " " * (_OUTCOME - len(check.outcome))
    text = " ".join(in_options(f"{check.found} {check.remedy}").split())
    return f"{check.name:<{_NAME}}  {outcome}{padding}  {output.printable(masked(text))}"
