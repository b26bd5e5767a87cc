"""Exact match and F1 of SQuAD 2.0, identical to the official `evaluate-v2.0.py` in every digit.

A question without a reference answer is answered correctly only by the empty text (Rajpurkar et al. 2018,
arXiv:1806.03822). Answers are compared as in version 1.1, except that two answers of which normalization
leaves nothing have an F1 of 1, and that references of which it leaves nothing do not count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bertbench.evaluation.items import Items
from bertbench.evaluation.squad_metrics import QuestionScore, normalize_answer, score_answer

NA_PROB_THRESH = 1.0


@dataclass(frozen=True)
class SquadV2Scores:
    """Scores by the official names, in its order, and those of each question by id, in the data set's order.

    Attributes:
      totals: `exact` and `f1` in percent and `total`, the number of questions; the same behind `HasAns_` and
        `NoAns_` for the questions with and without an answer, where there are such; and, if it is known how
        likely each question has none, the best scores that a threshold gives, `best_exact` and `best_f1`,
        with the thresholds, `best_exact_thresh` and `best_f1_thresh`.
    """

    totals: dict[str, float]
    questions: dict[str, QuestionScore]

    @property
    def f1(self) -> float:
        """In percent."""
        return self.totals["f1"]

    def items(self) -> Items:
        """The scores of each question, in percent."""
        scores = self.questions.values()
        values = {
            "exact": 100.0 * np.array([score.exact_match for score in scores]),
            "f1": 100.0 * np.array([score.f1 for score in scores]),
        }
        return Items(np.array(list(self.questions)), values)


def score_squad_v2(
    references: Mapping[str, Sequence[str]],
    predictions: Mapping[str, str],
    na_probs: Mapping[str, float] | None = None,
    na_prob_thresh: float = NA_PROB_THRESH,
) -> SquadV2Scores:
    """Score predictions, all by question id. Every question needs one; others are ignored.

    Args:
      na_probs: the odds that each question has no answer, such as null odds, or 0 without them; equal ones
        are tried as thresholds in the order of this mapping.
      na_prob_thresh: above it a question counts as answered with the empty text, whatever was predicted.
    """
    raw = {qas_id: score_answer_v2(predictions[qas_id], answers) for qas_id, answers in references.items()}
    probabilities = dict.fromkeys(references, 0.0) if na_probs is None else na_probs
    questions = {
        qas_id: _without_answer(references[qas_id]) if probabilities[qas_id] > na_prob_thresh else score
        for qas_id, score in raw.items()
    }
    totals = _totals("", list(questions.values()))
    for prefix, has_answer in (("HasAns_", True), ("NoAns_", False)):
        scores = [score for qas_id, score in questions.items() if bool(references[qas_id]) == has_answer]
        totals |= _totals(prefix, scores) if scores else {}
    if na_probs is not None:
        gains = {
            qas_id: score if references[qas_id] else _loss_of(predictions[qas_id])
            for qas_id, score in raw.items()
        }
        unanswerable = sum(not answers for answers in references.values())
        exact = {qas_id: gain.exact_match for qas_id, gain in gains.items()}
        f1 = {qas_id: gain.f1 for qas_id, gain in gains.items()}
        totals |= _best("exact", exact, na_probs, unanswerable) | _best("f1", f1, na_probs, unanswerable)
    return SquadV2Scores(totals, questions)


def score_answer_v2(prediction: str, references: Sequence[str]) -> QuestionScore:
    """The best scores of one answer over its references; the empty text is correct if there are none."""
    counting = [reference for reference in references if normalize_answer(reference)]
    score = score_answer(prediction, counting or [""])
    empty = not normalize_answer(prediction) and not counting
    return QuestionScore(score.exact_match, 1.0 if empty else score.f1)


def _without_answer(references: Sequence[str]) -> QuestionScore:
    """The score of an empty answer above the threshold: whether the question has no reference."""
    right = not references
    return QuestionScore(int(right), float(right))


def _loss_of(prediction: str) -> QuestionScore:
    """The loss of a question without a reference if its prediction replaces the empty answer."""
    return QuestionScore(-1, -1.0) if prediction else QuestionScore(0, 0.0)


def _totals(prefix: str, scores: Sequence[QuestionScore]) -> dict[str, float]:
    total = len(scores)
    return {
        f"{prefix}exact": 100.0 * sum(score.exact_match for score in scores) / total,
        f"{prefix}f1": 100.0 * sum(score.f1 for score in scores) / total,
        f"{prefix}total": total,
    }


def _best(
    name: str, gains: Mapping[str, float], na_probs: Mapping[str, float], unanswerable: int
) -> dict[str, float]:
    """The best score that a threshold on `na_probs` gives, and that threshold.

    Below every threshold all questions have the empty answer, which is correct for the `unanswerable`; then
    one question after the other has its prediction instead, and the sum changes by its gain.
    """
    current = best = float(unanswerable)
    threshold = 0.0
    for qas_id in sorted(filter(gains.__contains__, na_probs), key=na_probs.__getitem__):
        current += gains[qas_id]
        if current > best:
            best, threshold = current, na_probs[qas_id]
    return {f"best_{name}": 100.0 * best / len(gains), f"best_{name}_thresh": threshold}
