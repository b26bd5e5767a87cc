"""The sections of a report: tables, figures and text, independent of the output format."""

import dataclasses
import functools
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bertbench.formatting import NONE, describe_ways, format_number, percent, words
from bertbench.gate.result import MEMORY, STARTUP, GateResult
from bertbench.measure.rates import LEGEND
from bertbench.report.checks import STATES, Results
from bertbench.report.figures import Figure
from bertbench.report.figures_accuracy import (
    describe_difference,
    difference_figure,
    layer_error_figure,
    length_figure,
    padding_figure,
)
from bertbench.report.figures_history import history_figure
from bertbench.report.figures_throughput import change_figure, roofline_figure, speedup_figure
from bertbench.report.history import Series
from bertbench.report.tables import Row, Table, without_empty_columns
from bertbench.report.wording import GATE_COLUMNS, State, gate_remarks, gate_row, gate_state
from bertbench.results.accuracy import AccuracyCase, AccuracyResult, Ruling, ScoreComparison
from bertbench.results.numerics import KernelVerdict, NumericsResult
from bertbench.results.schema import (
    LengthsResult,
    ThroughputResult,
)
from bertbench.tasks.table import difference_unit, score_text, scored_unit

Result = TypeVar("Result")


@dataclass(frozen=True)
class Section:
    """One section of the report; `missing` is the command that produces missing results."""

    id: str
    title: str
    lead: str
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    notes: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    missing: str | None = None


def make_sections(results: Results) -> list[Section]:
    """All sections in the order of the page; a section without results names the command for them."""
    folder = shlex.quote(str(results.folder))
    suite = f"--results-dir={folder}"
    gate_command = f"bertbench gate HEAD {folder} --output-dir {folder}"
    sections = [
        _section("accuracy", "Accuracy", results.accuracy, _accuracy, f"pytest -m accuracy {suite}"),
        _section("throughput", "Throughput", results.throughput, _throughput, f"pytest -m benchmark {suite}"),
        _section("gate", "Against the base", results.gate, _gate, gate_command),
        _section("lengths", "Lengths and padding", results.lengths, _lengths, f"pytest -m benchmark {suite}"),
        _section("numerics", "Kernel numerics", results.numerics, _numerics, f"pytest -m numerics {suite}"),
        _section("history", "History", results.history, _history, "pytest -m benchmark --record-baselines"),
    ]
    if machine := machine_facts(results):
        sections.append(_machine(machine, results))
    return [
        dataclasses.replace(section, tables=[without_empty_columns(table) for table in section.tables])
        for section in sections
    ]


def _section(
    name: str, title: str, result: Result | None, make: Callable[[Result], Section], command: str
) -> Section:
    return make(result) if result else Section(name, title, "", missing=command)


def machine_facts(results: Results) -> dict[str, Any]:
    """The machine on which the results were measured, if known."""
    if results.throughput is not None:
        return dict(results.throughput.cases[0].machine)
    return dict(results.accuracy.machine) if results.accuracy is not None else {}


def _accuracy(result: AccuracyResult) -> Section:
    columns = ("case", "against", "verdict", "score", "expected", "difference", "may lose", "also")
    rows = [
        Row(_accuracy_cells(case, made), STATES.get(made.verdict, State.PASSED))
        for case in result.cases
        for made in case.comparisons or [_unjudged(case)]
    ]
    commands = [case.command for case in result.cases if case.command]
    command = commands[0] if len(set(commands)) == 1 else "pytest -m accuracy"
    table = Table("Scores", columns, rows, command, text_columns=("against", "also"))
    lead = (
        "Scores of real predictions. In brackets: the 95 % interval of the difference, score minus expected."
    )
    figure = difference_figure(result.cases)
    notes = (
        []
        if figure
        else ["There are no results of a task in both precisions, so there is no difference to show."]
    )
    return Section("accuracy", "Accuracy", lead, [table], [figure] if figure else [], notes)


def _unjudged(case: AccuracyCase) -> ScoreComparison:
    """A score without a comparison, in the form of one."""
    score = case.scores[case.quantity]
    return ScoreComparison(NONE, case.quantity, score, case.tolerance, case.examples, Ruling.NOT_JUDGED)


def _accuracy_cells(case: AccuracyCase, made: ScoreComparison) -> tuple[str, ...]:
    others = [
        f"{words(name)} {score_text(case.task, score)}"
        for name, score in case.scores.items()
        if name != made.quantity
    ]
    changed = [f"{len(made.changed)} changed"] if made.interval else []
    notes = [made.note] if made.note else []
    show = functools.partial(score_text, case.task) if made.quantity in case.scores else format_number
    return (
        case.case,
        f"{made.against} of {made.since}" if made.since else made.against,
        made.verdict,
        f"{words(made.quantity)} {show(made.score)}",
        NONE if made.expected is None else show(made.expected),
        describe_difference(made),
        f"{made.tolerance:g}{difference_unit(case.task) if made.quantity in case.scores else ''}",
        ", ".join([f"{made.items:,} {scored_unit(case.task)}", *changed, *others, *notes]),
    )


def _throughput(result: ThroughputResult) -> Section:
    columns = (
        *("case", "efficiency", "examples/s", "tokens/s", "GFLOP/s", "GEMM peak, GFLOP/s"),
        *("peak measured by", "machine peak, GFLOP/s", "memory, MiB", "start-up, s"),
    )
    rows = [
        Row(
            (
                case.case,
                percent(case.efficiency),
                format_number(case.examples_per_second, 3),
                format_number(case.tokens_per_second, 3),
                format_number(case.gflops, 3),
                format_number(case.gemm_peak_gflops, 3),
                describe_ways(case.gemm_peak_ways),
                format_number(case.machine_peak_gflops, 3),
                format_number(case.peak_memory_mib, 3),
                format_number(case.startup_seconds, 2),
            ),
            share=case.efficiency,
            css=case.precision,
        )
        for case in result.cases
    ]
    products = result.cases[0].machine.get("matrix_products")
    caption = f"Throughput and the machine's limit, matrix products in {products}"
    table = Table(caption, columns, rows, "pytest -m benchmark", ("peak measured by",), "efficiency")
    roof, speedup = roofline_figure(result.cases), speedup_figure(result.cases)
    notes = [f"{case.case}: {'; '.join(case.warnings)}." for case in result.cases if case.warnings]
    if not speedup:
        notes.append("There are no results of a case in both precisions, so there is no speed-up to show.")
    figures = [figure for figure in (roof, speedup) if figure]
    return Section("throughput", "Throughput", LEGEND, [table], figures, notes)


def _gate(result: GateResult) -> Section:
    main = [verdict for verdict in result.verdicts if verdict.quantity not in (MEMORY, STARTUP)]
    side = [verdict for verdict in result.verdicts if verdict.quantity in (MEMORY, STARTUP)]
    tables = [
        Table(
            caption,
            GATE_COLUMNS,
            [Row(gate_row(verdict), gate_state(verdict)) for verdict in verdicts],
            result.command,
            text_columns=("quantity",),
            folded=folded,
        )
        for caption, verdicts, folded in (
            (f"{result.base} → {result.head}", main, False),
            ("Memory and start-up", side, True),
        )
        if verdicts
    ]
    figure = change_figure(result)
    lead = "A decrease in efficiency counts only if it is larger than the threshold and significant."
    notes = gate_remarks(result)
    return Section("gate", "Against the base", lead, tables, [figure] if figure else [], notes)


def _lengths(result: LengthsResult) -> Section:
    figures = [length_figure(result), padding_figure(result)]
    lead = "Most texts are shorter than the model's maximum length; padding is wasted computation."
    return Section("lengths", "Lengths and padding", lead, figures=[figure for figure in figures if figure])


def _numerics(result: NumericsResult) -> Section:
    columns = ("kernel", "verdict", "of the bound", "max ULP", "mean ULP", "bound", "inputs", "worst at")
    rows = []
    for row in result.rows:
        used = row.max_ulp / row.bound if row.bound else 0.0
        inputs = f"{row.inputs:,}" if isinstance(row.inputs, int) else str(row.inputs)
        cells = (
            f"{row.kernel}, {row.variant}, {row.dtype}",
            row.verdict,
            percent(used, 0),
            format_number(row.max_ulp, 3),
            format_number(row.mean_ulp, 3),
            f"{format_number(row.bound, 3)} {row.unit}",
            inputs,
            str(row.argmax),
        )
        rows.append(Row(cells, State.FAILED if row.verdict == KernelVerdict.FAIL else State.PASSED, used))
    commands = [row.command for row in result.rows if row.command]
    command = commands[0] if len(set(commands)) == 1 else "pytest -m numerics"
    caption = "Largest error of each kernel, in units in the last place"
    table = Table(caption, columns, rows, command, ("worst at",), "of the bound")
    figure = layer_error_figure(result.layer_errors)
    lead = "Each kernel compared with exact arithmetic, and the error in each layer's output."
    return Section("numerics", "Kernel numerics", lead, [table], [figure] if figure else [])


def _history(history: Sequence[Series]) -> Section:
    runs = max(len(series.runs) for series in history)
    lead = f"Efficiency over up to {runs} stored runs. Thick lines show levels, dashed lines their changes."
    return Section("history", "History", lead, figures=[history_figure(series) for series in history])


def _machine(machine: dict[str, Any], results: Results) -> Section:
    facts = [(name.replace("_", " "), _fact(value)) for name, value in machine.items()]
    if results.throughput is not None:
        facts.append(("measured", results.throughput.measured))
        facts.append(("commit", results.throughput.commit))
    if results.accuracy is not None:
        versions = results.accuracy.versions.items()
        facts += [(name, str(value)) for name, value in versions if name not in machine]
    lead = "The machine and the versions of these results. `bertbench doctor` prints those of its machine."
    return Section("machine", "Machine and versions", lead, facts=[fact for fact in facts if fact[1]])


def _fact(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={entry}" for name, entry in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value or "")
