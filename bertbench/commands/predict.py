"""`bertbench predict`: run a checkpoint over a data set, write its answers, and score them."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.options import OUTPUT_DIR, ThreadOptions
from bertbench.commands.tasks import TaskGroup, open_task, use_embedded_default
from bertbench.console import notice, print_json, say
from bertbench.files import write_json
from bertbench.measure.machine import read_machine
from bertbench.options import Settings
from bertbench.output_folders import staged_directory
from bertbench.prediction_settings import PredictionSettings
from bertbench.runtime import compute_for
from bertbench.tasks.base import Task, TaskSettings

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.measure.threads import ThreadSettings
    from bertbench.prediction import Prediction

ITEMS_FILE = "scores.npz"


@dataclass(frozen=True)
class PredictOptions(Settings):
    """The options of `bertbench predict` for every task."""

    output_dir: Annotated[Path, OUTPUT_DIR]
    model: ModelOptions = field(default_factory=ModelOptions)
    prediction: PredictionSettings = field(default_factory=PredictionSettings)
    threads: ThreadOptions = field(default_factory=ThreadOptions)


def predict_task(kind: type[Task], options: PredictOptions, task_settings: TaskSettings) -> None:
    """Predict the data of a task; bad input is rejected before TensorFlow starts where possible."""
    model, task_settings = use_embedded_default(kind, options.model, task_settings)
    source = model.find()
    task = open_task(kind, task_settings, source)
    task.require_data(task.split)
    compute = compute_for(options.prediction.compute, source)
    settings = dataclasses.replace(options.prediction, compute=compute)
    threads = options.threads.start_for_data_sets(deterministic=settings.deterministic)

    from bertbench.checkpoint.readers import read_global_step
    from bertbench.prediction import predict
    from bertbench.results.item_files import write_items
    from bertbench.results.provenance import RESULTS_FILE
    from bertbench.results.seal import seal

    with staged_directory(options.output_dir, last=RESULTS_FILE) as staging:
        prediction = predict(task, source, task.split, settings)
        task.write_scores(prediction.outcome, staging, read_global_step(source.opened))
        task.write_predictions(prediction.outcome, staging, task.split)
        items = prediction.outcome.items
        if items is not None:
            write_items(staging / ITEMS_FILE, items)
        described = _describe(task, source, settings, threads, prediction)
        write_json(staging / RESULTS_FILE, seal(described))
    notice(f"{options.output_dir}: predictions and results written")
    _print(task, settings, prediction)
    print_json({**described, "output_dir": str(options.output_dir)})


command = TaskGroup(
    "predict",
    predict_task,
    PredictOptions,
    help="""Run a checkpoint over a data set, write its predictions, and score them if there are labels.

    Without a model, the small one that is part of bertbench predicts its own held-out data.
    """,
)


def _describe(
    task: Task,
    source: "ModelSource",
    settings: PredictionSettings,
    threads: "ThreadSettings",
    prediction: "Prediction",
) -> dict[str, Any]:
    """The contents of results.json."""
    from bertbench.results.provenance import describe_origin, instruction_set, shown_path

    return {
        **describe_origin(),
        "task": task.name,
        "mode": "inference",
        "split": task.split,
        "precision": settings.compute.precision.name,
        "kernels": dataclasses.asdict(settings.compute.kernels),
        "batching": settings.batching,
        "batch_size": settings.batch_size,
        "deterministic": settings.deterministic,
        "max_seq_length": task.max_seq_length,
        "threads": dataclasses.asdict(threads),
        "checkpoint": shown_path(source.required_checkpoint),
        "checkpoint_fingerprint": prediction.checkpoint_fingerprint,
        "dataset": [shown_path(file.path) for file in prediction.dataset.files],
        "dataset_sha256": prediction.dataset_sha256,
        "quantity": task.headline,
        "scores": prediction.outcome.scores,
        "examples": prediction.dataset.num_items,
        "instruction_set": instruction_set(settings.compute.precision.name),
        "per_question_scores": None if prediction.outcome.items is None else ITEMS_FILE,
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


def _print(task: Task, settings: PredictionSettings, prediction: "Prediction") -> None:
    from bertbench.formatting import format_number, words
    from bertbench.tables import make_table, print_table
    from bertbench.tasks.table import score_text

    scores = prediction.outcome.scores
    rows = [
        *((words(name), score_text(task.name, score)) for name, score in scores.items()),
        (task.unit, f"{prediction.dataset.num_items:,}"),
        ("sequences", f"{prediction.run.num_examples:,}"),
        ("seconds", format_number(prediction.run.seconds, 3)),
        ("examples/s", format_number(_rates(prediction)["examples_per_second"], 3)),
        ("tokens/s", format_number(_rates(prediction)["tokens_per_second"], 3)),
        ("matrix products in", str(read_machine().products)),
    ]
    print_table(make_table(f"{task.name}, {settings.compute.precision}", ("", ""), rows))
    if scores:
        say(json.dumps(scores))
