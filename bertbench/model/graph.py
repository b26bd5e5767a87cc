"""A graph that takes batches of every shape."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf


class ShapelessGraph:
    """A function of a batch, traced once for batches of every shape.

    All batches must hold the same arrays; the other arguments keep their shapes.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._graph: Callable[..., Any] | None = None

    def __call__(self, tensors: Mapping[str, np.ndarray], *arguments: Any) -> Any:
        """Call the function on a batch's arrays and further tensors."""
        batch = {name: tf.constant(array) for name, array in tensors.items()}
        if self._graph is None:
            specs = {name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in tensors.items()}
            others = tf.nest.map_structure(tf.TensorSpec.from_tensor, arguments)
            self._graph = tf.function(self._function, autograph=False).get_concrete_function(specs, *others)
        return self._graph(batch, *arguments)
