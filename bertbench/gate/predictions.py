"""What `bertbench predict` wrote, as a case that can be judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.gate.limits import SCORE_TOLERANCES
from bertbench.parsing import Count, Finite
from bertbench.results.accuracy import AccuracyCase, AccuracyResult, Ruling
from bertbench.results.schema import parse_version


@dataclass(frozen=True)
class PredictionResult:
    """What the gate needs of a prediction's `results.json`.

    Attributes:
      quantity: the score that decides.
      per_question_scores: an .npz beside the file, see `bertbench.results.item_files`.
    """

    task: str
    precision: str
    quantity: str
    scores: Mapping[str, Finite]
    examples: Count
    checkpoint_fingerprint: str
    dataset_sha256: str
    machine: Mapping[str, Any]
    versions: Mapping[str, Any]
    instruction_set: str | None = None
    per_question_scores: str | None = None
    command: str | None = None
    measured: str = ""


def read_prediction(path: Path, values: Any) -> AccuracyResult:
    """The case in a prediction's `results.json`, named after its task: precisions compare with each other.

    Raises:
      InputError: the file is none of a prediction, or nothing was scored.
    """
    made = parse_version(PredictionResult, values, str(path))
    if made.quantity not in made.scores:
        raise InputError(f"{path}: contains no score, as the data has no reference answers; predict others.")
    name = made.per_question_scores
    if name is not None and Path(name).name != name:
        raise InputError(f"{path}: per_question_scores {name!r} must be a file beside it.")
    tolerance = SCORE_TOLERANCES.get((made.precision, made.quantity))
    if tolerance is None:
        raise InputError(f"{path}: {made.quantity} in {made.precision} cannot be judged; predict again.")
    case = AccuracyCase(
        case=f"{made.task}-inference",
        task=made.task,
        precision=made.precision,
        mode="inference",
        quantity=made.quantity,
        scores=made.scores,
        tolerance=tolerance.bound,
        verdict=Ruling.UNCLEAR,
        checkpoint_fingerprint=made.checkpoint_fingerprint,
        dataset_sha256=made.dataset_sha256,
        examples=made.examples,
        instruction_set=made.instruction_set,
        per_question_scores=name,
        command=made.command,
    )
    return AccuracyResult(made.machine, made.versions, (case,), made.measured)
