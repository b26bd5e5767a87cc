"""Fixtures of the accuracy tests: cases and predictions."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from suites.accuracy.session import AccuracySession
from suites.accuracy.slots import SHARED_VARIANT, Missing, Places, Slot, find_slots
from suites.cases import INFERENCE_PRECISIONS

if TYPE_CHECKING:
    from bertbench.gate.case import ScoredRun

SESSION = pytest.StashKey[AccuracySession]()
DEFAULT_BATCH_SIZE = 32


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every slot in every precision; ids are those of the cases."""
    if "slot" in metafunc.fixturenames:
        slots = find_slots(_places(metafunc.config))
        cells = [
            pytest.param(slot, name, id=slot.cases[name].id, marks=_marks(slot, name))
            for slot in slots
            for name in INFERENCE_PRECISIONS
        ]
        metafunc.parametrize(("slot", "precision"), cells)


def _marks(slot: Slot, precision: str) -> list[pytest.MarkDecorator]:
    """The shared model's fp32 case stands for its others in a run of all tests."""
    return [pytest.mark.slow] if slot.variant == SHARED_VARIANT and precision != "fp32" else []


@pytest.fixture
def run_slot(pytestconfig: pytest.Config) -> "Callable[[Slot, str], ScoredRun]":
    """The prediction of a slot in a precision; skips if the slot has no model or data."""

    def run(slot: Slot, precision: str) -> "ScoredRun":
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
