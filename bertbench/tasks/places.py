"""Where the data of a task is: in the package, and on the user's machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Embedded:
    """The embedded model and data of a task: the model's folder, and values of the task's data options."""

    model_dir: Path
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """The environment variable for a task's data, and how to get the data."""

    variable: str
    remedy: str
