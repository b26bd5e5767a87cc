"""Fixtures and hooks of the throughput benchmarks: grid, threads, and the files written at the end."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bertbench.benchmarking.report import describe_result
from bertbench.benchmarking.run import BenchmarkResult
from bertbench.benchmarking.separate import Call, measuring_process
from bertbench.checkpoint.source import ModelSource
from bertbench.formatting import describe_ways, format_number, percent
from bertbench.gate.result import GATE_FILE
from bertbench.measure.machine import bf16_is_native
from bertbench.measure.rates import LEGEND
from bertbench.measure.threads import ThreadSettings
from bertbench.pytest_plugin.plugin import may_record, output_folders, require_alone, told_at_end
from bertbench.pytest_plugin.summary import summary_table
from bertbench.results.baselines import STORAGE, record_throughput
from bertbench.results.provenance import describe_versions
from bertbench.results.schema import THROUGHPUT_FILE
from bertbench.results.seal import seal
from bertbench.runtime import compute_for
from suites.throughput.grid import Cell, choose_rounds, choose_warm_up, make_cells, reason_to_skip
from suites.throughput.separate import SeparateBenchmark

COLUMNS = (
    "case",
    "rounds",
    "examples/s",
    "GFLOP/s",
    "GEMM peak",
    "measured by",
    "machine peak",
    "efficiency",
)
SHORT = ("case", "rounds", "examples/s", "efficiency")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Reject measurements in parallel test processes."""
    require_alone(item.config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One benchmark per cell; ids are the keys of the stored results."""
    if "cell" in metafunc.fixturenames:
        option = metafunc.config.option
        cells = make_cells(
            full=option.benchmark_full, native_bf16=bf16_is_native(), batch_size=option.batch_size
        )
        metafunc.parametrize("cell", cells, ids=[cell.case.id for cell in cells])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Store the results as a baseline if requested; pytest-benchmark has written them by now."""
    config = session.config
    path = config._benchmarksession.json
    if not config.option.record_baselines or not path or not Path(path).exists():
        return
    notes = summary_table(config, "throughput", COLUMNS, SHORT).notes
    if not may_record(session, notes):
        return
    with told_at_end(session, notes):
        stored = record_throughput(
            path,
            versions=describe_versions(),
            storage=config.rootpath / STORAGE,
            allow_dirty=config.option.allow_dirty,
            outputs=output_folders(config),
        )
        notes.append(f"Baseline recorded in {stored}.")


@pytest.fixture(scope="session")
def threads() -> ThreadSettings:
    """The threads in use, set by the root conftest."""
    return ThreadSettings(*(int(os.environ[f"TF_NUM_{pool}OP_THREADS"]) for pool in ("INTRA", "INTER")))


@pytest.fixture(scope="session")
def results_folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gate, the history and the report look for results; a temporary folder if none was given.

    Verdicts on earlier results are removed.
    """
    folder = pytestconfig.option.results_dir or tmp_path_factory.mktemp("results")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GATE_FILE).unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="session")
def measuring(threads: ThreadSettings) -> Iterator[Callable[[bool], Call]]:
    """The process that measures training, or the one that measures inference."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda trains: stack.enter_context(measuring_process(threads, trains=trains)))


@pytest.fixture
def measure(
    pytestconfig: pytest.Config,
    threads: ThreadSettings,
    results_folder: Path,
    measuring: Callable[[bool], Call],
    benchmark: BenchmarkFixture,
) -> Callable[[Cell], BenchmarkResult]:
    """Measure a cell with pytest-benchmark, and the GEMM peak between its rounds."""
    option = pytestconfig.option

    def run(cell: Cell) -> BenchmarkResult:
        if reason := reason_to_skip(cell, full=option.benchmark_full, native_bf16=bf16_is_native()):
            pytest.skip(reason)
        compute_for(cell.benchmark.compute, ModelSource(cell.benchmark.config, None, None))
        subject = SeparateBenchmark(cell, measuring(cell.benchmark.trains))
        step_seconds = subject.warm_up(*choose_warm_up(option.warmup_steps, full=option.benchmark_full))
        rounds = choose_rounds(step_seconds, option.steps, full=option.benchmark_full)
        benchmark.pedantic(subject.call, setup=subject.next_round, rounds=rounds)
        result = subject.result(benchmark.stats.stats.data)
        benchmark.extra_info.update(seal(describe_result(result, threads, startup=False)))
        session = pytestconfig._benchmarksession
        session.json = session.json or results_folder / THROUGHPUT_FILE
        table = summary_table(pytestconfig, "throughput", COLUMNS, SHORT)
        table.add(*_cells(result))
        notes = [LEGEND, f"{threads}."]
        notes += [f"{result.case.name}: {message}." for message in result.warnings]
        table.notes += [note for note in notes if note not in table.notes]
        return result

    return run


def _cells(result: BenchmarkResult) -> tuple[str, ...]:
    return (
        result.case.name,
        str(len(result.round_seconds)),
        format_number(result.examples_per_second),
        format_number(result.gflops),
        format_number(result.gemm_peak_gflops),
        describe_ways(result.gemm_peak_ways),
        format_number(result.machine_peak.gflops),
        percent(result.efficiency),
    )
