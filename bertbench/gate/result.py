"""The gate's verdicts, and the file that keeps them."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bertbench.files import read_json
from bertbench.results.parsing import Finite, NonNegative
from bertbench.results.schema import parse_version

GATE_FILE = "gate.json"

# Quantities that are judged relative to the base; every other one is a score.
EFFICIENCY = "efficiency"
MEMORY = "peak memory (MiB)"
STARTUP = "start-up (s)"


class Outcome(StrEnum):
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
    `interval` is its bootstrap interval. `base` and `head` are in the quantity's own unit.
    """

    case: str
    quantity: str
    verdict: Outcome
    detail: str
    base: Finite | None = None
    head: Finite | None = None
    change: Finite | None = None
    interval: tuple[Finite, Finite] | None = None
    p_value: NonNegative | None = None
    test: str | None = None
    threshold: NonNegative | None = None


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
      InputError: it cannot be read, or is of an unknown version; the message names file and key.
    """
    return parse_version(GateResult, read_json(path), str(path))
