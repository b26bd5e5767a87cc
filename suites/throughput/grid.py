"""What the throughput suite measures: precision x task x mode x geometry x batch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.compute import Compute
from bertbench.config import GEOMETRIES
from bertbench.precision import parse_precision
from bertbench.tasks.table import make_task
from suites.cases import Case, make_grid

BATCH_SIZES = {"inference": (1, 8, 32), "training": (4,)}
# The default part: every cell of the smallest model, and of the large ones what says most in a minute.
DEFAULT_BATCH_SIZE = {"inference": 8, "training": 4}
DEFAULT_CELLS = {
    ("bert-base", "squad", "inference"): ("fp32", "bf16"),
    ("bert-base", "squad", "training"): ("bf16",),
    ("bert-large", "squad", "inference"): ("fp32", "bf16"),
    ("bert-large", "squad", "training"): ("bf16",),
}
STEPS, WARM_UP_STEPS = 30, 10
# The peak is the best of several calls in the fastest way available; what remains is the clock's own scatter.
PEAK_LEEWAY = 1.02
# A case of the default part is measured for so many seconds, but `LEAST_ROUNDS` times at least.
SECONDS, LEAST_ROUNDS = 12.0, 3
WARM_UP_SECONDS = 2.0


@dataclass(frozen=True)
class Cell:
    """One benchmark: a case of the grid with its geometry and batch."""

    case: Case
    geometry: str
    batch_size: int

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


def make_cells(*, full: bool, batch_size: int | None = None) -> list[Cell]:
    """The cells to measure, small models first.

    Args:
      full: the whole grid. batch_size: this one instead of the grid's own.
    """
    cells = []
    for geometry in GEOMETRIES:
        for case in make_grid():
            for batch in _batch_sizes(case.mode, full, batch_size):
                named = Case(case.precision, case.task, case.mode, f"{geometry}-b{batch}")
                if full or _in_default_part(case, geometry):
                    cells.append(Cell(named, geometry, batch))
    return cells


def choose_rounds(step_seconds: float, steps: int | None, *, full: bool) -> int:
    """Rounds of a case whose call takes `step_seconds`; `steps` is what the user asks for, if anything."""
    if steps is not None or full:
        return steps or STEPS
    return min(STEPS, max(LEAST_ROUNDS, int(SECONDS / step_seconds)))


def choose_warm_up(steps: int | None, *, full: bool) -> tuple[int, float]:
    """Calls before the measured ones, and the seconds after which fewer are enough."""
    if steps is not None or full:
        return WARM_UP_STEPS if steps is None else steps, math.inf
    return WARM_UP_STEPS, WARM_UP_SECONDS


def _batch_sizes(mode: str, full: bool, batch_size: int | None) -> Sequence[int]:
    if batch_size is not None:
        return (batch_size,)
    return BATCH_SIZES[mode] if full else (DEFAULT_BATCH_SIZE[mode],)


def _in_default_part(case: Case, geometry: str) -> bool:
    return geometry == "tiny" or case.precision in DEFAULT_CELLS.get((geometry, case.task, case.mode), ())
