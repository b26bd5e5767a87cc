"""The rule for scores: is one score as good as another, judged by the scores of the same items?

It is a test of non-inferiority by confidence interval (Piaggio et al., JAMA 2012;308:2594). A score passes if
the interval of its difference excludes a loss beyond the tolerance, and fails if the loss is beyond the
tolerance and significant. Otherwise it is unclear. It is unchanged if every item scored as before, but there
are too few items for a pass. `docs/gating.md` gives the measured error rates.
"""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from statistics import NormalDist

import numpy as np

from bertbench.errors import CannotJudge, InputError
from bertbench.evaluation.items import CORRELATIONS, Items, lower_is_better, lowest_score
from bertbench.evaluation.resampling import (
    CONFIDENCE,
    RESAMPLES,
    changed_items,
    difference_interval,
    exchange_p_value,
)
from bertbench.gate.limits import RAREST_CLASS, SCORE_SIGNIFICANCE, SIGHT, WIDEST_INTERVAL
from bertbench.results.accuracy import AccuracyResult, Ruling, ScoreComparison, read_accuracy

_WORST_FIRST = (Ruling.FAIL, Ruling.UNCLEAR, Ruling.UNCHANGED, Ruling.PASS)
_DECIDED = 0.9  # the share of samples of `items_needed` items that are not unclear
_quantile = NormalDist().inv_cdf


def compare_items(
    quantity: str, base: Items, head: Items, tolerance: float, *, against: str, resamples: int = RESAMPLES
) -> ScoreComparison:
    """Judge a score by the items of both sides, which are the same items in any order.

    Args:
      resamples: the number for the interval, and for the p-value.

    Raises:
      CannotJudge: the items are not the same, or a value is not finite.
    """
    aligned = base.in_order_of(head)
    if aligned is None:
        raise CannotJudge(f"{quantity}: the {against} has other items; only the same ones compare.")
    score, after = head.statistic(quantity)
    _, before = aligned.statistic(quantity)
    if not all(np.isfinite(values).all() for values in (*before, *after)):
        raise CannotJudge(f"{quantity}: a value is not finite.")
    if len(head) < 2:
        raise CannotJudge(f"{quantity}: {len(head)} items show nothing; give more.")
    interval = difference_interval(score, before, after, resamples)
    excludes_0 = not interval.low <= 0 <= interval.high
    draft = ScoreComparison(
        against=against,
        quantity=quantity,
        score=head.score(quantity),
        tolerance=tolerance,
        items=head.size(quantity),
        verdict=Ruling.UNCLEAR,
        expected=base.score(quantity),
        difference=head.score(quantity) - base.score(quantity),
        interval=interval,
        p_value=exchange_p_value(score, before, after, resamples) if excludes_0 else None,
        changed=tuple(map(str, head.ids[changed_items(before, after)])),
    )
    return dataclasses.replace(draft, verdict=decide(draft))


def compare_figures(
    quantity: str, expected: float | None, score: float, tolerance: float, items: int, *, against: str
) -> ScoreComparison:
    """Judge a score by a published value for the whole data set; `expected` is None if there is none.

    Raises:
      CannotJudge: the score is not finite.
    """
    if not math.isfinite(score):
        raise CannotJudge(f"{quantity} is {score}.")
    difference = None if expected is None else score - expected
    draft = ScoreComparison(
        against, quantity, score, tolerance, items, Ruling.UNCLEAR, expected=expected, difference=difference
    )
    return dataclasses.replace(draft, verdict=decide(draft))


def decide(comparison: ScoreComparison) -> Ruling:
    """The ruling that follows from a comparison's values; its own verdict is ignored."""
    if comparison.expected is None or comparison.difference is None:
        return Ruling.UNCLEAR
    gain, worst, best = gains(comparison)
    if comparison.interval is None:
        return Ruling.PASS if gain >= -comparison.tolerance else Ruling.FAIL
    significant = comparison.p_value is not None and comparison.p_value < SCORE_SIGNIFICANCE
    if gain == worst == best == 0:
        return Ruling.PASS if are_enough(comparison) else Ruling.UNCHANGED
    if worst > -comparison.tolerance and (
        (are_enough(comparison) and _is_narrow(comparison)) or (worst > 0 and significant)
    ):
        return Ruling.PASS
    return Ruling.FAIL if gain < -comparison.tolerance and best < 0 and significant else Ruling.UNCLEAR


def decide_case(comparisons: Iterable[ScoreComparison]) -> Ruling:
    """The worst verdict of the comparisons; unclear if none was judged."""
    verdicts = {comparison.verdict for comparison in comparisons}
    return next((ruling for ruling in _WORST_FIRST if ruling in verdicts), Ruling.UNCLEAR)


def fewest_items(quantity: str, expected: float, tolerance: float) -> float:
    """The number of items needed to detect a drop of twice the tolerance.

    If such a drop is a share of items that are completely wrong, a sample of this size contains at least one
    of them with the probability `SIGHT`.
    """
    if not tolerance:
        return math.inf
    share = 2 * tolerance / (score_range(quantity, expected) or 2 * tolerance)
    return math.ceil(math.log(1 - SIGHT) / math.log1p(-share)) if share < 1 else 1.0


def items_needed(comparison: ScoreComparison) -> float:
    """The approximate number of items needed for a verdict; infinity if no number is enough.

    If the difference and the spread stay as they are, nine of ten samples of this size are not unclear.
    """
    if comparison.expected is None or comparison.interval is None:
        return math.inf
    gain, worst, best = gains(comparison)
    in_interval, decided = _quantile((1 + CONFIDENCE) / 2), _quantile(_DECIDED)
    error = (best - worst) / (2 * in_interval)
    room = gain + comparison.tolerance
    if room >= 0:  # to pass: the interval ends within the tolerance, and is narrow
        growths = [_growth(error * (in_interval + decided), room)]
        growths += [_growth(error * in_interval, WIDEST_INTERVAL * comparison.tolerance)]
    else:  # to fail: the loss is beyond the tolerance, and significant
        growths = [_growth(error * decided, -room)]
        growths += [_growth(error * (_quantile(1 - SCORE_SIGNIFICANCE) + decided), -gain)]
    fewest = fewest_items(comparison.quantity, comparison.expected, comparison.tolerance)
    return max(fewest, comparison.items * max(growths))


def are_enough(comparison: ScoreComparison) -> bool:
    """Whether there are enough items to detect a drop of twice the tolerance."""
    return comparison.items >= fewest_items(
        comparison.quantity, comparison.expected or 0.0, comparison.tolerance
    )


def score_range(quantity: str, expected: float) -> float:
    """How fast a score falls with the share of items that are completely wrong.

    A mean loses its whole value with all items. A correlation falls faster: where a share q of the labels is
    of one class, wrong answers to that class cost 1 / (2 q (1 - q)) times their share. Labels may be as
    unbalanced as `RAREST_CLASS`.
    """
    loss = abs(expected - lowest_score(quantity))
    return loss / (4 * RAREST_CLASS * (1 - RAREST_CLASS)) if quantity in CORRELATIONS else loss


def gains(comparison: ScoreComparison) -> tuple[float, float, float]:
    """The difference and the ends of its interval, lower first; signed so that higher is better."""
    difference = comparison.difference or 0.0
    low, high = comparison.interval or (difference, difference)
    return (-difference, -high, -low) if lower_is_better(comparison.quantity) else (difference, low, high)


def read_judged(path: Path | str) -> AccuracyResult:
    """Read `accuracy.json`, and check that its verdicts follow from its values.

    Raises:
      InputError: it cannot be read, or a verdict does not follow from the values.
    """
    result = read_accuracy(path)
    for case in result.cases:
        for comparison in case.comparisons:
            if comparison.verdict == Ruling.NOT_JUDGED and comparison.interval is None:
                continue
            _require(
                decide(comparison), comparison.verdict, f"{path}: {case.case} against {comparison.against}"
            )
        _require(decide_case(case.comparisons), case.verdict, f"{path}: {case.case}")
    return result


def _require(ruling: Ruling, said: Ruling, place: str) -> None:
    if said != ruling:
        raise InputError(f"{place}: says {said!s}, its figures say {ruling!s}; make the results again.")


def _is_narrow(comparison: ScoreComparison) -> bool:
    gain, worst, _ = gains(comparison)
    return gain - worst <= WIDEST_INTERVAL * comparison.tolerance


def _growth(spread: float, room: float) -> float:
    """The factor of the number of items that reduces a spread to `room`."""
    return (spread / room) ** 2 if room > 0 else math.inf
