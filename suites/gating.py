"""`--record-baselines` and `--gate`: what a test session does in addition to testing."""

from pathlib import Path

import pytest

from bertbench.errors import BertbenchError, InputError
from bertbench.gate.thresholds import Thresholds
from bertbench.pytest_plugin.plugin import is_xdist_worker, output_folders, worsen
from bertbench.pytest_plugin.summary import summary_of
from bertbench.results.recording import require_clean_tree
from suites.rerun import command_of_session

BASELINES = Path("baselines")


def check_options(config: pytest.Config) -> None:
    """Reject options that would fail at the end, before anything runs.

    Raises:
      InputError: --gate has no results, a threshold is invalid, or baselines would be recorded from a work
        tree with changes.
    """
    Thresholds.parse(config.option.threshold, config.option.case_threshold)
    if config.option.gate and config.option.results_dir is None:
        raise InputError("--gate judges what is in --results-dir; give both.")
    if config.option.gate and config.option.record_baselines:
        raise InputError("--gate compares with stored results, --record-baselines replaces them; give one.")
    if config.option.record_baselines:
        baselines, outputs = config.rootpath / BASELINES, output_folders(config)
        require_clean_tree(baselines, allow_dirty=config.option.allow_dirty, outputs=outputs)


def judge_session(session: pytest.Session) -> None:
    """With --gate, compare the session's results with the stored ones; the worse exit status is used."""
    config = session.config
    if not config.option.gate or config.option.collectonly or is_xdist_worker(config):
        return
    from bertbench.gate.judging import exit_status, judge_against_stored
    from bertbench.report.wording import GATE_COLUMNS, GATE_SHORT, gate_remarks, gate_row, gate_verdict

    summary = summary_of(config)
    table = summary.table("gate", GATE_COLUMNS, GATE_SHORT)
    try:
        result = judge_against_stored(
            config.option.results_dir,
            command=command_of_session(config),
            measured=[made.extra_info["case"] for made in config._benchmarksession.benchmarks],
            thresholds=Thresholds.parse(config.option.threshold, config.option.case_threshold),
        )
    except BertbenchError as error:
        summary.verdicts.append(f"gate: {error}")
        worsen(session, error.exit_status)
        return
    for verdict in result.verdicts:
        table.add(*gate_row(verdict))
    table.notes += [f"{result.base} → {result.head}", *gate_remarks(result)]
    summary.verdicts.append(gate_verdict(result))
    worsen(session, exit_status(result))
