"""Scaled dot-product attention of all heads of a layer, whose gradient stores one S x S array."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from bertbench import kernels


class TokenBlock(NamedTuple):
    """R rows of S tokens among the T of a batch.

    Attributes:
      rows, width: R and S, int32 scalars.
      bias: [R, 1, S, S] in the compute dtype, from `kernels.attention_bias`.
    """

    rows: tf.Tensor
    width: tf.Tensor
    bias: tf.Tensor


class TokenBlocks(NamedTuple):
    """The blocks of a batch, in the order of its tokens.

    Attributes:
      sizes: int32 [G + 1], the tokens of each block, and those of the padding behind them.
    """

    blocks: tuple[TokenBlock, ...]
    sizes: tf.Tensor


def token_blocks(shapes: tf.Tensor, sequence_ids: tf.Tensor, dtype: tf.DType) -> TokenBlocks:
    """The blocks of a batch.

    Args:
      shapes: int32 [G, 2], R and S of each; padding may follow them. G must be known.
      sequence_ids: int32 [T], as in `kernels.attention_bias`.
      dtype: the compute dtype.
    """
    sizes = shapes[:, 0] * shapes[:, 1]
    sizes = tf.concat([sizes, tf.shape(sequence_ids) - tf.reduce_sum(sizes)], 0)
    *ids, _ = tf.split(sequence_ids, sizes, num=shapes.shape[0] + 1)
    blocks = (
        TokenBlock(shape[0], shape[1], kernels.attention_bias(tf.reshape(own, shape), dtype))
        for shape, own in zip(tf.unstack(shapes), ids, strict=True)
    )
    return TokenBlocks(tuple(blocks), sizes)


@dataclass(frozen=True)
class BlockAttention:
    """`attend` within each block's rows, the same for all layers of an encoder.

    Attributes:
      heads: A. softmax_variant, rate, differentiable: as in `attend`.
    """

    heads: int
    softmax_variant: str
    rate: float = 0.0
    differentiable: bool = True

    def __call__(
        self,
        query: tf.Tensor,
        key: tf.Tensor,
        value: tf.Tensor,
        blocks: TokenBlocks,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """[T, H] in the compute dtype, zeros for the padding behind the blocks.

        Args:
          query, key, value: [T, H] in the compute dtype, the D = H / A values of a head side by side.
          seed: as in `attend`; each block has its own dropout.
        """
        shared = not (self.differentiable or len(blocks.blocks) == 1 or tf.executing_eagerly())
        apply = _traced_once(self) if shared else self._apply
        return apply(query, key, value, blocks, seed)

    def _apply(
        self,
        query: tf.Tensor,
        key: tf.Tensor,
        value: tf.Tensor,
        blocks: TokenBlocks,
        seed: tf.Tensor | None,
    ) -> tf.Tensor:
        count = len(blocks.blocks) + 1
        *parts, padding = zip(
            *(tf.split(x, blocks.sizes, num=count) for x in (query, key, value)), strict=True
        )
        contexts = []
        for number, (block, part) in enumerate(zip(blocks.blocks, parts, strict=True)):
            shape = tf.stack([block.rows, block.width, self.heads, query.shape[-1] // self.heads])
            q, k, v = (tf.transpose(tf.reshape(x, shape), [0, 2, 1, 3]) for x in part)
            own_seed = None if seed is None else kernels.fold_in(seed, number)
            context = attend(
                q,
                k,
                v,
                block.bias,
                self.softmax_variant,
                self.rate,
                own_seed,
                differentiable=self.differentiable,
            )
            contexts.append(tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [-1, query.shape[-1]]))
        return tf.concat([*contexts, tf.zeros_like(padding[0])], 0)


@functools.cache
def _traced_once(attention: BlockAttention) -> Callable[..., tf.Tensor]:
    """The same function as one operation, which TensorFlow traces and optimizes once for all layers.

    Eight blocks in 24 layers are 5,000 operations, which take longer than loading the weights. With one block
    there is little to save, and each call takes 0.1 ms more.
    """
    return tf.function(attention._apply, autograph=False, experimental_attributes={"_noinline": True})


def attend(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    bias: tf.Tensor,
    softmax_variant: str,
    rate: float = 0.0,
    seed: tf.Tensor | None = None,
    *,
    differentiable: bool = True,
) -> tf.Tensor:
    """dropout(softmax(query key^T / sqrt D + bias)) value (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).

    Args:
      query, key, value: [R, A, S, D] in the compute dtype.
      bias: [R, 1, 1 or S, S] in the compute dtype, from `kernels.attention_bias`.
      softmax_variant: as in `kernels.softmax`.
      rate, seed: dropout of the probabilities, as in `kernels.dropout`; none if `seed` is None.
      differentiable: as in `kernels.with_gradient`.
    Returns: the context, [R, A, S, D] in the compute dtype.
    Error: for scores up to 16, 8 ULP of max |value| in float32 and 3 in bfloat16.

    The gradient keeps the probabilities before dropout and computes the same dropout again. Its row sums
    sum_j P_ij dP_ij are computed as sum_d dO_id O_id, over D instead of S elements (Dao et al. 2022,
    arXiv:2205.14135, appendix B.2).
    """
    scale = 1.0 / math.sqrt(query.shape[-1])

    def drop(probabilities: tf.Tensor) -> tf.Tensor:
        return probabilities if seed is None else kernels.dropout(probabilities, rate, seed)

    def apply(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, kernels.Gradient]:
        scores = tf.matmul(query, key, transpose_b=True) * tf.constant(scale, query.dtype) + bias
        probabilities = kernels.softmax(scores, softmax_variant)  # [R, A, S, S]
        kept = drop(probabilities)
        context = tf.matmul(kept, value)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            kept = drop(probabilities)
            dvalue = tf.matmul(kept, upstream, transpose_a=True)
            dkept = tf.matmul(upstream, value, transpose_b=True)
            products = kernels.enter_island(upstream) * kernels.enter_island(context)
            row_sums = tf.reduce_sum(products, -1, keepdims=True)
            dscores = _softmax_backward(probabilities, kept, dkept, row_sums, scale)
            return tf.matmul(dscores, key), tf.matmul(dscores, query, transpose_a=True), dvalue

        return context, gradient

    return kernels.with_gradient(apply, differentiable)(query, key, value)


@kernels.compiled
def _softmax_backward(
    probabilities: tf.Tensor, kept: tf.Tensor, dkept: tf.Tensor, row_sums: tf.Tensor, scale: float
) -> tf.Tensor:
    """The gradient of the unscaled scores, [R, A, S, S]: (kept dkept - P row sums) scale."""
    difference = kernels.enter_island(kept) * kernels.enter_island(dkept)
    difference -= kernels.enter_island(probabilities) * row_sums
    return kernels.leave_island(difference * scale, dkept.dtype)
