"""`python -m tools.scaling`: how time grows with batch, sequence length, layers and threads.

Each sweep changes one size and leaves the others. Passes over all points are interleaved, so that drift of
the machine affects all equally. The exponent is the slope of log time over log size by least squares; beside
it is the slope of the counted operations, for comparison.
"""

import dataclasses
import functools
import multiprocessing
import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from bertbench.config import GEOMETRIES
from bertbench.console import progress
from bertbench.files import write_json
from bertbench.measure.flops import encoder_products, total_flop
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import default_threads
from tools.scripts import show_table

if TYPE_CHECKING:  # these start TensorFlow
    from bertbench.benchmarking.case import BenchmarkCase
    from bertbench.model.bert import BertModel

COLUMNS = ("what grows", "sizes", "ms per step", "exponent of time", "exponent of FLOP")


@dataclass(frozen=True)
class Point:
    """One measured size: rows of full length through the first layers of a geometry."""

    geometry: str
    precision: str
    mode: str
    batch_size: int
    sequence: int
    layers: int
    threads: int

    @property
    def flop(self) -> int:
        """The counted operations of the encoder."""
        config = dataclasses.replace(GEOMETRIES[self.geometry], num_hidden_layers=self.layers)
        return total_flop(encoder_products(config, [self.sequence] * self.batch_size), self.mode)


def make_sweeps(base: Point) -> dict[str, tuple[Point, ...]]:
    """The sweeps from a base point, by the name of the field that grows."""
    layers = GEOMETRIES[base.geometry].num_hidden_layers
    sizes: dict[str, tuple[Any, ...]] = {
        "batch_size": (1, 2, 4, 8, 16),
        "sequence": (64, 128, 256, 384, 512),
        "layers": tuple(sorted({max(1, layers * part // 6) for part in (1, 2, 3, 6)})),
        "threads": tuple(sorted({1, max(1, base.threads // 2), base.threads})),
    }
    return {
        name: tuple(dataclasses.replace(base, **{name: size}) for size in values)
        for name, values in sizes.items()
    }


def fit_exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """The exponent b of values = a sizes^b by least squares of the logarithms; None for a single size."""
    if len(sizes) < 2:
        return None
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def measure_point(point: Point) -> float:
    """Seconds of one call; the first call of a point builds its model and warms it up."""
    from bertbench.measure.timing import time_call

    call = _prepare(point)
    return time_call(call)


@functools.cache
def _prepare(point: Point) -> Callable[[], Any]:
    from bertbench.benchmarking.timed_call import make_timed_call
    from bertbench.benchmarking.workload import full_length_workload
    from bertbench.runtime import start_tensorflow

    if not _model.cache_info().currsize:
        start_tensorflow(point.threads, 1)
    case = _case(point)
    (batch,) = full_length_workload(case, 1).batches
    call = make_timed_call(case, _model(point.geometry, point.precision, point.mode, point.layers))
    for _ in range(2):
        call(batch)
    return functools.partial(call, batch)


def _case(point: Point) -> "BenchmarkCase":
    from bertbench.benchmarking.case import BenchmarkCase
    from bertbench.compute import Compute
    from bertbench.precision import parse_precision
    from bertbench.tasks.table import make_task

    return BenchmarkCase(
        task=make_task("squad", max_seq_length=point.sequence),
        mode=point.mode,
        compute=Compute(parse_precision(point.precision)),
        geometry=point.geometry,
        config=dataclasses.replace(GEOMETRIES[point.geometry], num_hidden_layers=point.layers),
        batch_size=point.batch_size,
    )


@functools.cache
def _model(geometry: str, precision: str, mode: str, layers: int) -> "BertModel":
    from bertbench.benchmarking.timed_call import build_model

    return build_model(_case(Point(geometry, precision, mode, 1, 8, layers, 1)))


def measure_points(points: Sequence[Point], rounds: int) -> dict[Point, list[float]]:
    """Seconds of each point, one call per round; each number of threads has its own process."""
    seconds: dict[Point, list[float]] = {point: [] for point in points}
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = {
            threads: stack.enter_context(ProcessPoolExecutor(1, mp_context=context))
            for threads in {point.threads for point in points}
        }
        with progress("measure", (rounds + 1) * len(seconds), "calls") as advance:
            for number in range(rounds + 1):
                for point, times in seconds.items():
                    measured = pools[point.threads].submit(measure_point, point).result()
                    if number:  # the first builds and warms up
                        times.append(measured)
                    advance()
    return seconds


def describe_sweeps(
    sweeps: dict[str, tuple[Point, ...]], seconds: dict[Point, list[float]]
) -> Iterator[tuple[str, str, str, str, str]]:
    """The cells of `COLUMNS` for each sweep, each point at its median time."""
    for name, points in sweeps.items():
        sizes = [getattr(point, name) for point in points]
        times = [statistics.median(seconds[point]) for point in points]
        flop = [point.flop for point in points]
        yield (
            name.replace("_", " "),
            " ".join(map(str, sizes)),
            " ".join(f"{1000 * time:.4g}" for time in times),
            _figure(fit_exponent(sizes, times)),
            "-1" if name == "threads" else _figure(fit_exponent(sizes, flop)),
        )


def _figure(exponent: float | None) -> str:
    return "" if exponent is None else f"{exponent:.2f}"


@click.command()
@click.option("--config", "geometry", default="bert-base", show_default=True, type=click.Choice(GEOMETRIES))
@click.option("--precision", default="bf16", show_default=True, type=click.Choice(("fp32", "bf16")))
@click.option("--mode", default="inference", show_default=True, type=click.Choice(("inference", "training")))
@click.option("--batch-size", default=4, show_default=True, help="Used in the sweeps of the other sizes.")
@click.option("--max-seq-length", default=128, show_default=True, help="Likewise.")
@click.option("--rounds", default=7, show_default=True)
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--output-file", type=click.Path(path_type=Path), help="Every round as JSON.")
def command(
    geometry: str,
    precision: str,
    mode: str,
    batch_size: int,
    max_seq_length: int,
    rounds: int,
    markdown: bool,
    output_file: Path | None,
) -> None:
    """Measure how time grows with batch, sequence length, layers and threads, and fit the exponents."""
    threads = default_threads(read_machine()).intra
    layers = GEOMETRIES[geometry].num_hidden_layers
    sweeps = make_sweeps(Point(geometry, precision, mode, batch_size, max_seq_length, layers, threads))
    points = list(dict.fromkeys(point for sweep in sweeps.values() for point in sweep))
    seconds = measure_points(points, rounds)
    rows = list(describe_sweeps(sweeps, seconds))
    sizes = f"batch {batch_size}, {max_seq_length} tokens, {threads} threads"
    title = f"{geometry} {precision} {mode}; {sizes}; {read_machine().products}"
    show_table(title, COLUMNS, rows, markdown=markdown)
    if output_file is not None:
        measured = [{**dataclasses.asdict(point), "seconds": times} for point, times in seconds.items()]
        write_json(output_file, measured)


if __name__ == "__main__":
    command()
