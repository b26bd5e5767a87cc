"""The threads that a training starts with."""

import pytest

from bertbench.commands.options import ThreadOptions
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import ThreadSettings, default_threads

pytestmark = pytest.mark.unit


@pytest.fixture
def start(monkeypatch):
    """Start a training; returns the threads as they would be set."""

    def set_threads(intra, inter, default, **_):
        return ThreadSettings(intra or default.intra, inter or default.inter)

    monkeypatch.setattr("bertbench.commands.options.start_tensorflow", set_threads)
    return lambda place, **given: ThreadOptions(**given).start_for_training(place)


@pytest.mark.parametrize("place", [None, ThreadSettings(6)], ids=["alone", "worker"])
def test_training_runs_two_operations_at_once_by_default(start, place):
    alone = place or default_threads(read_machine())
    assert start(place) == alone.for_training()
    assert start(place, num_inter_threads=1) == alone
    assert start(place, num_intra_threads=3) == ThreadSettings(3, 1)
