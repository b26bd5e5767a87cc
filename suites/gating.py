"""`--record-baselines` and `--gate`: what a test session does besides testing."""

import shlex
from pathlib import Path

import pytest

from bertbench.errors import BertbenchError, InputError
from bertbench.results.recording import require_clean_tree
from suites.summary import summary_table

BASELINES = Path("baselines")


def command_line(config: pytest.Config, *more: str) -> str:
    """The command of this session with more arguments."""
    return shlex.join(["pytest", *config.invocation_params.args, *more])


def check_options(config: pytest.Config) -> None:
    """Refuse what could not be done in the end, before anything runs.

    Raises:
      InputError: --gate has no results, or baselines would be recorded from a work tree with changes.
    """
    if config.option.gate and config.option.results_dir is None:
        raise InputError("--gate judges what is in --results-dir; give both.")
    if config.option.record_baselines:
        require_clean_tree(config.rootpath / BASELINES, allow_dirty=config.option.allow_dirty)


def judge_session(session: pytest.Session) -> None:
    """With --gate, hold the session's results against the stored ones; the worse exit status counts."""
    config = session.config
    if not config.option.gate or config.option.collectonly:
        return
    from bertbench.gate.judging import exit_status, judge_against_stored
    from bertbench.report.wording import GATE_COLUMNS, gate_remarks, gate_row

    table = summary_table(config, "gate", GATE_COLUMNS)
    try:
        result = judge_against_stored(config.option.results_dir, command=command_line(config))
    except BertbenchError as error:
        table.notes.append(str(error))
        session.exitstatus = session.exitstatus or error.exit_status
        return
    for verdict in result.verdicts:
        table.add(*gate_row(verdict))
    table.notes += [f"{result.base} → {result.head}", *gate_remarks(result)]
    session.exitstatus = session.exitstatus or exit_status(result)
