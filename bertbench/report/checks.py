"""The contents of a results folder, and all its verdicts as one list of checks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.formatting import format_number, words
from bertbench.gate.accuracy import read_judged
from bertbench.gate.result import GATE_FILE, RELATIVE_QUANTITIES, GateResult, VerdictKind, read_gate
from bertbench.gate.score_text import explain
from bertbench.gate.sides import load_folder
from bertbench.report.history import Series
from bertbench.report.wording import State, change, gate_state
from bertbench.results.accuracy import ACCURACY_FILE, AccuracyResult, Ruling
from bertbench.results.numerics import NUMERICS_FILE, KernelVerdict, NumericsResult, read_numerics
from bertbench.results.provenance import RESULTS_FILE
from bertbench.results.schema import (
    LENGTHS_FILE,
    THROUGHPUT_FILE,
    LengthsResult,
    ThroughputResult,
    read_lengths,
    read_throughput,
)
from bertbench.tasks.table import scored_unit

ACCURACY, SPEED, NUMERICS = "accuracy", "speed", "numerics"
STATES = {
    Ruling.PASS: State.PASSED,
    Ruling.UNCHANGED: State.PASSED,
    Ruling.FAIL: State.FAILED,
    Ruling.UNCLEAR: State.UNCLEAR,
}
READERS = {
    "accuracy": (ACCURACY_FILE, read_judged),
    "throughput": (THROUGHPUT_FILE, read_throughput),
    "gate": (GATE_FILE, read_gate),
    "numerics": (NUMERICS_FILE, read_numerics),
    "lengths": (LENGTHS_FILE, read_lengths),
}


@dataclass(frozen=True)
class Results:
    """The contents of a results folder, and the stored history of its cases."""

    folder: Path
    accuracy: AccuracyResult | None = None
    throughput: ThroughputResult | None = None
    gate: GateResult | None = None
    numerics: NumericsResult | None = None
    lengths: LengthsResult | None = None
    history: Sequence[Series] = ()


@dataclass(frozen=True)
class Check:
    """One verdict: its section in the report, its name, its state, the reason, and what it is about.

    Attributes:
      subject: `ACCURACY`, `SPEED` or `NUMERICS`.
    """

    section: str
    name: str
    state: State
    message: str
    subject: str


def load_results(folder: Path, history: Sequence[Series] = ()) -> Results:
    """Read every result of a folder, or the one that `predict` or `benchmark` wrote there.

    Raises:
      InputError: there is none, or one cannot be read.
    """
    found: dict[str, Any] = {
        name: read(folder / file) for name, (file, read) in READERS.items() if (folder / file).exists()
    }
    if not found.keys() & {"accuracy", "throughput"} and (folder / RESULTS_FILE).exists():
        side = load_folder(folder)
        found |= {"accuracy": side.accuracy, "throughput": side.throughput}
    if not found:
        names = ", ".join(file for file, _ in READERS.values())
        raise InputError(
            f"{folder}: contains none of {names} and {RESULTS_FILE}; write results there first, with "
            "`bertbench check --output-dir results` or `pytest --results-dir results`."
        )
    return Results(folder, history=history, **found)


def collect_checks(results: Results) -> list[Check]:
    """Every check of accuracy, numerics and gate, in that order."""
    return [*_accuracy(results.accuracy), *_numerics(results.numerics), *_gate(results.gate)]


def _accuracy(result: AccuracyResult | None) -> Iterator[Check]:
    for case in result.cases if result else ():
        judged = [made for made in case.comparisons if made.verdict != Ruling.NOT_JUDGED]
        for made in judged:
            told = f"{words(made.quantity)} {format_number(made.score)}"
            if made.expected is not None:
                told += f", {made.against} {format_number(made.expected)}"
            message = f"{told}: {explain(made, scored_unit(case.task))}"
            name = f"{case.case} against {made.against}"
            yield Check("accuracy", name, STATES[made.verdict], message, ACCURACY)
        if case.comparisons and not judged:
            reason = "nothing was there to hold its score against"
            yield Check("accuracy", case.case, State.UNCLEAR, reason, ACCURACY)


def _numerics(result: NumericsResult | None) -> Iterator[Check]:
    if result is None:
        return
    for row in result.rows:
        largest, bound = format_number(row.max_ulp), format_number(row.bound)
        message = f"largest error {largest} {row.unit} at {row.argmax}, bound {bound}"
        name = f"{row.kernel} {row.variant} {row.dtype}"
        yield Check("numerics", name, _passed(row.verdict != KernelVerdict.FAIL), message, NUMERICS)
    for error in result.layer_errors:
        message = (
            f"relative error {format_number(error.rms_relative_error)}, bound {format_number(error.bound)}"
        )
        name = f"{error.model} {error.precision} layer {error.layer}"
        passed = _passed(error.rms_relative_error <= error.bound)
        yield Check("numerics", name, passed, message, NUMERICS)


def _gate(result: GateResult | None) -> Iterator[Check]:
    """The verdicts; one on a case that is new counts only if there is no other."""
    verdicts = result.verdicts if result else ()
    for verdict in [made for made in verdicts if made.verdict != VerdictKind.NEW] or verdicts:
        told = f"{verdict.verdict}: "
        if verdict.change is not None:
            base, head = format_number(verdict.base), format_number(verdict.head)
            told += f"{base} to {head}, {change(verdict, verdict.change)}; "
        name = f"{verdict.case} {verdict.quantity}"
        subject = SPEED if verdict.quantity in RELATIVE_QUANTITIES else ACCURACY
        yield Check("gate", name, gate_state(verdict), told + verdict.detail, subject)


def _passed(passed: bool) -> State:
    return State.PASSED if passed else State.FAILED
