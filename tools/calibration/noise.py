"""Record how a machine's measurements scatter when nothing changes, for the gate's calibration.

    python -m tools.calibration.noise [squad --config bert-base ...]

runs the same benchmark again and again, each in a process of its own, and writes what the gate would see
to `baselines/noise/<machine-id>.json`, after what an interrupted recording left there. Arguments are
those of `bertbench benchmark`; without any, a small encoder replaces it, which takes seconds.
"""

import argparse
import datetime
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bertbench.console import notice, progress
from bertbench.errors import InputError
from bertbench.files import read_json, write_json
from bertbench.gate.runs import BENCHMARK, Interpreter, run_benchmark
from bertbench.measure.machine import describe_machine
from bertbench.results.parsing import parse_dataclass
from bertbench.results.schema import SCHEMA_VERSION, check_version
from tools.scripts import run_script

STORAGE = Path("baselines/noise")
RUNS = 560  # 20 comparisons of 14 pairs
SMALL_ENCODER = ("-m", "tools.calibration.small_encoder")


@dataclass(frozen=True)
class NoiseRun:
    """One run of an unchanged benchmark; `load` is the machine's load average when it began."""

    load: float
    efficiency_rounds: tuple[float, ...]
    peak_memory_mib: float
    startup_seconds: float


@dataclass(frozen=True)
class Noise:
    """Consecutive runs of one machine."""

    machine_id: str
    recorded: str
    runs: tuple[NoiseRun, ...]


def read_noise(path: Path) -> Noise:
    """Read a recording; raises InputError as every reader of results does."""
    return parse_dataclass(Noise, check_version(read_json(path), str(path)), str(path))


def record(runs: int, arguments: Sequence[str]) -> Path:
    """Go on recording a benchmark on this machine until there are so many runs."""
    machine = describe_machine()
    path = STORAGE / f"{machine['id']}.json"
    command = shlex.join(["python", "-m", "tools.calibration.noise", "--runs", str(runs), *arguments])
    measured = _runs_so_far(path, arguments)
    with tempfile.TemporaryDirectory() as folder, progress("noise", runs - len(measured), "runs") as advance:
        while len(measured) < runs:
            measured.append(_measure(arguments, Path(folder) / str(len(measured))))
            recording = {
                "schema_version": SCHEMA_VERSION,
                "machine_id": machine["id"],
                "recorded": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "command": command,
                "arguments": list(arguments),
                "machine": machine,
                "runs": measured,
            }
            write_json(path, recording, indent=None)
            advance(1)
    return path


def _runs_so_far(path: Path, arguments: Sequence[str]) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    kept = check_version(read_json(path), str(path))
    if kept["arguments"] != list(arguments):
        raise InputError(
            f"{path}: holds the noise of another benchmark, recorded by `{kept['command']}`; "
            "give its arguments to continue, or move the file away."
        )
    return kept["runs"]


def _measure(arguments: Sequence[str], output_dir: Path) -> dict[str, Any]:
    load = psutil.getloadavg()[0]
    interpreter = Interpreter("this Python", Path(sys.executable))
    run = run_benchmark(interpreter, arguments, output_dir, BENCHMARK if arguments else SMALL_ENCODER)
    return {
        "load": round(load, 2),
        "efficiency_rounds": [round(value, 5) for value in run.efficiency_rounds],
        "peak_memory_mib": round(run.peak_memory_mib, 1),
        "startup_seconds": round(run.startup_seconds or 0.0, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    options, rest = parser.parse_known_args()
    notice(str(record(options.runs, rest)))


if __name__ == "__main__":
    run_script(main)
