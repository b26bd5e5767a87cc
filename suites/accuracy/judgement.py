"""One figure against what it must be, and what to say when it is not."""

from collections.abc import Mapping
from dataclasses import dataclass

from bertbench.evaluation.bootstrap import Interval
from bertbench.formatting import NONE, decimals_for, figure, signed, words
from suites.tolerances import Tolerance

COLUMNS = ("case", "verdict", "score", "against", "expected", "difference", "tolerance", "also")
PASS, FAIL, RECORDED = "pass", "fail", "recorded"


@dataclass(frozen=True)
class Judgement:
    """A score against an expected one.

    Attributes:
      against: what expects it: the baseline, published scores, fp32, a reference.
      expected: None where there is nothing to compare with.
      others: further scores of the case, shown but not judged.
      interval: 95 % interval of the difference; a difference that may be 0 by it passes.
      remedy: what to run next if it fails.
    """

    case: str
    against: str
    quantity: str
    score: float
    expected: float | None
    tolerance: Tolerance
    remedy: str
    others: Mapping[str, float]
    interval: Interval | None = None
    recorded: bool = False

    @property
    def difference(self) -> float | None:
        """Score minus expected score."""
        return None if self.expected is None else self.score - self.expected

    @property
    def verdict(self) -> str:
        """`pass`, `fail` or `recorded`."""
        if self.recorded:
            return RECORDED
        if self.difference is None:
            return FAIL
        near = abs(self.difference) <= self.tolerance.bound
        return PASS if near or (self.interval is not None and 0 in self.interval) else FAIL

    @property
    def message(self) -> str:
        """Quantity, got, bound, and what to run next."""
        if self.expected is None:
            return (
                f"{self.case}: {_name(self.quantity)} is {self.score:.6g}, but there is no {self.against} "
                f"for this checkpoint and data set; if it is right, record it: {self.remedy}"
            )
        told = (
            f"{self.case}: {_name(self.quantity)} is {self.score:.6g}, {self.against} {self.expected:.6g}: "
            f"the difference {self.difference:+.6g} is outside ±{self.tolerance.bound:g}"
        )
        if self.interval is not None:
            told += (
                f", and its 95 % interval {self.interval.low:+.4g} to {self.interval.high:+.4g} excludes 0"
            )
        return f"{told}; look closer: {self.remedy}"

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of `COLUMNS`."""
        decimals = decimals_for(self.tolerance.bound)
        difference = signed(self.difference, decimals)
        if self.interval is not None:
            difference += f" [{signed(self.interval.low, decimals)}, {signed(self.interval.high, decimals)}]"
        return (
            self.case,
            self.verdict,
            f"{_name(self.quantity)} {figure(self.score)}",
            self.against,
            figure(self.expected),
            difference,
            f"± {self.tolerance.bound:g}",
            ", ".join(f"{_name(name)} {figure(value)}" for name, value in self.others.items()) or NONE,
        )


def _name(quantity: str) -> str:
    return "EM" if quantity == "exact_match" else words(quantity)
