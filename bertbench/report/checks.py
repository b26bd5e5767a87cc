"""Everything that a results folder holds, and every judgment in it as one list of checks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.formatting import decimals_for, figure, signed
from bertbench.gate.result import GATE_FILE, GateResult, read_gate
from bertbench.report.history import Series
from bertbench.report.wording import State, change, gate_state
from bertbench.results.schema import (
    ACCURACY_FILE,
    FAILED,
    LENGTHS_FILE,
    NUMERICS_FILE,
    THROUGHPUT_FILE,
    AccuracyResult,
    LengthsResult,
    NumericsResult,
    ThroughputResult,
    read_accuracy,
    read_lengths,
    read_numerics,
    read_throughput,
)

READERS = {
    "accuracy": (ACCURACY_FILE, read_accuracy),
    "throughput": (THROUGHPUT_FILE, read_throughput),
    "gate": (GATE_FILE, read_gate),
    "numerics": (NUMERICS_FILE, read_numerics),
    "lengths": (LENGTHS_FILE, read_lengths),
}


@dataclass(frozen=True)
class Results:
    """What a results folder holds, and the stored history of its cases."""

    folder: Path
    accuracy: AccuracyResult | None = None
    throughput: ThroughputResult | None = None
    gate: GateResult | None = None
    numerics: NumericsResult | None = None
    lengths: LengthsResult | None = None
    history: Sequence[Series] = ()


@dataclass(frozen=True)
class Check:
    """One judgment: the part of the report it belongs to, its name, its end, and why."""

    section: str
    name: str
    state: State
    message: str


def load_results(folder: Path, history: Sequence[Series] = ()) -> Results:
    """Read every result of a folder.

    Raises:
      InputError: there is none, or one cannot be read.
    """
    found: dict[str, Any] = {
        name: read(folder / file) for name, (file, read) in READERS.items() if (folder / file).exists()
    }
    if not found:
        names = ", ".join(file for file, _ in READERS.values())
        raise InputError(f"{folder}: holds none of {names}; run `pytest` with this results folder first.")
    return Results(folder, history=history, **found)


def collect_checks(results: Results) -> list[Check]:
    """Every check of accuracy, numerics and gate, in that order."""
    return [*_accuracy(results.accuracy), *_numerics(results.numerics), *_gate(results.gate)]


def _accuracy(result: AccuracyResult | None) -> Iterator[Check]:
    for case in result.cases if result else ():
        difference = signed(case.difference, decimals_for(case.tolerance))
        message = (
            f"{case.quantity} {figure(case.scores[case.quantity])}, baseline {figure(case.baseline)}, "
            f"difference {difference}, tolerance {figure(case.tolerance)}"
        )
        yield Check("accuracy", case.case, _passed(case.verdict != FAILED), message)


def _numerics(result: NumericsResult | None) -> Iterator[Check]:
    if result is None:
        return
    for row in result.rows:
        message = f"largest error {figure(row.max_ulp)} {row.unit} at {row.argmax}, bound {figure(row.bound)}"
        name = f"{row.kernel} {row.variant} {row.dtype}"
        yield Check("numerics", name, _passed(row.verdict != FAILED), message)
    for error in result.layer_errors:
        message = f"relative error {figure(error.rms_relative_error)}, bound {figure(error.bound)}"
        name = f"{error.model} {error.precision} layer {error.layer}"
        yield Check("numerics", name, _passed(error.rms_relative_error <= error.bound), message)


def _gate(result: GateResult | None) -> Iterator[Check]:
    for verdict in result.verdicts if result else ():
        told = f"{verdict.verdict}: "
        if verdict.change is not None:
            told += f"{figure(verdict.base)} to {figure(verdict.head)}, {change(verdict, verdict.change)}; "
        name = f"{verdict.case} {verdict.quantity}"
        yield Check("gate", name, gate_state(verdict), told + verdict.detail)


def _passed(passed: bool) -> State:
    return State.PASSED if passed else State.FAILED
