"""The places of models with data: in the package, in the shared test data, and at paths given by the user.

A slot is one such place for one task. Nothing is opened until a test asks for the slot's model.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.compute import KernelOptions
from bertbench.errors import InputError
from bertbench.options import command_words
from bertbench.tasks.table import TASKS
from suites.cases import INFERENCE_PRECISIONS, Case

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.tasks.base import Task

SHARED_MODEL = "minilm-l6-h384-squad"
SHARED_VARIANT = "minilm-erf"
MODEL_VARIABLES = ("BERT_LARGE_DIR", "BERT_BASE_DIR")


class Missing(Exception):
    """Something that a slot needs is missing; the message names it, and how to get it."""


@dataclass(frozen=True)
class ModelUnderTest:
    """A model and the data for its accuracy.

    Attributes:
      arguments: those of `bertbench predict` for the same run, except precision and output.
    """

    source: "ModelSource"
    task: "Task"
    kernels: KernelOptions
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Slot:
    """One place for one task; `find` raises `Missing` or `InputError`.

    Attributes:
      few_items: whether its data set is so small that it may need another tolerance.
    """

    task: str
    variant: str
    find: Callable[[], ModelUnderTest]
    few_items: bool = False

    @property
    def cases(self) -> dict[str, Case]:
        """The slot's inference cases by precision."""
        return {name: Case(name, self.task, "inference", self.variant) for name in INFERENCE_PRECISIONS}


@dataclass(frozen=True)
class Places:
    """The paths given by the user; None if not given.

    Attributes:
      environment: the variables of `os.environ`.
    """

    environment: Mapping[str, str]
    model_dir: Path | None = None
    init_checkpoint: Path | None = None
    squad_dir: Path | None = None

    def folder(self, variable: str, remedy: str) -> Path:
        """The folder in an environment variable.

        Raises:
          Missing: it is not set, or there is no such folder.
        """
        value = self.environment.get(variable)
        if not value:
            raise Missing(f"{variable} is not set; {remedy}")
        if not Path(value).is_dir():
            raise Missing(f"{variable}: {value} is not a folder; {remedy}")
        return Path(value)


def find_slots(places: Places) -> list[Slot]:
    """Every slot, in the order of the table."""
    return [*_embedded_slots(), shared_slot(places), *_user_slots(places)]


def _embedded_slots() -> Iterator[Slot]:
    for task, kind in TASKS.items():
        folder = kind.embedded.model_dir
        yield Slot(
            task, "", lambda task=task, folder=folder: _model_under_test(task, _Model(folder), folder), True
        )


def shared_slot(places: Places) -> Slot:
    """The reference model, with the GELU that its reference was computed with."""

    def find() -> ModelUnderTest:
        root = places.folder("BERTBENCH_DATA", "set it, or --data, to the folder of shared test data")
        model = _Model(root / "models" / SHARED_MODEL, gelu="erf")
        return _model_under_test("squad", model, root / "data" / "squad" / "dev-v1.1-subset.json")

    return Slot("squad", SHARED_VARIANT, find, few_items=True)


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
                lambda task=task, find_model=find_model: _model_under_test(
                    task, find_model(), _find_data(task, places)
                ),
            )


@dataclass(frozen=True)
class _Model:
    """A model folder; `gelu` overrides its configuration."""

    folder: Path
    init_checkpoint: Path | None = None
    gelu: str | None = None


def _find_data(task: str, places: Places) -> Path:
    place = TASKS[task].place
    named = {"SQUAD_DIR": places.squad_dir}.get(place.variable)
    return named or places.folder(place.variable, place.remedy)


def _model_under_test(task: str, model: _Model, data: Path) -> ModelUnderTest:
    """A model with data: a file or a folder that the task reads."""
    from bertbench.checkpoint.readers import open_checkpoint
    from bertbench.checkpoint.source import find_model

    kind = TASKS[task]
    source = find_model(model.folder, init_checkpoint=model.init_checkpoint)
    tensors = open_checkpoint(source.checkpoint).list_tensors()
    shapes = {tensor.variable: tensor.variable_shape for tensor in tensors}
    if kind.head_variable not in shapes:
        remedy = f"fine-tune it, `bertbench train {task} --help` tells how"
        raise Missing(f"{source.checkpoint} has no {kind.head_name}; {remedy}")
    try:
        settings = kind.settings_for(data, shapes[kind.head_variable][0])
    except InputError as error:
        raise Missing(str(error)) from None
    weights = () if model.init_checkpoint is None else ("--init-checkpoint", str(model.init_checkpoint))
    gelu = () if model.gelu is None else ("--gelu", model.gelu)
    return ModelUnderTest(
        source,
        kind(settings, source.tokenizer() if kind.reads_text else None),
        KernelOptions(gelu=model.gelu).for_model(source.config),
        (task, "--model-dir", str(model.folder), *weights, *gelu, *command_words(settings)),
    )
