"""The arithmetic of a BERT, counted from its sizes.

Only matrix products are counted, a multiplication and an addition as two operations, as usual
(Kaplan et al. 2020, arXiv:2001.08361, section 2.1). For one sequence of s tokens the forward pass has

    query, key, value, attention output   [s, H] x [H, H]   4 per layer   8 s H^2
    intermediate                          [s, H] x [H, F]   1 per layer   2 s H F
    output                                [s, F] x [F, H]   1 per layer   2 s H F
    attention scores                      [s, D] x [D, s]   A per layer   2 s^2 H
    attention context                     [s, s] x [s, D]   A per layer   2 s^2 H

and a head what its task says (`Task.head_products`).

A training step has three times as many: each forward product has two of the same size in the backward pass,
one for the gradient of each operand. The optimizer, and what `recompute` computes again, are not counted.

There are two counts. The needed operations ("model GFLOP") are those of the real tokens of each sequence.
The computed operations are those of all rows of a batch at their full width, including padding and other
sequences of a row. Efficiency uses the needed operations. Both are equal if every row has one sequence of
full length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bertbench.config import ModelConfig

FORWARD_PASSES = {"inference": 1, "training": 3}
# One more block of rows costs attention 0.3 ms per layer beyond its arithmetic; a core computes this many
# operations in that time.
BLOCK_FLOP_PER_CORE = 3e7
# A new shape takes 1.3 s to compile; it must save so many operations a step, 25 to 50 ms on two cores.
SHAPE_FLOP = 1e10


@dataclass(frozen=True)
class Product:
    """`count` products [rows, inner] x [inner, columns].

    `kind` is "linear" (activations with a weight, in the compute dtype), "attention" (activations with
    activations) or "logits" (activations with a narrow weight, in float32).
    """

    rows: int
    inner: int
    columns: int
    count: int
    kind: str

    @property
    def flop(self) -> int:
        """Floating-point operations of all `count` products."""
        return 2 * self.rows * self.inner * self.columns * self.count

    @property
    def elements(self) -> int:
        """Elements of the operands and results of all `count` products."""
        return self.count * (self.rows * self.inner + self.inner * self.columns + self.rows * self.columns)


def encoder_products(config: ModelConfig, lengths: Sequence[int] | np.ndarray) -> list[Product]:
    """The encoder's forward products for a batch of sequences with these lengths.

    Args:
      lengths: int [N], tokens that attend to each other.
    """
    hidden, wide, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    tokens = int(np.sum(lengths))
    heads = layers * config.num_attention_heads
    products = [
        Product(tokens, hidden, hidden, 4 * layers, "linear"),
        Product(tokens, hidden, wide, layers, "linear"),
        Product(tokens, wide, hidden, layers, "linear"),
    ]
    for length, times in zip(*np.unique(lengths, return_counts=True), strict=True):
        span, count = int(length), heads * int(times)
        products.append(Product(span, config.head_size, span, count, "attention"))
        products.append(Product(span, span, config.head_size, count, "attention"))
    return products


def total_flop(products: Iterable[Product], mode: str) -> int:
    """Floating-point operations of a step with these forward products.

    Args:
      mode: inference or training.
    """
    return FORWARD_PASSES[mode] * sum(product.flop for product in products)


def arithmetic_intensity(products: Sequence[Product], itemsize: int) -> float:
    """FLOP/byte if each product reads its operands and writes its result once (Williams et al. 2009).

    It is the same in training, because the products of the backward pass use the same three arrays.

    Args:
      itemsize: bytes per element.
    """
    moved = itemsize * sum(product.elements for product in products)
    return sum(product.flop for product in products) / moved


def block_tokens(config: ModelConfig, cores: int) -> float:
    """The tokens that a model computes in the overhead time of one more block of rows."""
    return BLOCK_FLOP_PER_CORE * cores * config.num_hidden_layers / _token_flop(config, "inference")


def shape_tokens(config: ModelConfig) -> float:
    """The tokens that another shape must save in each training step; the same on every machine."""
    return SHAPE_FLOP / _token_flop(config, "training")


def _token_flop(config: ModelConfig, mode: str) -> int:
    return total_flop(encoder_products(config, [1]), mode)
