"""Fixtures and hooks of the accuracy tests: cases, predictions, and the files written at the end."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from bertbench.errors import CannotJudge
from bertbench.pytest_plugin.accuracy import (
    accuracy_table,
    closing_line,
    record_session,
    write_accuracy_results,
)
from bertbench.pytest_plugin.plugin import ENDINGS, is_xdist_worker
from bertbench.pytest_plugin.summary import summary_of
from bertbench.results.accuracy_baselines import RECORDED
from suites.accuracy.session import AccuracySession
from suites.accuracy.slots import Missing, Places, Slot, find_slots
from suites.cases import INFERENCE_PRECISIONS

if TYPE_CHECKING:
    from bertbench.gate.case import Pass

SESSION = pytest.StashKey[AccuracySession]()
DEFAULT_BATCH_SIZE = 32


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every slot in every precision; ids are those of the cases."""
    if "slot" in metafunc.fixturenames:
        slots = find_slots(_places(metafunc.config))
        cells = [(slot, name) for slot in slots for name in INFERENCE_PRECISIONS]
        ids = [slot.cases[precision].id for slot, precision in cells]
        metafunc.parametrize(("slot", "precision"), cells, ids=ids)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of accuracy tests that judged nothing; write results and baselines of one that did.

    In a run of other tests too, on a machine without models and data, the skips report what is missing.
    """
    config = session.config
    ended = config.stash[ENDINGS].markers
    if is_xdist_worker(config) or not ended["accuracy"]:
        return
    if not summary_of(config).cases:
        accuracy_table(config).notes.append(
            "No case was judged: no model with its data was found. The reasons are listed above; give "
            "--model-dir=MODEL with --squad-dir=DATA, or --data=FOLDER."
        )
        if ended["accuracy"] == ended["all"]:
            session.exitstatus = session.exitstatus or CannotJudge.exit_status
        return
    if config.option.results_dir:
        write_accuracy_results(config, config.option.results_dir)
    if config.option.record_baselines:
        record_session(session, config.rootpath / RECORDED, allow_dirty=config.option.allow_dirty)
    summary_of(config).verdicts.append(closing_line(config))


@pytest.fixture
def run_slot(pytestconfig: pytest.Config) -> "Callable[[Slot, str], Pass]":
    """The prediction of a slot in a precision; skips if the slot has no model or data."""

    def run(slot: Slot, precision: str) -> "Pass":
        made = AccuracySession(
            pytestconfig.option.batch_size or DEFAULT_BATCH_SIZE, pytestconfig.option.deterministic
        )
        try:
            return pytestconfig.stash.setdefault(SESSION, made).run(slot, precision)
        except Missing as reason:
            pytest.skip(str(reason))

    return run


def _places(config: pytest.Config) -> Places:
    option = config.option
    return Places(os.environ, option.model_dir, option.init_checkpoint, option.squad_dir)
