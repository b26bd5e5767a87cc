"""Precision as a value: what a model computes in and what it stores."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertbench.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Precision:
    """The dtypes of one model.

    Activations and matrix products are in `products`, a dtype's name as TensorFlow and numpy have it.
    Embeddings, layer-norm parameters, statistics, losses and optimizer state are always float32; so are all
    variables while training (the master copies), and weights in `products` are what inference stores.
    """

    name: str
    products: str

    def __str__(self) -> str:
        return self.name

    @property
    def compute_dtype(self) -> "tf.DType":
        """`products` as TensorFlow's dtype; TensorFlow is imported when it is first asked for."""
        import tensorflow as tf

        return tf.as_dtype(self.products)


FP32 = Precision("fp32", "float32")
BF16 = Precision("bf16", "bfloat16")
PRECISIONS = {precision.name: precision for precision in (FP32, BF16)}
_NAMES = PRECISIONS | {precision.products: precision for precision in PRECISIONS.values()}


def parse_precision(name: str) -> Precision:
    """The precision of that name.

    Raises:
      InputError: no precision has the name.
    """
    try:
        return _NAMES[name]
    except KeyError:
        raise InputError(f"precision {name!r} is unknown; choose one of {', '.join(_NAMES)}.") from None
