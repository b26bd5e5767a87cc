"""The kernels that work along rows, over grids of rows, with their exact results and bounds."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from bertbench import kernels
from suites.numerics import exact
from suites.numerics.report import KernelReport, measure, place_of
from suites.numerics.this_machine import bf16_products_truncate, bf16_softmax_rounds_once
from suites.numerics.ulp import BF16, FP32, FloatFormat, spacing, widen
from suites.tolerances import TOLERANCES, Tolerance

Array = np.ndarray
ROWS = 256
EPSILON = 1e-12
SOFTMAX_WIDTHS = (2, 16, 384)
SOFTMAX_SPREADS = (0.01, 1.0, 4.0, 20.0, 100.0)
NORM_WIDTHS = (128, 1024)
NORM_ROWS = ((0.0, 1e-3), (0.0, 1.0), (1.0, 50.0), (100.0, 1e-2), (1e4, 1.0))  # offset and spread
RATE = 0.1
CLASSES = (2, 384, 3000)
DENSE_WIDTHS = (16, 128, 1024)
DENSE_OUTPUTS = 64


def softmax_tolerance(kind: FloatFormat, variant: str) -> Tolerance:
    """The bound of a softmax variant on this machine."""
    return TOLERANCES[kind.name, f"softmax {variant}{_without_onednn(kind, variant)}"]


def row_sum_tolerance(kind: FloatFormat, variant: str) -> Tolerance:
    """The allowed distance of the sum of a softmax row from one on this machine."""
    return TOLERANCES[kind.name, f"softmax row sum{_without_onednn(kind, variant)}"]


def _without_onednn(kind: FloatFormat, variant: str) -> str:
    own = kind is BF16 and variant == "optimized" and not bf16_softmax_rounds_once()
    return " without oneDNN" if own else ""


def dense_tolerance(kind: FloatFormat) -> Tolerance:
    """The bound of a product with bias on this machine."""
    truncated = kind is BF16 and bf16_products_truncate()
    return TOLERANCES[kind.name, "dense with truncated products" if truncated else "dense"]


def measure_dense(kind: FloatFormat, kernel: Callable = kernels.dense) -> KernelReport:
    """Products of several widths with a bias, as a graph computes them."""
    generator = np.random.default_rng(23)
    call = tf.function(kernel, autograph=False, reduce_retracing=True)
    got, truth, largest, terms, places = [], [], [], [], []
    for width in DENSE_WIDTHS:
        x = generator.normal(size=(ROWS, width)).astype(kind.dtype)
        weights = generator.normal(0.0, width**-0.5, (width, DENSE_OUTPUTS)).astype(kind.dtype)
        bias = generator.normal(0.0, 0.5, DENSE_OUTPUTS).astype(kind.dtype)
        got.append(widen(call(*map(tf.constant, (x, weights, bias))).numpy()).ravel())
        product = widen(x) @ widen(weights)
        truth.append((product + widen(bias)).ravel())
        largest.append(np.maximum(np.abs(product), np.abs(product + widen(bias))).ravel())
        terms.append((np.abs(widen(x)) @ np.abs(widen(weights)) + np.abs(widen(bias))).ravel())
        places.append((f"{width} wide", truth[-1].size))
    value, unit = np.concatenate(truth), spacing(np.concatenate(terms), FP32)
    return measure(
        ("dense", "with_bias"),
        kind,
        np.concatenate(got).astype(kind.dtype),
        value,
        dense_tolerance(kind),
        lambda index: place_of(places, index),
        scale=(spacing(np.concatenate(largest), BF16) if kind is BF16 else unit) / spacing(value, kind),
        floor=TOLERANCES["fp32", "dense"].bound * unit if kind is BF16 else 0.0,
    )


def measure_softmax(kind: FloatFormat, variant: str, kernel: Callable = kernels.softmax) -> KernelReport:
    """Softmax over rows of several widths and spreads."""
    tolerance = softmax_tolerance(kind, variant)
    got, truth, distance, places = [], [], [], []
    for name, scores in _softmax_rows(kind):
        wide = widen(scores)
        got.append(widen(kernel(tf.constant(scores), variant).numpy()).ravel())
        truth.append(exact.softmax(wide).ravel())
        distance.append((wide.max(-1, keepdims=True) - wide).ravel())
        places.append((name, scores.size))
    scale = 1.0 + np.concatenate(distance) if "max - s" in tolerance.unit else 1.0
    return measure(
        ("softmax", variant),
        kind,
        np.concatenate(got).astype(kind.dtype),
        np.concatenate(truth),
        tolerance,
        lambda index: place_of(places, index),
        scale=scale,
        floor=TOLERANCES["any", "softmax flush to zero"].bound,
    )


def _softmax_rows(kind: FloatFormat) -> Iterator[tuple[str, Array]]:
    generator = np.random.default_rng(11)
    for width in SOFTMAX_WIDTHS:
        for spread in SOFTMAX_SPREADS:
            rows = generator.normal(0.0, spread, (ROWS, width))
            rows[: ROWS // 8] += 1e4
            rows[ROWS // 8 : ROWS // 4, width // 2 :] = -1e9
            yield f"{width} wide, +- {spread:g}", rows.astype(kind.dtype)


def measure_layer_norm(kind: FloatFormat, variant: str, kernel: Callable | None = None) -> KernelReport:
    """Layer norm over rows of several widths.

    The variants are "plain" and "residual", over random rows of several offsets and spreads, and
    "few_values", over rows of two values.
    """
    kernel = kernel or kernels.add_and_norm
    name = "layer_norm few_values" if variant == "few_values" else "layer_norm"
    tolerance, island = (TOLERANCES[precision, name] for precision in (kind.name, "fp32"))
    rows_of = _two_valued_rows if variant == "few_values" else _random_rows
    got, truth, terms, places = [], [], [], []
    for place, x, other in rows_of(kind, residual=variant == "residual"):
        generator = np.random.default_rng(x.shape[-1])
        gamma = generator.normal(1.0, 0.3, x.shape[-1]).astype(np.float32)
        beta = generator.normal(0.0, 0.5, x.shape[-1]).astype(np.float32)
        second = None if other is None else tf.constant(other)
        result = kernel(tf.constant(x), second, tf.constant(gamma), tf.constant(beta), EPSILON)
        rows = exact.normalized(widen(x) + (0.0 if other is None else widen(other)), EPSILON)
        got.append(widen(result.numpy()).ravel())
        truth.append((rows * widen(gamma) + widen(beta)).ravel())
        largest = np.abs(rows).max(-1, keepdims=True)
        terms.append((largest * np.abs(widen(gamma)) + np.abs(widen(beta))).ravel())
        places.append((place, x.size))
    value, unit = np.concatenate(truth), spacing(np.concatenate(terms), FP32)
    return measure(
        ("layer_norm", variant),
        kind,
        np.concatenate(got).astype(kind.dtype),
        value,
        tolerance,
        lambda index: place_of(places, index),
        scale=np.maximum(1.0, unit / spacing(value, FP32)) if kind is FP32 else 1.0,
        floor=island.bound * unit if kind is BF16 else 0.0,
    )


def _random_rows(kind: FloatFormat, *, residual: bool) -> Iterator[tuple[str, Array, Array | None]]:
    generator = np.random.default_rng(13)
    for width in NORM_WIDTHS:
        for offset, spread in NORM_ROWS[:3] if residual else NORM_ROWS:
            x = generator.normal(offset, spread, (ROWS, width))
            x[: ROWS // 4, width // 3] += 30 * spread
            x[ROWS // 4 : ROWS // 4 + 16, 0] += 1000 * spread
            other = generator.normal(0.0, spread, x.shape).astype(kind.dtype) if residual else None
            yield f"{width} wide, {offset:g} +- {spread:g}", x.astype(kind.dtype), other


def _two_valued_rows(kind: FloatFormat, *, residual: bool) -> Iterator[tuple[str, Array, Array | None]]:
    del residual
    generator = np.random.default_rng(19)
    for width in NORM_WIDTHS:
        x = generator.uniform(1.0, 2.0, (ROWS, 1)) * np.where(np.arange(width) % 2, -1.0, 1.0)
        yield f"{width} wide", x.astype(kind.dtype), None


def measure_cross_entropy(kind: FloatFormat, kernel: Callable = kernels.cross_entropy) -> KernelReport:
    """Cross-entropy of likely and unlikely labels; the result is float32 whatever the logits are."""
    generator = np.random.default_rng(17)
    got, truth, places = [], [], []
    for classes in CLASSES:
        for spread in (0.1, 1.0, 5.0, 30.0, 1000.0):
            logits = generator.normal(0.0, spread, (ROWS, classes)).astype(kind.dtype)
            labels = generator.integers(classes, size=ROWS).astype(np.int32)
            labels[: ROWS // 2] = widen(logits[: ROWS // 2]).argmax(-1)
            got.append(kernel(tf.constant(logits), tf.constant(labels)).numpy())
            truth.append(exact.cross_entropy(widen(logits), labels))
            places.append((f"{classes} classes, +- {spread:g}", ROWS))
    value = np.concatenate(truth)
    return measure(
        ("cross_entropy", f"{kind.name}_logits"),
        FP32,
        np.concatenate(got),
        value,
        TOLERANCES["fp32", "cross_entropy"],
        lambda index: place_of(places, index),
        scale=spacing(1.0 + value, FP32) / spacing(value, FP32),
    )


def measure_dropout(kind: FloatFormat, inputs: Array, kernel: Callable = kernels.dropout) -> KernelReport:
    """Dropout of all finite values but zero: what it keeps is x / (1 - rate), the rate in steps of 2^-32."""
    x = inputs[np.isfinite(widen(inputs)) & (widen(inputs) != 0)]
    got = kernel(tf.constant(x), RATE, tf.constant([2024, 7], tf.uint32)).numpy()
    kept = widen(got) != 0
    places = widen(x)[kept]
    return measure(
        ("dropout", "kept"),
        kind,
        got[kept],
        places / (1.0 - round(RATE * 2**32) / 2**32),
        TOLERANCES[kind.name, "dropout"],
        lambda index: f"{places[index]:.9g}",
    )
