"""Questions that may have no answer (SQuAD 2.0), as in `write_predictions` of Google's `run_squad.py`.

The empty text is an additional entry of a question's list. Its logits are those of `[CLS]` in the window
where their sum is lowest. Its score minus that of the best span is the question's null odds; above a
threshold the empty text is the answer.
"""

from __future__ import annotations

import numpy as np

from bertbench.evaluation.decoded_answers import DecodedAnswers, Entry, Logits

_NO_SPAN: Entry = {"start_logit": 0.0, "end_logit": 0.0}


def null_logits(
    questions: int, question_of: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> list[Logits]:
    """The logits of the empty answer to each question; 0 for a question without windows.

    Args:
      question_of: int [N], the question of each window. starts, ends: float [N], the logits of its `[CLS]`.
    """
    lowest: dict[int, Logits] = {}
    for question, start, end in zip(question_of.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if question not in lowest or start + end < sum(lowest[question]):
            lowest[question] = start, end
    return [lowest.get(number, (0.0, 0.0)) for number in range(questions)]


def with_null(entries: dict[str, Logits], null: Logits, n_best: int) -> dict[str, Logits]:
    """The list with the empty answer at its rank; if it is not among the n best, it is appended."""
    ranked = sorted({**entries, "": null}.items(), key=lambda entry: -sum(entry[1]))
    best = dict(ranked[:n_best])
    return {**best, "": null}


def choose_answers(nbest: dict[str, list[Entry]], threshold: float) -> DecodedAnswers:
    """The answers according to the null odds; a question without a valid span has the empty one."""
    predictions, odds = {}, {}
    for qas_id, entries in nbest.items():
        null = next(entry for entry in entries if not entry["text"])
        best = next((entry for entry in entries if entry["text"]), _NO_SPAN)
        odds[qas_id] = _score(null) - float(best["start_logit"]) - float(best["end_logit"])
        is_null = best is _NO_SPAN or odds[qas_id] > threshold
        predictions[qas_id] = "" if is_null else str(best["text"])
    return DecodedAnswers(predictions, nbest, odds)


def _score(entry: Entry) -> float:
    return float(entry["start_logit"]) + float(entry["end_logit"])
