"""Exact match and F1 of SQuAD v1.1, identical to the official `evaluate-v1.1.py` in every digit.

Answers are compared without case, punctuation, articles and extra whitespace, each with its best reference
(Rajpurkar et al. 2016, section 6.1).
"""

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bertbench.console import notice
from bertbench.evaluation.items import Items

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class QuestionScore:
    """One question's scores, from 0 to 1."""

    exact_match: int
    f1: float


@dataclass(frozen=True)
class SquadScores:
    """Scores in percent, and the scores of each question by id, in the order of the data set."""

    exact_match: float
    f1: float
    questions: dict[str, QuestionScore]

    @property
    def totals(self) -> dict[str, float]:
        """Both scores by the official names."""
        return {"exact_match": self.exact_match, "f1": self.f1}

    def items(self) -> Items:
        """The scores of each question, in percent."""
        scores = self.questions.values()
        values = {
            "exact_match": 100.0 * np.array([score.exact_match for score in scores]),
            "f1": 100.0 * np.array([score.f1 for score in scores]),
        }
        return Items(np.array(list(self.questions)), values)


def score_squad(references: Mapping[str, Sequence[str]], predictions: Mapping[str, str]) -> SquadScores:
    """Score predictions, both by question id.

    A question without a prediction scores 0 and gets a line on standard error; a prediction for a question
    that is not in `references` is ignored. Every question needs at least one reference.
    """
    questions = {}
    exact_match, f1 = 0, 0.0
    for qas_id, answers in references.items():
        if qas_id in predictions:
            score = score_answer(predictions[qas_id], answers)
        else:
            notice(f"Unanswered question {qas_id} will receive score 0.")
            score = QuestionScore(0, 0.0)
        questions[qas_id] = score
        exact_match += score.exact_match
        f1 += score.f1  # one by one, for the order and rounding of the official sum
    total = len(references)
    return SquadScores(100.0 * exact_match / total, 100.0 * f1 / total, questions)


def score_answer(prediction: str, references: Sequence[str]) -> QuestionScore:
    """The best scores of one answer over its references."""
    answer = normalize_answer(prediction)
    normalized = [normalize_answer(reference) for reference in references]
    return QuestionScore(
        max(int(answer == reference) for reference in normalized),
        max(_token_f1(answer.split(), reference.split()) for reference in normalized),
    )


def normalize_answer(text: str) -> str:
    """Lower-case, remove ASCII punctuation, remove articles, use single spaces; in this order."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


def _token_f1(prediction: list[str], reference: list[str]) -> float:
    """The harmonic mean of precision and recall over the tokens that both have."""
    common = (Counter(prediction) & Counter(reference)).total()
    if not common:
        return 0.0
    precision, recall = common / len(prediction), common / len(reference)
    return (2 * precision * recall) / (precision + recall)
