"""The named variables of one model, in the dtypes of its precision."""

import zlib
from collections.abc import Callable, Collection

import tensorflow as tf

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.kernels import island_dtype
from bertbench.model.padding import PaddedVariable


class Weights:
    """Creates variables under Google's checkpoint names.

    A trainable model stores every variable in the island dtype (float32: the master copies). A model for
    inference stores the operands of matrix products in the compute dtype, so that they are cast only once,
    when loaded.

    Attributes:
      compute: how the model computes; gelu: its variant of that kernel.
      trainable: whether the model trains, and so needs its gradients.
      by_name: every variable created so far, by its checkpoint name.
    """

    def __init__(
        self,
        config: ModelConfig,
        compute: Compute,
        *,
        trainable: bool,
        seed: int | None,
        loaded: Collection[str] = (),
    ) -> None:
        """Variables are random as in BERT; `loaded` ones, and all if `seed` is None, stay uninitialized.

        They will be loaded; initializing them would take longer than reading them.
        """
        self.compute = compute.for_model(config)
        self.gelu = compute.kernels.gelu_for(config)
        self.by_name: dict[str, tf.Variable | PaddedVariable] = {}
        self.trainable = trainable
        self._initializer_range = config.initializer_range
        self._seed, self._loaded = seed, loaded

    def matrix(
        self, name: str, shape: tuple[int, ...], padding: tuple[int, ...] = ()
    ) -> tf.Variable | PaddedVariable:
        """A weight of a matrix product: truncated normal; compute dtype in inference."""
        return self._add(name, shape, self._product_dtype(), self.random_matrix, padding)

    def bias(self, name: str, size: int, padding: int = 0) -> tf.Variable | PaddedVariable:
        """The bias of a matrix product: zeros; compute dtype in inference."""
        return self._add(
            name, (size,), self._product_dtype(), lambda name, shape: tf.zeros(shape), (padding,)
        )

    def island_matrix(self, name: str, shape: tuple[int, ...]) -> tf.Variable:
        """A weight used in the island dtype (embeddings, logits): truncated normal."""
        return self._add(name, shape, self._island_dtype(), self.random_matrix)

    def island_vector(self, name: str, size: int, value: float = 0.0) -> tf.Variable:
        """A vector used in the island dtype (layer norms, output biases)."""
        return self._add(name, (size,), self._island_dtype(), lambda name, shape: tf.fill(shape, value))

    def will_be_loaded(self, name: str) -> bool:
        """Whether a variable needs no initial value."""
        return self._seed is None or name in self._loaded

    def random_matrix(self, name: str, shape: tuple[int, ...]) -> tf.Tensor:
        """The values of a matrix that is not loaded: truncated normal, float32."""
        # The stream depends on the name, so that values do not depend on the order of creation.
        stream = (self._seed, zlib.crc32(name.encode()))
        return tf.random.stateless_truncated_normal(shape, stream, stddev=self._initializer_range)

    def _island_dtype(self) -> tf.DType:
        return island_dtype(self.compute.precision.compute_dtype)

    def _product_dtype(self) -> tf.DType:
        return self._island_dtype() if self.trainable else self.compute.precision.compute_dtype

    def _add(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: tf.DType,
        initial: Callable[[str, tuple[int, ...]], tf.Tensor],
        padding: tuple[int, ...] = (),
    ) -> tf.Variable | PaddedVariable:
        value = None if self.will_be_loaded(name) else tf.cast(initial(name, shape), dtype)
        variable: tf.Variable | PaddedVariable
        if any(padding):
            variable = PaddedVariable(shape, padding, dtype, name)
            if value is not None:
                variable.assign(value)
        else:
            empty = tf.raw_ops.Empty(shape=shape, dtype=dtype) if value is None else value
            variable = tf.Variable(empty, name=name, trainable=self.trainable)
        self.by_name[name] = variable
        return variable
