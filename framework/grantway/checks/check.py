"""A finding, and steps that depend on each other.

A step looks at something and yields what it finds, under the names that it announced. What a step
needs is told by those names: where one of them has failed, the step is not made, and its own
checks are skipped with that as their reason. A step that raises has failed; the others go on.
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal

import attrs

from grantway.errors import GrantwayError
from grantway.suggest import type_of

Outcome = Literal["ok", "warning", "failed", "skipped"]


def _frozen(given: Mapping[str, object]) -> Mapping[str, object]:
    return MappingProxyType(dict(given))


@attrs.frozen
class Check:
    """One finding.

    Attributes:
        name: what was looked at, in one word.
        outcome: `warning`: it works, and somebody should know; `skipped`: there was nothing to
            look at, or something that it needs has failed.
        found: what there is, or what is wrong.
        remedy: what to do about it; empty where nothing is to be done.
        facts: the same for programs, JSON-ready.
    """

    name: str
    outcome: Outcome
    found: str
    remedy: str = ""
    facts: Mapping[str, object] = attrs.field(
        factory=dict[str, object], converter=_frozen, hash=False
    )

    @classmethod
    def failure(cls, name: str, error: GrantwayError, outcome: Outcome = "failed") -> "Check":
        """The finding that an error is."""
        return cls(name, outcome, error.message, error.remedy)

    def as_dict(self) -> dict[str, object]:
        """The finding as JSON-ready facts."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "found": self.found,
            "remedy": self.remedy,
            "facts": dict(self.facts),
        }


@attrs.frozen
class Step:
    """Something to look at.

    Attributes:
        names: of the checks that `look` yields; several may have one of them.
        look: finds out. A `GrantwayError` that it raises is the failure of the first of `names`
            that it has not come to, and the end of the others.
        needs: names of earlier checks, none of which may have failed.
        is_extra: most have nothing to look at there, so nobody hears that it is skipped.
    """

    names: tuple[str, ...]
    look: Callable[[], Iterable[Check]]
    needs: tuple[str, ...] = ()
    is_extra: bool = False


def run(steps: Iterable[Step]) -> Iterator[Check]:
    """Make the steps in their order, yielding each finding when it is there."""
    #: What has failed, or cannot be looked at, and what it was that failed first.
    causes: dict[str, str] = {}
    for step in steps:
        cause = next((causes[need] for need in step.needs if need in causes), "")
        told: set[str] = set()
        if not cause:
            for check in _looked(step, told):
                if check.outcome == "failed":
                    causes.setdefault(check.name, check.name)
                    cause = check.name
                yield check
        for name in step.names:
            if name not in told and cause:
                causes[name] = cause
                if not step.is_extra:
                    yield Check(name, "skipped", f"{cause} has to be right first")


def _looked(step: Step, told: set[str]) -> Iterator[Check]:
    try:
        for check in step.look():
            told.add(check.name)
            yield check
    except GrantwayError as error:
        failure = error
    except Exception as error:  # noqa: BLE001  # of a plugin's or ours; its text may hold a secret
        where = "".join(traceback.format_tb(error.__traceback__))
        logging.getLogger("grantway.checks").debug("%s was raised at\n%s", type_of(error), where)
        failure = GrantwayError(
            f"It could not be looked at: {type_of(error)}.",
            remedy="That is a bug; please report it, with what `grantway -vv ...` says.",
        )
    else:
        return
    name = next((each for each in step.names if each not in told), step.names[-1])
    told.add(name)
    yield Check.failure(name, failure)
