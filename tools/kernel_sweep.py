"""`python -m tools.kernel_sweep`: compares elementwise kernels with float64 on all 2^32 float32 inputs.

`pytest -m numerics` does the same with every 2,039th input. A sweep takes minutes per kernel and can be
interrupted and resumed.
"""

import dataclasses
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from bertbench.console import progress
from bertbench.errors import InputError
from bertbench.files import make_directory, read_json, write_json
from bertbench.measure.machine import describe_machine, read_machine
from bertbench.measure.threads import default_threads
from bertbench.parsing import parse_dataclass
from bertbench.results.numerics import verdict_of
from bertbench.runtime import start_tensorflow
from suites.numerics.report import HISTOGRAM_EDGES, KernelReport
from suites.numerics.ulp import FP32, from_bits
from suites.numerics.unary import SWEPT, UnaryCase, measure_unary
from suites.tolerances import TOLERANCES
from tools.scripts import run_script, show_table

COMMAND = "python -m tools.kernel_sweep"
PATTERNS = 1 << 32
CHUNK = 1 << 16  # whose intermediate results fit into the cache
CHUNKS_PER_STEP = 64  # of each thread, before the progress is stored
COLUMNS = ("kernel", "inputs", "largest error", "mean", "at", "bound", "unit", "minutes", "verdict")
# Facts that the results depend on.
ORIGIN = ("tensorflow", "matrix_products", "cpu", "git_revision")
CASES = {f"{case.kernel} {case.variant}": case for case in SWEPT}


@dataclass(frozen=True)
class Sweep:
    """The progress of a kernel's sweep; errors in the unit of its bound.

    Attributes:
      done: bit patterns, from 0 on. inputs: those that the kernel is defined for.
      total: the sum of errors. histogram: as in `KernelReport`.
      seconds: of all parts together. origin: see `ORIGIN`.
    """

    origin: dict[str, Any]
    done: int = 0
    inputs: int = 0
    largest: float = 0.0
    where: str = ""
    total: float = 0.0
    histogram: tuple[int, ...] = (0,) * (len(HISTOGRAM_EDGES) + 1)
    seconds: float = 0.0

    def plus(self, report: KernelReport, patterns: int, seconds: float) -> "Sweep":
        """The progress after the report of the next patterns."""
        row = report.to_row(COMMAND)  # with finite figures, as JSON needs
        worse = row.max_ulp > self.largest
        return dataclasses.replace(
            self,
            done=self.done + patterns,
            inputs=self.inputs + report.inputs,
            largest=row.max_ulp if worse else self.largest,
            where=row.argmax if worse else self.where,
            total=self.total + row.mean_ulp * report.inputs,
            histogram=tuple(map(sum, zip(self.histogram, report.histogram, strict=True))),
            seconds=self.seconds + seconds,
        )


def sweep_kernel(case: UnaryCase, file: Path, end: float, patterns: int = PATTERNS) -> Sweep:
    """Continue a kernel's sweep until it is complete or the time is `end`; `file` stores its progress.

    Raises:
      InputError: the file was written on another machine or by another version.
    """
    machine = describe_machine()
    origin = {name: machine[name] for name in ORIGIN}
    swept = _read(file, origin) if file.exists() else Sweep(origin)
    chunks = range(swept.done, patterns, CHUNK)
    threads = read_machine().usable_cores
    title = f"{case.kernel} {case.variant}"
    with progress(title, len(chunks), "chunks") as advance, ThreadPoolExecutor(threads) as pool:
        step = threads * CHUNKS_PER_STEP
        for first in range(0, len(chunks), step):
            if time.time() > end:
                break
            start = time.perf_counter()
            starts = chunks[first : first + step]
            reports = list(pool.map(lambda begin: _measure(case, begin, patterns), starts))
            seconds = (time.perf_counter() - start) / len(starts)
            for begin, report in zip(starts, reports, strict=True):
                swept = swept.plus(report, min(CHUNK, patterns - begin), seconds)
            advance(len(starts))
            write_json(file, dataclasses.asdict(swept))
    return swept


def _measure(case: UnaryCase, begin: int, patterns: int) -> KernelReport:
    bits = np.arange(begin, min(begin + CHUNK, patterns), dtype=np.int64)
    return measure_unary(case, FP32, from_bits(bits, FP32))


def _read(file: Path, origin: dict[str, Any]) -> Sweep:
    swept = parse_dataclass(Sweep, read_json(file), str(file))
    for name, value in origin.items():
        if swept.origin.get(name) != value:
            raise InputError(
                f"{file}: was started with {name} {swept.origin.get(name)}, now it is {value}; "
                "choose another --folder."
            )
    return swept


def make_rows(sweeps: dict[str, Sweep]) -> Iterator[tuple[str, ...]]:
    """The cells of `COLUMNS` for each kernel."""
    for name, swept in sweeps.items():
        bound = TOLERANCES["fp32", name]
        whole = swept.done == PATTERNS
        yield (
            name,
            f"{swept.inputs:,}",
            f"{swept.largest:.4g}",
            f"{swept.total / max(swept.inputs, 1):.3g}",
            swept.where,
            f"{bound.bound:g}",
            bound.unit,
            f"{swept.seconds / 60:.0f}",
            verdict_of(swept.largest, bound.bound) if whole else f"{swept.done / PATTERNS:.0%} done",
        )


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Folder for the progress.")
@click.option("--kernel", "names", multiple=True, type=click.Choice(list(CASES)), help="[default: all]")
@click.option("--minutes", type=float, help="Stop after this time; the same command resumes.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown, for docs/numerics.md.")
def command(folder: Path, names: tuple[str, ...], minutes: float | None, markdown: bool) -> None:
    """Compare kernels with float64 on every float32 input; exit status 1 if one exceeds its bound."""
    threads = default_threads(read_machine())
    start_tensorflow(threads.intra, threads.inter)
    make_directory(folder)
    end = time.time() + 60 * minutes if minutes is not None else float("inf")
    sweeps = {
        name: sweep_kernel(CASES[name], folder / f"{name.replace(' ', '_')}.json", end)
        for name in names or CASES
    }
    rows = list(make_rows(sweeps))
    title = f"float32, every input; {read_machine().cpu}, {read_machine().products}"
    show_table(title, COLUMNS, rows, markdown=markdown)
    if any(swept.largest > TOLERANCES["fp32", name].bound for name, swept in sweeps.items()):
        sys.exit(1)


if __name__ == "__main__":
    run_script(command)
