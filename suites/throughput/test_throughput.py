"""Throughput of each cell of the grid against the GEMM peak: random weights, examples of full length."""

import pytest

pytestmark = pytest.mark.benchmark

# The peak is the best of several calls in the fastest way available; what remains is the clock's own scatter.
LEEWAY = 1.02


def test_throughput(cell, measure):
    result = measure(cell)
    assert 0 < result.efficiency < LEEWAY, (
        f"{cell.case.id}: {result.gflops:.1f} GFLOP/s with a GEMM peak of {result.gemm_peak_gflops:.1f}; "
        "a model cannot outrun its own products, so one of the two is counted or measured wrongly"
    )
