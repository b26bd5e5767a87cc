"""Where models with data may be: in the package, in the shared test data, at places that the user names.

A slot is one such place for one task. Nothing is opened until a test asks for the slot's subject.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.compute import KernelOptions
from bertbench.data.glue import find_file
from bertbench.data.glue_tasks import TASKS as GLUE_TASKS
from bertbench.data.glue_tasks import GlueTask
from bertbench.embedded import FOLDERS
from bertbench.errors import InputError
from suites.cases import PRECISIONS, TASKS, Case

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.tasks.base import Task

SHARED_MODEL = "minilm-l6-h384-squad"
SHARED_VARIANT = "minilm-erf"
SQUAD_FILE = "dev-v1.1.json"
MODEL_VARIABLES = ("BERT_LARGE_DIR", "BERT_BASE_DIR")
HEADS = {
    "squad": ("cls/squad/output_weights", "span head; fine-tune it with `bertbench train squad`"),
    "classifier": ("output_weights", "classifier head; fine-tune it with `bertbench train classifier`"),
    "pretraining": ("cls/predictions/output_bias", "masked-LM head"),
}


class Missing(Exception):
    """Something that a slot needs is not there; the message says what, and how to get it."""


@dataclass(frozen=True)
class Subject:
    """A model and the data that it is judged on.

    Attributes:
      arguments: what `bertbench predict` is given for the same run, but for precision and output.
    """

    source: "ModelSource"
    task: "Task"
    kernels: KernelOptions
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Slot:
    """One place for one task; `find` raises `Missing` or `InputError`."""

    task: str
    variant: str
    find: Callable[[], Subject]

    @property
    def cases(self) -> dict[str, Case]:
        """The slot's inference cases by precision."""
        return {name: Case(name, self.task, "inference", self.variant) for name in PRECISIONS}


@dataclass(frozen=True)
class Places:
    """What the user named; None is not named.

    Attributes:
      environment: the variables of `os.environ`.
    """

    environment: Mapping[str, str]
    model_dir: Path | None = None
    init_checkpoint: Path | None = None
    squad_dir: Path | None = None

    def folder(self, variable: str, remedy: str) -> Path:
        """The folder that an environment variable names.

        Raises:
          Missing: it is not set, or there is no such folder.
        """
        value = self.environment.get(variable)
        if not value:
            raise Missing(f"{variable} is not set; {remedy}")
        if not Path(value).is_dir():
            raise Missing(f"{variable}: {value} is no folder; {remedy}")
        return Path(value)


def find_slots(places: Places) -> list[Slot]:
    """Every slot, in the order of the table."""
    return [*_embedded_slots(), shared_slot(places), *_user_slots(places)]


def _embedded_slots() -> Iterator[Slot]:
    for task, folder in FOLDERS.items():
        yield Slot(task, "", lambda task=task, folder=folder: _subject(task, _Model(folder), folder))


def shared_slot(places: Places) -> Slot:
    """The reference model, with the GELU that its reference was computed with."""

    def find() -> Subject:
        root = places.folder("BERTBENCH_DATA", "set it, or --data, to the folder of shared test data")
        model = _Model(root / "models" / SHARED_MODEL, gelu="erf")
        return _subject("squad", model, root / "data" / "squad" / "dev-v1.1-subset.json")

    return Slot("squad", SHARED_VARIANT, find)


def _user_slots(places: Places) -> Iterator[Slot]:
    if places.model_dir is not None:
        models = {places.model_dir.resolve().name: lambda: _Model(places.model_dir, places.init_checkpoint)}
    else:
        models = {
            Path(places.environment.get(name) or name.lower()).resolve().name: lambda name=name: _Model(
                places.folder(name, "set it, or --model-dir, to a folder of a model"), places.init_checkpoint
            )
            for name in MODEL_VARIABLES
        }
    for variant, find_model in models.items():
        for task in TASKS:
            yield Slot(
                task,
                variant,
                lambda task=task, find_model=find_model: _subject(
                    task, find_model(), _find_data(task, places)
                ),
            )


@dataclass(frozen=True)
class _Model:
    """A model folder; `gelu` overrides what its configuration says."""

    folder: Path
    init_checkpoint: Path | None = None
    gelu: str | None = None


def _find_data(task: str, places: Places) -> Path:
    if task == "classifier":
        return places.folder("GLUE_DIR", "`bertbench fetch glue/MRPC` brings a task")
    if task == "pretraining":
        return places.folder("PRETRAINING_DATA_DIR", "`bertbench prepare pretraining` makes the files")
    remedy = "set it, or --squad-dir; `bertbench fetch squad` brings the files"
    return (places.squad_dir or places.folder("SQUAD_DIR", remedy)) / SQUAD_FILE


def _subject(task: str, model: _Model, data: Path) -> Subject:
    """A model with data; `data` is a SQuAD file, or the folder of the other tasks' files."""
    from bertbench.checkpoint.readers import open_checkpoint
    from bertbench.checkpoint.source import find_model

    source = find_model(model.folder, init_checkpoint=model.init_checkpoint)
    tensors = open_checkpoint(source.checkpoint).list_tensors()
    shapes = {tensor.variable: tensor.variable_shape for tensor in tensors}
    head, remedy = HEADS[task]
    if head not in shapes:
        raise Missing(f"{source.checkpoint} has no {remedy}")
    made, arguments = _MAKERS[task](source, data, shapes[head][0])
    weights = () if model.init_checkpoint is None else ("--init-checkpoint", str(model.init_checkpoint))
    gelu = () if model.gelu is None else ("--gelu", model.gelu)
    return Subject(
        source,
        made,
        KernelOptions.for_model(source.config, gelu=model.gelu),
        (task, "--model-dir", str(model.folder), *weights, *gelu, *arguments),
    )


def _squad(source: "ModelSource", data: Path, outputs: int) -> tuple["Task", tuple[str, ...]]:
    from bertbench.tasks.squad import SquadTask

    file = data / SQUAD_FILE if data.is_dir() else data
    return SquadTask(source.tokenizer(), predict_file=file), ("--predict-file", str(file))


def _classifier(source: "ModelSource", data: Path, outputs: int) -> tuple["Task", tuple[str, ...]]:
    from bertbench.tasks.classifier import ClassifierTask

    task = _fitting_task(data, outputs)
    return ClassifierTask(source.tokenizer(), task, data), ("--task-name", task.name, "--data-dir", str(data))


def _fitting_task(data: Path, outputs: int) -> GlueTask:
    """The GLUE task that a folder is named after, or the only one under it with so many outputs."""
    fitting = [task for task in GLUE_TASKS if task.num_outputs == outputs and _has_dev_file(task, data)]
    named = [task for task in fitting if task.folder.lower() == data.name.lower()]
    if not named and len(fitting) != 1:
        names = ", ".join(task.name for task in fitting) or "none"
        raise Missing(
            f"{data}: of its tasks, {names} fit the checkpoint's {outputs} outputs; "
            "point GLUE_DIR at the folder of the one that it was fine-tuned for"
        )
    return (named or fitting)[0]


def _has_dev_file(task: GlueTask, data: Path) -> bool:
    try:
        find_file(task, data, "dev")
    except InputError:
        return False
    return True


def _pretraining(source: "ModelSource", data: Path, outputs: int) -> tuple["Task", tuple[str, ...]]:
    from bertbench.tasks.pretraining import PretrainingTask

    pattern = str(data / "*.tfrecord*")
    return PretrainingTask(pattern), ("--input-file", pattern)


_MAKERS = {"squad": _squad, "classifier": _classifier, "pretraining": _pretraining}
