"""The options that say what a task is about, and the task that they make."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bertbench.commands.options import PATH, together

if TYPE_CHECKING:
    from bertbench.model.source import ModelSource
    from bertbench.tasks.base import Task

PopTask = Callable[["ModelSource", dict[str, Any]], "Task"]

window_options = together(
    click.option("--max-seq-length", type=int, default=384, show_default=True),
    click.option("--doc-stride", type=int, default=128, show_default=True),
    click.option("--max-query-length", type=int, default=64, show_default=True),
    click.option("--n-best-size", type=int, default=20, show_default=True),
    click.option("--max-answer-length", type=int, default=30, show_default=True),
)

classifier_options = together(
    click.option("--task-name", required=True, help="A GLUE task or XNLI, as in MRPC or sst-2."),
    click.option("--data-dir", type=PATH, required=True, help="The task's folder, or the GLUE root."),
    click.option("--max-seq-length", type=int, default=128, show_default=True),
)

pretraining_options = together(
    click.option("--input-file", required=True, help="TFRecords: paths or globs between commas."),
    click.option("--max-seq-length", type=int, help="What the files hold, if it is to be checked."),
    click.option("--max-predictions-per-seq", type=int, help="What the files hold, if it is to be checked."),
)


def pop_squad_task(source: "ModelSource", values: dict[str, Any]) -> "Task":
    """Take `window_options` and the files out of a command's arguments and make the task."""
    from bertbench.data.squad_windows import WindowSettings
    from bertbench.evaluation.span_decoding import DecodingSettings
    from bertbench.tasks.squad import SquadTask

    windows = {name: values.pop(name) for name in ("max_seq_length", "doc_stride", "max_query_length")}
    decoding = {name: values.pop(name) for name in ("n_best_size", "max_answer_length")}
    return SquadTask(
        source.tokenizer(),
        train_file=values.pop("train_file", None),
        predict_file=values.pop("predict_file"),
        windows=WindowSettings(**windows),
        decoding=DecodingSettings(**decoding),
    )


def pop_classifier_task(source: "ModelSource", values: dict[str, Any]) -> "Task":
    """Take `classifier_options` out of a command's arguments and make the task."""
    from bertbench.data.glue_tasks import glue_task
    from bertbench.tasks.classifier import ClassifierTask

    return ClassifierTask(
        source.tokenizer(),
        glue_task(values.pop("task_name")),
        values.pop("data_dir"),
        max_seq_length=values.pop("max_seq_length"),
    )


def pop_pretraining_task(source: "ModelSource", values: dict[str, Any]) -> "Task":
    """Take `pretraining_options` out of a command's arguments and make the task."""
    from bertbench.tasks.pretraining import PretrainingTask

    names = ("input_file", "max_seq_length", "max_predictions_per_seq")
    return PretrainingTask(**{name: values.pop(name) for name in names})
