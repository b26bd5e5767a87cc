"""Matrix products with a bias, gathered rows, and the loss of logits."""

import tensorflow as tf

from bertbench.kernels._gelu import gelu, gelu_of_sum, onednn_fuses_gelu
from bertbench.kernels._islands import Gradient, column_sums, enter_island, with_gradient


def dense(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, *, differentiable: bool = True) -> tf.Tensor:
    """x @ kernel + bias; the gradient of the bias is summed at least in float32.

    Args:
      x: [T, I]; kernel: [I, O]; bias: [O]; all in the compute dtype.
      differentiable: as in `with_gradient`.
    Returns: [T, O] in the dtype of `x`.
    Error: in float32 4.5 ULP of sum |x| |kernel| + |bias|. In bfloat16 1 ULP of product or result, whichever
      is larger, in addition; 1.5 if TensorFlow computes the product without oneDNN, which truncates it.
    """

    def apply(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            dx = tf.matmul(upstream, kernel, transpose_b=True)
            return dx, tf.matmul(x, upstream, transpose_a=True), column_sums(upstream)

        return tf.nn.bias_add(tf.matmul(x, kernel), bias), gradient

    return with_gradient(apply, differentiable)(x, kernel, bias)


def dense_gelu(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, variant: str, *, differentiable: bool = True
) -> tf.Tensor:
    """gelu(x @ kernel + bias, variant), in one pass where oneDNN has one.

    That is in bfloat16, without a gradient. The product is then not rounded before the GELU, which is more
    accurate, except in the left tail, where the GELU cancels. With a gradient "tanh" and "erf" add the bias,
    because oneDNN's product with a bias arranges the weights again in each call.

    Args:
      x: [T, I]; kernel: [I, O]; bias: [O]; all in the compute dtype. variant: as in `gelu`.
      differentiable: as in `with_gradient`.
    Returns: [T, O] in the dtype of `x`.
    Error: as `dense`, then `gelu`; in one pass 2 float32 ULP of the product, and one rounding from that. The
      erf form of products beyond 2^126 then overflows.
    """
    if differentiable and variant != "fused":
        return gelu_of_sum(tf.matmul(x, kernel), [bias], variant)
    product = dense(x, kernel, bias, differentiable=differentiable)
    if x.dtype == tf.bfloat16 and not differentiable and onednn_fuses_gelu(variant):
        return tf.nn.gelu(product, approximate=variant != "erf")
    return gelu(product, variant, differentiable=differentiable)


def gather_rows(hidden: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Rows of `hidden` [T, H] at `positions` int32 [N], first or masked tokens: [N, H], bit for bit."""
    return tf.gather(hidden, positions)


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """-log softmax(logits)[label], in the island dtype.

    Args:
      logits: [N, C] in any float dtype. labels: int32 [N], each in [0, C).
    Returns: [N] in the island dtype.
    Error: 8 ULP of 1 + loss, for C up to 3,000.
    """
    wide = enter_island(logits)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=wide)
