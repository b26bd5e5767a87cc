"""The exit status of a command line in this process."""

import pytest

from bertbench.cli import main


def run(*arguments: object) -> int:
    """Run `bertbench` with arguments, and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code
