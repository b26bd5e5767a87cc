"""Which output of a model belongs to which label of a task, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from bertbench.checkpoint.labels import NUMBERED_NAME, OutputLabels
from bertbench.console import notice
from bertbench.data.glue_tasks import GlueTask
from bertbench.errors import InputError

T = TypeVar("T")
# Other classifiers of transformers, whose weights have the same names and may have the same shapes.
_OTHER_HEADS = ("ForMultipleChoice", "ForTokenClassification")


class OtherOutputsError(InputError):
    """A model's outputs are not those of the task.

    Attributes:
      difference: file, and what is different.
    """

    def __init__(self, difference: str, remedy: str) -> None:
        super().__init__(f"{difference}; {remedy}.")
        self.difference = difference


def order_outputs(task: GlueTask, labels: OutputLabels) -> np.ndarray | None:
    """The model's output for each of the task's labels, int [labels]; None if it has no names, or one output.

    A name such as LABEL_1 gives only a number and not the meaning; this prints a notice.

    Raises:
      OtherOutputsError: the model's names are not the task's, or it was trained for a different kind of task.
      InputError: the names contradict each other.
    """
    _require_kind(task, labels)
    names = labels.names()
    if names is None:
        return None
    if task.kind == "regression":
        if len(names) != 1 and not labels.are_default:  # else the size of the checkpoint's head decides
            raise _not_the_tasks(task, labels, names, "one score")
        return None
    ids = _known([task.find_label(name) for name in names])
    if ids is None and (numbers := _known([NUMBERED_NAME.fullmatch(name) for name in names])):
        ids = [int(number[1]) for number in numbers]
        notice(
            f"{labels.file}: the outputs are named {', '.join(names)}, which gives no meaning: assuming "
            f"{', '.join(_wording(task))}; if this is wrong, correct id2label."
        )
    if ids is None or sorted(ids) != list(range(len(task.labels))):
        raise _not_the_tasks(task, labels, names, ", ".join(_wording(task)))
    return np.argsort(ids)


def _known(values: Sequence[T | None]) -> list[T] | None:
    """The values, or None if one is missing."""
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else None


def _require_kind(task: GlueTask, labels: OutputLabels) -> None:
    other = [name for name in labels.architectures if name.endswith(_OTHER_HEADS)]
    if other:
        raise OtherOutputsError(
            f"{labels.file}: architectures is {other[0]!r}, but {task.name} needs a classifier of texts",
            "give a model that was trained for it",
        )
    kinds = {"classification": "single_label_classification", "regression": "regression"}
    if labels.problem_type not in (None, kinds[task.kind]):
        raise OtherOutputsError(
            f"{labels.file}: problem_type is {labels.problem_type!r}, but {task.name} is a {task.kind}",
            "give a model that was trained for it",
        )


def _wording(task: GlueTask) -> tuple[str, ...]:
    """The labels by meaningful names, in their order."""
    return task.label_names or task.labels


def _not_the_tasks(
    task: GlueTask, labels: OutputLabels, names: tuple[str, ...], wanted: str
) -> OtherOutputsError:
    return OtherOutputsError(
        f"{labels.file}: the model's outputs are {', '.join(names)}; {task.name} has {wanted}",
        "give a model that was trained for it, or correct id2label",
    )
