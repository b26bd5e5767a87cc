"""A benchmark in a separate process, with the calls that pytest-benchmark times."""

import gc
from typing import Any

from bertbench.benchmarking.run import Benchmark, BenchmarkResult
from bertbench.benchmarking.separate import Call
from bertbench.benchmarking.workload import full_length_workload
from suites.throughput.grid import Cell


class SeparateBenchmark:
    """A `Benchmark` with random weights in another process; its calls wait for that process's answers.

    An answer takes a fraction of a millisecond, which counts as the model's time.
    """

    def __init__(self, cell: Cell, call: Call) -> None:
        self._call = call
        call(_make, cell)

    def warm_up(self, steps: int, seconds: float) -> float:
        """See `Benchmark.warm_up`."""
        return float(self._call(_warm_up, steps, seconds))

    def next_round(self) -> None:
        """See `Benchmark.next_round`; the arguments stay in the other process."""
        self._call(_next_round)

    def call(self) -> None:
        """See `Benchmark.call`."""
        self._call(_call)

    def result(self, round_seconds: list[float]) -> BenchmarkResult:
        """See `Benchmark.result`."""
        result: BenchmarkResult = self._call(_result, round_seconds)
        return result


# In the other process: the benchmark, and the arguments of its next call.
_made: dict[str, Any] = {}


def _make(cell: Cell) -> None:
    _made.clear()
    gc.collect()  # the model before
    _made["benchmark"] = Benchmark(cell.benchmark, full_length_workload(cell.benchmark, 1))


def _warm_up(steps: int, seconds: float) -> float:
    return float(_made["benchmark"].warm_up(steps, seconds))


def _next_round() -> None:
    _made["arguments"], _ = _made["benchmark"].next_round()


def _call() -> None:
    _made["benchmark"].call(*_made["arguments"])


def _result(round_seconds: list[float]) -> BenchmarkResult:
    result: BenchmarkResult = _made["benchmark"].result(round_seconds)
    return result
