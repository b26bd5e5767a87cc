"""Writes the results of a project's checks: a results folder for the gate and the report, and baselines."""

import dataclasses
import statistics
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from bertbench.evaluation.items import Items
from bertbench.files import make_directory, write_json
from bertbench.gate.result import GATE_FILE, GateResult, Verdict
from bertbench.measure.machine import describe_machine
from bertbench.output_folders import written_together
from bertbench.project import Project
from bertbench.results.accuracy import ACCURACY_FILE, AccuracyCase, AccuracyResult, write_accuracy
from bertbench.results.accuracy_baselines import record_baselines
from bertbench.results.baselines import record_throughput
from bertbench.results.item_files import write_items
from bertbench.results.provenance import command_line, describe_versions, now
from bertbench.results.recording import require_clean_tree
from bertbench.results.schema import THROUGHPUT_FILE, write_result
from bertbench.results.seal import seal

Score = tuple[AccuracyCase, Items]
Speed = Mapping[str, Any]  # a `ThroughputCase` and more, as JSON values


def write_results(
    folder: Path, scores: Sequence[Score], speeds: Sequence[Speed], verdicts: Sequence[Verdict]
) -> None:
    """Write results and verdicts for the gate and the report.

    `accuracy.json` with scores by item in a file beside it, `throughput.json`, and the verdicts on the latter
    as `gate.json`. Verdicts on an earlier `throughput.json` are removed.
    """
    if speeds:
        (folder / GATE_FILE).unlink(missing_ok=True)
    with written_together(make_directory(folder), last=ACCURACY_FILE) as staging:
        if verdicts:
            result = GateResult("the stored baselines", "this run", command_line(), verdicts=tuple(verdicts))
            write_result(staging / GATE_FILE, result)
        if scores:
            _write_scores(staging, scores)
        if speeds:
            write_json(staging / THROUGHPUT_FILE, _benchmark_file(speeds))


def _write_scores(folder: Path, scores: Sequence[Score]) -> None:
    cases = []
    for case, items in scores:
        name = f"{case.case}.npz"
        write_items(folder / name, items)
        cases.append(dataclasses.replace(case, per_question_scores=name))
    write_accuracy(folder / ACCURACY_FILE, AccuracyResult.of_this_run(cases))


def require_recordable(project: Project, *, allow_dirty: bool) -> None:
    """Check, before anything is measured, that baselines can be recorded.

    Raises:
      InputError: the project is not in a git work tree, or in one with changes, and `allow_dirty` is false.
    """
    require_clean_tree(make_directory(project.baselines), allow_dirty=allow_dirty)


def record(
    project: Project,
    scores: Sequence[Score],
    speeds: Sequence[Speed],
    *,
    allow_dirty: bool,
    outputs: Collection[Path] = (),
) -> list[Path]:
    """Store the results as the project's baselines; return the written files.

    Args:
      outputs: other folders whose files the same session writes.

    Raises:
      InputError: as `require_recordable`, or a file cannot be written.
    """
    written = []
    make_directory(project.baselines)
    if scores:
        path = project.accuracy_baselines
        result = AccuracyResult.of_this_run(case for case, _ in scores)
        items = {case.case: kept for case, kept in scores}
        record_baselines(path, result, items, allow_dirty=allow_dirty, outputs=outputs)
        written.append(path)
    if speeds:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / THROUGHPUT_FILE
            write_json(source, _benchmark_file(speeds))
            stored = record_throughput(
                source,
                versions=describe_versions(),
                storage=project.throughput_baselines,
                allow_dirty=allow_dirty,
                outputs=outputs,
            )
            written.append(stored)
    return written


def _benchmark_file(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Throughput in the form of pytest-benchmark's JSON, so that its `compare` reads it too."""
    return {
        "machine_info": describe_machine(),
        "commit_info": {},
        "datetime": now(),
        "benchmarks": [
            {
                "name": entry["case"],
                "fullname": entry["case"],
                "group": None,
                "params": None,
                "options": {},
                "extra_info": seal(entry),
                "stats": _stats(entry["round_seconds"]),
            }
            for entry in figures
        ],
    }


def _stats(seconds: Sequence[float]) -> dict[str, Any]:
    first, median, third = statistics.quantiles(seconds, n=4)
    mean = statistics.fmean(seconds)
    return {
        "min": min(seconds),
        "max": max(seconds),
        "mean": mean,
        "stddev": statistics.stdev(seconds),
        "median": median,
        "q1": first,
        "q3": third,
        "iqr": third - first,
        "ops": 1 / mean,
        "total": sum(seconds),
        "rounds": len(seconds),
        "iterations": 1,
        "outliers": "",
    }
