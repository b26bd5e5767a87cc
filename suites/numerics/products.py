"""Matrix products against the forward error bound of a sum in any order.

    |fl(sum a_k b_k) - sum a_k b_k| <= gamma_K sum |a_k| |b_k|,   gamma_K = K u / (1 - K u)

(Higham 2002, "Accuracy and Stability of Numerical Algorithms", eq. 3.5) with u = 2^-24: bfloat16 products are
exact in float32, and both precisions add up in it. A result in bfloat16 is rounded once more, or truncated.
Run as a module it prints the used share of the bound by precision, as JSON.
"""

import json
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from bertbench.measure.machine import read_machine
from suites.numerics import this_machine
from suites.numerics.ulp import BF16, FP32, SMALLEST_NORMAL, FloatFormat, spacing, widen

Array = np.ndarray
WIDTHS = (64, 384, 1024, 4096)
ROWS, COLUMNS = 48, 64
_UNIT = 2.0**-24


def operands(kind: FloatFormat, width: int) -> Iterator[tuple[str, Array, Array]]:
    """[ROWS, K] and [K, COLUMNS]: a model's, of one sign, cancelling, and of many magnitudes."""
    generator = np.random.default_rng(width)
    a, b = generator.normal(size=(ROWS, width)), generator.normal(size=(width, COLUMNS))
    wide = 2.0 ** generator.uniform(-20, 20, width)
    half = width // 2
    cancelling = np.concatenate([b[:half], -b[:half]])
    for name, left, right in (
        ("random", a, b / np.sqrt(width)),
        ("of one sign", np.abs(a), np.abs(b)),
        ("cancelling", np.concatenate([a[:, :half]] * 2, 1), cancelling),
        ("of many magnitudes", a * wide, b / wide[:, None] * generator.choice([1.0, 2.0**15], (width, 1))),
    ):
        yield f"{width} wide, {name}", left.astype(kind.dtype), right.astype(kind.dtype)


def used_share(kind: FloatFormat, left: Array, right: Array, product: Array) -> float:
    """The largest error of a product as a share of its bound."""
    wide_left, wide_right = widen(left), widen(right)
    exact = wide_left @ wide_right
    width = left.shape[1]
    gamma = width * _UNIT / (1 - width * _UNIT)
    bound = gamma * (np.abs(wide_left) @ np.abs(wide_right)) + width * SMALLEST_NORMAL
    if kind is BF16:
        truncated = this_machine.bf16_products_truncate()
        bound = bound + spacing(np.abs(exact) + bound, BF16) * (1.0 if truncated else 0.5)
    return float((np.abs(widen(product) - exact) / bound).max())


def used_shares(kind: FloatFormat) -> dict[str, float]:
    """The share of every kind of operands, as a graph multiplies them."""
    multiply = tf.function(tf.matmul, autograph=False, reduce_retracing=True)
    return {
        name: used_share(kind, left, right, multiply(tf.constant(left), tf.constant(right)).numpy())
        for width in WIDTHS
        for name, left, right in operands(kind, width)
    }


def main() -> None:
    """Print which products these are, and the shares of both precisions where they exist."""
    products = read_machine().products
    kinds = [FP32, BF16] if products.bf16_is_possible else [FP32]
    shares = {kind.name: used_shares(kind) for kind in kinds}
    print(json.dumps({"products": str(products), "shares": shares}))


if __name__ == "__main__":
    main()
