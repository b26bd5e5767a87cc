"""Properties of TensorFlow's kernels on this machine that decide a bound, found by trials."""

import functools

import numpy as np
import tensorflow as tf

from bertbench import kernels
from bertbench.measure.machine import read_machine

_BF16_ULP_OF_ONE = 2.0**-7
_EQUAL_SCORES = 514  # in bfloat16 their number rounds to 512


def onednn_computes_bf16() -> bool:
    """Whether bfloat16 operations should be oneDNN's: they are turned on, and exist from AVX-512 on."""
    products = read_machine().products
    return products.onednn and products.isa.startswith("avx512")


@functools.cache
def bf16_products_truncate() -> bool:
    """Whether bfloat16 products drop the digits that do not fit, as TensorFlow's own do; oneDNN's round.

    1 + 3/4 ULP is tried with the matrix product and the batched one, which a model uses, eagerly and in a
    graph.

    Raises:
      ValueError: a product is neither 1 nor 1 + 1 ULP.
    """
    rows = np.zeros((16, 16))
    rows[:, :2] = 1.0, 0.75 * _BF16_ULP_OF_ONE
    matrices = (rows, np.broadcast_to(rows, (2, 2, 16, 16)))
    x = [tf.constant(matrix, tf.bfloat16) for matrix in matrices]
    in_graph = tf.function(tf.matmul, autograph=False)
    products = [multiply(a, tf.ones_like(a)) for a in x for multiply in (tf.matmul, in_graph)]
    values = {float(value) for product in products for value in np.unique(product.numpy())}
    if not values <= {1.0, 1.0 + _BF16_ULP_OF_ONE}:
        raise ValueError(f"bfloat16 products give {sorted(values)} for 1 + 3/4 ULP")
    return 1.0 in values


@functools.cache
def bf16_softmax_rounds_once() -> bool:
    """Whether TensorFlow's bfloat16 softmax computes in float32, as oneDNN's does; its own does not.

    The weight of each of 514 equal scores is the bfloat16 number next to 1/514, unless their sum is rounded.
    """
    scores = tf.zeros([1, _EQUAL_SCORES], tf.bfloat16)
    weights = tf.function(tf.nn.softmax, autograph=False)(scores).numpy()
    return bool((weights == np.array(1.0 / _EQUAL_SCORES).astype(weights.dtype)).all())


def gelu_is_fused_behind_product(dtype: tf.DType) -> bool:
    """Whether the graph that runs the fused GELU after a product with bias has no separate tanh."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        inputs = [v1.placeholder(dtype, shape) for shape in ((4, 16), (16, 16), (16,))]
        result = kernels.gelu(kernels.dense(*inputs), "fused")
        ran = v1.RunMetadata()
        session.run(
            result,
            {tensor: np.zeros(tensor.shape) for tensor in inputs},
            options=v1.RunOptions(output_partition_graphs=True),
            run_metadata=ran,
        )
    return not any(node.op == "Tanh" for graph in ran.partition_graphs for node in graph.node)
