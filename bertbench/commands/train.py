"""`bertbench train`: train a task in fp32 or bf16, then score and predict with the trained model."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.distributed_options import DistributedOptions, run_elsewhere, start_worker
from bertbench.commands.options import ThreadOptions
from bertbench.commands.tasks import TaskGroup, open_task
from bertbench.compute import Compute
from bertbench.console import notice, print_json
from bertbench.files import read_json, write_json
from bertbench.options import Option, Settings
from bertbench.output_folders import claimed
from bertbench.precision import require_trainable
from bertbench.processes.horovod_launcher import is_training_worker
from bertbench.runtime import compute_for
from bertbench.tasks.base import Task, TaskSettings
from bertbench.training.settings import TrainingSettings

if TYPE_CHECKING:
    from bertbench.measure.threads import ThreadSettings
    from bertbench.training.distributed import HorovodWorkers
    from bertbench.training.finetune import JobResult
    from bertbench.training.job import TrainingJob


@dataclass(frozen=True)
class TrainOptions(Settings):
    """The options of `bertbench train` for every task."""

    output_dir: Annotated[
        Path,
        Option("Folder for all output files; a stopped run with the same folder is resumed.", group="output"),
    ]
    do_train: Annotated[bool, Option("Train.", group="training")] = True
    do_eval: Annotated[bool, Option("Score the dev split.", group="training")] = False
    do_predict: Annotated[bool, Option("Write predictions.", group="training")] = False
    model: ModelOptions = field(default_factory=ModelOptions)
    compute: Compute = field(default_factory=Compute)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    threads: ThreadOptions = field(default_factory=ThreadOptions)
    distributed: DistributedOptions = field(default_factory=DistributedOptions)


def train_task(kind: type[Task], options: TrainOptions, settings: TaskSettings) -> None:
    """Train a task, here or in other processes."""
    require_trainable(options.compute.precision)
    options.distributed.require_averaging(settings.averages_gradients)
    if run_elsewhere(options.distributed):
        _print_workers_result(options)
        return
    job = _make_job(kind, options, settings)
    workers = None
    if is_training_worker():
        workers, threads = start_worker(options.distributed, options.threads)
        job = _share(job, options.distributed, workers)
    else:
        threads = options.threads.start_for_training()

    from bertbench.results.provenance import RESULTS_FILE
    from bertbench.results.seal import seal

    if workers is not None and workers.rank != 0:
        _run(job, workers)
        return
    with claimed(job.output_dir):
        result = _run(job, workers)
        figures = {"processes": workers.size if workers else 1, **_describe(job, result, threads)}
        write_json(job.output_dir / RESULTS_FILE, seal(figures))
    notice(f"{job.output_dir}: {_written(job, result)} written")
    _print(job, result)
    print_json(figures)


command = TaskGroup(
    "train",
    train_task,
    TrainOptions,
    help="Train a task from a checkpoint, or from scratch if none is given.",
)


def _make_job(kind: type[Task], options: TrainOptions, settings: TaskSettings) -> "TrainingJob":
    """The training job; what can be checked without TensorFlow is checked here."""
    from bertbench.training.job import TrainingJob

    model = options.model
    source = model.find(from_scratch=options.do_train and model.model_dir is None)
    task = open_task(kind, settings, source)
    job = TrainingJob(
        task,
        source,
        compute_for(options.compute, source),
        options.training,
        options.output_dir,
        train=options.do_train,
        evaluate=options.do_eval,
        predict=options.do_predict,
        max_eval_steps=task.max_eval_steps,
    )
    for split in job.splits:
        task.require_data(split)
    return job


def _share(job: "TrainingJob", options: DistributedOptions, workers: "HorovodWorkers") -> "TrainingJob":
    """One worker's part of a training."""
    from bertbench.training.scaling import share_of

    averages = job.task.settings.averages_gradients
    settings = share_of(job.settings, workers.size, options.lr_scaling, synchronized=averages)
    return dataclasses.replace(job, settings=settings)


def _run(job: "TrainingJob", workers: "HorovodWorkers | None") -> "JobResult":
    from bertbench.training.finetune import run_job

    if workers is None:
        return run_job(job)

    from bertbench.training.distributed import waiting_for_launcher
    from bertbench.training.independent import run_independently

    with waiting_for_launcher():
        if job.task.settings.averages_gradients or not job.train:
            return run_job(job, workers)
        return run_independently(job, workers)


def _describe(job: "TrainingJob", result: "JobResult", threads: "ThreadSettings") -> dict[str, Any]:
    """The contents of results.json."""
    from bertbench.measure.timing import peak_memory_mib
    from bertbench.results.provenance import describe_origin, shown_path

    return {
        **describe_origin(),
        "task": job.task.name,
        "mode": "training",
        "precision": job.compute.precision.name,
        "kernels": dataclasses.asdict(job.compute.kernels),
        "settings": dataclasses.asdict(job.settings),
        "max_seq_length": job.task.max_seq_length,
        "threads": dataclasses.asdict(threads),
        "init_checkpoint": shown_path(job.source.checkpoint) if job.source.checkpoint else None,
        "peak_memory_mib": peak_memory_mib(),
        **result.to_json(),
    }


def _print_workers_result(options: TrainOptions) -> None:
    """Print the results of the worker of rank 0 as JSON; workers' own lines begin with their ranks."""
    from bertbench.results.provenance import RESULTS_FILE

    path = options.output_dir / RESULTS_FILE
    if not options.distributed.dry_run and path.exists():
        print_json(read_json(path))


def _written(job: "TrainingJob", result: "JobResult") -> str:
    """The kinds of outputs that were written."""
    parts = [("checkpoints", job.train), ("predictions", job.predict), ("scores", bool(result.scores))]
    return ", ".join([*(name for name, there in parts if there), "results"])


def _print(job: "TrainingJob", result: "JobResult") -> None:
    from bertbench.formatting import format_number, words
    from bertbench.measure.machine import read_machine
    from bertbench.tables import make_table, print_table
    from bertbench.tasks.table import score_text

    scores = (result.scores or {}).items()
    rows = [(words(name), score_text(job.task.name, score)) for name, score in scores]
    if result.run is not None:
        rows += [("loss", format_number(loss)) for _, loss in result.run.loss_curve[-1:]]
        rows.append(("checkpoint", str(result.run.checkpoint)))
    rows.append(("matrix products in", str(read_machine().products)))
    print_table(make_table(f"{job.task.name}, {job.compute.precision}", ("", ""), rows))
