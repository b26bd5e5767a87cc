"""Every task, by its name."""

from typing import Any

from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError
from bertbench.options import all_options, build
from bertbench.tasks.base import Task
from bertbench.tasks.classifier import ClassifierTask
from bertbench.tasks.pretraining import PretrainingTask
from bertbench.tasks.squad import SquadTask

TASKS: dict[str, type[Task]] = {task.name: task for task in (SquadTask, ClassifierTask, PretrainingTask)}


def make_task(name: str, tokenizer: Tokenizer | None = None, **values: Any) -> Task:
    """A task with values of its options.

    Raises:
      InputError: there is no such task or option, or a value is outside its range.
    """
    if name not in TASKS:
        raise InputError(f"task {name!r} is unknown; choose one of {', '.join(TASKS)}.")
    kind = TASKS[name]
    known = [field.name for field in all_options(kind.settings_type)]
    unknown = sorted(values.keys() - known)
    if unknown:
        raise InputError(f"{name} has no option {unknown[0]!r}; choose one of {', '.join(known)}.")
    return kind(build(kind.settings_type, values), tokenizer)
