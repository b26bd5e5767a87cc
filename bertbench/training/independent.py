"""Several workers that train independently; the model of the best one is kept."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from bertbench.checkpoint.readers import open_checkpoint
from bertbench.console import notice
from bertbench.inference import load_model
from bertbench.output_folders import claimed
from bertbench.tasks.dataset import Dataset, TaskResult
from bertbench.training.distributed import HorovodWorkers
from bertbench.training.finetune import JobResult, outcome_of, read_split, train, trained_source
from bertbench.training.job import TrainingJob
from bertbench.training.saving import TrainingFolder
from bertbench.training.trainer import TrainingRun
from bertbench.training.workers import SingleProcess


class _IndependentWorker(SingleProcess):
    """A worker that trains its own model with the settings of all, apart from the seed."""

    def __init__(self, workers: HorovodWorkers) -> None:
        self._workers = workers

    def require_agreement(self, facts: Mapping[str, Any]) -> None:
        self._workers.require_agreement({name: fact for name, fact in facts.items() if name != "seed"})


def run_independently(job: TrainingJob, workers: HorovodWorkers) -> JobResult:
    """Train a model in each worker, with its own example order and new head, and keep the best one.

    Each worker saves to `worker-<rank>` in the output folder, on its own host, and resumes from there. The
    best model is copied to the output folder of rank 0. The best one has the highest score (the task's
    headline) on the dev split, if there is one; otherwise, or among equals, the lowest final loss.
    """
    own = dataclasses.replace(
        job,
        settings=dataclasses.replace(job.settings, seed=(job.settings.seed + workers.rank) % 2**32),
        output_dir=job.output_dir / f"worker-{workers.rank}",
    )
    folder = _begin(job, workers)
    dev = read_split(own, "dev") if job.task.has_data("dev") else None
    with claimed(own.output_dir):
        run = train(own, _IndependentWorker(workers))
    figures = {"rank": workers.rank, "loss": run.loss_curve[-1][1] if run.loss_curve else None}
    outcome = _judge(own, run, dev) if dev else None
    everyone = workers.gather(figures | (outcome.scores if outcome else {}))
    best = choose_best(everyone, job.task.headline)
    if workers.rank == 0:
        for worker in everyone:
            shown = ", ".join(f"{name} {value}" for name, value in worker.items() if name != "rank")
            notice(f"worker {worker['rank']}: {shown}")
        notice(f"kept: the model of worker {best}")
    run, outcome = _take_over(job, folder, workers, run, outcome, best)
    return JobResult(run, outcome.scores if outcome else None, everyone)


def choose_best(everyone: Sequence[Mapping[str, float | None]], headline: str) -> int:
    """The rank with the best score; among equals the one with the lowest final loss, then the lowest rank."""

    def score_then_loss(rank: int) -> tuple[float, float]:
        loss = everyone[rank]["loss"]
        return everyone[rank].get(headline) or 0.0, -math.inf if loss is None else -loss

    return max(range(len(everyone)), key=score_then_loss)


def _begin(job: TrainingJob, workers: HorovodWorkers) -> TrainingFolder | None:
    """The folder of rank 0 for the best model; it must not contain another run."""
    if workers.rank != 0:
        return None
    folder = TrainingFolder(job.output_dir, keep_checkpoints=job.settings.keep_checkpoints)
    facts = {"independent workers": workers.size, **dataclasses.asdict(job.settings)}
    folder.require_same(facts)
    folder.begin(facts, job.source)
    return folder


def _judge(job: TrainingJob, run: TrainingRun, dataset: Dataset) -> TaskResult:
    model = load_model(job.task, trained_source(job, run), job.compute)
    return outcome_of(job, model, "dev", dataset)


def _take_over(
    job: TrainingJob,
    folder: TrainingFolder | None,
    workers: HorovodWorkers,
    run: TrainingRun,
    outcome: TaskResult | None,
    best: int,
) -> tuple[TrainingRun, TaskResult | None]:
    """Send the best worker's model, run and outcome to rank 0, which saves them."""
    source = open_checkpoint(run.checkpoint)
    tensors: dict[str, tf.Tensor] = {}
    for tensor in source.list_tensors():
        value = workers.send(source.read([tensor])[0], best)
        if workers.rank == 0:
            tensors[tensor.name] = value
    run, outcome = workers.share((run, outcome), best)
    if folder is None:
        return run, outcome
    del tensors["global_step"]  # the folder writes its own
    checkpoint = folder.save(tensors, run.steps)
    if outcome is not None and (job.evaluate or job.predict):
        job.task.write_scores(outcome, job.output_dir, run.steps)
        if job.predict and job.task.predict_split == "dev":
            job.task.write_predictions(outcome, job.output_dir, "dev")
    return dataclasses.replace(run, checkpoint=checkpoint), outcome
