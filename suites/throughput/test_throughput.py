"""Throughput of each cell of the grid against the GEMM peak: random weights, examples of full length."""

import pytest

from bertbench.measure.rates import beats_peak

pytestmark = pytest.mark.benchmark


def test_throughput_is_measured_below_gemm_peak(cell, measure):
    result = measure(cell)
    assert result.efficiency > 0
    assert not beats_peak(result.efficiency, 1.0), (
        f"{cell.case.id}: {result.gflops:.1f} GFLOP/s with a GEMM peak of {result.gemm_peak_gflops:.1f}; "
        "a model cannot outrun its own products, so one of the two is counted or measured wrongly"
    )
