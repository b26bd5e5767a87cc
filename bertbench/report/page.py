"""Writes the report of a results folder as a self-contained page, as Markdown, and as JUnit XML."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from bertbench import __version__
from bertbench.files import make_directory, write_text
from bertbench.formatting import brief
from bertbench.output_folders import written_together
from bertbench.report.answers import answer_questions
from bertbench.report.checks import Check, Results, collect_checks
from bertbench.report.figures_history import history_figure
from bertbench.report.history import Series
from bertbench.report.junit import write_junit
from bertbench.report.sections import make_sections
from bertbench.report.summary import MEASURED, count, make_tiles, summarize
from bertbench.report.wording import State

MARKS = {State.PASSED: "✅", State.FAILED: "❌", State.UNCLEAR: "⚠️", MEASURED: "📏"}


def write_report(results: Results, page: Path, command: str) -> None:
    """Write `page`, and next to it the same as Markdown (.md) and the checks as JUnit XML (.xml)."""
    checks = collect_checks(results)
    values = _values(results, checks, command)
    with written_together(make_directory(page.parent), last=page.name) as folder:
        staged = folder / page.name
        write_text(staged, _render("report.html.jinja", values))
        write_text(staged.with_suffix(".md"), _render("report.md.jinja", values))
        write_junit(staged.with_suffix(".xml"), checks)


def write_history(history: Sequence[Series], page: Path, command: str) -> None:
    """Write a page with one chart per series, starting with the changes of level."""
    changes = [
        (series, series.describe_change(point)) for series in history for point in series.change_points
    ]
    runs = max(len(series.runs) for series in history)
    values = {
        "headline": f"{count(len(changes), 'change')} in {runs} runs",
        "changes": changes,
        "figures": [history_figure(series) for series in history],
        "command": command,
        "version": __version__,
    }
    write_text(page, _render("history.html.jinja", values))


def _values(results: Results, checks: Sequence[Check], command: str) -> dict[str, Any]:
    summary = summarize(checks)
    return {
        "summary": summary,
        "answers": answer_questions(results, checks),
        "mark": MARKS[summary.state],
        "tiles": make_tiles(results),
        "sections": make_sections(results),
        "command": command,
        "version": __version__,
    }


def _render(template: str, values: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bertbench.report"),
        autoescape=jinja2.select_autoescape(["html.jinja"]),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["markdown"] = _escape_markdown
    environment.filters["code"] = _markdown_code
    return environment.get_template(template).render(values)


def _escape_markdown(text: str) -> str:
    """Text for a cell of a Markdown table: one line in which nothing marks up, links or mentions."""
    escaped = re.sub(r"[\\|*_<>\[\]`~&#!]", r"\\\g<0>", brief(text))
    return escaped.replace("@", "@<!-- -->")


def _markdown_code(text: str) -> str:
    """Text as code within a line of Markdown, between more backticks than it has in a row."""
    text = brief(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"
