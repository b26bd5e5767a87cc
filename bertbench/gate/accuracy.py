"""The rule for scores: is one as good as another, as far as these items can tell?

It is a test of non-inferiority by confidence interval (Piaggio et al., JAMA 2012;308:2594). A score passes
when the interval of its difference shows that less than the tolerance was lost, and fails when more than the
tolerance was lost and chance does not explain it. What is neither is unclear. A score is unchanged where
every item scored as before, but the items are too few to show a loss. `docs/gating.md` gives the measured
error rates.
"""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from statistics import NormalDist

import numpy as np

from bertbench.errors import CannotJudge, InputError
from bertbench.evaluation.items import Items, lower_is_better, lowest_score
from bertbench.evaluation.resampling import (
    CONFIDENCE,
    RESAMPLES,
    changed_items,
    difference_interval,
    exchange_p_value,
)
from bertbench.formatting import decimals_for, signed
from bertbench.gate.limits import SIGHT, SIGNIFICANCE, WIDEST_INTERVAL
from bertbench.results.accuracy import AccuracyResult, Ruling, ScoreComparison, read_accuracy

_WORST_FIRST = (Ruling.FAIL, Ruling.UNCLEAR, Ruling.UNCHANGED, Ruling.PASS)
SHOWN_CHANGES = 8
_SETTLED = 0.9  # how often as many items as are asked for give a verdict
_quantile = NormalDist().inv_cdf


def compare_items(
    quantity: str, base: Items, head: Items, tolerance: float, *, against: str, resamples: int = RESAMPLES
) -> ScoreComparison:
    """Judge a score by the items of both sides, which are the same ones in any order.

    Args:
      resamples: of the interval, and of the p-value.

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
    return dataclasses.replace(draft, verdict=rule(draft))


def compare_figures(
    quantity: str, expected: float | None, score: float, tolerance: float, items: int, *, against: str
) -> ScoreComparison:
    """Judge a score by a figure that others report for the whole data set; None if there is none yet.

    Raises:
      CannotJudge: the score is not finite.
    """
    if not math.isfinite(score):
        raise CannotJudge(f"{quantity} is {score}.")
    difference = None if expected is None else score - expected
    draft = ScoreComparison(
        against, quantity, score, tolerance, items, Ruling.UNCLEAR, expected=expected, difference=difference
    )
    return dataclasses.replace(draft, verdict=rule(draft))


def rule(made: ScoreComparison) -> Ruling:
    """What a comparison's figures come to, whatever it says of itself."""
    if made.expected is None or made.difference is None:
        return Ruling.UNCLEAR
    gain, worst, best = _gains(made)
    if made.interval is None:
        return Ruling.PASS if gain >= -made.tolerance else Ruling.FAIL
    significant = made.p_value is not None and made.p_value < SIGNIFICANCE
    if gain == worst == best == 0:
        return Ruling.PASS if _are_enough(made) else Ruling.UNCHANGED
    if worst > -made.tolerance and ((_are_enough(made) and _is_narrow(made)) or (worst > 0 and significant)):
        return Ruling.PASS
    return Ruling.FAIL if gain < -made.tolerance and best < 0 and significant else Ruling.UNCLEAR


def rule_all(comparisons: Iterable[ScoreComparison]) -> Ruling:
    """The worst of all that were judged; unclear where none was."""
    made = {comparison.verdict for comparison in comparisons}
    return next((ruling for ruling in _WORST_FIRST if ruling in made), Ruling.UNCLEAR)


def fewest_items(quantity: str, expected: float, tolerance: float) -> float:
    """The items that it takes to see a drop of twice the tolerance at all.

    Where such a drop is a share of items that are answered all wrong, a sample of so many holds one of them
    with the probability `SIGHT`. Fewer could have missed them all.
    """
    if not tolerance:
        return math.inf
    share = 2 * tolerance / (_range(quantity, expected) or 2 * tolerance)
    return math.ceil(math.log(1 - SIGHT) / math.log1p(-share)) if share < 1 else 1.0


def items_needed(made: ScoreComparison) -> float:
    """About how many items would settle what is unclear; infinity if no number does.

    If the difference and the spread of the items are as here, so many give a verdict in nine cases of ten.
    """
    if made.expected is None or made.interval is None:
        return math.inf
    gain, worst, best = _gains(made)
    in_interval, settled = _quantile((1 + CONFIDENCE) / 2), _quantile(_SETTLED)
    error = (best - worst) / (2 * in_interval)
    room = gain + made.tolerance
    if room >= 0:  # to pass: the interval ends within the tolerance, and is narrow
        growths = [_growth(error * (in_interval + settled), room)]
        growths += [_growth(error * in_interval, WIDEST_INTERVAL * made.tolerance)]
    else:  # to fail: the loss is beyond the tolerance, and significant
        growths = [_growth(error * settled, -room)]
        growths += [_growth(error * (_quantile(1 - SIGNIFICANCE) + settled), -gain)]
    fewest = fewest_items(made.quantity, made.expected, made.tolerance)
    return max(fewest, made.items * max(growths))


def explain(made: ScoreComparison, unit: str = "items") -> str:
    """A comparison in words, without its verdict: figures, reason, what would settle it, what has changed."""
    if made.expected is None or made.difference is None:
        return f"there is no {made.against} for this checkpoint and data set"
    decimals = decimals_for(made.tolerance)
    told = f"difference {signed(made.difference, decimals)}, tolerance {made.tolerance:g}"
    if made.interval is None:
        return told
    if made.interval == (0, 0):
        hidden = (1 - (1 - SIGHT) ** (1 / max(made.items, 1))) * _range(made.quantity, made.expected)
        seen = "" if _are_enough(made) else f", which could hide a drop of {hidden:.2g}"
        return f"all {made.items:,} {unit} scored as before{seen}"
    low, high = (signed(end, decimals) for end in made.interval)
    told += f", 95 % interval {low} to {high}"
    if made.p_value is not None:
        told += f", p = {made.p_value:.1g}"
    ruling, gain = rule(made), _gains(made)[0]
    if ruling == Ruling.PASS:
        return f"{told}: a rise beyond the tolerance" if gain > made.tolerance else told
    if ruling == Ruling.UNCLEAR:
        told += f": {_doubt(made, unit)}"
    return f"{told}; {_name_changed(made)}"


def read_judged(path: Path | str) -> AccuracyResult:
    """Read `accuracy.json` with verdicts that follow from its figures.

    Raises:
      InputError: it cannot be read, or says another verdict than its figures give.
    """
    result = read_accuracy(path)
    for case in result.cases:
        for made in case.comparisons:
            if made.verdict == Ruling.NOT_JUDGED and made.interval is None:
                continue
            _require(
                rule(made), made.verdict, f"{path}: {case.case} against {made.against} ({explain(made)})"
            )
        _require(rule_all(case.comparisons), case.verdict, f"{path}: {case.case}")
    return result


def _require(ruling: Ruling, said: Ruling, place: str) -> None:
    if said != ruling:
        raise InputError(f"{place}: says {said!s}, its figures say {ruling!s}; make the results again.")


def _doubt(made: ScoreComparison, unit: str) -> str:
    gain, worst, _ = _gains(made)
    if worst > -made.tolerance:
        few = f"so few {unit} could miss a loss beyond the tolerance"
        reason = "the interval is too wide for this tolerance" if _are_enough(made) else few
    elif gain < -made.tolerance:
        reason = "a loss beyond the tolerance, but it may be chance"
    else:
        reason = "a loss beyond the tolerance is not excluded"
    needed = items_needed(made)
    remedy = "more of them" if math.isinf(needed) else f"about {float(f'{needed:.2g}'):,.0f} {unit}"
    return f"{reason}; {remedy} would settle it"


def _name_changed(made: ScoreComparison) -> str:
    shown, more = made.changed[:SHOWN_CHANGES], len(made.changed) - SHOWN_CHANGES
    return f"changed: {', '.join(shown)}{f' and {more} more' if more > 0 else ''}"


def _are_enough(made: ScoreComparison) -> bool:
    return made.items >= fewest_items(made.quantity, made.expected or 0.0, made.tolerance)


def _is_narrow(made: ScoreComparison) -> bool:
    gain, worst, _ = _gains(made)
    return gain - worst <= WIDEST_INTERVAL * made.tolerance


def _range(quantity: str, expected: float) -> float:
    """What a score would lose if every item were answered all wrong."""
    return abs(expected - lowest_score(quantity))


def _gains(made: ScoreComparison) -> tuple[float, float, float]:
    """The difference and the ends of its interval, lower first, turned so that higher is better."""
    difference = made.difference or 0.0
    low, high = made.interval or (difference, difference)
    return (-difference, -high, -low) if lower_is_better(made.quantity) else (difference, low, high)


def _growth(spread: float, room: float) -> float:
    """How many times as many items bring a spread down to `room`."""
    return (spread / room) ** 2 if room > 0 else math.inf
