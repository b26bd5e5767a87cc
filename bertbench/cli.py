"""The entry of the script `bertbench`; the command itself is `bertbench.commands.root`."""

import os

from bertbench.entry import run_program


def main(arguments: list[str] | None = None) -> None:
    """Run a command line, this process's own if None, and exit; see `bertbench.entry`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own log: errors only
    run_program("bertbench", "bertbench.commands.root", arguments)
