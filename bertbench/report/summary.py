"""The top of a report: the overall verdict and the most important numbers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bertbench.formatting import decimals_for, percent, signed, words
from bertbench.report.checks import Check, Results
from bertbench.report.figures_accuracy import precision_differences
from bertbench.report.figures_throughput import speedups
from bertbench.report.wording import State
from bertbench.results.accuracy import AccuracyResult
from bertbench.results.numerics import NumericsResult
from bertbench.results.schema import ThroughputResult

MEASURED = "measured"
SUBJECTS = {"accuracy": "accurate", "numerics": "exact", "gate": "fast"}
ENDINGS = {State.FAILED: "failed", State.UNCLEAR: "not decided", State.PASSED: "passed"}
SHOWN_REASONS = 12


@dataclass(frozen=True)
class Summary:
    """The overall verdict: its state, headline and explanation, and the checks that decided it."""

    state: str
    headline: str
    explanation: str
    reasons: Sequence[Check] = ()


@dataclass(frozen=True)
class Tile:
    """One of the most important numbers."""

    name: str
    figure: str
    remark: str


def summarize(checks: Sequence[Check]) -> Summary:
    """The overall verdict: failed if one check failed, unclear if one is unclear."""
    if not checks:
        return Summary(MEASURED, "Measured, not judged", "The folder contains measurements but no verdicts.")
    counts = Counter(check.state for check in checks)
    state = next(state for state in ENDINGS if counts[state])
    if state == State.PASSED:
        return Summary(state, _praise(checks), f"All {len(checks)} checks passed.")
    headline = f"{count(counts[state], 'check')} of {len(checks)} {ENDINGS[state]}"
    rest = [f"{counts[other]} {end}" for other, end in ENDINGS.items() if counts[other] and other != state]
    sentences = [f"{', '.join(rest)}."] if rest else []
    if counts[state] > SHOWN_REASONS:
        sentences.append(f"The first {SHOWN_REASONS} are listed here.")
    reasons = [check for check in checks if check.state == state]
    return Summary(state, headline, " ".join(sentences), reasons[:SHOWN_REASONS])


def make_tiles(results: Results) -> list[Tile]:
    """The numbers that answer the main questions: accuracy, speed, and distance from the limit."""
    return [
        *(_accuracy_tiles(results.accuracy) if results.accuracy else ()),
        *(_throughput_tiles(results.throughput) if results.throughput else ()),
        *(_numerics_tiles(results.numerics) if results.numerics else ()),
    ]


def count(number: int, noun: str) -> str:
    """`1 check`, `2 checks`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _praise(checks: Sequence[Check]) -> str:
    sections = {check.section for check in checks}
    *others, last = [word for section, word in SUBJECTS.items() if section in sections]
    return f"Still {', '.join(others)} and {last}" if others else f"Still {last}"


def _accuracy_tiles(result: AccuracyResult) -> Iterator[Tile]:
    for case, made in precision_differences(result.cases)[:1]:
        decimals = decimals_for(made.tolerance)
        remark = f"may lose {made.tolerance:g}"
        if made.interval:
            remark = "95 %: " + " … ".join(signed(end, decimals) for end in made.interval)
        name = f"{case.precision} − fp32, {words(case.task)} {words(case.quantity)}"
        yield Tile(name, signed(made.difference, decimals), remark)


def _throughput_tiles(result: ThroughputResult) -> Iterator[Tile]:
    ratios = [
        (bf16.examples_per_second / fp32.examples_per_second, name)
        for name, bf16, fp32 in speedups(result.cases)
    ]
    if ratios:
        ratio, name = max(ratios)
        yield Tile("bf16 over fp32, best", f"{ratio:.2f} ×", name)
    best = max(result.cases, key=lambda case: case.efficiency)
    yield Tile("nearest to the limit", percent(best.efficiency), best.case)


def _numerics_tiles(result: NumericsResult) -> Iterator[Tile]:
    bounded = [row for row in result.rows if row.bound]
    if bounded:
        worst = max(bounded, key=lambda row: row.max_ulp / row.bound)
        remark = f"{worst.kernel} {worst.variant}, {worst.dtype}"
        yield Tile("kernel bound used, most", percent(worst.max_ulp / worst.bound, 0), remark)
