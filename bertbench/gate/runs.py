"""One run of `bertbench benchmark` in a separate process."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bertbench.errors import InputError
from bertbench.files import read_json
from bertbench.measure.disturbance import Disturbance
from bertbench.measure.rates import center
from bertbench.parsing import Positive
from bertbench.processes.groups import run_to_end
from bertbench.results.provenance import RESULTS_FILE
from bertbench.results.schema import THROUGHPUT_VERSION, parse_version

_BERTBENCH = ("-P", "-m", "bertbench")  # -P: the installed package, not the current folder's
BENCHMARK = (*_BERTBENCH, "benchmark")
PREDICT = (*_BERTBENCH, "predict")


@dataclass(frozen=True)
class BenchmarkRun:
    """What the gate needs of a run's `results.json`; units as in `schema.ThroughputCase`."""

    case: str
    efficiency_rounds: tuple[Positive, ...]
    peak_memory_mib: Positive
    startup_seconds: Positive | None = None
    warnings: tuple[str, ...] = ()
    disturbance: Disturbance | None = None

    @property
    def efficiency(self) -> float:
        """The center of the rounds."""
        return center(self.efficiency_rounds)

    @property
    def activity(self) -> tuple[str, ...]:
        """The warnings of what else the machine did; all, if the results do not tell them apart."""
        return self.disturbance.activity if self.disturbance else self.warnings


@dataclass(frozen=True)
class Interpreter:
    """A Python that has bertbench.

    Attributes:
      name: what people call it. environment: variables beside this process's own.
    """

    name: str
    python: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, arguments: Sequence[str], output_dir: Path) -> None:
        """Run it with arguments and `--output-dir`; raises as `run_process`."""
        run_process([str(self.python), *arguments, "--output-dir", str(output_dir)], self.environment)


def run_benchmark(
    interpreter: Interpreter, arguments: Sequence[str], output_dir: Path, benchmark: Sequence[str] = BENCHMARK
) -> BenchmarkRun:
    """Run a benchmark and read its `results.json`.

    Raises:
      InputError: the run failed, with the last line that it wrote, or its results cannot be read.
    """
    interpreter.run([*benchmark, *arguments], output_dir)
    path = output_dir / RESULTS_FILE
    run = parse_version(BenchmarkRun, read_json(path), str(path), THROUGHPUT_VERSION)
    if not run.efficiency_rounds:
        raise InputError(f"{path}: efficiency_rounds is empty; give more steps.")
    return run


def run_process(command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    """Run a command silently, with this process's environment but for PYTHONPATH, and more variables.

    Raises:
      InputError: the exit status is not 0.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= more or {}
    status, output = run_to_end(command, environment)
    if status:
        lines = output.strip().splitlines() or ["no output"]
        raise InputError(f"{' '.join(command)}: exit status {status}: {lines[-1]}")
