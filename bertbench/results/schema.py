"""The files of a results folder as typed values; `docs/formats.md` describes them for other programs.

Every file has a `schema_version`. An unknown version is an error; unknown keys are ignored. A file with a
checksum that does not match is an error (`bertbench.results.seal`).
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from bertbench.errors import InputError
from bertbench.files import read_json, write_json
from bertbench.measure.disturbance import Disturbance
from bertbench.measure.rates import center
from bertbench.parsing import Count, Positive, PositiveCount, check_version, parse_dataclass
from bertbench.results.seal import require_unedited, seal

T = TypeVar("T")

SCHEMA_VERSION = 1
THROUGHPUT_VERSION = (
    2  # 2: `efficiency` is the center of its rounds, whose limit is the best of all ways to multiply
)

THROUGHPUT_FILE = "throughput.json"
_SAME = 1e-6  # relative: the rounding of the center of a run's rounds

LENGTHS_FILE = "lengths.json"


@dataclass(frozen=True)
class ThroughputCase:
    """The `extra_info` of one benchmark in pytest-benchmark's JSON.

    Rates are per second of the measured call. `efficiency_rounds` holds the model's GFLOP/s over the GEMM
    peak measured with it for each round, in the order of measuring; `efficiency` is their center
    (`bertbench.measure.rates`). `gemm_peak_ways` is the share of the work for which each implementation
    was the fastest, `machine_peak_gflops` the speed of the fastest product of any shape.
    `arithmetic_intensity` is in FLOP/byte, `memory_bandwidth` in GB/s, memory in MiB, start-up in seconds.
    """

    case: str
    precision: str
    task: str
    mode: str
    geometry: str
    batch_size: PositiveCount
    max_seq_length: PositiveCount
    batching: str
    examples_per_second: Positive
    tokens_per_second: Positive
    gflops: Positive
    gemm_peak_gflops: Positive
    gemm_peak_ways: Mapping[str, float]
    machine_peak_gflops: Positive
    efficiency: Positive
    efficiency_rounds: tuple[Positive, ...]
    disturbance: Disturbance
    warnings: tuple[str, ...]
    peak_memory_mib: Positive
    machine: Mapping[str, Any]
    machine_id: str
    bertbench_version: str
    arithmetic_intensity: Positive | None = None
    memory_bandwidth: Positive | None = None
    startup_seconds: Positive | None = None


@dataclass(frozen=True)
class ThroughputResult:
    """One file of pytest-benchmark: its cases in file order, the commit and the time (UTC)."""

    cases: tuple[ThroughputCase, ...]
    commit: str
    measured: str

    @property
    def machine_id(self) -> str:
        """The machine on which all cases were measured."""
        return self.cases[0].machine_id


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` sequences have a length in [edges[i], edges[i + 1])."""

    edges: tuple[Count, ...]
    counts: tuple[Count, ...]


@dataclass(frozen=True)
class BatchingTokens:
    """Real tokens and padding of one way of batching, over a whole data set."""

    batching: str
    batch_size: PositiveCount
    real_tokens: PositiveCount
    padded_tokens: Count


@dataclass(frozen=True)
class LengthsResult:
    """`lengths.json`: the sequence lengths of a data set and the cost of padding."""

    dataset: str
    max_seq_length: PositiveCount
    histogram: Histogram
    strategies: tuple[BatchingTokens, ...]
    command: str | None = None


def read_throughput(path: Path | str) -> ThroughputResult:
    """Read a pytest-benchmark file made by the throughput suite.

    Raises:
      InputError: the file is not such a file, contains no case, or is of an unknown version; the message
        names file and key.
    """
    values = read_json(path)
    if not isinstance(values, dict) or not isinstance(values.get("benchmarks"), list):
        raise InputError(f"{path}: is not pytest-benchmark's JSON; make it with `pytest -m benchmark`.")
    cases = []
    for index, benchmark in enumerate(values["benchmarks"]):
        place = f"{path}: benchmarks[{index}].extra_info"
        extra = benchmark.get("extra_info") if isinstance(benchmark, dict) else None
        cases.append(parse_throughput(extra, place))
    if not cases:
        raise InputError(f"{path}: contains no benchmark; run `pytest -m benchmark` again.")
    if len({case.machine_id for case in cases}) > 1:
        raise InputError(f"{path}: mixes several machines; store one file per machine.")
    require_distinct((case.case for case in cases), path)
    commit = values.get("commit_info")
    commit_id = commit.get("id") if isinstance(commit, dict) else None
    return ThroughputResult(tuple(cases), str(commit_id or ""), str(values.get("datetime") or ""))


def parse_throughput(values: Any, place: str) -> ThroughputCase:
    """Parse a case from the JSON object that `bertbench benchmark` and the throughput suite write.

    Raises:
      InputError: it is invalid, or its numbers contradict each other; the message begins with `place`.
    """
    case = parse_version(ThroughputCase, values, place, THROUGHPUT_VERSION)
    if not case.efficiency_rounds:
        raise InputError(f"{place}: efficiency_rounds is empty; measure again.")
    exact = center(case.efficiency_rounds)
    if not math.isclose(case.efficiency, exact, rel_tol=_SAME):
        raise InputError(
            f"{place}: efficiency {case.efficiency} is not the center of efficiency_rounds, {exact}; "
            "measure again."
        )
    return case


def read_lengths(path: Path | str) -> LengthsResult:
    """Read `lengths.json`; raises as `read_throughput` does."""
    result: LengthsResult = parse_version(LengthsResult, read_json(path), str(path))
    edges, counts = result.histogram.edges, result.histogram.counts
    if not counts or len(edges) != len(counts) + 1 or any(low >= high for low, high in pairwise(edges)):
        raise InputError(
            f"{path}: histogram: needs at least one count and one more edge than counts, in ascending order; "
            "make the results again."
        )
    return result


def write_result(path: Path | str, result: Any, version: int = SCHEMA_VERSION) -> None:
    """Write a dataclass of results atomically, with its `schema_version` and a checksum."""
    write_json(path, seal(with_version(result, version)))


def with_version(result: Any, version: int = SCHEMA_VERSION) -> dict[str, Any]:
    """A result as JSON values with `schema_version`; of a `ThroughputCase`, its `extra_info`."""
    return {"schema_version": version, **dataclasses.asdict(result)}


def parse_version(cls: type[T], values: Any, place: str, expected: int = SCHEMA_VERSION) -> T:
    """Make a `cls` from a JSON object of the expected schema version.

    Raises:
      InputError: it is not one, a key is missing or wrong, or it was edited; the message begins with `place`.
    """
    result = parse_dataclass(cls, check_version(values, place, expected), place)
    require_unedited(values, place)
    return result


def require_distinct(names: Iterable[str], path: Path | str) -> None:
    """Check that every case is in a file only once.

    Raises:
      InputError: one is there twice.
    """
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise InputError(f"{path}: contains {twice[0]} more than once; make the results again.")
