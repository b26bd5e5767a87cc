"""Where a result comes from: the facts that every `results.json` begins with."""

import platform
import shlex
import sys
from pathlib import Path
from typing import Any

from bertbench import __version__
from bertbench.measure.machine import describe_machine, installed_version
from bertbench.results.schema import SCHEMA_VERSION

RESULTS_FILE = "results.json"


def describe_versions() -> dict[str, str | None]:
    """The versions that decide figures; None for what is not installed."""
    return {
        "bertbench": __version__,
        "python": platform.python_version(),
        "tensorflow": installed_version("tensorflow-cpu", "tensorflow"),
        "numpy": installed_version("numpy"),
    }


def describe_origin() -> dict[str, Any]:
    """Schema version, command line, versions and machine, ready for JSON."""
    machine = describe_machine()
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command_line(),
        "versions": describe_versions(),
        "machine_id": machine["id"],
        "machine": machine,
    }


def command_line() -> str:
    """The command that made this process, as a shell takes it."""
    program = Path(sys.argv[0]).name
    return shlex.join(["bertbench" if program == "__main__.py" else program, *sys.argv[1:]])
