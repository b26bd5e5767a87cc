"""Matrix products with a bias, in the compute dtype or in int8.

Shapes: T tokens, I inputs, O outputs.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from bertbench import kernels
from bertbench.int8 import ProductScales
from bertbench.model.padding import stored
from bertbench.model.weights import Weights


class Dense(tf.Module):
    """x @ kernel + bias in the compute dtype.

    Attributes:
      scope: the scope of its variables in Google's checkpoints.
    """

    def __init__(
        self,
        weights: Weights,
        scope: str,
        inputs: int,
        outputs: int,
        padding: tuple[int, int] = (0, 0),
    ) -> None:
        """Create its variables, with some inputs and outputs of zeros more; see `bertbench.model.padding`."""
        super().__init__()
        self.scope = scope
        self.kernel = weights.matrix(f"{scope}/kernel", (inputs, outputs), padding)
        self.bias = weights.bias(f"{scope}/bias", outputs, padding[1])
        self._trains = weights.trainable

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """[T, I] -> [T, O], in the dtype of `x`."""
        return kernels.dense(x, *self._operands(x.dtype), differentiable=self._trains)

    def with_gelu(self, x: tf.Tensor, variant: str) -> tf.Tensor:
        """The GELU of the product, [T, I] -> [T, O]; see `kernels.dense_gelu`."""
        return kernels.dense_gelu(x, *self._operands(x.dtype), variant, differentiable=self._trains)

    def _operands(self, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(stored(self.kernel), dtype), tf.cast(stored(self.bias), dtype)


class QuantizedKernel(tf.Module):
    """A kernel that is assigned floats, like a variable, and stores int8.

    Attributes:
      int8: [I, O]. ranges: float32 [O], see `kernels.quantized_dense`.
      shape, dtype: those of the assigned values.
    """

    dtype = tf.float32

    def __init__(self, scales: ProductScales, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shape = tf.TensorShape((inputs, outputs))
        self._scales = scales
        self.int8 = tf.Variable(tf.zeros(self.shape, tf.int8), trainable=False)
        self.ranges = tf.Variable(tf.ones(outputs), trainable=False)

    def assign(self, value: tf.Tensor) -> None:
        """Assign float weights [I, O]."""
        smoothing = smoothing_of(self._scales, self.shape[0])
        int8, scales = kernels.quantize_weights(np.asarray(value) * smoothing[:, None])
        self.int8.assign(int8)
        self.ranges.assign(scales * np.float32(self._scales.input_range))


class QuantizedDense(Dense):
    """x @ kernel + bias in int8, for inference; bias and scales are float32."""

    def __init__(
        self, weights: Weights, scope: str, inputs: int, outputs: int, scales: ProductScales
    ) -> None:
        tf.Module.__init__(self)
        self.scope, self.scales = scope, scales
        name = f"{scope}/kernel"
        self.kernel = weights.by_name[name] = QuantizedKernel(scales, inputs, outputs)
        if not weights.will_be_loaded(name):
            self.kernel.assign(weights.random_matrix(name, (inputs, outputs)))
        self.bias = weights.island_vector(f"{scope}/bias", outputs)
        self._multipliers = tf.Variable(input_multipliers(scales, inputs), trainable=False)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """[T, I] -> [T, O], in the dtype of `x`."""
        return self.multiply(self.quantize(x), x.dtype)

    def with_gelu(self, x: tf.Tensor, variant: str) -> tf.Tensor:
        """The GELU of the product, [T, I] -> [T, O]; see `kernels.quantized_dense_gelu`."""
        return kernels.quantized_dense_gelu(self.quantize(x), *self._int8_operands(), variant, x.dtype)

    def with_gelu_for(self, x: tf.Tensor, variant: str, user: "QuantizedDense") -> tf.Tensor:
        """The GELU of the product as int8 input of another one without smoothing, [T, I] -> [T, O]."""
        limit = user.scales.input_range
        return kernels.quantized_dense_gelu_int8(self.quantize(x), *self._int8_operands(), variant, limit)

    def quantize(self, x: tf.Tensor) -> tf.Tensor:
        """[T, I] as int8."""
        return kernels.quantize(x, tf.identity(self._multipliers))

    def multiply(self, x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """int8 [T, I] -> [T, O] in `dtype`."""
        return kernels.quantized_dense(x, *self._int8_operands(), dtype)

    def _int8_operands(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return tf.identity(self.kernel.int8), tf.identity(self.bias), tf.identity(self.kernel.ranges)


def make_dense(
    weights: Weights, scope: str, inputs: int, outputs: int, padding: tuple[int, int] = (0, 0)
) -> Dense:
    """The product of a scope in the model's precision."""
    scales = weights.compute.precision.int8.get(scope)
    if scales is None:
        return Dense(weights, scope, inputs, outputs, padding)
    return QuantizedDense(weights, scope, inputs, outputs, scales)


def multiply_each(x: tf.Tensor, products: Sequence[Dense]) -> list[tf.Tensor]:
    """Several products of one input [T, I], which is quantized once for products with equal scales."""
    quantized: dict[ProductScales, tf.Tensor] = {}
    results = []
    for product in products:
        if isinstance(product, QuantizedDense):
            if product.scales not in quantized:
                quantized[product.scales] = product.quantize(x)
            results.append(product.multiply(quantized[product.scales], x.dtype))
        else:
            results.append(product(x))
    return results


def feed_forward(x: tf.Tensor, first: Dense, second: Dense, variant: str) -> tf.Tensor:
    """second(gelu(first(x))), [T, I] -> [T, I], without floats between two int8 products where possible."""
    if (
        isinstance(first, QuantizedDense)
        and isinstance(second, QuantizedDense)
        and second.scales.smoothing is None
    ):
        return second.multiply(first.with_gelu_for(x, variant, second), x.dtype)
    return second(first.with_gelu(x, variant))


def smoothing_of(scales: ProductScales, inputs: int) -> np.ndarray:
    """The divisor of each input channel, float32 [I]."""
    return np.ones(inputs, np.float32) if scales.smoothing is None else np.array(scales.smoothing, np.float32)


def input_multipliers(scales: ProductScales, inputs: int) -> np.ndarray:
    """The factors for `kernels.quantize`, float32 [I]."""
    steps = smoothing_of(scales, inputs) * np.float32(scales.input_range)
    return np.float32(kernels.INT8_LARGEST) / steps
