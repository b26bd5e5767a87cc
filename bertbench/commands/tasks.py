"""The options that say what a task is about, and the task that they make."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bertbench import embedded
from bertbench.commands.options import PATH, together
from bertbench.console import notice
from bertbench.errors import InputError

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.tasks.base import Task
    from bertbench.tasks.squad import SquadTask

PopTask = Callable[["ModelSource", dict[str, Any]], "Task"]

window_options = together(
    click.option("--max-seq-length", type=int, default=384, show_default=True),
    click.option("--doc-stride", type=int, default=128, show_default=True),
    click.option("--max-query-length", type=int, default=64, show_default=True),
    click.option("--n-best-size", type=int, default=20, show_default=True),
    click.option("--max-answer-length", type=int, default=30, show_default=True),
)

classifier_options = together(
    click.option("--task-name", help="A GLUE task or XNLI, as in MRPC or sst-2."),
    click.option("--data-dir", type=PATH, help="The task's folder, or the GLUE root."),
    click.option("--language", default="zh", show_default=True, help="Which of XNLI's languages."),
    click.option("--max-seq-length", type=int, default=128, show_default=True),
)

pretraining_options = together(
    click.option("--input-file", help="TFRecords: paths or globs between commas."),
    click.option("--max-seq-length", type=int, help="What the files hold, if it is to be checked."),
    click.option("--max-predictions-per-seq", type=int, help="What the files hold, if it is to be checked."),
)


def pop_squad_task(source: "ModelSource", values: dict[str, Any]) -> "SquadTask":
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
    _require(values, "task_name", "data_dir")

    from bertbench.data.glue_tasks import glue_task
    from bertbench.tasks.classifier import ClassifierTask

    return ClassifierTask(
        source.tokenizer(),
        glue_task(values.pop("task_name")),
        values.pop("data_dir"),
        max_seq_length=values.pop("max_seq_length"),
        language=values.pop("language"),
    )


def pop_pretraining_task(source: "ModelSource", values: dict[str, Any]) -> "Task":
    """Take `pretraining_options` out of a command's arguments and make the task."""
    _require(values, "input_file")

    from bertbench.tasks.pretraining import PretrainingTask

    names = ("input_file", "max_seq_length", "max_predictions_per_seq")
    return PretrainingTask(**{name: values.pop(name) for name in names})


def use_embedded_default(task: str, values: dict[str, Any]) -> None:
    """Where the user named no model, take the package's own, and its held-out data if none were named."""
    if any(values[name] is not None for name in ("model_dir", "init_checkpoint", "config_file")):
        return
    values["model_dir"] = embedded.FOLDERS[task]
    data = {name: value for name, value in _EMBEDDED_DATA[task].items() if values[name] is None}
    values.update(data)
    notice(f"no model given: bertbench's own small one{', and its held-out data' if data else ''}")


_EMBEDDED_DATA: dict[str, dict[str, Any]] = {
    "squad": {"predict_file": embedded.SQUAD_DEV},
    "classifier": {"task_name": "MRPC", "data_dir": embedded.FOLDERS["classifier"]},
    "pretraining": {"input_file": str(embedded.PRETRAINING_RECORDS)},
}


def _require(values: dict[str, Any], *names: str) -> None:
    missing = [f"--{name.replace('_', '-')}" for name in names if values[name] is None]
    if missing:
        raise InputError(f"no data; give {' and '.join(missing)}.")
