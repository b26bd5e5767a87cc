"""`bertbench.toml`: a repository's models, their data, and what is asked of them.

The same tables may stand in `pyproject.toml` under `[tool.bertbench]`. Paths are relative to the file. What a
model may be given besides `dir`, `task`, `data` and `precisions` are the options of `bertbench predict TASK`,
by their names on the command line.
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
from bertbench.precision import PRECISIONS
from bertbench.tasks.base import TaskSettings
from bertbench.tasks.table import TASKS
from bertbench.toml_files import Table, TomlFile, option_keys

FILE, SHARED_FILE = "bertbench.toml", "pyproject.toml"
ACCURACY, THROUGHPUT = "accuracy", "throughput"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OWN_KEYS = ("dir", "task", "data", "precisions", ACCURACY, THROUGHPUT)


@dataclass(frozen=True)
class AccuracyRule(Settings):
    """What a model's deciding score may lose, in fp32 and in the other precisions."""

    max_drop: Annotated[
        float | None,
        Option("Points (hundredths of the full score) that may be lost.", minimum=0, exclusive=True),
    ] = None


@dataclass(frozen=True)
class ThroughputRule(Settings):
    """How a model's speed is measured, and what it may lose."""

    batch_size: Annotated[int, Option("Rows of a batch.", minimum=1)] = 8
    steps: Annotated[int, Option("Batches to measure.", minimum=7)] = 20
    max_slowdown: Annotated[
        float, Option("Share of the speed that may be lost.", minimum=0, maximum=1, exclusive=True)
    ] = 0.05


@dataclass(frozen=True)
class ProjectModel:
    """One `[model.NAME]`.

    Attributes:
      options: where the parts of the model are. kernels: how it computes beside the precision.
      settings: of the task, with the data.
      accuracy, throughput: None where that is not judged.
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
        """What `bertbench predict` is given for this model, but for precision and output."""
        parts = (self.options, self.kernels, self.settings)
        return (self.task, *(word for part in parts for word in command_words(part)))


@dataclass(frozen=True)
class Check:
    """One thing that is judged: the accuracy or the throughput of a model in a precision."""

    model: ProjectModel
    precision: str
    kind: str

    @property
    def name(self) -> str:
        """The name by which it is selected and its baselines are kept: `bf16-squad-inference-faq`."""
        name = f"{self.precision}-{self.model.task}-inference-{self.model.name}"
        rule = self.model.throughput
        return f"{name}-b{rule.batch_size}" if self.kind == THROUGHPUT and rule else name


@dataclass(frozen=True)
class Project:
    """A repository's models.

    Attributes:
      file: where they stand. baselines: the folder of their baselines.
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
        """The folder of the throughput results, machine by machine."""
        return self.baselines / "throughput"

    @property
    def checks(self) -> tuple[Check, ...]:
        """Everything to judge, accuracy first: it needs no quiet machine."""
        return tuple(
            Check(model, precision, kind)
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
    raise InputError(f"{own}: not there; `bertbench init` writes one.")


def read_project(path: Path) -> Project:
    """Read a project's file.

    Raises:
      InputError: it cannot be read, a key is unknown or missing, a value does not fit, or a file that it
        names is not there; the message names file, line and key.
    """
    table = Table(TomlFile(path))
    if path.name == SHARED_FILE:
        table = table.within("tool").within("bertbench")
    table.refuse_keys_but("baselines", "model")
    models = table.within("model")
    baselines = table.value("baselines", str) if "baselines" in table.values else "baselines"
    return Project(
        path,
        path.parent / baselines,
        tuple(_read_model(models.within(name), name, path.parent) for name in models.values),
    )


def _read_model(table: Table, name: str, folder: Path) -> ProjectModel:
    if not _NAME.fullmatch(name):
        raise InputError(f"{table.place()}: a model's name holds letters, digits, '.', '_' and '-' only.")
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
        raise InputError(f"{table.place()}: nothing is asked of it; add [model.{name}.{ACCURACY}].")
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


def _model_dir(table: Table, folder: Path) -> Path:
    model_dir = folder / table.value("dir", str)
    if not model_dir.is_dir():
        raise InputError(f"{table.place('dir')}: {model_dir}: no such folder; correct the path.")
    return model_dir


def _read_precisions(table: Table) -> tuple[str, ...]:
    if "precisions" not in table.values:
        return tuple(PRECISIONS)
    names = table.value("precisions", list)
    for name in names:
        if name not in PRECISIONS:
            raise InputError(
                f"{table.place('precisions')} holds {name!r}; choose from {', '.join(PRECISIONS)}."
            )
    if not names or len(set(names)) < len(names):
        raise InputError(f"{table.place('precisions')}: name one precision at least, and each once.")
    return tuple(names)
