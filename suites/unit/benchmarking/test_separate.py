"""A measurement has a separate process, in which oneDNN keeps the weights rearranged if nothing trains."""

import os
import signal
import time

import pytest

from bertbench.benchmarking.separate import measuring_process
from bertbench.errors import InputError
from bertbench.measure.disturbance import Snapshot
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import ThreadSettings

pytestmark = pytest.mark.unit

THREADS = ThreadSettings(2, 1)


@pytest.mark.parametrize(("trains", "keeps"), [(False, "1"), (True, "0")])
def test_weights_are_kept_in_inference_and_not_in_training(monkeypatch, trains, keeps):
    """As in a pytest process, which must not keep them."""
    monkeypatch.setenv("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "0")
    with measuring_process(THREADS, trains=trains) as call:
        assert call(os.getenv, "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS") == keeps
        assert call(os.getpid) != os.getpid()
    assert os.environ["TF_ONEDNN_ASSUME_FROZEN_WEIGHTS"] == "0"


def test_work_of_the_calling_process_is_not_a_disturbance():
    machine = read_machine()
    with measuring_process(THREADS, trains=False) as call:
        start, before = call(Snapshot.take, machine), time.process_time()
        while (worked := time.process_time() - before) < 0.5:
            pass
        end = call(Snapshot.take, machine)
    assert end.own - start.own > 0.9 * worked


def test_killed_process_is_reported():
    with (
        pytest.raises(InputError, match="measuring process was killed, probably out of memory"),
        measuring_process(THREADS, trains=False) as call,
    ):
        call(signal.raise_signal, signal.SIGKILL)


def test_error_in_the_process_is_raised_here():
    with pytest.raises(InputError, match="no such option"), measuring_process(THREADS, trains=False) as call:
        call(fail)


def fail():
    raise InputError("no such option")
