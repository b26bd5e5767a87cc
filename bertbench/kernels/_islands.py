"""Float32 islands in a graph of another dtype, and compiling what lies between matrix products."""

import tensorflow as tf

compiled = tf.function(jit_compile=True, autograph=False)


def island_dtype(dtype: tf.DType) -> tf.DType:
    """The dtype of statistics beside activations of `dtype`: float32, or float64 for float64."""
    return tf.float64 if dtype == tf.float64 else tf.float32
