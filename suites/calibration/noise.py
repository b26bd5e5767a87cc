"""Record how a machine's measurements scatter when nothing changes, for the gate's calibration.

    python -m suites.calibration.noise [squad --config bert-base ...]

runs the same benchmark again and again, each in a process of its own, and writes what the gate would see
to `baselines/noise/<machine-id>.json`. Arguments are those of `bertbench benchmark`; without any, a small
encoder stands for it, which takes seconds.
"""

import argparse
import datetime
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bertbench.console import notice, progress
from bertbench.files import read_json, write_json
from bertbench.measure.machine import describe_machine
from bertbench.results.parsing import parse_dataclass
from bertbench.results.runs import BENCHMARK, run_benchmark
from bertbench.results.schema import check_version

STORAGE = Path("baselines/noise")
RUNS = 320
SMALL_ENCODER = ("-m", "suites.calibration.small_encoder")


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
    """Record so many consecutive runs of a benchmark on this machine."""
    benchmark = BENCHMARK if arguments else SMALL_ENCODER
    measured = []
    with tempfile.TemporaryDirectory() as folder, progress("noise", runs, "runs") as advance:
        for number in range(runs):
            load = psutil.getloadavg()[0]
            run = run_benchmark(Path(sys.executable), arguments, Path(folder) / str(number), benchmark)
            measured.append(
                {
                    "load": round(load, 2),
                    "efficiency_rounds": [round(value, 5) for value in run.efficiency_rounds],
                    "peak_memory_mib": round(run.peak_memory_mib, 1),
                    "startup_seconds": round(run.startup_seconds or 0.0, 3),
                }
            )
            advance(1, efficiency=run.efficiency)
    machine = describe_machine()
    path = STORAGE / f"{machine['id']}.json"
    recording = {
        "schema_version": 1,
        "machine_id": machine["id"],
        "recorded": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "suites.calibration.noise", "--runs", str(runs), *arguments]),
        "machine": machine,
        "runs": measured,
    }
    write_json(path, recording, indent=None)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    options, rest = parser.parse_known_args()
    notice(str(record(options.runs, rest)))
