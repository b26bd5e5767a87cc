"""`numerics.json`: kernel errors and the growth of error through the encoder, with consistent verdicts."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.files import read_json
from bertbench.parsing import NonNegative
from bertbench.results.schema import parse_version

NUMERICS_FILE = "numerics.json"
_LOOSE_SHARE = 0.5


class KernelVerdict(StrEnum):
    """The verdict on an error, given its bound."""

    PASS = "pass"
    LOOSE = "loose"
    FAIL = "fail"


def verdict_of(error: float, bound: float) -> KernelVerdict:
    """`FAIL` above the bound or if a value is NaN, `LOOSE` below half of the bound, else `PASS`."""
    if not error <= bound:
        return KernelVerdict.FAIL
    return KernelVerdict.LOOSE if error < _LOOSE_SHARE * bound else KernelVerdict.PASS


@dataclass(frozen=True)
class KernelError:
    """One kernel against exact arithmetic, in units in the last place (ULP) of `dtype`.

    `unit` is the value at which the ULP is taken if it is not the exact result ("ULP of x"). `inputs` is the
    number or a description of the inputs; `argmax` is the input with the largest error.
    """

    kernel: str
    variant: str
    dtype: str
    inputs: Any
    max_ulp: NonNegative
    mean_ulp: NonNegative
    argmax: Any
    bound: NonNegative
    verdict: KernelVerdict
    command: str | None = None
    unit: str = "ULP"


@dataclass(frozen=True)
class LayerError:
    """The error of one layer's output: root mean square over the reference's root mean square."""

    model: str
    precision: str
    layer: int
    rms_relative_error: NonNegative
    bound: NonNegative


@dataclass(frozen=True)
class NumericsResult:
    """`numerics.json`: kernel errors and the growth of error through the encoder."""

    rows: tuple[KernelError, ...]
    layer_errors: tuple[LayerError, ...] = ()


def read_numerics(path: Path | str) -> NumericsResult:
    """Read `numerics.json`.

    Raises:
      InputError: it cannot be read, is of another version, or a verdict contradicts its numbers; the message
        names file and place.
    """
    result: NumericsResult = parse_version(NumericsResult, read_json(path), str(path))
    for row in result.rows:
        right = verdict_of(row.max_ulp, row.bound)
        if row.verdict != right:
            raise InputError(
                f"{path}: {row.kernel} {row.variant} {row.dtype}: verdict {row.verdict!s} must be "
                f"{right!s} for error {row.max_ulp:g} and bound {row.bound:g}; make the results again."
            )
    return result
