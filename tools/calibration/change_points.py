"""The error rates of `bertbench history` on generated histories with known changes.

    python -m tools.calibration.change_points

Each history has 20 to 100 runs, whose noise is 1 or 2 %, with a lasting drop at a random run, or none. Some
drift by 5 % from the first run to the last, and in some one run in twenty is disturbed and 10 to 40 % slower.
A drop counts as found if a change is reported within two runs of it; all other reported changes are false.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from bertbench.console import say
from bertbench.errors import GateFailed
from bertbench.report.change_points import find_change_points
from bertbench.tables import make_table, print_table
from tools.scripts import run_script

HISTORIES = 200
STEPS = (0.0, 0.05, 0.10, 0.15)
DRIFT, OUTLIERS = 0.05, 0.05
MARGIN = 5  # runs on either side of a drop
NEAR = 2
FOUND, FALSE = 0.95, 1.0
COLUMNS = ("history", "drop", "found", "false changes in 100 runs")


@dataclass(frozen=True)
class Kind:
    """A kind of history: its drop (0.1: by 10 %), and whether it has drift and outliers."""

    step: float
    drift: bool
    outliers: bool

    def __str__(self) -> str:
        parts = ["noise", "drift" if self.drift else "", "outliers" if self.outliers else ""]
        return ", ".join(filter(None, parts))


KINDS = tuple(
    Kind(step, drift, outliers) for drift in (False, True) for outliers in (False, True) for step in STEPS
)


@dataclass(frozen=True)
class ErrorRates:
    """The share of drops that were found, and the false changes in 100 runs."""

    found: float
    false: float


def make_history(kind: Kind, generator: np.random.Generator) -> tuple[np.ndarray, int | None]:
    """Efficiencies [N] and the run at which they drop."""
    count = int(generator.integers(20, 101))
    logs = generator.normal(0, generator.choice([0.01, 0.02]), count)
    if kind.drift:
        logs += np.linspace(0, generator.choice([-DRIFT, DRIFT]), count)
    at = int(generator.integers(MARGIN, count - MARGIN + 1)) if kind.step else None
    if at is not None:
        logs[at:] += np.log(1 - kind.step)
    if kind.outliers:
        disturbed = generator.random(count) < OUTLIERS
        logs[disturbed] += np.log(generator.uniform(0.6, 0.9, disturbed.sum()))
    return 0.85 * np.exp(logs), at


def measure_error_rates(kind: Kind, histories: int) -> ErrorRates:
    """The error rates in this many histories of a kind."""
    generator = np.random.default_rng(1)
    found = false = runs = 0
    for _ in range(histories):
        values, at = make_history(kind, generator)
        changes = find_change_points(values)
        right = any(at is not None and abs(change.index - at) <= NEAR for change in changes)
        found, false, runs = found + right, false + len(changes) - right, runs + len(values)
    return ErrorRates(found / histories, 100 * false / runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=int, default=HISTORIES, help="number of histories of each kind")
    histories = parser.parse_args().histories
    rates = {kind: measure_error_rates(kind, histories) for kind in KINDS}
    rows = [
        (
            str(kind),
            f"{kind.step:.0%}" if kind.step else "none",
            f"{rate.found:.1%}" if kind.step else "",
            f"{rate.false:.2f}",
        )
        for kind, rate in rates.items()
    ]
    say(f"{histories} histories of each kind")
    print_table(make_table("Changes of level in generated histories", COLUMNS, rows))
    if any(rate.false > FALSE for rate in rates.values()):
        raise GateFailed(f"more than {FALSE:g} false change in 100 runs.")
    if any(rate.found < FOUND for kind, rate in rates.items() if kind.step >= 0.10):
        raise GateFailed(f"less than {FOUND:.0%} of the drops by 10 % are found.")


if __name__ == "__main__":
    run_script(main)
