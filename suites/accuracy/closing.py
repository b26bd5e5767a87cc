"""Writes the results of a session with accuracy tests at its end.

This is a plugin because the main process of pytest-xdist does not load the conftest.py of a subfolder.
"""

import pytest

from bertbench.errors import CannotJudge
from bertbench.pytest_plugin.plugin import ENDINGS, is_xdist_worker, told_at_end
from bertbench.pytest_plugin.summary import summary_of
from bertbench.results.accuracy_baselines import RECORDED


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of accuracy tests without verdicts; otherwise write its results and baselines.

    In runs with other tests on a machine without models and data, skips report what is missing.
    """
    config = session.config
    ended = config.stash[ENDINGS].markers
    if is_xdist_worker(config) or not ended["accuracy"]:
        return
    from bertbench.project_results import write_results
    from bertbench.pytest_plugin.accuracy import accuracy_table, closing_line, record_session

    if not summary_of(config).cases:
        accuracy_table(config).notes.append(
            "No case was judged: no model with its data was found. The reasons are listed above; give "
            "--model-dir=MODEL with --squad-dir=DATA, or --data=FOLDER."
        )
        if ended["accuracy"] == ended["all"]:
            session.exitstatus = session.exitstatus or CannotJudge.exit_status
        return
    if config.option.results_dir:
        scores = [(entry.case, entry.items) for entry in summary_of(config).cases.values()]
        with told_at_end(session, summary_of(config).verdicts):
            write_results(config.option.results_dir, scores, (), ())
    if config.option.record_baselines:
        record_session(session, config.rootpath / RECORDED, allow_dirty=config.option.allow_dirty)
    summary_of(config).verdicts.append(closing_line(config))
