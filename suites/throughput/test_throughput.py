"""Throughput of each cell of the grid beside the GEMM peak: random weights, examples of full length."""

import pytest

pytestmark = pytest.mark.benchmark

# What clocks and caches may give a model over its own products measured alone.
LEEWAY = 1.1


def test_throughput(cell, measure):
    result = measure(cell)
    assert 0 < result.efficiency < LEEWAY, (
        f"{cell.case.id}: {result.gflops:.1f} GFLOP/s beside a GEMM peak of {result.gemm_peak_gflops:.1f}; "
        "a model cannot outrun its own products, so one of the two is counted or measured wrongly"
    )
