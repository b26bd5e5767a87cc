"""The product of 8-bit integers on difficult operands, with the exact results."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from bertbench import kernels
from suites.numerics import exact
from suites.numerics.report import KernelReport, measure, place_of
from suites.numerics.ulp import BF16, FP32, FloatFormat, spacing, widen
from suites.tolerances import TOLERANCES

Array = np.ndarray
Operands = tuple[Array, Array, Array, Array]  # activations, weights, bias and ranges
OUTPUTS = 48
WIDTHS = (16, 384, 4096)
GELU = {"tanh": exact.gelu_tanh, "erf": exact.gelu_erf}


def multiply(x: Array, kernel: Array) -> Array:
    """x @ kernel by `kernels.quantized_dense` with scales of 1 and no bias, int8 to float32."""
    outputs = kernel.shape[1]
    zeros, ranges = np.zeros(outputs, np.float32), np.full(outputs, 127, np.float32)
    return _in_graph(kernels.quantized_dense)(
        *map(tf.constant, (x, kernel, zeros, ranges)), tf.float32
    ).numpy()


def operands(rows: int, width: int, largest: int) -> Iterator[tuple[Array, Array]]:
    """Activations [rows, width] and weights [width, OUTPUTS]: random, all the largest, and of mixed signs."""
    generator = np.random.default_rng(width)
    shapes = (rows, width), (width, OUTPUTS)
    limits = ((-128, 127), (-largest, min(largest, 127)))
    for numbers in (
        lambda low, high, shape: generator.integers(low, high + 1, shape),
        lambda low, high, shape: np.full(shape, low),
        lambda low, high, shape: np.full(shape, high),
        lambda low, high, shape: np.where(generator.random(shape) < 0.5, low, high),
    ):
        x, kernel = (
            numbers(*limit, shape).astype(np.int8) for limit, shape in zip(limits, shapes, strict=True)
        )
        yield x, kernel


def random_weights(generator: np.random.Generator, width: int, outputs: int) -> tuple[Array, Array, Array]:
    """Weights that saturate on no machine, a bias, and different ranges per channel."""
    kernel = generator.integers(-64, 65, (width, outputs)).astype(np.int8)
    bias = generator.normal(size=outputs).astype(np.float32)
    return kernel, bias, generator.uniform(0.5, 2.0, outputs).astype(np.float32)


def dense_of_variables(x: Array, weights: Sequence[tuple[Array, Array, Array]]) -> list[Array]:
    """One graph with a product for each of the weights, held in variables as a model holds them."""
    held = [[tf.Variable(array) for array in arrays] for arrays in weights]

    def run(x: tf.Tensor) -> list[tf.Tensor]:
        return [
            kernels.quantized_dense(x, *(tf.identity(variable) for variable in variables), tf.float32)
            for variables in held
        ]

    return [result.numpy() for result in _in_graph(run)(tf.constant(x))]


def measure_dense(kind: FloatFormat, kernel: Callable = kernels.quantized_dense) -> KernelReport:
    """Products of several widths with scales and a bias; half of the operands are the largest numbers."""
    return _measure_dense(kind, kernel, "dense int8", lambda value: value)


def measure_dense_gelu(
    kind: FloatFormat, variant: str, kernel: Callable = kernels.quantized_dense_gelu
) -> KernelReport:
    """The same with a GELU behind them."""

    def call(*operands: tf.Tensor) -> tf.Tensor:
        return kernel(*operands[:-1], variant, operands[-1])

    return _measure_dense(kind, call, f"dense int8_gelu_{variant}", GELU[variant])


def _measure_dense(
    kind: FloatFormat, kernel: Callable, name: str, activate: Callable[[Array], Array]
) -> KernelReport:
    got, truth, largest, places = [], [], [], []
    for width in WIDTHS:
        for arrays, case in _dense_cases(width):
            result = _in_graph(kernel)(*map(tf.constant, arrays), tf.as_dtype(kind.dtype))
            got.append(widen(result.numpy()).ravel())
            truth.append(activate(case.result).ravel())
            largest.append(case.largest.ravel())
            places.append((f"{width} wide", truth[-1].size))
    value, unit = np.concatenate(truth), spacing(np.concatenate(largest), FP32)
    return measure(
        tuple(name.split(" ", 1)),
        kind,
        np.concatenate(got).astype(kind.dtype),
        value,
        TOLERANCES[kind.name, name],
        lambda index: place_of(places, index),
        scale=unit / spacing(value, FP32) if kind is FP32 else 1.0,
        floor=TOLERANCES["fp32", name].bound * unit if kind is BF16 else 0.0,
    )


def check_gelu_as_int8(
    variant: str, kernel: Callable = kernels.quantized_dense_gelu_int8, largest_weight: int = 127
) -> None:
    """Every int8 result is next to the exact GELU in its steps, or the largest step.

    Raises:
      AssertionError: one is not.
    """
    island = TOLERANCES["fp32", f"dense int8_gelu_{variant}"].bound
    for width in WIDTHS:
        for arrays, case in _dense_cases(width, largest_weight):
            limit = float(np.quantile(np.abs(case.result), 0.9))
            got = _in_graph(kernel)(*map(tf.constant, arrays), variant, limit).numpy()
            step = limit / kernels.INT8_LARGEST
            steps = np.clip(GELU[variant](case.result) / step, -kernels.INT8_LARGEST, kernels.INT8_LARGEST)
            error = np.abs(got - steps) - island * spacing(case.largest, FP32) / step
            assert error.max() <= TOLERANCES["any", "dense int8_gelu as int8"].bound, f"{width} wide"


@dataclass(frozen=True)
class _Exact:
    """The results of products with scales and a bias, and the larger of each product and result; float64."""

    result: Array
    largest: Array


def _dense_cases(width: int, largest_weight: int = 127) -> Iterator[tuple[Operands, _Exact]]:
    """Activations, weights, bias and ranges, with the exact results."""
    generator = np.random.default_rng(width)
    for x, weights in operands(64, width, largest_weight):
        ranges = (127 * 2.0 ** generator.uniform(-12, -4, OUTPUTS) / width).astype(np.float32)
        bias = generator.normal(0.0, 1.0, OUTPUTS).astype(np.float32)
        product = (x.astype(np.int64) @ weights.astype(np.int64)) * (widen(ranges) / 127)
        result = product + widen(bias)
        yield (x, weights, bias, ranges), _Exact(result, np.maximum(np.abs(product), np.abs(result)))


def _in_graph(function: Callable) -> Callable:
    return tf.function(function, autograph=False)
