"""One prediction, from files to scores, for `bertbench predict` and the accuracy suite."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from bertbench.batch_planner import BatchPlanner
from bertbench.checkpoint.paths import checkpoint_files, fingerprint_files
from bertbench.checkpoint.source import ModelSource
from bertbench.errors import InputError
from bertbench.file_identity import DataFile, unchanged
from bertbench.inference import InferenceRun, Predictor, create_model, fill_model, run_inference
from bertbench.model.bert import BertModel
from bertbench.precision import Precision
from bertbench.prediction_settings import PredictionSettings
from bertbench.tasks.base import Task
from bertbench.tasks.dataset import Dataset, TaskResult
from bertbench.tasks.fit import require_known_ids, require_length

T = TypeVar("T")


@dataclass(frozen=True)
class Prediction:
    """A model's predictions for a data set.

    Attributes:
      seconds: wall-clock time by stage. `features` and `load` (of the model) run at the same time, followed
        by `inference` and `judging`.
    """

    dataset: Dataset
    outcome: TaskResult
    run: InferenceRun
    dataset_sha256: str
    checkpoint_fingerprint: str
    seconds: dict[str, float]


def predict(task: Task, source: ModelSource, split: str, settings: PredictionSettings) -> Prediction:
    """Read a split, run the model over it and score the outputs.

    Raises:
      InputError: data or checkpoint are malformed or do not fit each other.
      CannotJudge: an output is not finite.
    """
    require_length(task, source.config)
    weights = checkpoint_files(source.required_checkpoint)
    with unchanged(weights), ThreadPoolExecutor(max_workers=3) as pool:
        reading = pool.submit(_timed, lambda: task.read(split))
        fingerprint = pool.submit(fingerprint_files, weights)
        model = create_model(task, source, settings.compute)
        loading = pool.submit(_timed, lambda: fill_model(model, task, source))
        dataset, features_seconds = reading.result()
        predictor = Predictor(model)
        planner = _planner(task, settings)
        predictor.prepare(dataset.features, planner, deterministic=settings.deterministic)
        _, load_seconds = loading.result()
    seconds = {"features": features_seconds, "load": load_seconds}
    return predict_dataset(model, task, dataset, settings, fingerprint.result(), seconds, predictor)


def predict_dataset(
    model: BertModel,
    task: Task,
    dataset: Dataset,
    settings: PredictionSettings,
    fingerprint: str,
    seconds: Mapping[str, float] | None = None,
    predictor: Predictor | None = None,
) -> Prediction:
    """Run a loaded model over a data set and score the outputs.

    Args:
      fingerprint: of the model's checkpoint. seconds: of the stages before, by name.
      predictor: the model's, if its graph exists.

    Raises:
      InputError: the data holds ids that the model does not know, or is what its scales were calibrated on.
      CannotJudge: an output is not finite.
    """
    require_known_ids(dataset, model.config)
    _require_held_out(dataset, settings.compute.precision)
    run = run_inference(
        model,
        dataset.features,
        _planner(task, settings),
        deterministic=settings.deterministic,
        description=f"predict {task.name} in {settings.compute.precision}",
        predictor=predictor,
    )
    outcome, judging_seconds = _timed(lambda: task.evaluate(dataset, run.outputs))
    return Prediction(
        dataset,
        outcome,
        run,
        dataset_sha256(dataset.files),
        fingerprint,
        {**(seconds or {}), "inference": run.seconds, "judging": judging_seconds},
    )


def _planner(task: Task, settings: PredictionSettings) -> BatchPlanner:
    return BatchPlanner(settings.batching, settings.batch_size, task.max_seq_length)


def _require_held_out(dataset: Dataset, precision: Precision) -> None:
    for file in dataset.files:
        if file.sha256 == precision.calibration_sha256:
            raise InputError(
                f"{file.path}: the {precision} scales were calibrated on this file; "
                "give held-out data to evaluate them."
            )


def dataset_sha256(files: Sequence[DataFile]) -> str:
    """The hexadecimal SHA-256 of a data set's file; of several files, that of their concatenated digests."""
    digests = [file.sha256 for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode("ascii")).hexdigest()


def _timed(function: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return function(), time.perf_counter() - start
