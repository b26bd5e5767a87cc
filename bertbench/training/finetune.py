"""A training job: train, then evaluate and predict with the trained model."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bertbench.batch_planner import BatchPlanner
from bertbench.checkpoint.readers import read_global_step
from bertbench.checkpoint.source import ModelSource
from bertbench.data.batching import DEFAULT_STRATEGY
from bertbench.files import make_directory
from bertbench.inference import load_model, run_inference
from bertbench.model.bert import BertModel
from bertbench.output_folders import written_together
from bertbench.tasks.dataset import Dataset, TaskResult
from bertbench.tasks.fit import require_known_ids, require_length
from bertbench.training.job import TrainingJob
from bertbench.training.trainer import Trainer, TrainingRun, print_schedule
from bertbench.training.workers import Workers


@dataclass(frozen=True)
class JobResult:
    """The results of a job; parts that were not requested are None.

    Attributes:
      workers: the results of each worker, if they trained independently.
    """

    run: TrainingRun | None
    scores: dict[str, float] | None
    workers: list[dict[str, Any]] | None = None

    def to_json(self) -> dict[str, Any]:
        """The contents of `results.json`."""
        result: dict[str, Any] = {"scores": self.scores}
        if self.workers is not None:
            result["workers"] = self.workers
        if self.run is not None:
            result["training"] = {**dataclasses.asdict(self.run), "checkpoint": str(self.run.checkpoint)}
        return result


def run_job(job: TrainingJob, workers: Workers | None = None) -> JobResult:
    """Train, evaluate and predict as the job says; only rank 0 evaluates and predicts.

    The data for evaluation and prediction are read before the training, so that bad input fails early.

    Raises:
      InputError: there is nothing to do, or the data, the model or the folder cannot be used.
    """
    for split in job.splits:
        job.task.require_data(split)
    datasets = {} if workers is not None and workers.rank != 0 else _read_evaluated(job)
    run = train(job, workers) if job.train else None
    if not datasets:
        return JobResult(run, None)
    source = trained_source(job, run) if run else job.source
    return JobResult(run, _evaluate_and_predict(job, source, datasets))


def train(job: TrainingJob, workers: Workers | None = None) -> TrainingRun:
    """Train as the job says."""
    trainer = Trainer(job, read_split(job, "train").features, workers)
    if trainer.workers.rank == 0:
        print_schedule(trainer.order, trainer.learning_rate)
    return trainer.run()


def read_split(job: TrainingJob, split: str) -> Dataset:
    """Read a split of the task's data and check that it fits the model.

    Raises:
      InputError: it is missing, malformed, or does not fit.
    """
    require_length(job.task, job.source.config)
    dataset = job.task.read(split)
    require_known_ids(dataset, job.source.config)
    return dataset


def trained_source(job: TrainingJob, run: TrainingRun) -> ModelSource:
    """The trained model as a source."""
    return job.source.trained(run.checkpoint)


def _read_evaluated(job: TrainingJob) -> dict[str, Dataset]:
    """The data to evaluate or predict after the training, by split."""
    return {split: read_split(job, split) for split in job.evaluated_splits}


def _evaluate_and_predict(
    job: TrainingJob, source: ModelSource, datasets: Mapping[str, Dataset]
) -> dict[str, float] | None:
    model = load_model(job.task, source, job.compute)
    step = read_global_step(source.opened)
    scores = None
    with written_together(make_directory(job.output_dir)) as staging:
        for split, dataset in datasets.items():
            outcome = outcome_of(job, model, split, dataset)
            if split == "dev":
                scores = outcome.scores
                job.task.write_scores(outcome, staging, step)
            if job.predict and split == job.task.predict_split:
                job.task.write_predictions(outcome, staging, split)
    return scores


def outcome_of(job: TrainingJob, model: BertModel, split: str, dataset: Dataset) -> TaskResult:
    """Run a model on a split and score its outputs."""
    if job.max_eval_steps is not None:
        dataset = dataset.first(job.max_eval_steps * job.settings.batch_size)
    run = run_inference(
        model,
        dataset.features,
        BatchPlanner(DEFAULT_STRATEGY, job.settings.batch_size, job.task.max_seq_length),
        description=f"evaluate {split}",
    )
    return job.task.evaluate(dataset, run.outputs)
