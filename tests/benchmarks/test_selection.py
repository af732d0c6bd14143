"""What selection costs where many parameter sets are installed."""

from collections.abc import Callable

import pytest

from benchmarks.clients import CREDENTIAL, TENANT
from benchmarks.measuring import Comparison, Report, compare, cpu_per_call, turns
from grantway import Configuration, CredentialProvider, Parameter, ParameterSet, Registry, hookimpl
from grantway.intake import Intake
from grantway.parameters import TENANT_ID, text

FEW, MANY = 4, 200
ROUNDS = 15


class Crowd:
    """A plugin with so many parameter sets, each with a parameter of its own."""

    def __init__(self, sets: int) -> None:
        self._sets = [
            ParameterSet(f"Own{number}", (Parameter(f"own_{number}", text),), optional=(TENANT_ID,))
            for number in range(sets)
        ]

    @hookimpl
    def grantway_providers(self) -> list[CredentialProvider]:
        return [CredentialProvider("Crowd", self._sets, print)]  # type: ignore[arg-type]  # never called


@pytest.fixture(scope="module")
def intakes() -> dict[int, Intake]:
    configuration = Configuration({})
    builtin = len(Registry.load(configuration, third_parties=False).candidates)
    return {
        count: Intake(Registry.of(Crowd(max(count - builtin, 1))), configuration, None)
        for count in (FEW, MANY)
    }


def choosing(intake: Intake, **given: object) -> Callable[[], float]:
    values = intake.read(dict(given))  # type: ignore[arg-type]  # a mapping of the caller's
    environment = intake.environment(values)
    return cpu_per_call(lambda: intake.choose(values, environment), 200)


def test_many_sets(report: Report, intakes: dict[int, Intake]) -> None:
    built_in = {"credential": CREDENTIAL, "tenant_id": TENANT}
    contenders = {
        f"{kind}, {count} sets": choosing(intakes[count], **given)
        for count in (FEW, MANY)
        for kind, given in (("a built-in set", built_in), ("another", {"own_0": "x"}))
    }

    def measure() -> list[Comparison]:
        costs = turns(ROUNDS, **contenders)
        return [
            compare(
                f"selecting {kind}, {MANY} sets",
                costs[f"{kind}, {MANY} sets"],
                f"{FEW} sets",
                costs[f"{kind}, {FEW} sets"],
                at_most=bound,
            )
            # No third party's set is looked at; or each is, once, which is the least of it.
            for kind, bound in (("a built-in set", 1.3), ("another", 6))
        ]

    report.hold(measure)
