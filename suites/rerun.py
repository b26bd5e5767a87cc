"""Commands that repeat a session or one test of it, to be pasted into a shell as they are printed."""

import os
import shlex

import pytest

# Options that name what a test is about.
PLACES = ("model_dir", "init_checkpoint", "squad_dir", "data")


def command_of_session(config: pytest.Config) -> str:
    """The command of this session."""
    return shlex.join(["pytest", *config.invocation_params.args])


def command_of_test(item: pytest.Item) -> str:
    """The command that runs one test again, with the places that this session was given."""
    option = item.config.option
    given = [(name, getattr(option, name, None)) for name in PLACES]
    places = [f"--{name.replace('_', '-')}={place}" for name, place in given if place]
    file = os.path.relpath(item.path, item.config.invocation_params.dir)
    return shlex.join(["pytest", f"{file}::{item.name}", *places])
