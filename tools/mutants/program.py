"""A program that reads one file of a format, started as `bertbench` is by `bertbench.entry`."""

from pathlib import Path
from typing import Any

from tools.mutants.formats import BY_NAME

read: list[Any] = []  # the result of the last run


def run(arguments: list[str]) -> int:
    name, path = arguments
    read.clear()
    read.append(BY_NAME[name].read(Path(path)))
    return 0
