"""How one task's score is judged against its base."""

import numpy as np

from bertbench.evaluation.bootstrap import Interval, paired_bootstrap
from bertbench.gate.result import Outcome, Verdict
from bertbench.gate.sides import Side
from bertbench.results.schema import FAILED, AccuracyCase


def judge_accuracy(base_side: Side, base: AccuracyCase, head_side: Side, head: AccuracyCase) -> Verdict:
    """Judge the score `head.quantity`, higher being better, within `head.tolerance`.

    A fall beyond the tolerance is a regression unless the 95 % interval of the paired bootstrap over
    questions contains 0. A head that fails the accuracy suite's own verdict is a regression as well.
    """
    if (base.checkpoint_fingerprint, base.dataset_sha256) != (
        head.checkpoint_fingerprint,
        head.dataset_sha256,
    ):
        detail = "another checkpoint or dataset; only scores of the same ones compare"
        return Verdict(head.case, head.quantity, Outcome.UNCLEAR, detail)
    if head.quantity not in base.scores:
        return Verdict(head.case, head.quantity, Outcome.UNCLEAR, "the base has no such score")
    before, after = base.scores[head.quantity], head.scores[head.quantity]
    interval = _interval(base_side, base, head_side, head)
    outcome, detail = _outcome(after - before, head, interval)
    return Verdict(
        head.case,
        head.quantity,
        outcome,
        detail,
        base=before,
        head=after,
        change=after - before,
        interval=None if interval is None else (interval.low, interval.high),
        test=None if interval is None else "paired bootstrap",
        threshold=head.tolerance,
    )


def _outcome(change: float, head: AccuracyCase, interval: Interval | None) -> tuple[Outcome, str]:
    if head.verdict == FAILED:
        return Outcome.REGRESSION, "fails the accuracy suite's own tolerance"
    if abs(change) <= head.tolerance:
        return Outcome.OK, f"{head.examples} examples"
    if interval is not None and 0 in interval:
        return Outcome.OK, f"{head.examples} examples: the difference may be chance"
    return (Outcome.REGRESSION if change < 0 else Outcome.IMPROVEMENT), f"{head.examples} examples"


def _interval(base_side: Side, base: AccuracyCase, head_side: Side, head: AccuracyCase) -> Interval | None:
    before = base_side.per_question_scores(base)
    after = head_side.per_question_scores(head)
    if before is None or after is None:
        return None
    (base_ids, base_scores), (head_ids, head_scores) = before, after
    base_order, head_order = np.argsort(base_ids), np.argsort(head_ids)
    if not np.array_equal(base_ids[base_order], head_ids[head_order]):
        return None
    return paired_bootstrap(base_scores[base_order], head_scores[head_order])
