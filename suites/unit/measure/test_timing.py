"""Percentiles, memory and start-up against numpy and known amounts."""

import gc
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.measure.timing import latency_percentiles, peak_memory_mib, reset_peak_memory, time_call

pytestmark = pytest.mark.unit


@given(st.lists(st.floats(1e-6, 1e3), min_size=100, max_size=200))
def test_percentiles_equal_nearest_ranks_of_numpy(seconds):
    expected = np.percentile(seconds, [50, 90, 99], method="inverted_cdf")
    assert list(latency_percentiles(seconds).values()) == pytest.approx(list(expected), rel=0, abs=0)


def test_percentiles_by_name():
    assert latency_percentiles(range(1, 101)) == {"p50": 50, "p90": 90, "p99": 99}


@pytest.mark.parametrize(
    ("calls", "message"),
    [(1, ["p50"]), (8, ["p50"]), (9, ["p50"]), (10, ["p50", "p90"]), (99, ["p50", "p90"])],
)
def test_percentiles_decided_by_one_call_are_omitted(calls, message):
    assert list(latency_percentiles(range(calls))) == message


def test_garbage_collector_is_disabled_during_timed_call():
    states = []

    def call():
        states.append(gc.isenabled())
        time.sleep(0.05)

    assert 0.05 <= time_call(call) < 0.5
    assert states == [False]
    assert gc.isenabled()


def test_garbage_collector_is_enabled_after_failed_call():
    with pytest.raises(ZeroDivisionError):
        time_call(lambda: 1 / 0)
    assert gc.isenabled()


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="no /proc/self/clear_refs; Linux has it"
)
def test_peak_memory_includes_freed_memory_until_reset():
    reset_peak_memory()
    before = peak_memory_mib()
    block = np.ones(200 * 2**20, np.uint8)
    assert peak_memory_mib() - before == pytest.approx(200, abs=20)
    del block
    assert peak_memory_mib() - before == pytest.approx(200, abs=20)
    reset_peak_memory()
    assert peak_memory_mib() - before == pytest.approx(0, abs=20)


def test_startup_time_is_measured_from_process_start():
    code = (
        "import time; time.sleep(0.3)\n"
        "from bertbench.measure.timing import seconds_since_start\n"
        "print(seconds_since_start())"
    )
    start = time.perf_counter()
    message = float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert 0.3 < message < time.perf_counter() - start + 0.05
