"""How often the gate is wrong, measured: false alarms on unchanged code, and planted slowdowns it misses.

    python -m tools.calibration.gate

takes base and head from the noise recorded in `baselines/noise/` (see `tools.calibration.noise`), judges
them as the gate does, and prints the share of each outcome, for stored results (one run per side) and for
interleaved runs. "real" are the recorded runs against each other in the order they came.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertbench.console import make_table, print_table, progress, say
from bertbench.errors import CannotJudge, GateFailed
from bertbench.gate.limits import PAIRS
from bertbench.gate.result import Outcome
from bertbench.gate.rules import judge_efficiency
from bertbench.measure.machine import machine_id
from bertbench.measure.rates import center
from tools.calibration.noise import STORAGE, read_noise
from tools.scripts import run_script

COMPARISONS = 10_000
REAL_COMPARISONS = 20
MINIMUM_RUNS = 5 * 2 * PAIRS
SLOWDOWN = 1.10  # the head takes a tenth longer, so its efficiency is 9.1 % lower
FALSE_ALARMS = 0.01
CAUGHT = 0.95
COLUMNS = ("comparison", "number", "regression", "unclear", "fine", "demanded")

Sides = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Mode:
    """A way to compare: which recorded runs it needs, and what base and head measure in them.

    `draw` picks runs [R, N] for one comparison; `measure` makes base and head of them.
    """

    name: str
    paired: bool
    runs: int
    draw: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    measure: Callable[[np.ndarray], Sides]

    def judge(self, runs: np.ndarray, slowdown: float = 1.0) -> str:
        """The outcome when the head of these runs takes `slowdown` times as long."""
        base, head = self.measure(runs)
        return judge_efficiency(
            "noise", base.tolist(), (head / slowdown).tolist(), paired=self.paired
        ).verdict


def draw_two(runs: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Two different runs, any time apart, as a stored result and a new one are."""
    return runs[generator.choice(len(runs), size=2, replace=False)]


def draw_neighbors(runs: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Consecutive runs from a random one on; which of each pair is the base is random."""
    start = generator.integers(len(runs) - 2 * PAIRS + 1)
    order = np.arange(2 * PAIRS).reshape(PAIRS, 2)
    return runs[start + generator.permuted(order, axis=1).ravel()]


def measure_pairs(runs: np.ndarray) -> Sides:
    """The centers of the runs, base and head in turn."""
    centers = np.array([center(run) for run in runs])
    return centers[::2], centers[1::2]


MODES = (
    Mode("stored results, one run per side", False, 2, draw_two, lambda runs: (runs[0], runs[1])),
    Mode(f"interleaved, {PAIRS} pairs of runs", True, 2 * PAIRS, draw_neighbors, measure_pairs),
)


def judge_as_recorded(runs: np.ndarray, mode: Mode) -> Counter[str]:
    """The outcomes of real comparisons of unchanged code, spread evenly over the recording.

    They share no run when there are enough of them.
    """
    starts = np.linspace(0, len(runs) - mode.runs, REAL_COMPARISONS).astype(int)
    return Counter(mode.judge(runs[start : start + mode.runs]) for start in starts)


def simulate(runs: np.ndarray, mode: Mode, slowdown: float, count: int) -> Counter[str]:
    """The outcomes of `count` comparisons drawn from the recorded runs."""
    generator = np.random.default_rng(0)
    outcomes: Counter[str] = Counter()
    with progress(f"{mode.name}, × {slowdown:g}", count, "comparisons") as advance:
        for _ in range(count):
            outcomes[mode.judge(mode.draw(runs, generator), slowdown)] += 1
            advance(1)
    return outcomes


def calibrate(runs: np.ndarray, count: int) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Rows of `COLUMNS`, each with whether it is as demanded."""
    for mode in MODES:
        real = judge_as_recorded(runs, mode)
        yield _row(f"{mode.name}: real, unchanged", real, "no regression"), not real[Outcome.REGRESSION]
        same = simulate(runs, mode, 1.0, count)
        demand = f"regression ≤ {FALSE_ALARMS:.0%}"
        yield _row(f"{mode.name}: simulated, unchanged", same, demand), _regressed(same) <= FALSE_ALARMS
        slow = simulate(runs, mode, SLOWDOWN, count)
        demand = f"regression ≥ {CAUGHT:.0%}"
        yield _row(f"{mode.name}: simulated, 10 % slower", slow, demand), _regressed(slow) >= CAUGHT


def _regressed(outcomes: Counter[str]) -> float:
    return outcomes[Outcome.REGRESSION] / outcomes.total()


def _row(name: str, outcomes: Counter[str], demand: str) -> tuple[str, ...]:
    total = outcomes.total()
    fine = total - outcomes[Outcome.REGRESSION] - outcomes[Outcome.UNCLEAR]
    counts = (outcomes[Outcome.REGRESSION], outcomes[Outcome.UNCLEAR], fine)
    return (name, f"{total:,}", *(f"{count / total:.2%}" for count in counts), demand)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--noise", type=Path, default=STORAGE / f"{machine_id()}.json")
    parser.add_argument("--comparisons", type=int, default=COMPARISONS)
    arguments = parser.parse_args()
    noise = read_noise(arguments.noise)
    runs = np.array([run.efficiency_rounds for run in noise.runs])
    centers = np.array([center(run) for run in runs])
    say(
        f"{noise.machine_id}, {len(runs)} runs of {runs.shape[1]} rounds, recorded {noise.recorded}, load "
        f"{np.median([run.load for run in noise.runs]):.1f}; standard deviation of rounds within a run "
        f"{np.log(runs).std(axis=1).mean():.1%}, of runs {np.log(centers).std():.1%}"
    )
    if len(runs) < MINIMUM_RUNS:
        raise CannotJudge(f"{arguments.noise}: {MINIMUM_RUNS} runs are needed; record more.")
    rows, kept = zip(*calibrate(runs, arguments.comparisons), strict=True)
    print_table(make_table("Outcomes of the gate", COLUMNS, rows))
    if not all(kept):
        raise GateFailed("the gate's error rates are not as demanded on this noise.")


if __name__ == "__main__":
    run_script(main)
