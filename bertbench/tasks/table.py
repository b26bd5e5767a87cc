"""Every task, by its name."""

from typing import Any

from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError
from bertbench.formatting import format_number
from bertbench.options import all_options, build, read_value
from bertbench.tasks.base import Task
from bertbench.tasks.classifier import ClassifierTask
from bertbench.tasks.pretraining import PretrainingTask
from bertbench.tasks.squad import SquadTask

TASKS: dict[str, type[Task]] = {task.name: task for task in (SquadTask, ClassifierTask, PretrainingTask)}


def find_task(name: str) -> type[Task]:
    """The task with this name.

    Raises:
      InputError: there is no such task.
    """
    if name not in TASKS:
        raise InputError(f"task {name!r} is unknown; choose one of {', '.join(TASKS)}.")
    return TASKS[name]


def make_task(name: str, tokenizer: Tokenizer | None = None, **values: Any) -> Task:
    """A task with values of its options.

    Raises:
      InputError: there is no such task or option, or a value is of the wrong type or outside its range.
    """
    kind = find_task(name)
    known = {field.name: field for field in all_options(kind.settings_type)}
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        raise InputError(f"{name} has no option {unknown[0]!r}; choose one of {', '.join(known)}.")
    given = {option: read_value(known[option], value, option) for option, value in values.items()}
    return kind(build(kind.settings_type, given), tokenizer)


def score_text(task: str, value: float) -> str:
    """A score of a task with its unit: percent, where the full score is 100."""
    kind = TASKS.get(task)
    return f"{format_number(value)} %" if kind is not None and kind.point == 1 else format_number(value)


def difference_unit(task: str) -> str:
    """The unit behind a difference of a task's scores: points, if the full score is 100."""
    kind = TASKS.get(task)
    return " points" if kind is not None and kind.point == 1 else ""


def scored_unit(name: str) -> str:
    """What a task's scores are computed over (such as questions); "items" for an unknown task."""
    kind = TASKS.get(name)
    return "items" if kind is None else kind.scored_unit or kind.unit
