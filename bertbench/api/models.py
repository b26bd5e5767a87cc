"""Loads a model, and predicts, answers and benchmarks with it."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertbench.checkpoint.paths import checkpoint_files, fingerprint_files
from bertbench.compute import Compute, KernelOptions
from bertbench.errors import InputError
from bertbench.evaluation.decoded_answers import Answer
from bertbench.evaluation.items import Items
from bertbench.file_identity import unchanged
from bertbench.precision import parse_precision
from bertbench.prediction_settings import PredictionSettings
from bertbench.results.schema import ThroughputCase
from bertbench.runtime import compute_for, import_quietly
from bertbench.tasks.base import Task
from bertbench.tasks.fit import require_length, require_segments
from bertbench.tasks.squad import SquadTask
from bertbench.tasks.table import find_task, make_task

if TYPE_CHECKING:
    from bertbench.answering import Answerer
    from bertbench.checkpoint.source import ModelSource
    from bertbench.model.bert import BertModel


@dataclass(frozen=True)
class Predictions:
    """The predictions of a model for a data set.

    Attributes:
      quantity: the name of the score that decides.
      scores: by name; empty if the data have no labels.
      answers: by question id, or by the number of the row counted from 0; a text, a label or a number.
      checkpoint_fingerprint, dataset_sha256: what was predicted with, and on.
      items: what each item contributes to the scores; None if the data have no labels.
      seconds: of the model's passes over the data.
    """

    model: str
    task: str
    precision: str
    quantity: str
    scores: Mapping[str, float]
    answers: Mapping[str, str | float]
    checkpoint_fingerprint: str
    dataset_sha256: str
    items: Items | None
    seconds: float

    @property
    def name(self) -> str:
        """What the case is called: `bf16-squad-inference-faq`."""
        return f"{self.precision}-{self.task}-inference-{self.model}"


class Model:
    """A model in one precision, loaded once; `load` makes it.

    Attributes:
      name: of its folder. precision: `fp32`, `bf16` or `int8`.
    """

    def __init__(
        self,
        name: str,
        make_task: Callable[..., Task],
        source: "ModelSource",
        model: "BertModel",
        fingerprint: str,
    ) -> None:
        """`make_task(data=...)` is the task with that data; the fingerprint is that of the loaded weights."""
        self.name = name
        self.precision = model.compute.precision.name
        self._make_task, self._source, self._model = make_task, source, model
        self._fingerprint = fingerprint

    def predict(self, data: Path | str, *, batch_size: int = 32) -> Predictions:
        """Predict a data set, and score the predictions if it has labels.

        Args:
          data: as `--data` of `bertbench predict`: a SQuAD file, the folder of a GLUE task, or TFRecords.

        Raises:
          InputError: the data is malformed, or does not fit the model.
          CannotJudge: an output is not finite.
        """
        from bertbench.prediction import predict_dataset

        task = self._make_task(data=data)
        settings = PredictionSettings(self._model.compute, batch_size=batch_size)
        require_length(task, self._model.config)
        dataset = task.read(task.split)
        prediction = predict_dataset(self._model, task, dataset, settings, self._fingerprint)
        return Predictions(
            model=self.name,
            task=task.name,
            precision=self.precision,
            quantity=task.headline,
            scores=prediction.outcome.scores,
            answers=task.answers(prediction.outcome),
            checkpoint_fingerprint=prediction.checkpoint_fingerprint,
            dataset_sha256=prediction.dataset_sha256,
            items=prediction.outcome.items,
            seconds=prediction.run.seconds,
        )

    def answer(self, question: str, context: str) -> Answer:
        """The answer to one question from a context.

        The first call for each of a few window widths compiles; further calls take milliseconds.

        Raises:
          InputError: the task is not SQuAD, or question or context is empty.
          CannotJudge: an output is not finite.
        """
        return self._answerer(question, context)

    def _benchmark(self, batch_size: int, steps: int, warmup_steps: int) -> ThroughputCase:
        from bertbench.benchmarking.case import BenchmarkCase
        from bertbench.benchmarking.report import throughput_case
        from bertbench.benchmarking.run import measure_workload
        from bertbench.benchmarking.workload import full_length_workload

        config, compute = self._source.config, self._model.compute
        case = BenchmarkCase(self._make_task(), "inference", compute, self.name, config, batch_size)
        workload = full_length_workload(case, steps)
        result = measure_workload(case, workload, warmup_steps=warmup_steps, source=self._source)
        return throughput_case(result, startup=False)  # this process was started for other things, too

    @functools.cached_property
    def _answerer(self) -> "Answerer":
        from bertbench.answering import Answerer

        task = self._make_task()
        if not isinstance(task, SquadTask):
            raise InputError(f"a {task.name} model cannot answer questions; load one with task='squad'.")
        require_segments(self._model.config)
        return Answerer(self._model, task)


def load(
    model_dir: Path | str,
    *,
    task: str = "squad",
    precision: str = "fp32",
    gelu: str | None = None,
    do_lower_case: bool | None = None,
    **options: Any,
) -> Model:
    """Load a model.

    Args:
      model_dir: Google's or Hugging Face's folder.
      task: `squad`, `classifier` (with `task_name`, such as `"MRPC"`) or `pretraining`.
      precision: `fp32`, `bf16`, or `int8` of a folder that `bertbench quantize` wrote.
      gelu: `tanh`, `erf` or `fused`; None is what the model was trained with.
      options: further options of `bertbench predict TASK`, with underscores: `max_seq_length=256`.

    Raises:
      InputError: the folder is missing or incomplete, or an option is unknown or out of range.
    """
    from bertbench.checkpoint.source import find_model

    source = find_model(model_dir, do_lower_case=do_lower_case)
    compute = compute_for(Compute(parse_precision(precision), KernelOptions(gelu=gelu)), source)
    tokenizer = source.tokenizer() if find_task(task).reads_text else None
    make = functools.partial(make_task, task, tokenizer, **options)
    require_length(make(), source.config)
    import_quietly()

    from bertbench.inference import load_model

    weights = checkpoint_files(source.required_checkpoint)
    with unchanged(weights):
        model, fingerprint = load_model(make(), source, compute), fingerprint_files(weights)
    return Model(Path(model_dir).resolve().name, make, source, model, fingerprint)


def benchmark(
    model: Model, *, batch_size: int = 8, steps: int = 30, warmup_steps: int = 10
) -> ThroughputCase:
    """Measure a model's inference on random examples of full length, and the machine's limit.

    Args:
      batch_size: rows of a batch. steps, warmup_steps: measured batches, and batches before them.

    Returns:
      The values that `bertbench benchmark` writes; `docs/formats.md` describes them.
    """
    return model._benchmark(batch_size, steps, warmup_steps)
