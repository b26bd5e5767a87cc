"""Measures rounds of a case together with rounds of the GEMM peak."""

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.timed_call import TimedCall, build_model, make_timed_call
from bertbench.benchmarking.workload import Workload
from bertbench.checkpoint.source import ModelSource
from bertbench.console import progress
from bertbench.data.batch import Batch
from bertbench.measure.disturbance import Disturbance, Watch
from bertbench.measure.flops import Product, arithmetic_intensity, total_flop
from bertbench.measure.gemm_peak import Best, GemmPeak
from bertbench.measure.gemm_ways import Shape
from bertbench.measure.machine import read_machine
from bertbench.measure.rates import center, doubts, round_limits
from bertbench.measure.timing import (
    latency_percentiles,
    peak_memory_mib,
    reset_peak_memory,
    seconds_since_start,
    time_call,
)


@dataclass(frozen=True)
class BenchmarkResult:
    """The result of a case.

    Rates are those of one pass over the workload, whose time is the sum of its calls, each with the median
    time of its shape, so that interruptions do not count. `bertbench.measure.rates` defines efficiency.

    Attributes:
      round_seconds: of each call, in the order of measuring.
      examples, tokens: of one pass; real tokens.
      gflops: GFLOP/s that the model needs; computed_gflops: including padding and attention between sequences
        of a row.
      gemm_peak_gflops: the center of `gemm_peak_rounds`, the limit of each round.
      gemm_peak_best: by shape of the model, the fastest product of all rounds.
      gemm_peak_ways: the share of the work for which each implementation was the fastest.
      machine_peak: the fastest product of any shape.
      efficiency: the center of `efficiency_rounds`.
      disturbance: other activity of the machine at the same time.
      latency: seconds per call by percentile; with several streams, until the last one ends.
      examples_per_second_with_features: including the time for features and batches; None for random
        examples.
      peak_memory_mib: until the end of the warm-up, without the arrays of the GEMM peak.
      startup_seconds: from the start of the process to the first result.
    """

    case: BenchmarkCase
    round_seconds: tuple[float, ...]
    examples: int
    tokens: int
    examples_per_second: float
    tokens_per_second: float
    gflops: float
    computed_gflops: float
    gemm_peak_gflops: float
    gemm_peak_rounds: tuple[float, ...]
    gemm_peak_best: dict[Shape, Best]
    gemm_peak_ways: dict[str, float]
    machine_peak: Best
    efficiency: float
    efficiency_rounds: tuple[float, ...]
    disturbance: Disturbance
    latency: dict[str, float]
    arithmetic_intensity: float
    peak_memory_mib: float
    startup_seconds: float
    examples_per_second_with_features: float | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the figures may be wrong: the machine was disturbed, or the efficiency cannot be."""
        return (*self.disturbance.warnings, *doubts(self.efficiency))


class Benchmark:
    """One case ready to be measured: `warm_up`, then `next_round` and `call` in turn, then `result`."""

    def __init__(self, case: BenchmarkCase, workload: Workload, source: ModelSource | None = None) -> None:
        """Build the model.

        Raises:
          InputError: the source's checkpoint does not fit.
        """
        reset_peak_memory()
        self.case = case
        self.workload = workload
        self.call: TimedCall = make_timed_call(case, build_model(case, source))
        self._peak: GemmPeak  # from `warm_up` on
        self._round = 0

    def warm_up(self, steps: int, seconds: float = math.inf) -> float:
        """Call each shape of the workload once, and at least `steps` batches; then prepare the limit.

        Args:
          seconds: the time limit; the first calls of a shape, which compile, do not count.
        Returns: the seconds of the last call.
        """
        first_of_shape = {batch.shape: batch for batch in reversed(self.workload.batches)}
        batches = list(first_of_shape.values())
        batches += [self._batch(index) for index in range(max(1, steps) - len(batches))]
        elapsed = last = 0.0
        with progress(f"warm up {self.case.name}", len(batches), "batches") as advance:
            for number, batch in enumerate(batches):
                if elapsed > seconds:
                    break
                last = time_call(functools.partial(self.call, batch))
                elapsed += last if number >= len(first_of_shape) else 0.0
                if number == 0:
                    self._startup_seconds = seconds_since_start()
                advance()
        self._memory = peak_memory_mib()
        products = self.workload.computed[self.workload.typical]
        self._peak = GemmPeak(products, self.case.mode, self.case.limit_dtype)
        self._watch = Watch(read_machine())
        return last

    def next_round(self) -> tuple[tuple[Batch], dict[str, Any]]:
        """Measure the limit, and return the arguments of the next `call`, for pytest-benchmark's setup."""
        self._watch.note()
        self._peak.measure()
        batch = self._batch(self._round)
        self._round += 1
        return (batch,), {}

    def _batch(self, index: int) -> Batch:
        return self.workload.batches[index % len(self.workload.batches)]

    def result(self, round_seconds: Sequence[float]) -> BenchmarkResult:
        """The result of calls with these times; at least one round.

        Measures the limit once more, after the last of them.
        """
        work = self.workload
        indexes = [index % len(work.batches) for index in range(len(round_seconds))]
        streams = self.case.streams
        flop = {index: streams * total_flop(work.needed[index], self.case.mode) for index in set(indexes)}
        self._peak.measure()
        limits = round_limits(self._peak.rounds[-len(round_seconds) - 1 :])
        rounds = [
            flop[index] / seconds / 1e9 / limit
            for index, seconds, limit in zip(indexes, round_seconds, limits, strict=True)
        ]
        measured = Totals.of(work, indexes, round_seconds, self.case)
        preparation = work.preparation_seconds * measured.examples / work.num_examples
        return BenchmarkResult(
            case=self.case,
            round_seconds=tuple(round_seconds),
            examples=measured.examples,
            tokens=measured.tokens,
            examples_per_second=measured.examples / measured.seconds,
            tokens_per_second=measured.tokens / measured.seconds,
            gflops=measured.needed / measured.seconds / 1e9,
            computed_gflops=measured.computed / measured.seconds / 1e9,
            gemm_peak_gflops=center(limits),
            gemm_peak_rounds=tuple(limits),
            gemm_peak_best=dict(self._peak.best),
            gemm_peak_ways=self._peak.ways,
            machine_peak=self._peak.machine,
            efficiency=center(rounds),
            efficiency_rounds=tuple(rounds),
            disturbance=self._watch.finish(limits, rounds),
            latency=latency_percentiles(round_seconds),
            arithmetic_intensity=arithmetic_intensity(
                _without_logits(work.computed[work.typical]), self.case.limit_dtype.size
            ),
            peak_memory_mib=self._memory,
            startup_seconds=self._startup_seconds,
            examples_per_second_with_features=(
                measured.examples / (measured.seconds + preparation) if preparation else None
            ),
        )


@dataclass(frozen=True)
class Totals:
    """Sums over measured rounds; each round counts with the median time of its batch's shape."""

    seconds: float
    examples: int
    tokens: int
    needed: int
    computed: int

    @classmethod
    def of(
        cls, work: Workload, indexes: Sequence[int], round_seconds: Sequence[float], case: BenchmarkCase
    ) -> "Totals":
        """Sum the rounds that measured the batches `indexes` of a workload, each once per stream."""
        by_shape: dict[tuple[tuple[int, int], ...], list[float]] = {}
        for index, seconds in zip(indexes, round_seconds, strict=True):
            by_shape.setdefault(work.batches[index].shape, []).append(seconds)
        return cls(
            seconds=sum(statistics.median(times) * len(times) for times in by_shape.values()),
            examples=case.streams * sum(len(work.batches[index].examples) for index in indexes),
            tokens=case.streams * sum(work.batches[index].num_tokens for index in indexes),
            needed=case.streams * sum(total_flop(work.needed[index], case.mode) for index in indexes),
            computed=case.streams * sum(total_flop(work.computed[index], case.mode) for index in indexes),
        )


def measure_workload(
    case: BenchmarkCase,
    workload: Workload,
    *,
    warmup_steps: int,
    source: ModelSource | None = None,
) -> BenchmarkResult:
    """Measure every batch of a workload once, together with the limit."""
    benchmark = Benchmark(case, workload, source)
    benchmark.warm_up(warmup_steps)
    seconds = []
    with progress(case.name, len(workload.batches), "batches") as advance:
        for _ in workload.batches:
            (batch,), _ = benchmark.next_round()
            seconds.append(time_call(functools.partial(benchmark.call, batch)))
            advance(1, **{"examples/s": case.streams * len(batch.examples) / seconds[-1]})
    return benchmark.result(seconds)


def _without_logits(products: Sequence[Product]) -> list[Product]:
    """The products in the compute dtype."""
    return [product for product in products if product.kind != "logits"]
