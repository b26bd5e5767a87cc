"""One self-contained page about a results folder, the same for a pull request, and JUnit XML."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from bertbench import __version__
from bertbench.files import write_text
from bertbench.results.checks import Check, Results, collect_checks
from bertbench.results.figures_accuracy import precision_differences
from bertbench.results.figures_throughput import history_chart, speedups
from bertbench.results.history import Series
from bertbench.results.junit import write_junit
from bertbench.results.sections import machine_facts, make_sections
from bertbench.results.wording import State, decimals_for, percent, signed, words

MEASURED = "measured"
MARKS = {State.PASSED: "✅", State.FAILED: "❌", State.UNCLEAR: "⚠️", MEASURED: "📏"}
SUBJECTS = {"accuracy": "accurate", "numerics": "exact", "gate": "fast"}
ENDINGS = {State.FAILED: "failed", State.UNCLEAR: "could not be judged", State.PASSED: "passed"}
SHOWN_REASONS = 12


@dataclass(frozen=True)
class Summary:
    """The verdict on everything: its state, one headline, one sentence, and the checks that decided it."""

    state: str
    headline: str
    explanation: str
    reasons: Sequence[Check] = ()


@dataclass(frozen=True)
class Tile:
    """One figure worth seeing first."""

    name: str
    figure: str
    remark: str


def write_report(results: Results, page: Path, command: str) -> None:
    """Write `page`, and beside it the same as Markdown (.md) and the checks as JUnit XML (.xml)."""
    checks = collect_checks(results)
    values = _values(results, checks, command)
    write_text(page, _render("report.html.jinja", values))
    write_text(page.with_suffix(".md"), _render("report.md.jinja", values))
    write_junit(page.with_suffix(".xml"), checks)


def write_history(history: Sequence[Series], page: Path, command: str) -> None:
    """Write a page of one chart a series, its changes of level first."""
    changes = [
        (series, series.describe_change(point)) for series in history for point in series.change_points
    ]
    runs = max(len(series.runs) for series in history)
    values = {
        "headline": f"{_count(len(changes), 'change')} in {runs} runs",
        "changes": changes,
        "figures": [history_chart(series) for series in history],
        "command": command,
        "version": __version__,
    }
    write_text(page, _render("history.html.jinja", values))


def summarise(checks: Sequence[Check]) -> Summary:
    """The verdict on all checks: one failure fails, one that is unclear leaves the whole unclear."""
    if not checks:
        return Summary(MEASURED, "Measured, not judged", "The folder holds measurements but no verdicts.")
    counts = Counter(check.state for check in checks)
    for state, ending in ENDINGS.items():
        if counts[state] and state != State.PASSED:
            reasons = [check for check in checks if check.state == state]
            rest = [
                f"{counts[other]} {end}" for other, end in ENDINGS.items() if counts[other] and other != state
            ]
            explanation = f"{', '.join(rest)}." if rest else ""
            if len(reasons) > SHOWN_REASONS:
                explanation += f" The first {SHOWN_REASONS} are listed here."
            headline = f"{_count(len(reasons), 'check')} of {len(checks)} {ending}"
            return Summary(state, headline, explanation.strip(), reasons[:SHOWN_REASONS])
    subjects = [
        word for section, word in SUBJECTS.items() if any(check.section == section for check in checks)
    ]
    headline = "Still " + " and ".join(filter(None, (", ".join(subjects[:-1]), subjects[-1])))
    return Summary(State.PASSED, headline, f"All {len(checks)} checks passed.")


def make_tiles(results: Results) -> list[Tile]:
    """The figures of the question that bertbench answers: as accurate, as fast, how near the limit."""
    tiles = []
    if results.accuracy is not None:
        for case, difference in precision_differences(results.accuracy.cases)[:1]:
            decimals = decimals_for(case.tolerance)
            remark = f"tolerance ± {case.tolerance:g}"
            if case.interval:
                remark = "95 %: " + " … ".join(signed(end, decimals) for end in case.interval)
            name = f"bf16 − fp32, {words(case.task)} {words(case.quantity)}"
            tiles.append(Tile(name, signed(difference, decimals), remark))
    if results.throughput is not None:
        pairs = speedups(results.throughput.cases)
        if pairs:
            ratio, name = max((b.examples_per_second / f.examples_per_second, name) for name, b, f in pairs)
            tiles.append(Tile("bf16 over fp32, best", f"{ratio:.2f} ×", name))
        best = max(results.throughput.cases, key=lambda case: case.efficiency)
        tiles.append(Tile("nearest to the limit", percent(best.efficiency), best.case))
    if results.numerics is not None and results.numerics.rows:
        used, row = max(
            ((row.max_ulp / row.bound if row.bound else 0.0, row) for row in results.numerics.rows),
            key=lambda entry: entry[0],
        )
        tiles.append(
            Tile("kernel bound used, most", percent(used, 0), f"{row.kernel} {row.variant}, {row.dtype}")
        )
    return tiles


def _values(results: Results, checks: Sequence[Check], command: str) -> dict[str, Any]:
    summary = summarise(checks)
    machine = machine_facts(results)
    measured = results.throughput.measured[:10] if results.throughput else ""
    facts = (f"bertbench {machine.get('bertbench', __version__)}", machine.get("cpu"), measured)
    return {
        "summary": summary,
        "mark": MARKS[summary.state],
        "origin": [str(fact) for fact in facts if fact],
        "tiles": make_tiles(results),
        "sections": make_sections(results),
        "command": command,
        "version": __version__,
    }


def _render(template: str, values: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bertbench.results"),
        autoescape=jinja2.select_autoescape(["html.jinja"]),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["markdown"] = _escape_markdown
    return environment.get_template(template).render(values)


def _escape_markdown(text: str) -> str:
    """Text for a cell of a Markdown table."""
    for character in "\\|*_<[`":
        text = text.replace(character, f"\\{character}")
    return text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
