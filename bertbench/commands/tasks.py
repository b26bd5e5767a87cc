"""Commands for all tasks: one subcommand per task, with the options of the task."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import notice
from bertbench.options import Settings
from bertbench.tasks.base import Task, TaskSettings
from bertbench.tasks.fit import require_length
from bertbench.tasks.table import TASKS

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource


class TaskGroup(click.Group):
    """A command with a subcommand for each task that has a help text for it."""

    def __init__(self, name: str, function: Callable[..., Any], options: type[Settings], help: str) -> None:
        """`function` is called with a class of `TASKS`, with `options` and with the task's settings."""
        super().__init__(name, help=help)
        self._command = name
        self._function = function
        self._options = options

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The tasks' names, in the order of the table."""
        return [name for name, task in TASKS.items() if self._command in task.help]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of one task."""
        if cmd_name not in self.list_commands(ctx):
            return None
        task = TASKS[cmd_name]
        return TypedCommand(
            cmd_name,
            functools.partial(self._function, task),
            self._options,
            task.settings_type,
            help=task.help[self._command],
            command=self._command,
        )


def use_embedded_default(
    kind: type[Task], model: ModelOptions, settings: TaskSettings
) -> tuple[ModelOptions, TaskSettings]:
    """Without a given model, use the embedded one, and its held-out data if none are given."""
    if model.is_named:
        return model, settings
    settings, filled = fill(settings, kind.embedded.data)
    notice(f"no model given: using the embedded small model{' and its held-out data' if filled else ''}")
    model = dataclasses.replace(model, model_dir=kind.embedded.model_dir)
    return model, settings


def fill(settings: TaskSettings, values: Mapping[str, Any]) -> tuple[TaskSettings, bool]:
    """The settings with these values for fields that are None, and whether there were any."""
    missing = {name: value for name, value in values.items() if getattr(settings, name) is None}
    return dataclasses.replace(settings, **missing), bool(missing)


def open_task(kind: type[Task], settings: TaskSettings, source: "ModelSource") -> Task:
    """The task with the model's tokenizer, if it needs one.

    Raises:
      InputError: the model has no vocabulary of its size, or too few positions for text of the task's length,
        or the settings name files that do not exist.
    """
    if not kind.reads_text:
        return kind(settings)
    task = kind(settings, source.tokenizer())
    require_length(task, source.config)
    return task
