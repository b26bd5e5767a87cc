"""The bounds hold with all settings of TensorFlow and oneDNN: a quick part of the suite in each setting."""

import subprocess
import sys
from pathlib import Path

import pytest

from bertbench.measure.machine import read_machine
from suites.numerics.this_machine import (
    bf16_products_truncate,
    bf16_softmax_rounds_once,
    onednn_computes_bf16,
)

pytestmark = pytest.mark.numerics

SETTINGS = (
    "TF_ENABLE_ONEDNN_OPTS=0",
    "TF_ENABLE_ONEDNN_OPTS=1",
    "ONEDNN_MAX_CPU_ISA=AVX512_CORE",
    "ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16",
)
# Products, softmax and GELU behind a product are where the kernels differ.
FILES = ("test_rows.py", "test_unary.py", "test_attention.py", "test_encoder_error.py", "test_settings.py")
QUICK = (
    "dense or (error and softmax) or gelu_after_product or gelu_of_product or (error and attention) "
    "or packed or round_once or (layer_errors and bf16-tiny)"
)


@pytest.mark.parametrize("setting", SETTINGS)
def test_bounds_hold_under_other_onednn_settings(setting, monkeypatch):
    default = read_machine().products
    monkeypatch.setenv(*setting.split("="))
    products = read_machine().products
    if products == default:
        pytest.skip(f"{default} computes with and without {setting}: the rest of the suite tests it")
    monkeypatch.setenv("CI", "1")
    folder = Path(__file__).parent
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "numerics", "-k", QUICK]
        + [str(folder / file) for file in FILES],
        cwd=folder.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{setting}: {products}\n{run.stdout}\n{run.stderr}"


def test_onednn_products_and_softmax_round_once():
    """So that no wider bound is taken where TensorFlow's own kernels are not at work."""
    if not onednn_computes_bf16():
        pytest.skip("oneDNN computes no bfloat16 here: there is no AVX-512, or it is turned off")
    assert not bf16_products_truncate()
    assert bf16_softmax_rounds_once()
