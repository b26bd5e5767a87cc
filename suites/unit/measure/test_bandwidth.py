"""Memory bandwidth is bytes over the best time, measured once."""

import pytest

from bertbench.measure import bandwidth

pytestmark = pytest.mark.unit


def test_bandwidth_is_bytes_divided_by_best_time(monkeypatch):
    times = iter([0.3, 0.1, *[0.2] * 100])
    calls = []

    def time_call(call):
        calls.append(call())
        return next(times)

    monkeypatch.setattr(bandwidth, "time_call", time_call)
    monkeypatch.setattr(bandwidth, "ELEMENTS", 1000)
    bandwidth.memory_bandwidth.cache_clear()
    try:
        assert bandwidth.memory_bandwidth() == pytest.approx(3 * 4 * 1000 / 0.1 / 1e9)
        assert bandwidth.memory_bandwidth() == pytest.approx(3 * 4 * 1000 / 0.1 / 1e9)
    finally:
        bandwidth.memory_bandwidth.cache_clear()
    assert len(calls) == bandwidth.ROUNDS
    assert sum(len(part) for part in calls[0]) == 1000
    assert all((part == 2).all() for part in calls[0])
