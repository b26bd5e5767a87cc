"""Precision as a value: what a model computes in and what it stores."""

from dataclasses import dataclass

import tensorflow as tf

from bertbench.errors import InputError


@dataclass(frozen=True)
class Precision:
    """The dtypes of one model.

    Activations and matrix products are in `compute_dtype`. Embeddings, layer-norm parameters, statistics,
    losses and optimizer state are always float32; so are all variables while training (the master
    copies), and `compute_dtype` weights are what inference stores.
    """

    name: str
    compute_dtype: tf.DType

    def __str__(self) -> str:
        return self.name


FP32 = Precision("fp32", tf.float32)
BF16 = Precision("bf16", tf.bfloat16)
PRECISIONS = {"fp32": FP32, "bf16": BF16}
_NAMES = {"fp32": FP32, "float32": FP32, "bf16": BF16, "bfloat16": BF16}


def parse_precision(name: str) -> Precision:
    """The precision of that name.

    Raises:
      InputError: no precision has the name.
    """
    try:
        return _NAMES[name]
    except KeyError:
        raise InputError(f"precision {name!r} is unknown; choose one of {', '.join(_NAMES)}.") from None
