"""The operations between BERT's matrix products, each with its formula and its error bound.

Kernels take and return the compute dtype. Statistics and transcendental functions are computed in the
island dtype (float32; float64 if the input is float64) and rounded once at the end. Elementwise kernels are
compiled by XLA, once per shape, because TensorFlow's own kernels make one pass over memory for every
operation. Gradients are written by hand if that saves memory or passes; they recompute from the kernel's
input and do not keep intermediate results.

Error bounds are in units in the last place (ULP) of the output dtype, for finite inputs. They are listed with
their reasons in `suites/tolerances.py` and tested with every bfloat16 value. "One rounding" from a float32
bound means 0.5 ULP of bfloat16 in addition to it. Subnormal numbers, below 2^-126, may become zero, because
TensorFlow's threads flush them.
"""

from bertbench.kernels._dropout import dropout, fold_in
from bertbench.kernels._gelu import gelu, onednn_fuses_gelu
from bertbench.kernels._islands import (
    Gradient,
    compiled,
    enter_island,
    island_dtype,
    leave_island,
    with_gradient,
)
from bertbench.kernels._layer_norm import add_and_norm, layer_norm
from bertbench.kernels._linear import cross_entropy, dense, dense_gelu, gather_rows
from bertbench.kernels._quantized import (
    INT8_LARGEST,
    ONEDNN,
    SLOW_INT8,
    dequantize,
    int8_products,
    quantize,
    quantize_weights,
    quantized_dense,
    quantized_dense_gelu,
    quantized_dense_gelu_int8,
)
from bertbench.kernels._softmax import MASKED_SCORE, attention_bias, softmax

__all__ = [
    "INT8_LARGEST",
    "MASKED_SCORE",
    "ONEDNN",
    "SLOW_INT8",
    "Gradient",
    "add_and_norm",
    "attention_bias",
    "compiled",
    "cross_entropy",
    "dense",
    "dense_gelu",
    "dequantize",
    "dropout",
    "enter_island",
    "fold_in",
    "gather_rows",
    "gelu",
    "int8_products",
    "island_dtype",
    "layer_norm",
    "leave_island",
    "onednn_fuses_gelu",
    "quantize",
    "quantize_weights",
    "quantized_dense",
    "quantized_dense_gelu",
    "quantized_dense_gelu_int8",
    "softmax",
    "with_gradient",
]
