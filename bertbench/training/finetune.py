"""A whole training job: train, then score and predict with the model that came out."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.config import KernelOptions
from bertbench.data.batching import DEFAULT_STRATEGY
from bertbench.errors import InputError
from bertbench.inference import load_model, run_inference
from bertbench.model.bert import BertModel
from bertbench.model.checkpoint_readers import read_global_step
from bertbench.model.source import ModelSource
from bertbench.precision import Precision
from bertbench.tasks.base import Outcome, Task
from bertbench.tasks.fit import require_known_ids, require_length
from bertbench.training.trainer import Trainer, TrainingRun, TrainingSettings, describe
from bertbench.training.workers import SingleProcess


@dataclass(frozen=True)
class Job:
    """What is to be done, with what.

    Attributes:
      evaluate: score the dev split. predict: write the predictions of the task's `predict_split`.
      max_eval_steps: batches to score at most; None scores everything.
    """

    task: Task
    source: ModelSource
    precision: Precision
    options: KernelOptions
    settings: TrainingSettings
    output_dir: Path
    train: bool = True
    evaluate: bool = False
    predict: bool = False
    max_eval_steps: int | None = None


@dataclass(frozen=True)
class JobResult:
    """What came of a job; parts that were not asked for are None.

    Attributes:
      workers: the figures of each worker, where they trained independently.
    """

    run: TrainingRun | None
    scores: dict[str, float] | None
    workers: list[dict[str, Any]] | None = None

    def to_json(self) -> dict[str, Any]:
        """The figures that `results.json` holds."""
        result: dict[str, Any] = {"scores": self.scores}
        if self.workers is not None:
            result["workers"] = self.workers
        if self.run is not None:
            result["training"] = {**dataclasses.asdict(self.run), "checkpoint": str(self.run.checkpoint)}
        return result


def run_job(job: Job, workers: SingleProcess | None = None) -> JobResult:
    """Train, evaluate and predict, as the job says; the first worker alone does what follows the training.

    Raises:
      InputError: there is nothing to do, or the data, the model or the folder cannot be used.
    """
    if not (job.train or job.evaluate or job.predict):
        raise InputError("nothing to do; turn on --do-train, --do-eval or --do-predict.")
    run = train(job, workers) if job.train else None
    if not (job.evaluate or job.predict) or (workers is not None and workers.rank != 0):
        return JobResult(run, None)
    return JobResult(run, _evaluate_and_predict(job, trained_source(job, run) if run else job.source))


def train(job: Job, workers: SingleProcess | None = None) -> TrainingRun:
    """Train as the job says."""
    require_length(job.task, job.source.config)
    dataset = job.task.read("train")
    require_known_ids(dataset, job.source.config)
    trainer = Trainer(
        job.task,
        job.source,
        job.precision,
        job.options,
        job.settings,
        dataset.features,
        job.output_dir,
        workers,
    )
    if trainer.workers.rank == 0:
        describe(trainer.order, trainer.learning_rate)
    return trainer.run()


def trained_source(job: Job, run: TrainingRun) -> ModelSource:
    """The model that came out of a training."""
    return dataclasses.replace(job.source, checkpoint=run.checkpoint)


def _evaluate_and_predict(job: Job, source: ModelSource) -> dict[str, float] | None:
    model = load_model(job.task, source, job.precision, job.options)
    step = read_global_step(source.checkpoint)
    predict_split = job.task.predict_split
    scores = None
    if job.evaluate or predict_split == "dev":
        outcome = outcome_of(job, model, "dev")
        scores = outcome.scores
        job.task.write(outcome, job.output_dir, "dev", step)
    if job.predict and predict_split != "dev":
        job.task.write(outcome_of(job, model, predict_split), job.output_dir, predict_split, step)
    return scores


def outcome_of(job: Job, model: BertModel, split: str) -> Outcome:
    """What the task makes of a model's outputs on a split."""
    dataset = job.task.read(split)
    if job.max_eval_steps is not None:
        dataset = dataset.first(job.max_eval_steps * job.settings.batch_size)
    run = run_inference(
        model,
        dataset.features,
        batch_size=job.settings.batch_size,
        batching=DEFAULT_STRATEGY,
        max_seq_length=job.task.max_seq_length,
        description=f"score {split}",
    )
    return job.task.judge(dataset, run.outputs)
