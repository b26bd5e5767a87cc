"""Weights stored with zeros behind their values, for shapes that are multiplied faster."""

import numpy as np
import tensorflow as tf


class PaddedVariable(tf.Module):
    """A variable of a model for inference that is assigned values and stores them with zeros behind.

    Attributes:
      stored: the values and the zeros.
      shape, dtype: those of the values.
    """

    def __init__(self, shape: tuple[int, ...], padding: tuple[int, ...], dtype: tf.DType, name: str) -> None:
        super().__init__()
        self.shape, self.dtype = tf.TensorShape(shape), dtype
        self._behind = [(0, more) for more in padding]
        larger = [size + more for size, more in zip(shape, padding, strict=True)]
        self.stored = tf.Variable(tf.raw_ops.Empty(shape=larger, dtype=dtype), name=name, trainable=False)

    def assign(self, value: tf.Tensor) -> None:
        """Assign the values."""
        # Not to a slice: TensorFlow copies variables whose slices were assigned at every use.
        self.stored.assign(tf.pad(value, self._behind))

    def numpy(self) -> np.ndarray:
        """The values."""
        return self.stored.numpy()[tuple(slice(size) for size in self.shape)]


def stored(variable: tf.Variable | PaddedVariable) -> tf.Variable:
    """The values to compute with, zeros included."""
    return variable.stored if isinstance(variable, PaddedVariable) else variable
