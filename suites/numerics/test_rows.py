"""Softmax, layer norm and cross-entropy over grids of rows, dropout over all values, against float64."""

import numpy as np
import pytest
import tensorflow as tf

from bertbench import kernels
from suites.numerics import rows
from suites.numerics.ulp import BF16, FP32, all_bf16, float32_sweep, widen

pytestmark = pytest.mark.numerics

KINDS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])


@KINDS
def test_dense_error_is_within_bound(kind, check_report):
    check_report(rows.measure_dense(kind))


@KINDS
@pytest.mark.parametrize("variant", ["float32", "optimized"])
def test_softmax_error_is_within_bound(kind, variant, check_report):
    check_report(rows.measure_softmax(kind, variant))


@KINDS
@pytest.mark.parametrize("variant", ["plain", "residual", "few_values"])
def test_layer_norm_error_is_within_bound(kind, variant, check_report):
    check_report(rows.measure_layer_norm(kind, variant))


@pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16_logits-fp32", "fp32_logits-fp32"])
def test_cross_entropy_error_is_within_bound(kind, check_report):
    check_report(rows.measure_cross_entropy(kind))


@KINDS
def test_error_of_values_kept_by_dropout_is_within_bound(kind, check_report):
    check_report(rows.measure_dropout(kind, all_bf16() if kind is BF16 else float32_sweep(stride=8191)))


@KINDS
def test_softmax_of_special_rows_equals_documented_values(kind):
    equal = np.full(4, 0.25)
    stated = [
        ([-1e9] * 4, equal),
        ([1e4] * 4, equal),
        ([1e4, -1e4, -1e4, -1e4], [1, 0, 0, 0]),
        ([0.0, 0.0, -1e9, -np.inf], [0.5, 0.5, 0, 0]),
        ([kind.largest, -kind.largest, 0, 0], [1, 0, 0, 0]),
    ]
    scores, expected = (np.array(column) for column in zip(*stated, strict=True))
    for variant in ("float32", "optimized"):
        got = kernels.softmax(tf.constant(scores.astype(kind.dtype)), variant).numpy()
        np.testing.assert_array_equal(widen(got), expected)


@KINDS
@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e4, 7485.143, 1e-3])
@pytest.mark.parametrize("width", [128, 1024])
def test_layer_norm_of_a_constant_row_is_beta(kind, value, width):
    x = np.full((4, width), value).astype(kind.dtype)
    gamma = np.linspace(0.5, 2.0, width, dtype=np.float32)
    beta = np.linspace(-1.0, 1.0, width, dtype=np.float32)
    got = kernels.layer_norm(tf.constant(x), tf.constant(gamma), tf.constant(beta), 1e-12).numpy()
    np.testing.assert_array_equal(widen(got), widen(np.tile(beta, (4, 1)).astype(kind.dtype)))


def test_gather_rows_copies_values_bitwise():
    table = all_bf16().reshape(-1, 16)
    positions = np.random.default_rng(1).integers(0, len(table), 500).astype(np.int32)
    got = kernels.gather_rows(tf.constant(table), tf.constant(positions)).numpy()
    np.testing.assert_array_equal(got.view(np.uint16), table.view(np.uint16)[positions])
