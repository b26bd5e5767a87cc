"""A TensorFlow graph for batches of any shape."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf


class ShapelessGraph:
    """A function of a batch, traced once for all batches with the same number of blocks.

    All batches must have the same arrays; the other arguments must keep their shapes. Several threads may
    call it at once.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._graphs: dict[int, Callable[..., Any]] = {}
        self._tracing = threading.Lock()

    def __call__(self, tensors: Mapping[str, np.ndarray], *arguments: Any) -> Any:
        """Call the function with a batch's arrays and further tensors."""
        batch = {name: tf.constant(array) for name, array in tensors.items()}
        return self.prepare(tensors, *arguments)(batch, *arguments)

    def prepare(self, tensors: Mapping[str, np.ndarray], *arguments: Any) -> Callable[..., Any]:
        """The graph for batches like this one; variables that it uses need no values yet."""
        num_blocks = len(tensors["blocks"])
        with self._tracing:
            if num_blocks not in self._graphs:
                self._graphs[num_blocks] = self._trace(num_blocks, tensors, arguments)
        return self._graphs[num_blocks]

    def _trace(
        self, num_blocks: int, tensors: Mapping[str, np.ndarray], arguments: tuple[Any, ...]
    ) -> Callable[..., Any]:
        specs = {name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in tensors.items()}
        specs["blocks"] = tf.TensorSpec([num_blocks, 2], tf.int32)
        others = tf.nest.map_structure(tf.TensorSpec.from_tensor, arguments)
        function = tf.function(self._function, autograph=False)
        return function.get_concrete_function(specs, *others)
