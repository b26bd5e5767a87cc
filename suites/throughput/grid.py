"""What the throughput suite measures: precision x task x mode x geometry x batch."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.compute import Compute
from bertbench.config import GEOMETRIES
from bertbench.precision import parse_precision
from bertbench.tasks.table import make_task
from suites.cases import PRECISIONS, Case, make_grid

GEOMETRIES_OF_GRID = ("tiny", "bert-base", "bert-large")
BATCH_SIZES = {"inference": (1, 8, 32), "training": (4,)}
# The default part: every task and mode of the smallest model, and of the others the most informative cells in
# six minutes on two cores: geometry, task, mode and batch size. Training is measured in the precision that is
# native.
SMALLEST, SMALLEST_BATCH_SIZES = "tiny", {"inference": 8, "training": 4}
DEFAULT_CELLS = (
    ("bert-base", "squad", "inference", 4),
    ("bert-base", "squad", "training", 2),
    ("bert-large-4l", "squad", "inference", 4),
    ("bert-large-4l", "squad", "training", 2),
)
STEPS, WARM_UP_STEPS = 30, 10
# A case of the default part is measured for this many seconds, but at least `LEAST_ROUNDS` times, which is
# more than the gate needs.
SECONDS, LEAST_ROUNDS = 10.0, 7
WARM_UP_SECONDS = 2.0


@dataclass(frozen=True)
class Cell:
    """One benchmark: a case of the grid with its geometry and batch."""

    case: Case
    geometry: str
    batch_size: int

    @classmethod
    def of(cls, case: Case, geometry: str, batch_size: int) -> "Cell":
        """The cell of a case without its variant."""
        variant = f"{geometry}-b{batch_size}"
        return cls(dataclasses.replace(case, variant=variant), geometry, batch_size)

    @property
    def benchmark(self) -> BenchmarkCase:
        """The cell as `bertbench` measures it."""
        return BenchmarkCase(
            task=make_task(self.case.task),
            mode=self.case.mode,
            compute=Compute(parse_precision(self.case.precision)),
            geometry=self.geometry,
            config=GEOMETRIES[self.geometry],
            batch_size=self.batch_size,
        )


def make_cells(*, full: bool, native_bf16: bool, batch_size: int | None = None) -> list[Cell]:
    """The cells to measure, small models first.

    Args:
      full: the whole grid, which holds the default part. batch_size: this one instead of those of the grid.
    """
    cells = dict.fromkeys(_default_part(native_bf16, batch_size))
    if full:
        cells |= dict.fromkeys(_whole_grid(batch_size))
    order = list(GEOMETRIES)
    return sorted(cells, key=lambda cell: order.index(cell.geometry))


def reason_to_skip(cell: Cell, *, full: bool, native_bf16: bool) -> str | None:
    """Why the default part skips a cell on this machine."""
    if full or native_bf16 or cell.case.precision != "bf16" or cell.geometry == SMALLEST:
        return None
    return "bf16 is emulated on this CPU and takes many times as long; --benchmark-full measures it"


def choose_rounds(step_seconds: float, steps: int | None, *, full: bool) -> int:
    """Rounds of a case whose call takes `step_seconds`; `steps` is the user's number, if given."""
    if steps is not None or full:
        return steps or STEPS
    return min(STEPS, max(LEAST_ROUNDS, int(SECONDS / step_seconds)))


def choose_warm_up(steps: int | None, *, full: bool) -> tuple[int, float]:
    """Calls before the measured ones, and the seconds after which fewer are enough."""
    if steps is not None or full:
        return WARM_UP_STEPS if steps is None else steps, math.inf
    return WARM_UP_STEPS, WARM_UP_SECONDS


def _default_part(native_bf16: bool, batch_size: int | None) -> Iterator[Cell]:
    for case in make_grid():
        yield Cell.of(case, SMALLEST, batch_size or SMALLEST_BATCH_SIZES[case.mode])
    for geometry, task, mode, size in DEFAULT_CELLS:
        trained = ("bf16",) if native_bf16 else ("fp32",)
        for precision in trained if mode == "training" else PRECISIONS:
            yield Cell.of(Case(precision, task, mode), geometry, batch_size or size)


def _whole_grid(batch_size: int | None) -> Iterator[Cell]:
    for geometry in GEOMETRIES_OF_GRID:
        for case in make_grid():
            for size in (batch_size,) if batch_size else BATCH_SIZES[case.mode]:
                yield Cell.of(case, geometry, size)
