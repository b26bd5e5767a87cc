"""A TensorFlow graph for batches of any shape."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf


class ShapelessGraph:
    """A function of a batch, traced once for all batches with the same number of blocks.

    All batches must have the same arrays; the other arguments must keep their shapes.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._graphs: dict[int, Callable[..., Any]] = {}

    def __call__(self, tensors: Mapping[str, np.ndarray], *arguments: Any) -> Any:
        """Call the function with a batch's arrays and further tensors."""
        batch = {name: tf.constant(array) for name, array in tensors.items()}
        num_blocks = len(tensors["blocks"])
        if num_blocks not in self._graphs:
            specs = {name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in tensors.items()}
            specs["blocks"] = tf.TensorSpec([num_blocks, 2], tf.int32)
            others = tf.nest.map_structure(tf.TensorSpec.from_tensor, arguments)
            function = tf.function(self._function, autograph=False)
            self._graphs[num_blocks] = function.get_concrete_function(specs, *others)
        return self._graphs[num_blocks](batch, *arguments)
