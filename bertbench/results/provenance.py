"""The origin of a result: the facts at the beginning of every `results.json`."""

import datetime
import os
import platform
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from bertbench import __version__
from bertbench.measure.machine import describe_machine, installed_version, read_machine
from bertbench.precision import FP32
from bertbench.results.schema import SCHEMA_VERSION

RESULTS_FILE = "results.json"


def now() -> str:
    """The time in UTC, to the second, in ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def describe_versions() -> dict[str, str | None]:
    """The versions that affect results; None if not installed."""
    return {
        "bertbench": __version__,
        "python": platform.python_version(),
        "tensorflow": installed_version("tensorflow-cpu", "tensorflow"),
        "numpy": installed_version("numpy"),
    }


def instruction_set(precision: str) -> str | None:
    """The instruction set on which results in a precision depend; None in fp32, whose results do not."""
    return None if precision == FP32.name else str(read_machine().products)


def describe_origin() -> dict[str, Any]:
    """Schema version, command line, time, versions and machine as JSON values."""
    machine = describe_machine()
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command_line(),
        "measured": now(),
        "versions": describe_versions(),
        "machine_id": machine["id"],
        "machine": machine,
    }


def command_line() -> str:
    """The command of this process, quoted for a shell, with `~` for the home folder."""
    program = Path(sys.argv[0]).name
    words = ["bertbench" if program == "__main__.py" else program, *sys.argv[1:]]
    return _without_home(shlex.join(words))


def shown_path(path: Path) -> str:
    """A path as written to results: `~` replaces the home folder, which contains the user's name."""
    return _without_home(str(path))


def _without_home(text: str) -> str:
    home = os.path.expanduser("~").rstrip(os.sep)
    return re.sub(rf"(?<![\w.]){re.escape(home)}(?=/|$)", "~", text) if home else text
