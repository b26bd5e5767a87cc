"""What a session collects for its summary: tables, judged cases, and the verdicts that are its last lines.

Tests may run in workers of pytest-xdist. What they collect is sent to the main process as text.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from bertbench.evaluation.items import Items
from bertbench.gate.result import RELATIVE_QUANTITIES, Verdict
from bertbench.measure.machine import read_machine
from bertbench.parsing import parse_dataclass
from bertbench.results.accuracy import AccuracyCase
from bertbench.tables import make_table, render_text

SUMMARY = pytest.StashKey["SessionSummary"]()


@dataclass
class SummaryTable:
    """One table of the closing summary, with notes below it.

    Attributes:
      short: the columns that are shown without `-v`; empty for all.
      detail: whether it is shown with `-v` alone.
    """

    title: str
    columns: Sequence[str]
    short: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    detail: bool = False

    def add(self, *cells: object) -> None:
        """Add one row; one cell per column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{self.title}: {len(cells)} cells for {len(self.columns)} columns")
        self.rows.append([str(cell) for cell in cells])

    def render(self, *, whole: bool, width: int) -> str:
        """The rows as text: all columns, or the short ones in `width` characters if they fit."""
        if whole:
            return render_text(make_table("", self.columns, self.rows))
        shown = self.short or self.columns
        places = [self.columns.index(name) for name in shown]
        rows = [[row[place] for place in places] for row in self.rows]
        return render_text(make_table("", shown, rows), width)


@dataclass(frozen=True)
class JudgedCase:
    """A judged case with its scores by item."""

    case: AccuracyCase
    items: Items


@dataclass
class SessionSummary:
    """Everything that is printed, written and recorded at the end.

    Attributes:
      cases: by name.
      speeds: the results of throughput cases by name, as JSON values.
      judgments: the gate's verdicts on the throughput of a project's models, and on checks that could not be
        run.
      origins: the project file of a case, by the case's name, if it has one.
      entries: of a results file, by its key, as JSON values.
      verdicts: the last lines.
    """

    tables: dict[str, SummaryTable] = field(default_factory=dict)
    cases: dict[str, JudgedCase] = field(default_factory=dict)
    speeds: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    judgments: list[Verdict] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    verdicts: list[str] = field(default_factory=list)

    @property
    def unscored(self) -> list[str]:
        """The names of the checks of accuracy that could not be run."""
        return [made.case for made in self.judgments if made.quantity not in RELATIVE_QUANTITIES]

    def table(
        self, title: str, columns: Sequence[str], short: Sequence[str] = (), *, detail: bool = False
    ) -> SummaryTable:
        """The table with this title, created on first use."""
        return self.tables.setdefault(title, SummaryTable(title, columns, short, detail=detail))

    def pack(self) -> str:
        """Tables and cases as text."""
        cases = [
            {
                "case": dataclasses.asdict(judged.case),
                "ids": judged.items.ids.tolist(),
                "values": {name: values.tolist() for name, values in judged.items.values.items()},
            }
            for judged in self.cases.values()
        ]
        return json.dumps(
            {
                "tables": list(map(dataclasses.asdict, self.tables.values())),
                "cases": cases,
                "speeds": self.speeds,
                "judgments": list(map(dataclasses.asdict, self.judgments)),
                "origins": self.origins,
                "entries": self.entries,
            }
        )

    def add(self, packed: str) -> None:
        """Add the tables and cases of another process."""
        parts = json.loads(packed)
        for values in parts["tables"]:
            description = (values["title"], values["columns"], values["short"])
            table = self.table(*description, detail=values["detail"])
            table.rows += values["rows"]
            table.notes += [note for note in values["notes"] if note not in table.notes]
        self.speeds |= parts["speeds"]
        self.origins |= parts["origins"]
        for key, entries in parts["entries"].items():
            self.entries.setdefault(key, []).extend(entries)
        self.judgments += [parse_dataclass(Verdict, values, "worker") for values in parts["judgments"]]
        for values in parts["cases"]:
            case = parse_dataclass(AccuracyCase, values["case"], "worker")
            arrays = {name: np.array(entries) for name, entries in values["values"].items()}
            self.cases[case.case] = JudgedCase(case, Items(np.array(values["ids"]), arrays))

    def print_tables(self, terminal: pytest.TerminalReporter) -> None:
        """Print every table that has rows or notes, and what computed its figures."""
        products = f"Matrix products in {read_machine().products}."
        whole = terminal.config.get_verbosity() > 0
        for table in self.tables.values():
            if (table.detail and not whole) or not (table.rows or table.notes):
                continue
            terminal.section(table.title)
            if table.rows:
                terminal.write_line(table.render(whole=whole, width=terminal._tw.fullwidth))
            for note in (*table.notes, products):
                terminal.write_line(note)

    def print_verdicts(self, terminal: pytest.TerminalReporter, exit_status: int) -> None:
        """Print the verdicts and the exit status as the last lines."""
        if self.verdicts:
            for line in [*self.verdicts, f"exit status {exit_status}"]:
                terminal.write_line(line)


def summary_of(config: pytest.Config) -> SessionSummary:
    """The summary of a session."""
    return config.stash.setdefault(SUMMARY, SessionSummary())


def summary_table(
    config: pytest.Config,
    title: str,
    columns: Sequence[str],
    short: Sequence[str] = (),
    *,
    detail: bool = False,
) -> SummaryTable:
    """A table of a session's summary, created on first use."""
    return summary_of(config).table(title, columns, short, detail=detail)
