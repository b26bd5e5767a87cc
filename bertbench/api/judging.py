"""Compares two results: their differences, and whether the new one is worse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import overload

from bertbench.api.models import Predictions
from bertbench.errors import CannotJudge, InputError
from bertbench.gate.accuracy import compare_items
from bertbench.gate.result import Verdict
from bertbench.gate.rules import judge_measurements
from bertbench.gate.score_text import explain
from bertbench.gate.scores import score_verdict
from bertbench.results.accuracy import ScoreComparison
from bertbench.results.schema import ThroughputCase
from bertbench.tasks.table import find_task, scored_unit


@dataclass(frozen=True)
class Comparison:
    """Two predictions of the same data.

    Attributes:
      quantity: the score that decides. a, b, difference: its values, and b minus a.
      interval: the 95 % interval of the difference, from a paired bootstrap over the items.
      changed: the ids of the items with different answers, with both answers.
    """

    quantity: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float] | None
    changed: Mapping[str, tuple[str | float, str | float]]


def compare(a: Predictions, b: Predictions) -> Comparison:
    """What differs between two predictions of the same data, in two precisions for example.

    Raises:
      CannotJudge: they are of different data, or the data have no labels.
    """
    made = _compare_scores(a, b, max_drop=0.0)
    changed = {
        name: (answer, b.answers[name]) for name, answer in a.answers.items() if answer != b.answers[name]
    }
    expected, difference = made.expected or 0.0, made.difference or 0.0
    return Comparison(made.quantity, expected, made.score, difference, made.interval, changed)


@overload
def judge(base: Predictions, head: Predictions, *, max_drop: float = 0.5) -> Verdict: ...


@overload
def judge(base: ThroughputCase, head: ThroughputCase, *, max_slowdown: float = 0.05) -> Verdict: ...


def judge(
    base: Predictions | ThroughputCase,
    head: Predictions | ThroughputCase,
    *,
    max_drop: float = 0.5,
    max_slowdown: float = 0.05,
) -> Verdict:
    """Judge a new result against an old one, by the gate's rules (`docs/gating.md`).

    Args:
      base, head: both from `Model.predict`, or both from `benchmark`.
      max_drop: points (hundredths of the full score) that may be lost.
      max_slowdown: share of the efficiency that may be lost.

    Raises:
      InputError: the two are of different kinds.
      CannotJudge: the scores are not of the same data, or the data have no labels.
    """
    if isinstance(base, Predictions) and isinstance(head, Predictions):
        made = _compare_scores(base, head, max_drop=max_drop)
        return score_verdict(head.name, made, explain(made, scored_unit(head.task)))
    if isinstance(base, ThroughputCase) and isinstance(head, ThroughputCase):
        return judge_measurements(base, head, max_slowdown)
    raise InputError("judge needs two predictions, or two benchmarks.")


def _compare_scores(base: Predictions, head: Predictions, *, max_drop: float) -> ScoreComparison:
    if base.items is None or head.items is None:
        raise CannotJudge("the data have no labels, so there are no scores.")
    if base.dataset_sha256 != head.dataset_sha256:
        raise CannotJudge("the predictions are of different data; compare predictions of the same data.")
    tolerance = max_drop * find_task(head.task).point
    return compare_items(head.quantity, base.items, head.items, tolerance, against="base")
