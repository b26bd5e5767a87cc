"""The precision of a model: the dtypes of its computation and its variables."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertbench.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Precision:
    """The dtypes of one model.

    Activations and matrix products have the dtype `products` (a name of TensorFlow and numpy). Embeddings,
    layer-norm parameters, statistics, losses and optimizer state are always float32, and so are all variables
    in training (the master copies). Inference stores weights in `products`.
    """

    name: str
    products: str

    def __str__(self) -> str:
        return self.name

    @property
    def compute_dtype(self) -> "tf.DType":
        """`products` as a TensorFlow dtype; TensorFlow is imported only when this is used."""
        import tensorflow as tf

        return tf.as_dtype(self.products)


FP32 = Precision("fp32", "float32")
BF16 = Precision("bf16", "bfloat16")
PRECISIONS = {precision.name: precision for precision in (FP32, BF16)}
_NAMES = PRECISIONS | {precision.products: precision for precision in PRECISIONS.values()}


def parse_precision(name: str) -> Precision:
    """The precision with this name.

    Raises:
      InputError: the name is unknown.
    """
    try:
        return _NAMES[name]
    except KeyError:
        raise InputError(f"precision {name!r} is unknown; choose one of {', '.join(_NAMES)}.") from None
