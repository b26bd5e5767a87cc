"""Drafts a `bertbench.toml` for a model and data."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.checkpoint.options import ModelOptions
from bertbench.checkpoint.source import ModelSource
from bertbench.formatting import words
from bertbench.options import OptionField
from bertbench.project import ThroughputRule
from bertbench.tasks.base import Task
from bertbench.tasks.fit import open_data
from bertbench.toml_files import option_keys

MAX_DROP = 0.5  # points


@dataclass(frozen=True)
class Fitting:
    """A task whose head is in the checkpoint and whose data was found and read."""

    task: Task
    num_items: int


def detect_task(source: ModelSource, data: Path) -> Fitting:
    """The task of a model and of data.

    Raises:
      InputError: the checkpoint contains no task head, or the data belongs to another task.
    """
    task, dataset = open_data(source, data, lambda kind, outputs: (kind.settings_for(data, outputs), "dev"))
    return Fitting(task, dataset.num_items)


def draft(options: ModelOptions, source: ModelSource, fitting: Fitting, folder: Path) -> str:
    """The text of the file, which will be in `folder`."""
    task = fitting.task
    model_dir = options.model_dir or Path()
    name = re.sub(r"[^A-Za-z0-9._-]", "-", model_dir.resolve().name)
    config = source.config
    size = f"{config.num_hidden_layers} layers of {config.hidden_size}"
    rule = ThroughputRule()
    lines = [
        "# The checks of bertbench in this repository: run `bertbench check`, or `pytest`.",
        "# `--record-baselines` with either stores the scores and the speed of today in baselines/, to be",
        "# committed; from then on a loss fails. Paths are relative to this file.",
        "",
        f"[model.{_key(name)}]",
        f"dir = {_path(model_dir, folder)}  # BERT, {size}",
        f"task = {_text(task.name)}",
        *(f"{key} = {value}" for key, value in _settings(fitting, folder)),
        *(f"{key} = {value}" for key, value in _overrides(options, folder)),
        'precisions = ["fp32", "bf16"]  # each is judged',
        "",
        f"[model.{_key(name)}.accuracy]",
        f"max-drop = {MAX_DROP}  # points of {words(task.headline)}: to the baseline, and from fp32 to bf16",
        "",
        f"[model.{_key(name)}.throughput]",
        f"batch-size = {rule.batch_size}",
        f"max-slowdown = {rule.max_slowdown}  # share of the speed, against the baseline of the same machine",
    ]
    return "\n".join(lines) + "\n"


def _settings(fitting: Fitting, folder: Path) -> Iterator[tuple[str, str]]:
    """The task's options that differ from their defaults."""
    task = fitting.task
    for key, value in _changed(option_keys(type(task.settings)), vars(task.settings)):
        if key == "data":
            yield key, f"{_path(value, folder)}  # {fitting.num_items:,} {task.unit}"
        else:
            yield key, _text(value)


def _overrides(options: ModelOptions, folder: Path) -> Iterator[tuple[str, str]]:
    """The files of the model that are not in its folder."""
    for key, value in _changed(option_keys(ModelOptions), vars(options)):
        if key != "model-dir":
            yield key, _path(value, folder) if isinstance(value, Path) else _text(value)


def _changed(fields: dict[str, OptionField], values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, field in fields.items():
        if field.name in values and values[field.name] != field.default:
            yield key, values[field.name]


def _path(path: Path | str, folder: Path) -> str:
    """A path as TOML, relative to the folder if it is inside."""
    place = Path(os.path.abspath(path))
    root = Path(os.path.abspath(folder))
    return _text(place.relative_to(root).as_posix() if place.is_relative_to(root) else str(place))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # TOML has no escapes of surrogates


def _key(name: str) -> str:
    return f'"{name}"' if "." in name else name
