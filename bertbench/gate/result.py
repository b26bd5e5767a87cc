"""The gate's verdicts, and the file that keeps them."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bertbench.errors import InputError
from bertbench.evaluation.items import lower_is_better
from bertbench.files import read_json
from bertbench.parsing import Finite, NonNegative
from bertbench.results.schema import parse_version

GATE_FILE = "gate.json"

# Quantities that are judged relative to the base; every other one is a score.
EFFICIENCY = "efficiency"
MEMORY = "peak memory (MiB)"
STARTUP = "start-up (s)"
RELATIVE_QUANTITIES = (EFFICIENCY, MEMORY, STARTUP)
_SAME = 1e-9  # the rounding of a subtraction
_FAR = 0.02  # relative: allowed difference of two estimates of a change, plus their scatter


class VerdictKind(StrEnum):
    """What the gate says of one quantity of one case."""

    OK = "ok"
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    UNCLEAR = "unclear"
    MISSING = "missing"
    NEW = "new"


@dataclass(frozen=True)
class Verdict:
    """The judgment of one quantity of one case; `gate.json` holds them.

    `change` is relative (-0.07: 7 % less) for throughput, memory and start-up, absolute for accuracy;
    `interval` is its bootstrap interval. `base` and `head` are in the quantity's own unit. `since` says when,
    and at which commit, the base was recorded, if it is a baseline.
    """

    case: str
    quantity: str
    verdict: VerdictKind
    detail: str
    base: Finite | None = None
    head: Finite | None = None
    change: Finite | None = None
    interval: tuple[Finite, Finite] | None = None
    p_value: NonNegative | None = None
    test: str | None = None
    threshold: NonNegative | None = None
    since: str | None = None


@dataclass(frozen=True)
class GateResult:
    """`gate.json`: what was compared, what the reader must know, and every verdict."""

    base: str
    head: str
    command: str
    notes: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def read_gate(path: Path | str) -> GateResult:
    """Read `gate.json`.

    Raises:
      InputError: it cannot be read, is of an unknown version, or a verdict contradicts its figures; the
        message names file and place.
    """
    result: GateResult = parse_version(GateResult, read_json(path), str(path))
    for verdict in result.verdicts:
        if fault := _wrong_figures(verdict) or _wrong_word(verdict):
            raise InputError(f"{path}: {verdict.case}, {verdict.quantity}: {fault}; run the gate again.")
    return result


def _wrong_figures(verdict: Verdict) -> str | None:
    """The contradiction between base, head, change and interval, if any."""
    if verdict.change is None or verdict.base is None or verdict.head is None:
        return None
    relative = verdict.quantity in RELATIVE_QUANTITIES
    exact = verdict.head / verdict.base - 1 if relative and verdict.base else verdict.head - verdict.base
    leeway = _SAME * max(1.0, abs(verdict.head), abs(verdict.base))
    if verdict.interval is not None:
        low, high = verdict.interval
        if not low - leeway <= verdict.change <= high + leeway:
            return f"the interval {low} to {high} does not hold the change {verdict.change}"
        if relative:  # a shift of all pairs of rounds, not a ratio of two centers
            leeway = _FAR + 2 * (high - low)
    if abs(verdict.change - exact) > leeway:
        return f"change {verdict.change} is not that from {verdict.base} to {verdict.head}, {exact}"
    return None


def _wrong_word(verdict: Verdict) -> str | None:
    """Why a passing verdict contradicts its figures, if it does; other verdicts are not checked."""
    if verdict.verdict not in (VerdictKind.OK, VerdictKind.IMPROVEMENT):
        return None
    if verdict.change is None or verdict.threshold is None:
        return f"says {verdict.verdict} without a change and its threshold"
    less_is_more = verdict.quantity in (MEMORY, STARTUP) or lower_is_better(verdict.quantity)
    low, high = verdict.interval or (verdict.change, verdict.change)
    gain, worst = (-verdict.change, -high) if less_is_more else (verdict.change, low)
    allowed = 2 * verdict.threshold if verdict.quantity == EFFICIENCY else verdict.threshold
    if verdict.quantity == STARTUP:
        worst = gain
    lost = gain < -verdict.threshold - _SAME or worst < -allowed - _SAME
    if lost or (verdict.verdict == VerdictKind.IMPROVEMENT and gain <= 0):
        return f"says {verdict.verdict}, its figures do not (change {verdict.change}, {verdict.interval})"
    return None
