"""`bertbench train`: train a task in fp32 or bf16, then score and predict with what came out."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bertbench.commands.distributed_options import (
    Distributed,
    distributed_options,
    pop_distributed_options,
    run_elsewhere,
    start_worker,
    sync_gradients_option,
)
from bertbench.commands.options import (
    PATH,
    kernel_options,
    model_options,
    pop_compute,
    pop_model_options,
    precision_option,
    thread_options,
    together,
)
from bertbench.commands.tasks import (
    PopTask,
    classifier_options,
    pop_classifier_task,
    pop_pretraining_task,
    pop_squad_task,
    pretraining_options,
    window_options,
)
from bertbench.console import make_table, print_table
from bertbench.data.batching import STRATEGIES
from bertbench.files import write_json
from bertbench.processes.horovod_launcher import is_worker
from bertbench.runtime import start_tensorflow

if TYPE_CHECKING:
    from bertbench.measure.threads import ThreadSettings
    from bertbench.training.distributed import HorovodWorkers
    from bertbench.training.finetune import JobResult
    from bertbench.training.job import TrainingJob
    from bertbench.training.settings import TrainingSettings

_SETTINGS = (
    click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True,
                 help="Examples of one process's micro-batch."),
    click.option("--accum-steps", type=click.IntRange(min=1), default=1, show_default=True,
                 help="Micro-batches a step."),
    click.option("--learning-rate", type=float, default=5e-5, show_default=True, help="The peak."),
    click.option("--warmup-proportion", type=float, default=0.1, show_default=True),
    click.option("--warmup-steps", type=click.IntRange(min=0), help="Instead of the proportion."),
    click.option("--num-train-epochs", type=float, default=3.0, show_default=True),
    click.option("--num-train-steps", type=click.IntRange(min=1), help="Instead of the epochs."),
    click.option("--batching", type=click.Choice(STRATEGIES), default="packed", show_default=True),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=12345, show_default=True),
    click.option("--save-checkpoints-steps", type=click.IntRange(min=1), default=1000, show_default=True),
    click.option("--keep-checkpoints", type=click.IntRange(min=1), default=5, show_default=True),
    click.option("--recompute/--no-recompute", default=False, show_default=True,
                 help="Compute layers twice instead of keeping what their gradients need."),
)  # fmt: skip
_PARTS = (
    click.option("--do-train/--no-do-train", default=True, show_default=True),
    click.option("--do-eval/--no-do-eval", default=False, show_default=True),
    click.option("--do-predict/--no-do-predict", default=False, show_default=True),
    click.option("--output-dir", type=PATH, required=True, help="A killed run with the same folder goes on."),
)


def _training_command(function: Callable[..., Any]) -> Callable[..., Any]:
    options = (*_PARTS, model_options, precision_option, kernel_options, *_SETTINGS, thread_options)
    return command.command()(together(*options, distributed_options)(function))


@click.group()
def command() -> None:
    """Train a task from a checkpoint, or from scratch where none is given."""


@_training_command
@click.option("--train-file", type=PATH, help="SQuAD v1.1 file to train on.")
@click.option("--predict-file", type=PATH, help="SQuAD v1.1 file to score and predict.")
@window_options
@sync_gradients_option
def squad(**values: Any) -> None:
    """Train span answers.

    \b
    Example:
      bertbench train squad --precision bf16 --model-dir uncased_L-12_H-768_A-12 \\
        --train-file train-v1.1.json --predict-file dev-v1.1.json --do-eval --output-dir out
    """
    _train(pop_squad_task, values)


@_training_command
@classifier_options
def classifier(**values: Any) -> None:
    """Train a GLUE task.

    \b
    Example:
      bertbench train classifier --task-name MRPC --data-dir glue --do-eval \\
        --model-dir uncased_L-12_H-768_A-12 --output-dir out
    """
    _train(pop_classifier_task, values)


@_training_command
@pretraining_options
@click.option("--max-eval-steps", type=click.IntRange(min=1), default=100, show_default=True)
def pretraining(max_eval_steps: int, **values: Any) -> None:
    """Train the masked language model and next-sentence prediction.

    Without a checkpoint the weights start at random. The second phase (512 tokens) starts from the first's
    output folder as --model-dir.

    \b
    Example:
      bertbench train pretraining --input-file 'records/*.tfrecord' --config-file bert_config.json \\
        --num-train-steps 10000 --learning-rate 1e-4 --output-dir out
    """
    _train(pop_pretraining_task, values, max_eval_steps=max_eval_steps)


def _train(pop_task: PopTask, values: dict[str, Any], max_eval_steps: int | None = None) -> None:
    distributed = pop_distributed_options(values)
    if run_elsewhere(distributed):
        return

    num_threads = values.pop("num_intra_threads"), values.pop("num_inter_threads")
    workers = None
    if is_worker():
        workers, threads = start_worker(distributed, *num_threads)
    else:
        threads = start_tensorflow(*num_threads)

    from bertbench.checkpoint.source import find_model
    from bertbench.results.provenance import RESULTS_FILE
    from bertbench.training.job import TrainingJob

    model = pop_model_options(values)
    source = find_model(**model, from_scratch=values["do_train"] and model["model_dir"] is None)
    job = TrainingJob(
        pop_task(source, values),
        source,
        pop_compute(values, source.config),
        train=values.pop("do_train"),
        evaluate=values.pop("do_eval"),
        predict=values.pop("do_predict"),
        output_dir=values.pop("output_dir"),
        max_eval_steps=max_eval_steps,
        settings=_settings(values, distributed, workers),
    )
    result = _run(job, distributed, workers)
    if workers is None or workers.rank == 0:
        figures = {"processes": workers.size if workers else 1, **_describe(job, result, threads)}
        write_json(job.output_dir / RESULTS_FILE, figures)
        _print(job, result)


def _run(job: "TrainingJob", distributed: Distributed, workers: "HorovodWorkers | None") -> "JobResult":
    from bertbench.training.finetune import run_job

    if workers is None:
        return run_job(job)

    from bertbench.training.distributed import waiting_for_launcher
    from bertbench.training.independent import run_independently

    with waiting_for_launcher():
        if distributed.synchronized or not job.train:
            return run_job(job, workers)
        return run_independently(job, workers)


def _settings(
    values: dict[str, Any], distributed: Distributed, workers: "HorovodWorkers | None"
) -> "TrainingSettings":
    from bertbench.training.scaling import share_of
    from bertbench.training.settings import TrainingSettings

    renamed = {"num_train_epochs": "num_epochs", "num_train_steps": "num_steps"}
    settings = TrainingSettings(**{renamed.get(name, name): value for name, value in values.items()})
    if workers is None:
        return settings
    return share_of(settings, workers.size, distributed.lr_scaling, synchronized=distributed.synchronized)


def _describe(job: "TrainingJob", result: "JobResult", threads: "ThreadSettings") -> dict[str, Any]:
    """The contents of results.json."""
    from bertbench.measure.timing import peak_memory_mib
    from bertbench.results.provenance import describe_origin

    return {
        **describe_origin(),
        "task": job.task.name,
        "mode": "training",
        "precision": job.compute.precision.name,
        "kernels": dataclasses.asdict(job.compute.kernels),
        "settings": dataclasses.asdict(job.settings),
        "max_seq_length": job.task.max_seq_length,
        "threads": dataclasses.asdict(threads),
        "init_checkpoint": str(job.source.checkpoint) if job.source.checkpoint else None,
        "peak_memory_mib": peak_memory_mib(),
        **result.to_json(),
    }


def _print(job: "TrainingJob", result: "JobResult") -> None:
    from bertbench.formatting import figure, words

    rows = [(words(name), figure(score)) for name, score in (result.scores or {}).items()]
    if result.run is not None:
        rows += [("loss", figure(loss)) for _, loss in result.run.loss_curve[-1:]]
        rows.append(("checkpoint", str(result.run.checkpoint)))
    print_table(make_table(f"{job.task.name}, {job.compute.precision}", ("", ""), rows))
