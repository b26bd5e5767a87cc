"""What the accuracy tests share: cases, passes, the table, and what is left behind at the end."""

import os
from collections.abc import Callable

import pytest

from bertbench.errors import BertbenchError, CannotJudge
from bertbench.results.accuracy_baselines import (
    PUBLISHED,
    RECORDED,
    AccuracyBaseline,
    Key,
    PublishedScore,
    read_baselines,
    read_published,
    record_baselines,
)
from suites.accuracy.judgement import COLUMNS, FAIL, Judgement
from suites.accuracy.results import collect_results, write_results
from suites.accuracy.session import AccuracySession, Pass
from suites.accuracy.slots import Missing, Places, Slot, find_slots
from suites.cases import PRECISIONS
from suites.summary import SummaryTable, summary_table

SESSION = pytest.StashKey[AccuracySession]()
DEFAULT_BATCH_SIZE = 32


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every slot, or every slot in every precision; ids are those of the cases."""
    if "slot" not in metafunc.fixturenames:
        return
    slots = find_slots(_places(metafunc.config))
    if "precision" in metafunc.fixturenames:
        cells = [(slot, precision) for slot in slots for precision in PRECISIONS]
        ids = [slot.cases[precision].id for slot, precision in cells]
        metafunc.parametrize(("slot", "precision"), cells, ids=ids)
    else:
        metafunc.parametrize("slot", slots, ids=[slot.cases["bf16"].id for slot in slots])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of accuracy tests that judged nothing; write results and baselines of one that did.

    In a run of other tests too, on a machine without models and data, the skips say what is missing.
    """
    config = session.config
    selected = [bool(item.get_closest_marker("accuracy")) for item in getattr(session, "items", ())]
    if not any(selected) or config.option.collectonly:
        return
    accuracy = _accuracy(config)
    if not accuracy.judgements:
        _table(config).notes.append(
            "No case was judged: no model with its data was found. The reasons are listed above; give "
            "--model-dir "
            "with --squad-dir, or --data."
        )
        if all(selected):
            session.exitstatus = session.exitstatus or CannotJudge.exit_status
        return
    if config.option.results_dir:
        write_results(accuracy, config.option.results_dir)
    if any(judgement.recorded for judgement in accuracy.judgements):
        _record(session, accuracy)


@pytest.fixture
def run_slot(pytestconfig: pytest.Config) -> Callable[[Slot, str], Pass]:
    """The pass of a slot in a precision; a skip where the slot is empty."""

    def run(slot: Slot, precision: str) -> Pass:
        try:
            return _accuracy(pytestconfig).run(slot, precision)
        except Missing as reason:
            pytest.skip(str(reason))
        except BertbenchError as error:
            pytest.fail(str(error), pytrace=False)

    return run


@pytest.fixture
def judge(pytestconfig: pytest.Config) -> Callable[..., None]:
    """Put judgements into the table, then fail if one failed."""

    def judge(*judgements: Judgement) -> None:
        for judgement in judgements:
            _accuracy(pytestconfig).judgements.append(judgement)
            _table(pytestconfig).add(*judgement.cells)
        failures = [judgement.message for judgement in judgements if judgement.verdict == FAIL]
        if failures:
            pytest.fail("\n".join(failures), pytrace=False)

    return judge


@pytest.fixture(scope="session")
def baselines(pytestconfig: pytest.Config) -> dict[Key, AccuracyBaseline]:
    return read_baselines(pytestconfig.rootpath / RECORDED)


@pytest.fixture(scope="session")
def published(pytestconfig: pytest.Config) -> tuple[PublishedScore, ...]:
    return read_published(pytestconfig.rootpath / PUBLISHED)


def _places(config: pytest.Config) -> Places:
    option = config.option
    return Places(os.environ, option.model_dir, option.init_checkpoint, option.squad_dir)


def _accuracy(config: pytest.Config) -> AccuracySession:
    return config.stash.setdefault(SESSION, AccuracySession(config.option.batch_size or DEFAULT_BATCH_SIZE))


def _table(config: pytest.Config) -> SummaryTable:
    return summary_table(config, "accuracy", COLUMNS)


def _record(session: pytest.Session, accuracy: AccuracySession) -> None:
    config, notes = session.config, _table(session.config).notes
    if session.exitstatus:
        notes.append("No baseline was recorded, because the session failed.")
        return
    path = config.rootpath / RECORDED
    try:
        record_baselines(path, collect_results(accuracy), allow_dirty=config.option.allow_dirty)
        notes.append(f"Baselines recorded in {path}.")
    except BertbenchError as error:
        notes.append(str(error))
        session.exitstatus = error.exit_status
