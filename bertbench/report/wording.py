"""Values and verdicts as text, for the console, Markdown and the page."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from bertbench.formatting import NONE, decimals_for, format_number, p_value, signed, words
from bertbench.gate.result import RELATIVE_QUANTITIES, GateResult, Verdict, VerdictKind

if TYPE_CHECKING:
    from rich.table import Table

GATE_COLUMNS = ("case", "quantity", "verdict", "change", "95 % interval", "base", "head", "test")
GATE_SHORT = GATE_COLUMNS[:4]


class State(StrEnum):
    """The state of a check."""

    PASSED = "passed"
    FAILED = "failed"
    UNCLEAR = "unclear"


def gate_state(verdict: Verdict) -> State:
    """The state of a gate's verdict."""
    states = {
        VerdictKind.REGRESSION: State.FAILED,
        VerdictKind.UNCLEAR: State.UNCLEAR,
        VerdictKind.MISSING: State.UNCLEAR,
        VerdictKind.NEW: State.UNCLEAR,
    }
    return states.get(verdict.verdict, State.PASSED)


def gate_table(result: GateResult, columns: Sequence[str] = GATE_COLUMNS) -> "Table":
    """The verdicts of a gate, one per row, in the first of the columns or all of them."""
    from bertbench.tables import make_table

    rows = [gate_row(verdict)[: len(columns)] for verdict in result.verdicts]
    return make_table(f"{result.base} → {result.head}", columns, rows)


def gate_row(verdict: Verdict) -> tuple[str, ...]:
    """The cells of `GATE_COLUMNS` for one verdict."""
    return (
        verdict.case,
        words(verdict.quantity),
        verdict.verdict,
        change(verdict, verdict.change),
        interval(verdict),
        format_number(verdict.base),
        format_number(verdict.head),
        evidence(verdict),
    )


def gate_remarks(result: GateResult) -> list[str]:
    """Lines for what a reader must know in addition to the table."""
    special = [verdict for verdict in result.verdicts if verdict.verdict != VerdictKind.OK]
    return [
        *result.notes,
        *(f"{verdict.case}, {verdict.quantity}: {verdict.verdict}, {verdict.detail}." for verdict in special),
    ]


def gate_verdict(result: GateResult) -> str:
    """One line: how many verdicts there are of each kind, and the cases of those that are not fine."""
    counts = Counter(verdict.verdict for verdict in result.verdicts)
    parts = [f"{count} {outcome}" for outcome, count in counts.items()] or ["nothing to judge"]
    for outcome in (VerdictKind.REGRESSION, VerdictKind.UNCLEAR, VerdictKind.MISSING):
        names = [f"{v.case} ({v.quantity})" for v in result.verdicts if v.verdict == outcome]
        parts += [f"{outcome}: {', '.join(names)}"] if names else []
    return f"gate: {'; '.join(parts)}"


def change(verdict: Verdict, value: float | None) -> str:
    """A change, relative in percent or absolute, depending on the quantity."""
    if value is None:
        return NONE
    if verdict.quantity in RELATIVE_QUANTITIES:
        return f"{signed(value * 100, 1)} %"
    return signed(value, decimals_for(verdict.threshold or 0))


def interval(verdict: Verdict) -> str:
    """The verdict's bootstrap interval, or a dash."""
    if verdict.interval is None:
        return NONE
    low, high = verdict.interval
    return f"{change(verdict, low)} … {change(verdict, high)}"


def evidence(verdict: Verdict) -> str:
    """The verdict's test with its p-value, or a dash."""
    if verdict.p_value is None:
        return verdict.test or NONE
    return f"{verdict.test}, p {p_value(verdict.p_value)}"
