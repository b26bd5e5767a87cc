"""`bertbench.toml`: a repository's models, their data, and the checks of them.

The same tables may be in `pyproject.toml` under `[tool.bertbench]`. Paths are relative to the file. A model's
keys besides `dir`, `task`, `data` and `precisions` are the options of `bertbench predict TASK`, with their
names on the command line.
"""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from bertbench.checkpoint.options import ModelOptions
from bertbench.compute import KernelOptions
from bertbench.errors import InputError
from bertbench.options import Option, Settings, command_words
from bertbench.precision import BF16, FP32, PRECISIONS
from bertbench.tasks.base import TaskSettings
from bertbench.tasks.table import TASKS
from bertbench.toml_files import TomlFile, TomlTable, option_keys

FILE, SHARED_FILE = "bertbench.toml", "pyproject.toml"
ACCURACY, THROUGHPUT = "accuracy", "throughput"
RECORD = "--record-baselines"  # the option of `bertbench check` and of pytest
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OWN_KEYS = ("dir", "task", "data", "precisions", ACCURACY, THROUGHPUT)


@dataclass(frozen=True)
class AccuracyRule(Settings):
    """The allowed drop of a model's deciding score, in fp32 and in the other precisions."""

    max_drop: Annotated[
        float | None,
        Option("Allowed drop in points (hundredths of the full score).", minimum=0, exclusive=True),
    ] = None


@dataclass(frozen=True)
class ThroughputRule(Settings):
    """How a model's speed is measured, and the allowed slowdown."""

    batch_size: Annotated[int, Option("Rows per batch.", minimum=1)] = 8
    steps: Annotated[int, Option("Batches to measure.", minimum=7)] = 20
    max_slowdown: Annotated[
        float, Option("Allowed slowdown, as a share of the speed.", minimum=0, maximum=1, exclusive=True)
    ] = 0.05


@dataclass(frozen=True)
class ProjectModel:
    """One `[model.NAME]`.

    Attributes:
      options: the files of the model. kernels: how it computes, apart from the precision.
      settings: of the task, with the data.
      accuracy, throughput: None if that is not judged.
    """

    name: str
    task: str
    options: ModelOptions
    kernels: KernelOptions
    settings: TaskSettings
    precisions: tuple[str, ...]
    accuracy: AccuracyRule | None
    throughput: ThroughputRule | None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `bertbench predict` for this model, except precision and output."""
        parts = (self.options, self.kernels, self.settings)
        return (self.task, *(word for part in parts for word in command_words(part)))


@dataclass(frozen=True)
class ProjectCheck:
    """One check: the accuracy or the throughput of a model in a precision."""

    model: ProjectModel
    precision: str
    kind: str

    @property
    def name(self) -> str:
        """The name for selecting it and for its baselines: `bf16-squad-inference-faq`."""
        name = f"{self.precision}-{self.model.task}-inference-{self.model.name}"
        rule = self.model.throughput
        return f"{name}-b{rule.batch_size}" if self.kind == THROUGHPUT and rule else name


@dataclass(frozen=True)
class Project:
    """A repository's models.

    Attributes:
      file: the project file. baselines: the folder of their baselines.
    """

    file: Path
    baselines: Path
    models: tuple[ProjectModel, ...]

    @property
    def accuracy_baselines(self) -> Path:
        """The file of the scores."""
        return self.baselines / "accuracy.json"

    @property
    def throughput_baselines(self) -> Path:
        """The folder of the throughput results, by machine."""
        return self.baselines / "throughput"

    @property
    def checks(self) -> tuple[ProjectCheck, ...]:
        """All checks, accuracy first: it does not need an idle machine."""
        return tuple(
            ProjectCheck(model, precision, kind)
            for kind in (ACCURACY, THROUGHPUT)
            for model in self.models
            if getattr(model, kind) is not None
            for precision in model.precisions
        )


def find_project_file(folder: Path) -> Path:
    """The folder's `bertbench.toml`, else a `pyproject.toml` with `[tool.bertbench]`.

    Raises:
      InputError: there is neither.
    """
    own, shared = folder / FILE, folder / SHARED_FILE
    if own.is_file():
        return own
    if shared.is_file() and "bertbench" in TomlFile(shared).values.get("tool", {}):
        return shared
    raise InputError(f"{own}: no such file; `bertbench init --help` shows how to write one.")


def read_project(path: Path) -> Project:
    """Read a project's file.

    Raises:
      InputError: it cannot be read, a key is unknown or missing, a value does not fit, or a file that it
        names does not exist; the message names file, line and key.
    """
    table = TomlTable(TomlFile(path))
    if path.name == SHARED_FILE:
        table = table.within("tool").within("bertbench")
    table.refuse_keys_but("baselines", "model")
    models = table.within("model")
    baselines = table.value("baselines", str) if "baselines" in table.values else "baselines"
    if not baselines:
        raise InputError(f"{table.place('baselines')}: is empty; give a folder, or leave it out.")
    return Project(
        path,
        path.parent / baselines,
        tuple(_read_model(models.within(name), name, path.parent) for name in models.values),
    )


def _read_model(table: TomlTable, name: str, folder: Path) -> ProjectModel:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{table.place()}: a model's name may contain only letters, digits, '.', '_' and '-'."
        )
    task = table.choice("task", tuple(TASKS))
    kind = TASKS[task].settings_type
    options = {**option_keys(ModelOptions), **option_keys(KernelOptions), **option_keys(kind)}
    table.refuse_keys_but(*_OWN_KEYS, *(key for key in options if key not in ("data", "model-dir")))
    for key, option in options.items():
        if option.name in TASKS[task].data_fields["dev"]:
            table.require(key)
    accuracy = table.within(ACCURACY).whole(AccuracyRule) if ACCURACY in table.values else None
    throughput = table.within(THROUGHPUT).whole(ThroughputRule) if THROUGHPUT in table.values else None
    if accuracy is None and throughput is None:
        raise InputError(f"{table.place()}: has no check; add [model.{name}.{ACCURACY}].")
    return ProjectModel(
        name,
        task,
        dataclasses.replace(table.settings(ModelOptions, folder), model_dir=_model_dir(table, folder)),
        table.settings(KernelOptions, folder),
        table.settings(kind, folder),
        _read_precisions(table),
        accuracy,
        throughput,
    )


def _model_dir(table: TomlTable, folder: Path) -> Path:
    model_dir = folder / table.value("dir", str)
    if not model_dir.is_dir():
        raise InputError(f"{table.place('dir')}: {model_dir}: no such folder; correct the path.")
    return model_dir


def _read_precisions(table: TomlTable) -> tuple[str, ...]:
    if "precisions" not in table.values:
        return (FP32.name, BF16.name)
    names = table.value("precisions", list)
    for name in names:
        if not isinstance(name, str) or name not in PRECISIONS:
            raise InputError(
                f"{table.place('precisions')} contains {name!r}; choose from {', '.join(PRECISIONS)}."
            )
    if not names or len(set(names)) < len(names):
        raise InputError(f"{table.place('precisions')}: give at least one precision, and each only once.")
    return tuple(names)
