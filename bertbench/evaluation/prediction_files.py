"""The files that `run_squad.py` of google-research/bert writes.

They are `predictions.json`, `nbest_predictions.json` and, of SQuAD 2.0, `null_odds.json`.
"""

import math
import sys
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from bertbench.data.foreign_json import read_foreign_json
from bertbench.errors import InputError

NULL_ODDS_FILE = "null_odds.json"
_PREDICTIONS = "predictions.json"
_NBEST = "nbest_predictions.json"
_REMEDY = "give a file that `bertbench predict squad` wrote"


def read_predictions(path: Path | str) -> dict[str, Any]:
    """The answers by question id, from a predictions file or its folder; see `require_answers`.

    Raises:
      InputError: the file is unreadable or not an object.
    """
    return _read_object(_predictions_file(path))


def require_answers(
    path: Path | str, predictions: Mapping[str, Any], questions: Mapping[str, str]
) -> dict[str, str]:
    """The answers to questions, by the questions' keys, without those that have none.

    Args:
      path: where `predictions` were read.
      questions: id of each question, by its key.

    Raises:
      InputError: one is not a string.
    """
    answers: dict[str, str] = {}
    for key, qas_id in questions.items():
        if qas_id not in predictions:
            continue
        answer = predictions[qas_id]
        if not isinstance(answer, str):
            place = f"{_predictions_file(path)}: question {qas_id!r}"
            raise InputError(f"{place}: the answer must be a string; {_REMEDY}.")
        answers[key] = answer
    return answers


def require_complete(path: Path | str, known: Container[str], questions: Iterable[str]) -> None:
    """Check that a file has a value for each question, as `evaluate-v2.0.py` requires.

    Args:
      path: where `known` was read. questions: their ids.

    Raises:
      InputError: it has not.
    """
    missing = [qas_id for qas_id in questions if qas_id not in known]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} questions of the data set are missing, such as {missing[0]!r}; "
            "evaluate-v2.0.py needs all."
        )


def read_na_probs(path: Path) -> dict[str, float]:
    """The odds that each question has no answer, by its id: `null_odds.json` or a file in that format.

    Raises:
      InputError: the file is unreadable, not an object, or holds what is not a finite number.
    """
    values = _read_object(path)
    for qas_id, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise InputError(f"{path}: question {qas_id!r}: {value!r} is not a finite number; {_REMEDY}.")
    return values


def read_margins(path: Path | str) -> dict[str, float]:
    """The margin of each question's best answer, from the n-best file in the folder of a predictions file.

    Returns:
      The best start plus end logit minus the second best, by question id; without the questions with only one
      answer, and empty if there is no n-best file.

    Raises:
      InputError: as `read_logits`.
    """
    margins = {}
    for qas_id, answers in read_logits(path).items():
        scores = [start + end for _, start, end in answers]
        if len(scores) > 1:
            margins[qas_id] = scores[0] - scores[1]
    return margins


def read_logits(path: Path | str) -> dict[str, list[tuple[str, float, float]]]:
    """The text and the start and end logit of each question's answers, best first, from the n-best file.

    Args:
      path: a predictions file, in whose folder the n-best file is, or that folder. Empty if there is none.

    Raises:
      InputError: the n-best file is not lists of answers with their logits.
    """
    path = _predictions_file(path).with_name(_NBEST)
    if not path.exists():
        return {}
    logits = {}
    for qas_id, answers in _read_object(path).items():
        try:
            logits[qas_id] = [
                (str(answer["text"]), float(answer["start_logit"]), float(answer["end_logit"]))
                for answer in answers
            ]
        except (TypeError, KeyError, ValueError, OverflowError):
            logits[qas_id] = [("", math.nan, math.nan)]
        if not all(math.isfinite(start + end) for _, start, end in logits[qas_id]):
            raise InputError(f"{path}: question {qas_id!r}: not a list of answers with logits; {_REMEDY}.")
    return logits


def _is_finite(number: float) -> bool:
    """Whether a number, which may be a large integer, is a finite float."""
    return abs(number) <= sys.float_info.max


def _predictions_file(path: Path | str) -> Path:
    path = Path(path)
    return path / _PREDICTIONS if path.is_dir() else path


def _read_object(path: Path) -> dict[str, Any]:
    value = read_foreign_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: is not a JSON object of question ids; {_REMEDY}.")
    return value
