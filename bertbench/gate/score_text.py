"""Comparisons of scores in words, for the suite, the gate, the report and the commands."""

import math

from bertbench.formatting import decimals_for, signed
from bertbench.gate.accuracy import are_enough, decide, gains, items_needed, score_range
from bertbench.gate.limits import SIGHT
from bertbench.results.accuracy import Ruling, ScoreComparison

SHOWN_CHANGES = 8


def explain(comparison: ScoreComparison, unit: str = "items") -> str:
    """A comparison in words, without its verdict: values, reason, items needed, and changed items."""
    if comparison.expected is None or comparison.difference is None:
        return f"there is no {comparison.against} for this checkpoint and data set"
    decimals = decimals_for(comparison.tolerance)
    text = f"difference {signed(comparison.difference, decimals)}, tolerance {comparison.tolerance:g}"
    if comparison.interval is None:
        return text
    if comparison.interval == (0, 0):
        hidden = f", which could hide a drop of {_hidden_drop(comparison):.2g}"
        seen = "" if are_enough(comparison) else hidden
        return f"all {comparison.items:,} {unit} scored as before{seen}"
    low, high = (signed(end, decimals) for end in comparison.interval)
    text += f", 95 % interval {low} to {high}"
    if comparison.p_value is not None:
        text += f", p = {comparison.p_value:.1g}"
    ruling, gain = decide(comparison), gains(comparison)[0]
    if ruling == Ruling.PASS:
        return f"{text}: a rise beyond the tolerance" if gain > comparison.tolerance else text
    if ruling == Ruling.UNCLEAR:
        text += f": {_doubt(comparison, unit)}"
    return f"{text}; {_name_changed(comparison)}"


def _hidden_drop(comparison: ScoreComparison) -> float:
    """The drop that shows in none of the items with a probability of 1 - `SIGHT`."""
    share = 1 - (1 - SIGHT) ** (1 / max(comparison.items, 1))
    return share * score_range(comparison.quantity, comparison.expected or 0.0)


def _doubt(comparison: ScoreComparison, unit: str) -> str:
    """Why a comparison is unclear, and how many items are needed."""
    gain, worst, _ = gains(comparison)
    if worst > -comparison.tolerance:
        few = f"so few {unit} could miss a loss beyond the tolerance"
        reason = "the interval is too wide for this tolerance" if are_enough(comparison) else few
    elif gain < -comparison.tolerance:
        reason = "a loss beyond the tolerance, but it may be chance"
    else:
        reason = "a loss beyond the tolerance is not excluded"
    needed = items_needed(comparison)
    remedy = "more of them" if math.isinf(needed) else f"about {float(f'{needed:.2g}'):,.0f} {unit}"
    return f"{reason}; {remedy} would settle it"


def _name_changed(comparison: ScoreComparison) -> str:
    shown, more = comparison.changed[:SHOWN_CHANGES], len(comparison.changed) - SHOWN_CHANGES
    return f"changed: {', '.join(shown)}{f' and {more} more' if more > 0 else ''}"
