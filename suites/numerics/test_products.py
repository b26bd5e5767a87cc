"""Matrix products keep the forward error bound of a sum, in each precision and instruction set here."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bertbench.measure.machine import read_machine
from bertbench.pytest_plugin.summary import summary_table
from suites.numerics import products
from suites.numerics.ulp import BF16, FP32, widen
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.numerics

ROOT = Path(__file__).resolve().parents[2]
BOUND = TOLERANCES["any", "product forward error"].bound
# Limits for oneDNN; lower instruction sets have no separate kernels for these products.
ISAS = ("avx2", "avx512_core", "avx512_core_bf16", "avx512_core_amx")
COLUMNS = ("products in", "precision", "largest share of the bound", "at")


@pytest.fixture
def judge_shares(pytestconfig):
    table = summary_table(pytestconfig, "forward error of matrix products", COLUMNS)

    def judge(reported):
        for precision, shares in reported["shares"].items():
            place = max(shares, key=lambda name: (math.isnan(shares[name]), shares[name]))
            table.add(reported["products"], precision, f"{shares[place]:.3f}", place)
            assert shares[place] <= BOUND, (
                f"{precision} products in {reported['products']}, {place}: the error is {shares[place]:.3g} "
                "times gamma_K sum |a| |b|; `python -m suites.numerics.products` shows all"
            )

    return judge


@pytest.mark.parametrize("isa", [None, *ISAS], ids=str)
def test_error_of_products_is_within_bound(isa, judge_shares, monkeypatch):
    if isa is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa.upper())
        if str(read_machine().products) != f"oneDNN {isa}":
            pytest.skip(f"{read_machine().cpu} has no {isa}")
    command = [sys.executable, "-m", "suites.numerics.products"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    judge_shares(json.loads(done.stdout))


@pytest.mark.parametrize("kind", [FP32, BF16], ids=["fp32", "bf16"])
def test_missing_term_of_product_is_detected(kind):
    """One of 1,024 terms of like size left out, which is 2^-10 of their sum."""
    (_, left, right), *_ = (made for made in products.operands(kind, 1024) if "of one sign" in made[0])
    whole = (widen(left) @ widen(right)).astype(kind.dtype)
    short = (widen(left[:, :-1]) @ widen(right[:-1])).astype(kind.dtype)
    assert products.used_share(kind, left, right, whole) <= BOUND
    if kind is FP32:
        assert products.used_share(kind, left, right, short) > BOUND
    twice = (2 * (widen(left) @ widen(right))).astype(kind.dtype)
    assert products.used_share(kind, left, right, twice) > BOUND
    assert np.isfinite(widen(whole)).all()
