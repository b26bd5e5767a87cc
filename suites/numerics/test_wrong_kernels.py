"""Deliberately wrong kernels fail the checks that the right ones pass."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from bertbench import kernels
from suites.numerics import checks, rows, unary
from suites.numerics.ulp import (
    BF16,
    FP32,
    FloatFormat,
    all_bf16,
    float32_sweep,
    rounding_cases,
    spacing,
    step,
    truncate,
    widen,
)
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.numerics

KINDS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])
UNARY = pytest.mark.parametrize(
    "case",
    [unary.GELU_TANH, unary.GELU_ERF, unary.GELU_FUSED, *unary.GRADIENTS],
    ids=lambda case: f"{case.kernel}-{case.variant}",
)
SPREAD_VALUES = np.linspace(-3.0, 6.0, 256)


def caught(match: str):
    return pytest.raises(AssertionError, match=match)


def truncated(result: tf.Tensor) -> tf.Tensor:
    return tf.constant(truncate(result.numpy()))


def wide(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(x, tf.float32)


@KINDS
@UNARY
def test_single_result_one_ulp_above_bound_fails(case, kind: FloatFormat):
    """One value of 256, moved away from the exact one by the first whole number of ULPs above the bound."""
    x = SPREAD_VALUES.astype(kind.dtype)
    exact = case.truth(widen(x))
    bound = TOLERANCES[kind.name, f"{case.kernel} {case.variant}"].bound
    allowed = bound * np.broadcast_to(case.scale(widen(x), kind), x.shape)
    steps = np.floor(allowed + case.floor(widen(x), kind) / spacing(exact, kind)).astype(int) + 1

    def wrong(inputs: tf.Tensor) -> tf.Tensor:
        nearest = exact.astype(kind.dtype)
        away = np.where(widen(nearest) >= exact, steps, -steps)
        chosen = np.arange(256) == 100
        return tf.constant(np.where(chosen, step(nearest, away, kind), case.call(inputs).numpy()))

    unary.measure_unary(case, kind, x).check()
    with caught("ULP"):
        unary.measure_unary(dataclasses.replace(case, call=wrong), kind, x).check()


@pytest.mark.parametrize("case", [unary.GELU_TANH, unary.GELU_ERF], ids=["gelu-tanh", "gelu-erf"])
def test_truncating_gelu_fails(case):
    wrong = dataclasses.replace(case, call=lambda x: truncated(case.call(wide(x))))
    with caught("bf16: error 0.99"):
        unary.measure_unary(wrong, BF16, all_bf16()).check()


def test_truncating_cast_fails():
    wrong = dataclasses.replace(unary.CAST, call=truncated)
    with caught("bf16: error (0.99|inf)"):
        unary.measure_unary(wrong, BF16, rounding_cases()[np.isfinite(rounding_cases())]).check()


def test_truncating_softmax_layer_norm_and_dropout_fail():
    def softmax(scores, variant):
        return truncated(kernels.softmax(wide(scores), variant))

    def norm(x, residual, gamma, beta, epsilon):
        return truncated(kernels.add_and_norm(wide(x), residual, gamma, beta, epsilon))

    def dropout(x, rate, seed):
        return truncated(kernels.dropout(wide(x), rate, seed))

    for report in (
        rows.measure_softmax(BF16, "float32", softmax),
        rows.measure_layer_norm(BF16, "plain", norm),
        rows.measure_dropout(BF16, all_bf16(), dropout),
    ):
        with caught("bf16: error (0.99|1|inf)"):
            report.check()


@KINDS
@pytest.mark.parametrize("mistake", ["a little too large", "both sums truncated", "no bias"])
def test_wrong_dense_fails(kind, mistake):
    def wrong(x, weights, bias):
        product = tf.matmul(wide(x), wide(weights))
        if mistake == "a little too large":
            product *= 1.0 + 8.0 * 2.0**-kind.digits
        if mistake == "no bias":
            return tf.cast(product, x.dtype)
        if mistake == "both sums truncated":
            product = _truncated_in_graph(_truncated_in_graph(product) + wide(bias))
            return tf.cast(product, x.dtype)
        return tf.cast(product + wide(bias), x.dtype)

    with caught("dense with_bias"):
        rows.measure_dense(kind, wrong).check()


def _truncated_in_graph(x: tf.Tensor) -> tf.Tensor:
    return tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(x, tf.uint32), np.uint32(0xFFFF0000)), tf.float32)


def test_gelu_of_other_variant_fails():
    for kind, values in ((BF16, all_bf16()), (FP32, float32_sweep(stride=65537))):
        for right, wrong in ((unary.GELU_TANH, "erf"), (unary.GELU_ERF, "tanh")):
            with caught("error"):
                unary.measure_unary(dataclasses.replace(right, call=unary.gelu(wrong)), kind, values).check()


def test_gelu_with_four_digit_constant_fails():
    def wrong(x):
        return x * tf.sigmoid(2.0 * np.sqrt(2.0 / np.pi) * (x + 0.0447 * x**3))

    with caught("gelu tanh fp32"):
        unary.measure_unary(
            dataclasses.replace(unary.GELU_TANH, call=wrong), FP32, float32_sweep(stride=65537)
        ).check()


@KINDS
def test_softmax_without_subtracting_maximum_fails(kind, monkeypatch):
    def wrong(scores, variant):
        weights = tf.exp(wide(scores))
        return tf.cast(weights / tf.reduce_sum(weights, -1, keepdims=True), scores.dtype)

    with caught("softmax float32"):
        rows.measure_softmax(kind, "float32", wrong).check()
    monkeypatch.setattr(kernels, "softmax", wrong)
    large = np.full((4, 16), 1e4, np.float32)
    with caught("assert"):
        checks.check_softmax_rows(kind, "float32", large)


def test_softmax_rounded_at_every_step_fails():
    def wrong(scores, variant):
        weights = tf.exp(scores - tf.reduce_max(scores, -1, keepdims=True))
        return weights / tf.reduce_sum(weights, -1, keepdims=True)

    with caught("softmax float32 bf16"):
        rows.measure_softmax(BF16, "float32", wrong).check()


def _plain_norm(x, gamma, beta, variance, mean):
    return tf.cast((wide(x) - mean) * tf.math.rsqrt(variance + rows.EPSILON) * gamma + beta, x.dtype)


@pytest.mark.parametrize(
    ("kind", "mistake"),
    [
        (FP32, "rounded mean"),  # of bfloat16 values the float32 mean is nearly exact
        *[
            (kind, mistake)
            for kind in (BF16, FP32)
            for mistake in ("cancelling variance", "unbiased variance")
        ],
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_layer_norm_with_wrong_statistics_fails(kind, mistake):
    def wrong(x, residual, gamma, beta, epsilon):
        mean = tf.reduce_mean(wide(x), -1, keepdims=True)
        variance = tf.reduce_mean(tf.square(wide(x) - mean), -1, keepdims=True)
        if mistake == "cancelling variance":
            variance = tf.reduce_mean(tf.square(wide(x)), -1, keepdims=True) - tf.square(mean)
        if mistake == "unbiased variance":
            variance *= x.shape[-1] / (x.shape[-1] - 1)
        return _plain_norm(x, gamma, beta, variance, mean)

    with caught("layer_norm plain"):
        rows.measure_layer_norm(kind, "plain", wrong).check()


@KINDS
@pytest.mark.parametrize("factor", [1.0, 1.0 - rows.RATE, 1.0 / (1.0 - rows.RATE) ** 2])
def test_dropout_with_wrong_scale_fails(kind, factor):
    def wrong(x, rate, seed):
        return tf.cast(wide(kernels.dropout(x, rate, seed)) * (1.0 - rate) * factor, x.dtype)

    with caught("dropout kept"):
        rows.measure_dropout(kind, SPREAD_VALUES.astype(kind.dtype), wrong).check()


def test_dropout_with_shifted_masks_for_neighboring_seeds_fails(monkeypatch):
    stream = np.random.default_rng(37).random(checks.COUNT + 64).astype(np.float32)

    def wrong(x, rate, seed):
        start = int(seed[0]) % 32
        return tf.reshape(tf.cast(stream[start : start + checks.COUNT] >= rate, x.dtype), x.shape)

    monkeypatch.setattr(kernels, "dropout", wrong)
    with caught("assert"):
        checks.check_masks_of_neighboring_seeds((5, 0), (1, 0))


def test_dropout_with_wrong_rate_fails(monkeypatch):
    right = kernels.dropout
    monkeypatch.setattr(kernels, "dropout", lambda x, rate, seed: right(x, rate * 1.5, seed))
    with caught("assert"):
        checks.check_dropout_rate(0.1, (1, 2))


def test_attention_with_weak_mask_fails(monkeypatch):
    monkeypatch.setattr("bertbench.kernels._softmax.MASKED_SCORE", -10.0)
    with caught("not equal"):
        checks.check_masked_positions(FP32, "float32", 1, (3, 5, 8))


def test_gradient_with_relative_error_of_one_millionth_fails():
    @tf.custom_gradient
    def wrong(x):
        return tf.square(x), lambda upstream: upstream * 2.0 * x * (1.0 + 1e-6)

    x = [SPREAD_VALUES]
    assert checks.derivative_error(tf.square, x, x) <= TOLERANCES["fp64", "gradient"].bound
    assert checks.derivative_error(wrong, x, x) > TOLERANCES["fp64", "gradient"].bound


def test_report_with_nan_error_fails():
    """NaN does not count as an error below the bound."""
    wrong = dataclasses.replace(unary.GELU_TANH, call=lambda x: x * np.nan)
    with caught("error inf"):
        unary.measure_unary(wrong, FP32, SPREAD_VALUES.astype(np.float32)).check()


def test_bound_used_by_less_than_half_is_reported_as_loose():
    values = SPREAD_VALUES.astype(np.float32)
    exactly_rounded = dataclasses.replace(
        unary.GELU_TANH,
        call=lambda x: tf.constant(unary.GELU_TANH.truth(widen(x.numpy())).astype(np.float32)),
    )
    assert unary.measure_unary(exactly_rounded, FP32, values).verdict == "loose"
