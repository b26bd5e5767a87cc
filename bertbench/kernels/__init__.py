"""The arithmetic between BERT's matrix products, each kernel with its formula and its error bound.

Kernels take and return the compute dtype. Statistics and transcendental functions are computed in the
island dtype (float32; float64 where the input is float64) and rounded once on the way out. The elementwise
ones are compiled by XLA, one compilation per shape: TensorFlow's own kernels make one pass over memory for
every operation. Gradients are stated by hand where that saves memory or passes; they recompute from
the kernel's input rather than keep intermediate results.

Error bounds are in units in the last place (ULP) of the output dtype, for finite inputs. The table
`suites/tolerances.py` holds them with their reasons; the tests show them over every bfloat16 value. "One
rounding" from a float32 bound means 0.5 ULP of bfloat16 beside it. Subnormal numbers, below 2^-126, may come
out as zero: TensorFlow's threads flush them.
"""

from bertbench.kernels._dropout import dropout, fold_in
from bertbench.kernels._gelu import gelu
from bertbench.kernels._islands import Gradient, compiled, enter_island, island_dtype, leave_island
from bertbench.kernels._layer_norm import add_and_norm, layer_norm
from bertbench.kernels._linear import cross_entropy, dense, gather_rows
from bertbench.kernels._softmax import MASKED_SCORE, attention_bias, softmax

__all__ = [
    "MASKED_SCORE",
    "Gradient",
    "add_and_norm",
    "attention_bias",
    "compiled",
    "cross_entropy",
    "dense",
    "dropout",
    "enter_island",
    "fold_in",
    "gather_rows",
    "gelu",
    "island_dtype",
    "layer_norm",
    "leave_island",
    "softmax",
]
