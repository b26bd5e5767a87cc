"""The top of a report: the overall verdict and the most important numbers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bertbench.formatting import decimals_for, format_number, percent, signed, words
from bertbench.report.checks import ACCURACY, NUMERICS, SPEED, Check, Results
from bertbench.report.figures_accuracy import precision_differences
from bertbench.report.figures_throughput import LOWER, speedups
from bertbench.report.wording import State
from bertbench.results.accuracy import AccuracyResult
from bertbench.results.numerics import NumericsResult
from bertbench.results.schema import ThroughputResult
from bertbench.tasks.table import difference_unit, score_text

MEASURED = "measured"
SUBJECTS = {ACCURACY: "accurate", NUMERICS: "exact", SPEED: "fast"}
ENDINGS = {State.FAILED: "failed", State.UNCLEAR: "not decided", State.PASSED: "passed"}
SHOWN_REASONS = 12
SHOWN_SCORES, SHOWN_RATES = 2, 2  # more would be a table


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
    subjects = {check.subject for check in checks}
    *others, last = [word for subject, word in SUBJECTS.items() if subject in subjects]
    return f"Still {', '.join(others)} and {last}" if others else f"Still {last}"


def _accuracy_tiles(result: AccuracyResult) -> Iterator[Tile]:
    for case in result.cases[:SHOWN_SCORES]:
        name = f"{words(case.quantity)}, {case.precision}"
        yield Tile(name, score_text(case.task, case.scores[case.quantity]), case.case)
    for case, made in precision_differences(result.cases)[:1]:
        decimals = decimals_for(made.tolerance)
        remark = f"may lose {made.tolerance:g}{difference_unit(case.task)}"
        if made.interval:
            remark = "95 %: " + " … ".join(signed(end, decimals) for end in made.interval)
            remark += difference_unit(case.task)
        name = f"{case.precision} − fp32, {words(case.task)} {words(case.quantity)}"
        yield Tile(name, signed(made.difference, decimals), remark)


def _throughput_tiles(result: ThroughputResult) -> Iterator[Tile]:
    if len(result.cases) <= SHOWN_RATES:
        for case in result.cases:
            yield Tile(f"examples/s, {case.precision}", format_number(case.examples_per_second, 3), case.case)
    for precision in LOWER:
        pairs = speedups(result.cases, precision)
        ratios = sorted(low.examples_per_second / fp32.examples_per_second for _, low, fp32 in pairs)
        values = [f"{ratio:.2f}" for ratio in ratios]
        if values:
            names = [name for name, *_ in pairs]
            yield Tile(f"{precision} over fp32", f"{_range(values)} ×", _cases(names, values))
    shares = [f"{100 * share:.1f}" for share in sorted(case.efficiency for case in result.cases)]
    yield Tile(
        "of the GEMM peak", f"{_range(shares)} %", _cases([case.case for case in result.cases], shares)
    )


def _range(ascending: Sequence[str]) -> str:
    """The lowest and the highest of several figures; the figure, where there is one."""
    return " … ".join(dict.fromkeys((ascending[0], ascending[-1])))


def _cases(names: Sequence[str], ascending: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{len(names)} cases{', lowest and highest' if ascending[0] != ascending[-1] else ''}"


def _numerics_tiles(result: NumericsResult) -> Iterator[Tile]:
    bounded = [row for row in result.rows if row.bound]
    if bounded:
        worst = max(bounded, key=lambda row: row.max_ulp / row.bound)
        remark = f"{worst.kernel} {worst.variant}, {worst.dtype}"
        yield Tile("kernel bound used, most", percent(worst.max_ulp / worst.bound, 0), remark)
