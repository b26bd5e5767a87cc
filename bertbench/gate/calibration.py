"""How often the gate is wrong on a machine: false alarms on unchanged code, and slowdowns that it misses.

Base and head are taken from recorded runs of unchanged code (`bertbench.gate.noise`) and judged as the gate
does, with the head's efficiency lowered by a known slowdown. Runs that the gate does not judge are left out.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bertbench.formatting import percent
from bertbench.gate.limits import PAIRS
from bertbench.gate.noise import NoiseCase, NoiseRun
from bertbench.gate.result import VerdictKind
from bertbench.gate.rules import judge_efficiency, looks
from bertbench.gate.thresholds import Thresholds
from bertbench.measure.rates import center

COMPARISONS = 1000
MINIMUM_RUNS = 28  # from which to draw
FALSE_ALARMS, CAUGHT = 0.01, 0.95
# What a slowdown of 5 % takes: a threshold below it, and runs in turn.
SENSITIVE = 0.025
COLUMNS = ("case", "comparison", "slower by", "threshold", "regression", "unclear", "fine", "demanded")


@dataclass(frozen=True)
class Rates:
    """The outcomes of comparisons with a head that is slower by a known share of its time."""

    case: str
    pairs: int | None
    slowdown: float
    threshold: float
    demanded: bool
    outcomes: Counter[VerdictKind]

    @property
    def regressions(self) -> float:
        """The share that was called a regression."""
        return self.outcomes[VerdictKind.REGRESSION] / self.outcomes.total()

    @property
    def demand(self) -> str:
        """What is asked of the share of regressions, in words; nothing of what is only told."""
        if not self.demanded:
            return ""
        asked = f"≥ {percent(CAUGHT, 0)}" if self.slowdown else f"≤ {percent(FALSE_ALARMS, 0)}"
        return f"regression {asked}"

    @property
    def kept(self) -> bool:
        """Whether the demand is met."""
        if not self.demanded:
            return True
        return self.regressions >= CAUGHT if self.slowdown else self.regressions <= FALSE_ALARMS

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of `COLUMNS`."""
        total = self.outcomes.total()
        unclear = self.outcomes[VerdictKind.UNCLEAR] / total
        shares = (self.regressions, unclear, 1 - self.regressions - unclear)
        return (
            self.case,
            f"{self.pairs} to {looks(self.pairs)[-1]} pairs" if self.pairs else "one stored run per side",
            percent(self.slowdown, 0) if self.slowdown else "unchanged",
            percent(self.threshold),
            *(percent(share) for share in shares),
            self.demand,
        )


def measure_rates(
    case: NoiseCase, thresholds: Thresholds, comparisons: int = COMPARISONS, pairs: int = PAIRS
) -> Iterator[Rates]:
    """The error rates of one case, for each way to compare for which there are enough runs."""
    usual = thresholds.of(case.case)
    for number, slowdown, threshold in (
        (None, 0.0, usual),
        (None, 0.10, usual),
        (pairs, 0.0, usual),
        (pairs, 0.10, usual),
        (pairs, 0.0, SENSITIVE),
        (pairs, 0.05, SENSITIVE),
    ):
        runs = _usable_runs(case, number is not None)
        if len(runs) < MINIMUM_RUNS:
            continue
        outcomes = _compare(case.case, runs, number, slowdown, threshold, comparisons)
        demanded = threshold == usual and threshold < (slowdown or 1)
        yield Rates(case.case, number, slowdown, threshold, demanded, outcomes)


def describe_lack(case: NoiseCase) -> Iterator[str]:
    """The ways to compare whose error rates cannot be measured, each in a line."""
    for paired, way in ((False, "stored"), (True, "interleaved")):
        if (count := len(_usable_runs(case, paired))) < MINIMUM_RUNS:
            yield f"{case.case}: {count} of {len(case.runs)} runs can be used for {way} comparisons"


def _usable_runs(case: NoiseCase, paired: bool) -> list[NoiseRun]:
    return case.comparable_in_turn if paired else case.undisturbed


def _compare(
    case: str, runs: list[NoiseRun], pairs: int | None, slowdown: float, threshold: float, comparisons: int
) -> Counter[VerdictKind]:
    generator = np.random.default_rng(0)
    ends = looks(pairs) if pairs else (None,)
    centers = np.array([center(run.efficiency_rounds) for run in runs])
    outcomes: Counter[VerdictKind] = Counter()
    for _ in range(comparisons):
        base, head = _draw_pairs(centers, ends[-1], generator) if ends[-1] else _draw_two(runs, generator)
        slower = [value / (1 + slowdown) for value in head]
        for count in ends:
            sides = base[:count], slower[:count]
            verdict = judge_efficiency(case, *sides, paired=count is not None, threshold=threshold).verdict
            if verdict != VerdictKind.UNCLEAR:
                break
        outcomes[verdict] += 1
    return outcomes


def _draw_two(runs: list[NoiseRun], generator: np.random.Generator) -> tuple[list[float], list[float]]:
    """The rounds of two different runs, any time apart, as a stored result and a new one are."""
    base, head = generator.choice(len(runs), size=2, replace=False)
    return list(runs[base].efficiency_rounds), list(runs[head].efficiency_rounds)


def _draw_pairs(
    centers: np.ndarray, count: int, generator: np.random.Generator
) -> tuple[list[float], list[float]]:
    """The efficiencies of pairs of successive runs, drawn at random; either of a pair may be the base."""
    first = generator.integers(len(centers) - 1, size=count)
    pairs = generator.permuted(np.stack([centers[first], centers[first + 1]], axis=1), axis=1)
    return pairs[:, 0].tolist(), pairs[:, 1].tolist()
