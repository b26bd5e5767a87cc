"""How the gate judges one case's score against its base, by the rule for scores."""

from bertbench.errors import CannotJudge
from bertbench.evaluation.items import lower_is_better
from bertbench.gate.accuracy import compare_items
from bertbench.gate.result import Verdict, VerdictKind
from bertbench.gate.score_text import explain
from bertbench.gate.sides import Side
from bertbench.results.accuracy import AccuracyCase, Ruling, ScoreComparison
from bertbench.tasks.table import scored_unit


def judge_score(base_side: Side, base: AccuracyCase, head_side: Side, head: AccuracyCase) -> Verdict:
    """Judge the score `head.quantity` within `head.tolerance`.

    Raises:
      InputError: a side's scores by item cannot be read.
    """
    if fault := _incomparable(base, head):
        return Verdict(head.case, head.quantity, VerdictKind.UNCLEAR, fault)
    try:
        items = base_side.items(base), head_side.items(head)
        comparison = compare_items(head.quantity, *items, head.tolerance, against="base")
    except CannotJudge as error:
        return Verdict(head.case, head.quantity, VerdictKind.UNCLEAR, str(error).rstrip("."))
    return score_verdict(
        head.case, comparison, _detail(base, head, explain(comparison, scored_unit(head.task)))
    )


def score_verdict(case: str, comparison: ScoreComparison, detail: str) -> Verdict:
    """The gate's verdict on a comparison of scores."""
    return Verdict(
        case,
        comparison.quantity,
        _outcome(comparison),
        detail,
        base=comparison.expected,
        head=comparison.score,
        change=comparison.difference,
        interval=comparison.interval,
        p_value=comparison.p_value,
        test="paired permutation" if comparison.p_value is not None else "paired bootstrap",
        threshold=comparison.tolerance,
    )


def _incomparable(base: AccuracyCase, head: AccuracyCase) -> str | None:
    if base.checkpoint_fingerprint != head.checkpoint_fingerprint:
        return "another checkpoint; only scores of the same one compare"
    if base.dataset_sha256 != head.dataset_sha256:
        return "another data set; only scores of the same one compare"
    if head.quantity not in base.scores:
        return f"the base has no score {head.quantity}"
    return None


def _outcome(comparison: ScoreComparison) -> VerdictKind:
    if comparison.verdict == Ruling.FAIL:
        return VerdictKind.REGRESSION
    if comparison.verdict in (Ruling.UNCLEAR, Ruling.NOT_JUDGED) or comparison.difference is None:
        return VerdictKind.UNCLEAR
    gain = -comparison.difference if lower_is_better(comparison.quantity) else comparison.difference
    return VerdictKind.IMPROVEMENT if gain > comparison.tolerance else VerdictKind.OK


def _detail(base: AccuracyCase, head: AccuracyCase, told: str) -> str:
    if base.instruction_set == head.instruction_set:
        return told
    return f"{told}; computed by {base.instruction_set} and {head.instruction_set}"
