"""One run of `bertbench benchmark` in a process of its own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.errors import InputError
from bertbench.files import read_json
from bertbench.measure.rates import center
from bertbench.processes.groups import run_to_end
from bertbench.results.parsing import Positive
from bertbench.results.provenance import RESULTS_FILE
from bertbench.results.schema import THROUGHPUT_VERSION, parse_version

BENCHMARK = ("-P", "-m", "bertbench", "benchmark")  # -P: the installed package, not the current folder's


@dataclass(frozen=True)
class BenchmarkRun:
    """What the gate needs of a run's `results.json`; units as in `schema.ThroughputCase`."""

    case: str
    efficiency_rounds: tuple[Positive, ...]
    peak_memory_mib: Positive
    startup_seconds: Positive | None = None
    warnings: tuple[str, ...] = ()

    @property
    def efficiency(self) -> float:
        """The center of the rounds."""
        return center(self.efficiency_rounds)


def run_benchmark(
    python: Path, arguments: Sequence[str], output_dir: Path, benchmark: Sequence[str] = BENCHMARK
) -> BenchmarkRun:
    """Run a benchmark with the interpreter `python` and read its `results.json`.

    Raises:
      InputError: the run failed, with the last line that it wrote, or its results cannot be read.
    """
    run_process([str(python), *benchmark, *arguments, "--output-dir", str(output_dir)])
    path = output_dir / RESULTS_FILE
    run = parse_version(BenchmarkRun, read_json(path), str(path), THROUGHPUT_VERSION)
    if not run.efficiency_rounds:
        raise InputError(f"{path}: efficiency_rounds is empty; give more steps.")
    return run


def run_process(command: Sequence[str]) -> None:
    """Run a command silently, with this process's environment but for PYTHONPATH.

    Raises:
      InputError: the exit status is not 0.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    status, output = run_to_end(command, environment)
    if status:
        lines = output.strip().splitlines() or ["no output"]
        raise InputError(f"{' '.join(command)}: exit status {status}: {lines[-1]}")
