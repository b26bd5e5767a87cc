"""How one quantity of one case is judged against its base."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bertbench.formatting import percent
from bertbench.gate.comparison import MeasuredChange, compare_paired, compare_unpaired
from bertbench.gate.limits import (
    EFFICIENCY_THRESHOLD,
    FAR_FALL,
    LOOKS,
    MEMORY_THRESHOLD,
    MINIMUM_PAIRS,
    MINIMUM_ROUNDS,
    SIGNIFICANCE,
    SINGLE_STARTUP_THRESHOLD,
    STARTUP_THRESHOLD,
)
from bertbench.gate.result import EFFICIENCY, MEMORY, STARTUP, Verdict, VerdictKind
from bertbench.measure.rates import center
from bertbench.results.schema import ThroughputCase

MORE = {"rounds": "--steps", "pairs": "--pairs"}  # the option that gives more of them
QUIETER = "measure again when the machine is quiet"


@dataclass(frozen=True)
class _Measured:
    """The values of one quantity of a case on both sides, and its threshold."""

    case: str
    quantity: str
    base: Sequence[float]
    head: Sequence[float]
    threshold: float

    def verdict(self, outcome: VerdictKind, detail: str, comparison: MeasuredChange | None = None) -> Verdict:
        """The verdict with its figures."""
        figures: dict[str, Any] = {"change": center(self.head) / center(self.base) - 1}
        if comparison is not None:
            figures = {
                "change": comparison.change,
                "interval": comparison.interval,
                "p_value": min(comparison.p_lower, comparison.p_higher),
                "test": comparison.test,
            }
        return Verdict(
            self.case,
            self.quantity,
            outcome,
            detail,
            base=center(self.base),
            head=center(self.head),
            threshold=self.threshold,
            **figures,
        )


def judge_efficiency(
    case: str,
    base: Sequence[float],
    head: Sequence[float],
    *,
    paired: bool,
    threshold: float = EFFICIENCY_THRESHOLD,
    more: str | None = None,
) -> Verdict:
    """Judge efficiencies: of independent rounds, or of interleaved runs with pairs base[i] and head[i].

    A fall far beyond any noise in every round is a regression however few there are.

    Args:
      more: what gives more rounds or pairs; by default the option of `bertbench benchmark` or of the gate.
    """
    what, minimum = ("pairs", MINIMUM_PAIRS) if paired else ("rounds", MINIMUM_ROUNDS)
    count, more = min(len(base), len(head)), more or MORE[what]
    far = _far_fall(threshold)
    measured = _Measured(case, EFFICIENCY, base, head, threshold)
    if count >= 2 and max(head) < (1 - far) * min(base):
        detail = f"{count} {what} per side, each of the head's {percent(far, 0)} below all of the base's"
        return measured.verdict(VerdictKind.REGRESSION, detail)
    if count < minimum:
        detail = f"{count} {what} per side, {minimum} are needed; measure more with {more} {minimum}"
        return measured.verdict(VerdictKind.UNCLEAR, detail)
    comparison = (compare_paired if paired else compare_unpaired)(base, head)
    outcome, detail = _judge_fall(comparison, threshold, f"measure more {what} with {more}")
    return measured.verdict(outcome, detail, comparison)


def looks(pairs: int) -> tuple[int, ...]:
    """The numbers of pairs after which an interleaved comparison ends, unless it is unclear."""
    return tuple(round(pairs * factor) for factor in LOOKS)


def judge_measurements(
    base: ThroughputCase,
    head: ThroughputCase,
    threshold: float = EFFICIENCY_THRESHOLD,
    more: str | None = None,
) -> Verdict:
    """Judge the efficiency of two separate measurements of a case.

    If one was disturbed, or they measured other work, it is unclear. If only the machine's speed was
    unstable, a fall far beyond the threshold remains a regression if examples/s fell as far: an unstable GEMM
    peak does not change them.

    Args:
      more: as in `judge_efficiency`.
    """
    if other := _other_work(base, head):
        values = base.efficiency, head.efficiency
        return Verdict(head.case, EFFICIENCY, VerdictKind.UNCLEAR, other, *values, threshold=threshold)
    rounds = base.efficiency_rounds, head.efficiency_rounds
    verdict = judge_efficiency(head.case, *rounds, paired=False, threshold=threshold, more=more)
    doubted = doubt_disturbed(verdict, base.warnings, head.warnings)
    if doubted is verdict or not _fell_far(verdict, base, head):
        return doubted
    lost = percent(1 - head.examples_per_second / base.examples_per_second, 0)
    told = f"{verdict.detail}; the machine's speed was unstable, but examples/s fell by {lost}, too"
    return dataclasses.replace(verdict, detail=told)


def judge_memory(case: str, base: Sequence[float], head: Sequence[float]) -> Verdict:
    """Judge peak memory in MiB, which repeats to about 1 %: by its threshold alone."""
    return _judge_growth(case, MEMORY, base, head, MEMORY_THRESHOLD)


def judge_startup(case: str, base: Sequence[float], head: Sequence[float]) -> Verdict:
    """Judge start-up in seconds: interleaved pairs by a test as efficiency is, one run only by doubling."""
    if len(base) < MINIMUM_PAIRS or len(base) != len(head):
        return _judge_growth(case, STARTUP, base, head, SINGLE_STARTUP_THRESHOLD)
    comparison = compare_paired(base, head)
    outcome, detail = VerdictKind.OK, comparison.samples
    if comparison.change > STARTUP_THRESHOLD:
        outcome = VerdictKind.REGRESSION
        if comparison.p_higher >= SIGNIFICANCE:
            outcome = VerdictKind.UNCLEAR
            detail += f": a rise, but not significant; measure more pairs with {MORE['pairs']}"
    elif comparison.change < -STARTUP_THRESHOLD and comparison.p_lower < SIGNIFICANCE:
        outcome = VerdictKind.IMPROVEMENT
    return _Measured(case, STARTUP, base, head, STARTUP_THRESHOLD).verdict(outcome, detail, comparison)


def doubt_disturbed(verdict: Verdict, base: Sequence[str], head: Sequence[str]) -> Verdict:
    """The verdict, or unclear where a side was disturbed.

    Args:
      base, head: the warnings of each side's measurement.
    """
    sides = (("base", base), ("head", head))
    told = [f"the {name} was disturbed ({'; '.join(warnings)})" for name, warnings in sides if warnings]
    if not told:
        return verdict
    return dataclasses.replace(verdict, verdict=VerdictKind.UNCLEAR, detail=f"{', '.join(told)}; {QUIETER}")


def _fell_far(verdict: Verdict, base: ThroughputCase, head: ThroughputCase) -> bool:
    """Whether efficiency and examples/s both fell further than an unstable speed explains."""
    if base.machine_id != head.machine_id:
        return False
    if base.disturbance.activity or head.disturbance.activity:
        return False
    far = _far_fall(verdict.threshold or 0.0)
    regressed = verdict.verdict == VerdictKind.REGRESSION and (verdict.change or 0.0) < -far
    return regressed and head.examples_per_second < (1 - far) * base.examples_per_second


def _far_fall(threshold: float) -> float:
    """The fall beyond any noise, and beyond the allowed one."""
    return max(FAR_FALL, threshold)


def _other_work(base: ThroughputCase, head: ThroughputCase) -> str | None:
    """Why two measurements of a name are not of the same work, if they are not."""
    works = [f"{case.max_seq_length} tokens, {case.batching} batching" for case in (base, head)]
    if works[0] != works[1]:
        return f"measured with {works[1]}, the base with {works[0]}; record a new base"
    products = [case.machine.get("matrix_products") for case in (base, head)]
    if base.machine_id == head.machine_id and None not in products and products[0] != products[1]:
        return f"computed by {products[1]}, the base by {products[0]}; record a base for it"
    return None


def _judge_fall(comparison: MeasuredChange, threshold: float, remedy: str) -> tuple[VerdictKind, str]:
    low, high = comparison.interval
    if comparison.change < -threshold:
        if comparison.p_lower < SIGNIFICANCE and high < 0:
            return VerdictKind.REGRESSION, comparison.samples
        return VerdictKind.UNCLEAR, f"{comparison.samples}: a fall, but not significant; {remedy}"
    if low < -2 * threshold:
        excluded = f"a fall of {percent(2 * threshold, 0)} is not excluded; {remedy}"
        return VerdictKind.UNCLEAR, f"{comparison.samples}: {excluded}"
    if comparison.change > threshold and comparison.p_higher < SIGNIFICANCE and low > 0:
        return VerdictKind.IMPROVEMENT, comparison.samples
    return VerdictKind.OK, comparison.samples


def _judge_growth(
    case: str, quantity: str, base: Sequence[float], head: Sequence[float], threshold: float
) -> Verdict:
    change = float(np.median(head) / np.median(base) - 1)
    outcome = VerdictKind.OK
    if abs(change) > threshold:
        outcome = VerdictKind.REGRESSION if change > 0 else VerdictKind.IMPROVEMENT
    return Verdict(
        case,
        quantity,
        outcome,
        "threshold alone",
        base=float(np.median(base)),
        head=float(np.median(head)),
        change=change,
        threshold=threshold,
    )
