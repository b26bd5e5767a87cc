"""Commands that repeat a session or one of its tests, quoted for a shell."""

import os
import shlex

import pytest

# Options that select the model and the data of a test.
PLACES = ("model_dir", "init_checkpoint", "squad_dir", "data")


def command_of_session(config: pytest.Config) -> str:
    """The command of this session."""
    return shlex.join(["pytest", *config.invocation_params.args])


def command_of_test(item: pytest.Item) -> str:
    """The command that repeats one test with this session's model and data."""
    option = item.config.option
    given = [(name, getattr(option, name, None)) for name in PLACES]
    places = [f"--{name.replace('_', '-')}={place}" for name, place in given if place]
    file = os.path.relpath(item.path, item.config.invocation_params.dir)
    return shlex.join(["pytest", f"{file}::{item.name}", *places])
