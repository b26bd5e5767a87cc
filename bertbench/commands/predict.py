"""`bertbench predict`: run a checkpoint over a data set, write its answers, and score them."""

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

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
    use_embedded_default,
    window_options,
)
from bertbench.console import make_table, print_table, say
from bertbench.data.batching import DEFAULT_STRATEGY, STRATEGIES
from bertbench.files import staged_directory, write_json
from bertbench.runtime import start_tensorflow

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.measure.threads import ThreadSettings
    from bertbench.prediction import Prediction, PredictionSettings
    from bertbench.tasks.base import Task

_OPTIONS = (
    click.option("--output-dir", type=PATH, required=True, help="Folder for all output files."),
    model_options,
    precision_option,
    kernel_options,
    click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True),
    click.option(
        "--batching",
        type=click.Choice(STRATEGIES),
        default=DEFAULT_STRATEGY,
        show_default=True,
        help="How examples of unequal length share a batch.",
    ),
    thread_options,
)


@click.group()
def command() -> None:
    """Run a checkpoint over a data set, write what it says, and score it where there are labels.

    Without a model, bertbench's own small one answers held-out questions of its own.
    """


def _prediction_command(function: Callable[..., Any]) -> Callable[..., Any]:
    return command.command()(together(*_OPTIONS)(function))


@_prediction_command
@click.option("--predict-file", type=PATH, help="SQuAD v1.1 file to answer.")
@window_options
def squad(**values: Any) -> None:
    """Answer questions: predictions.json, nbest_predictions.json and results.json.

    The last line printed is the official script's: {"exact_match": ..., "f1": ...}.

    \b
    Examples:
      bertbench predict squad --precision bf16 --output-dir out
      bertbench predict squad --precision bf16 --model-dir M \\
        --predict-file dev-v1.1.json --output-dir out
    """
    _predict("squad", pop_squad_task, "dev", values)


@_prediction_command
@classifier_options
@click.option("--split", type=click.Choice(("dev", "test")), default="dev", show_default=True)
def classifier(split: str, **values: Any) -> None:
    """Classify a GLUE task's examples: test_results.tsv and results.json.

    With labels there is eval_results.txt too; of a test split, the file that the GLUE site takes.

    \b
    Example:
      bertbench predict classifier --task-name MRPC --data-dir glue \\
        --precision bf16 --model-dir M --output-dir out
    """
    _predict("classifier", pop_classifier_task, split, values)


@_prediction_command
@pretraining_options
def pretraining(**values: Any) -> None:
    """Score masked words and next sentences: eval_results.txt and results.json.

    \b
    Example:
      bertbench predict pretraining --input-file 'records/*.tfrecord' \\
        --precision bf16 --model-dir M --output-dir out
    """
    _predict("pretraining", pop_pretraining_task, "dev", values)


def _predict(name: str, pop_task: PopTask, split: str, values: dict[str, Any]) -> None:
    use_embedded_default(name, values)
    threads = start_tensorflow(values["num_intra_threads"], values["num_inter_threads"], trains=False)

    from bertbench.checkpoint.readers import read_global_step
    from bertbench.checkpoint.source import find_model
    from bertbench.prediction import PredictionSettings, predict
    from bertbench.results.provenance import RESULTS_FILE

    with staged_directory(values["output_dir"]) as staging:
        source = find_model(**pop_model_options(values))
        settings = PredictionSettings(
            compute=pop_compute(values, source.config),
            batching=values["batching"],
            batch_size=values["batch_size"],
        )
        task = pop_task(source, values)
        prediction = predict(task, source, split, settings)
        task.write_scores(prediction.outcome, staging, read_global_step(source.required_checkpoint))
        task.write_predictions(prediction.outcome, staging, split)
        write_json(staging / RESULTS_FILE, _describe(task, source, split, settings, threads, prediction))
    _print(task, settings, prediction)


def _describe(
    task: "Task",
    source: "ModelSource",
    split: str,
    settings: "PredictionSettings",
    threads: "ThreadSettings",
    prediction: "Prediction",
) -> dict[str, Any]:
    """The contents of results.json."""
    from bertbench.results.provenance import describe_origin

    return {
        **describe_origin(),
        "task": task.name,
        "mode": "inference",
        "split": split,
        "precision": settings.compute.precision.name,
        "kernels": dataclasses.asdict(settings.compute.kernels),
        "batching": settings.batching,
        "batch_size": settings.batch_size,
        "max_seq_length": task.max_seq_length,
        "threads": dataclasses.asdict(threads),
        "checkpoint": str(source.checkpoint),
        "checkpoint_fingerprint": prediction.checkpoint_fingerprint,
        "dataset": [str(file.path) for file in prediction.dataset.files],
        "dataset_sha256": prediction.dataset_sha256,
        "scores": prediction.outcome.scores,
        "counts": {
            task.unit: prediction.dataset.num_items,
            "sequences": prediction.run.num_examples,
            "tokens": prediction.run.num_tokens,
        },
        "seconds": prediction.seconds,
        **_rates(prediction),
    }


def _rates(prediction: "Prediction") -> dict[str, float]:
    run = prediction.run
    return {
        "examples_per_second": run.num_examples / run.seconds,
        "tokens_per_second": run.num_tokens / run.seconds,
    }


def _print(task: "Task", settings: "PredictionSettings", prediction: "Prediction") -> None:
    from bertbench.formatting import figure, words

    scores = prediction.outcome.scores
    rows = [
        *((words(name), figure(score)) for name, score in scores.items()),
        (task.unit, f"{prediction.dataset.num_items:,}"),
        ("sequences", f"{prediction.run.num_examples:,}"),
        ("seconds", figure(prediction.run.seconds, 3)),
        ("examples/s", figure(_rates(prediction)["examples_per_second"], 3)),
        ("tokens/s", figure(_rates(prediction)["tokens_per_second"], 3)),
    ]
    print_table(make_table(f"{task.name}, {settings.compute.precision}", ("", ""), rows))
    if scores:
        say(json.dumps(scores))
