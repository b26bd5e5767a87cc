"""The error of one kernel over many inputs: histogram, largest, mean, where, and the verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bertbench.results.numerics import KernelError, KernelVerdict, verdict_of
from suites.numerics.ulp import FloatFormat, ulp_error
from suites.tolerances import Tolerance

HISTOGRAM_EDGES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)  # the last class is open
_LARGEST_JSON = 1e15  # that a results file may hold


@dataclass(frozen=True)
class KernelReport:
    """How far a kernel's results are from the exact ones, in the tolerance's unit.

    `histogram[i]` counts errors in (HISTOGRAM_EDGES[i - 1], HISTOGRAM_EDGES[i]]; its first entry counts exact
    results and its last those above the last edge.
    """

    kernel: str
    variant: str
    dtype: str
    inputs: int
    largest: float
    mean: float
    where: str
    histogram: tuple[int, ...]
    tolerance: Tolerance

    @property
    def verdict(self) -> KernelVerdict:
        """See `verdict_of`."""
        return verdict_of(self.largest, self.tolerance.bound)

    def to_row(self, command: str) -> KernelError:
        """The row of `numerics.json`, with the command that repeats it."""
        return KernelError(
            self.kernel,
            self.variant,
            self.dtype,
            self.inputs,
            min(self.largest, _LARGEST_JSON),
            min(self.mean, _LARGEST_JSON),
            self.where,
            self.tolerance.bound,
            self.verdict,
            command,
            self.tolerance.unit,
        )

    def check(self) -> None:
        """Fail with quantity, value, bound and input if the bound is exceeded."""
        if self.verdict == KernelVerdict.FAIL:
            allowed = self.tolerance
            raise AssertionError(
                f"{self.kernel} {self.variant} {self.dtype}: error {self.largest:.6g} {allowed.unit} at "
                f"{self.where}, bound {allowed.bound:g} ({allowed.reason}); mean {self.mean:.3g} over "
                f"{self.inputs:,} results"
            )


def measure(
    case: tuple[str, str],
    kind: FloatFormat,
    got: np.ndarray,
    exact: np.ndarray,
    tolerance: Tolerance,
    describe: Callable[[int], str],
    *,
    scale: np.ndarray | float = 1.0,
    floor: np.ndarray | float = 0.0,
) -> KernelReport:
    """Compare results with exact ones.

    Args:
      case: kernel and variant.
      got, exact: of one shape; `exact` in float64.
      describe: makes the place of a flat index readable.
      scale, floor: as in `ulp_error`.
    """
    errors = ulp_error(got, exact, kind, scale=scale, floor=floor).ravel()
    worst = int(np.argmax(errors))
    classes = np.searchsorted(HISTOGRAM_EDGES, errors)  # left: an error equal to an edge is below it
    return KernelReport(
        *case,
        kind.name,
        errors.size,
        float(errors[worst]),
        float(errors.mean()),
        describe(worst),
        tuple(np.bincount(classes, minlength=len(HISTOGRAM_EDGES) + 1).tolist()),
        tolerance,
    )


def place_of(places: Sequence[tuple[str, int]], index: int) -> str:
    """The name of the part that holds result `index`, of parts with their sizes."""
    for name, size in places:
        if index < size:
            return name
        index -= size
    raise IndexError(index)
