"""How costs are measured and compared.

The machines that run this are shared and noisy, so a cost is never held against a number of
seconds. It is held against another cost that is measured in the same run, turn by turn, and the
ratio is the median of the turns' own ratios: what disturbs a turn disturbs both. What can be
measured as CPU time is. A comparison that does not hold is measured once more, all of it, before
it fails.
"""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from statistics import median
from time import process_time

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))


@dataclass(frozen=True)
class Comparison:
    """What one thing costs, in seconds, against another."""

    what: str
    cost: float
    against: str
    other: float
    ratio: float
    at_most: float | None
    """None: worth knowing, and not held against anything."""
    repeated: bool = False

    @property
    def holds(self) -> bool:
        return self.at_most is None or self.ratio <= self.at_most

    def cells(self) -> tuple[str, ...]:
        verdict = "" if self.at_most is None else "holds" if self.holds else "FAILS"
        return (
            self.what,
            in_words(self.cost),
            self.against,
            in_words(self.other),
            f"{self.ratio:.2f}" if self.ratio >= 0.1 else f"{self.ratio:.3f}",
            "" if self.at_most is None else f"<= {self.at_most:g}",
            f"{verdict}, second try" if self.repeated and verdict else verdict,
        )


@dataclass(frozen=True)
class Count:
    """A number that has to be, whatever the machine is busy with."""

    what: str
    number: int
    wanted: range

    @property
    def holds(self) -> bool:
        return self.number in self.wanted

    def cells(self) -> tuple[str, ...]:
        first, last = self.wanted.start, self.wanted.stop - 1
        wanted = f"= {first}" if first == last else f"<= {last}"
        return (self.what, str(self.number), "", "", "", wanted, "holds" if self.holds else "FAILS")


@dataclass
class Report:
    """All figures of a run, in the order they were measured."""

    rows: list[Comparison | Count] = field(default_factory=list, repr=False)

    def hold(self, measure: Callable[[], Sequence[Comparison]]) -> None:
        """Measure, if need be twice, note the figures, and fail where a bound does not hold."""
        found = measure()
        if not all(each.holds for each in found):
            found = [replace(each, repeated=True) for each in measure()]
        self._note(found)

    def count(self, *counts: Count) -> None:
        """Note counts, and fail where one is not as it has to be."""
        self._note(counts)

    def _note(self, rows: Sequence[Comparison | Count]) -> None:
        self.rows += rows
        lines = table(rows)
        print(*lines, sep="\n")
        assert all(each.holds for each in rows), "\n".join(["a bound does not hold:", *lines])


def table(rows: Sequence[Comparison | Count]) -> list[str]:
    """The figures as lines of text, in columns."""
    head = ("measured", "cost", "against", "cost", "ratio", "bound", "")
    cells = [head, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left_aligned = (0, 2, 6)
    return [
        "  ".join(
            text.ljust(width) if column in left_aligned else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def in_words(seconds: float) -> str:
    size, unit = next((each for each in UNITS if seconds >= each[0]), UNITS[-1])
    return f"{seconds / size:.3g} {unit}"


def turns(rounds: int, **contenders: Callable[[], float]) -> dict[str, list[float]]:
    """Measure each contender once per round, one after the other: name to cost by round."""
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        # Who goes first changes, lest one always pays for what another left behind.
        names = list(contenders)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            costs[name].append(contenders[name]())
    return costs


def compare(
    what: str,
    costs: Sequence[float],
    against: str,
    others: Sequence[float],
    *,
    at_most: float | None = None,
) -> Comparison:
    """Compare what was measured in the same turns."""
    ratio = median(cost / other for cost, other in zip(costs, others, strict=True))
    return Comparison(what, median(costs), against, median(others), ratio, at_most)


def cpu_per_call(call: Callable[[], object], calls: int) -> Callable[[], float]:
    """A contender: the CPU seconds of this process, all threads, for one of `calls` calls."""

    def cost() -> float:
        begin = process_time()
        for _ in repeat(None, calls):
            call()
        return (process_time() - begin) / calls

    return cost


def cpu_of_process(
    command: Sequence[str | Path], folder: Path, environ: Mapping[str, str]
) -> Callable[[], float]:
    """A contender: the CPU seconds of a whole process, from its start to its end."""

    def cost() -> float:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        return usage.ru_utime + usage.ru_stime

    return cost
