"""How the gate judges one case's score against its base, by the rule for scores."""

from bertbench.errors import CannotJudge
from bertbench.evaluation.items import lower_is_better
from bertbench.gate.accuracy import compare_items, explain
from bertbench.gate.result import Outcome, Verdict
from bertbench.gate.sides import Side
from bertbench.results.accuracy import AccuracyCase, Ruling, ScoreComparison
from bertbench.tasks.table import scored_unit


def judge_score(base_side: Side, base: AccuracyCase, head_side: Side, head: AccuracyCase) -> Verdict:
    """Judge the score `head.quantity` within `head.tolerance`.

    Raises:
      InputError: a side's scores by item cannot be read.
    """
    if fault := _incomparable(base, head):
        return Verdict(head.case, head.quantity, Outcome.UNCLEAR, fault)
    try:
        items = base_side.items(base), head_side.items(head)
        made = compare_items(head.quantity, *items, head.tolerance, against="base")
    except CannotJudge as error:
        return Verdict(head.case, head.quantity, Outcome.UNCLEAR, str(error).rstrip("."))
    return score_verdict(head.case, made, _detail(base, head, explain(made, scored_unit(head.task))))


def score_verdict(case: str, made: ScoreComparison, detail: str) -> Verdict:
    """The gate's verdict on a comparison of scores."""
    return Verdict(
        case,
        made.quantity,
        _outcome(made),
        detail,
        base=made.expected,
        head=made.score,
        change=made.difference,
        interval=made.interval,
        p_value=made.p_value,
        test="paired bootstrap",
        threshold=made.tolerance,
    )


def _incomparable(base: AccuracyCase, head: AccuracyCase) -> str | None:
    if base.checkpoint_fingerprint != head.checkpoint_fingerprint:
        return "another checkpoint; only scores of the same one compare"
    if base.dataset_sha256 != head.dataset_sha256:
        return "another data set; only scores of the same one compare"
    if head.quantity not in base.scores:
        return f"the base has no score {head.quantity}"
    return None


def _outcome(made: ScoreComparison) -> Outcome:
    if made.verdict == Ruling.FAIL:
        return Outcome.REGRESSION
    if made.verdict in (Ruling.UNCLEAR, Ruling.NOT_JUDGED) or made.difference is None:
        return Outcome.UNCLEAR
    gain = -made.difference if lower_is_better(made.quantity) else made.difference
    return Outcome.IMPROVEMENT if gain > made.tolerance else Outcome.OK


def _detail(base: AccuracyCase, head: AccuracyCase, told: str) -> str:
    if base.instruction_set == head.instruction_set:
        return told
    return f"{told}; computed by {base.instruction_set} and {head.instruction_set}"
