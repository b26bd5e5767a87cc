"""Judged cases in a session: one test per case, one table, one `accuracy.json` and one verdict at the end."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bertbench.errors import CannotJudge, GateFailed
from bertbench.evaluation.items import Items
from bertbench.formatting import NONE, decimals_for, format_number, signed, words
from bertbench.gate.score_text import explain
from bertbench.project import RECORD
from bertbench.pytest_plugin.plugin import may_record, output_folders, told_at_end
from bertbench.pytest_plugin.summary import JudgedCase, SummaryTable, summary_of
from bertbench.results.accuracy import (
    AccuracyCase,
    AccuracyResult,
    Ruling,
    ScoreComparison,
)
from bertbench.results.accuracy_baselines import record_baselines
from bertbench.tasks.table import scored_unit

COLUMNS = (
    "case", "verdict", "against", "score", "difference", "allowed drop",
    "quantity", "expected", "95 % interval", "changed", "also",
)  # fmt: skip
SHORT = COLUMNS[:5]


def accuracy_table(config: pytest.Config) -> SummaryTable:
    """The session's table of scores."""
    return summary_of(config).table("accuracy", COLUMNS, SHORT)


def conclude(
    config: pytest.Config,
    case: AccuracyCase,
    items: Items,
    looks: Mapping[str, str],
    *,
    recording: bool = False,
) -> None:
    """End a test with its case's verdict, and keep the case for the end of the session.

    Args:
      looks: the commands that show a comparison in detail, by what the score was compared with.
      recording: whether the case becomes a baseline, and needs no comparison.

    Raises:
      GateFailed: the case fails.
      CannotJudge: it is unclear.
    """
    summary_of(config).cases[case.case] = JudgedCase(case, items)
    for made in case.comparisons:
        accuracy_table(config).add(*row(case, made))
        if made.verdict == Ruling.NOT_JUDGED:
            note = f"{case.case}: {made.note}, and is not judged; record one: {case.command} {RECORD}"
            accuracy_table(config).notes.append(note)
    if recording and not case.comparisons:
        return
    message = "\n".join(
        describe_comparison(case, made, looks) for made in case.comparisons if made.verdict == case.verdict
    )
    if case.verdict == Ruling.FAIL:
        raise GateFailed(message)
    if case.verdict == Ruling.UNCLEAR:
        raise CannotJudge(message or f"{case.case}: there was nothing to compare its score with.")


def describe_comparison(case: AccuracyCase, made: ScoreComparison, looks: Mapping[str, str]) -> str:
    """A comparison that did not pass: score, bound, changed items, and the command for more details."""
    text = f"{case.case}: {short_name(made.quantity)} {made.score:.6g}"
    if made.expected is None:
        return f"{text}: {explain(made)}; if the score is correct, record it: {case.command} {RECORD}"
    text += f", {made.against} {made.expected:.6g}: {explain(made, scored_unit(case.task))}"
    return f"{text}; details: {looks[made.against]}"


def row(case: AccuracyCase, made: ScoreComparison) -> tuple[str, ...]:
    """The cells of `COLUMNS`."""
    decimals = decimals_for(made.tolerance)
    others = (
        f"{short_name(name)} {format_number(score)}"
        for name, score in case.scores.items()
        if name != made.quantity
    )
    interval = NONE
    if made.interval is not None:
        interval = " … ".join(signed(end, decimals) for end in made.interval)
    return (
        case.case,
        made.verdict,
        made.against,
        format_number(made.score),
        signed(made.difference, decimals),
        f"{made.tolerance:g}",
        short_name(made.quantity),
        format_number(made.expected),
        interval,
        f"{len(made.changed)} of {made.items:,}" if made.interval is not None else NONE,
        ", ".join(others) or NONE,
    )


def short_name(quantity: str) -> str:
    """A score's name in a table."""
    return "EM" if quantity == "exact_match" else words(quantity)


def record_session(session: pytest.Session, path: Path, *, allow_dirty: bool) -> None:
    """Store the session's scores as baselines, unless something failed; a note names the file."""
    notes, cases = accuracy_table(session.config).notes, summary_of(session.config).cases
    if not may_record(session, notes):
        return
    result = AccuracyResult.of_this_run(entry.case for entry in cases.values())
    with told_at_end(session, notes):
        items = {name: entry.items for name, entry in cases.items()}
        outputs = output_folders(session.config)
        record_baselines(path, result, items, allow_dirty=allow_dirty, outputs=outputs)
        notes.append(f"Baselines recorded in {path}.")


def closing_line(config: pytest.Config) -> str:
    """The number of cases that passed, and the names of the others.

    Cases without a comparison, which are new baselines, are not counted where others have one.
    """
    cases = {name: entry.case for name, entry in summary_of(config).cases.items()}
    rulings = {name: case.verdict for name, case in cases.items() if case.comparisons}
    unscored = summary_of(config).unscored
    if not rulings and not unscored:
        return f"accuracy: measured, not judged: {', '.join(cases)}"
    passed = sum(ruling == Ruling.PASS for ruling in rulings.values())
    parts = [f"accuracy: {passed} of {len(rulings) + len(unscored)} cases passed"]
    if unscored:
        parts.append(f"no score: {', '.join(unscored)}")
    for ruling in (Ruling.FAIL, Ruling.UNCLEAR, Ruling.UNCHANGED):
        if names := [name for name, made in rulings.items() if made == ruling]:
            parts.append(f"{ruling}: {', '.join(names)}")
    return "; ".join(parts)
