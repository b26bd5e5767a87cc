"""`predictions.json` and `nbest_predictions.json`, as `run_squad.py` of google-research/bert writes them."""

from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.files import read_json

_PREDICTIONS = "predictions.json"
_NBEST = "nbest_predictions.json"
_REMEDY = "give a file that `bertbench predict squad` wrote"


def read_predictions(path: Path | str) -> dict[str, str]:
    """The answers by question id, from a predictions file or its folder.

    Raises:
      InputError: the file is unreadable or not an object of strings.
    """
    path = _predictions_file(path)
    predictions = _read_object(path)
    for qas_id, answer in predictions.items():
        if not isinstance(answer, str):
            raise InputError(f"{path}: question {qas_id!r}: the answer must be a string; {_REMEDY}.")
    return predictions


def read_margins(path: Path | str) -> dict[str, float]:
    """The margin of each question's best answer, from the n-best file in the folder of a predictions file.

    Returns:
      The best start plus end logit minus the second best, by question id; without the questions with only one
      answer, and empty if there is no n-best file.

    Raises:
      InputError: the n-best file is not lists of answers with their logits.
    """
    path = _predictions_file(path).with_name(_NBEST)
    if not path.exists():
        return {}
    margins = {}
    for qas_id, answers in _read_object(path).items():
        try:
            scores = [answer["start_logit"] + answer["end_logit"] for answer in answers[:2]]
            if len(scores) == 2:
                margins[qas_id] = float(scores[0] - scores[1])
        except (TypeError, KeyError, ValueError):
            raise InputError(
                f"{path}: question {qas_id!r}: not a list of answers with logits; {_REMEDY}."
            ) from None
    return margins


def _predictions_file(path: Path | str) -> Path:
    path = Path(path)
    return path / _PREDICTIONS if path.is_dir() else path


def _read_object(path: Path) -> dict[str, Any]:
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: is not a JSON object of question ids; {_REMEDY}.")
    return value
