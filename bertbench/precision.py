"""The precision of a model: the dtypes of its computation and its variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bertbench.errors import InputError
from bertbench.int8 import ProductScales

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Precision:
    """The dtypes of one model.

    Activations and matrix products have the dtype `products` (a name of TensorFlow and numpy). Embeddings,
    layer-norm parameters, statistics, losses and optimizer state are always float32, and so are all variables
    in training (the master copies). Inference stores weights in `products`.

    Attributes:
      products: None in `INT8`, which no model has: `bertbench.runtime.compute_for` makes of it that of one
        model on this machine.
      int8: the products that multiply int8 numbers, by their scope in checkpoints; inference only.
      calibration_sha256: the checksum of the data that the scales of `int8` were calibrated on.
    """

    name: str
    products: str | None
    int8: Mapping[str, ProductScales] = field(default_factory=dict, hash=False)
    calibration_sha256: str | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def compute_dtype(self) -> "tf.DType":
        """`products` as a TensorFlow dtype; TensorFlow is imported only when this is used."""
        import tensorflow as tf

        return tf.as_dtype(self.products)


FP32 = Precision("fp32", "float32")
BF16 = Precision("bf16", "bfloat16")
INT8 = Precision("int8", None)
PRECISIONS = {precision.name: precision for precision in (FP32, BF16, INT8)}
_NAMES = PRECISIONS | {precision.products: precision for precision in (FP32, BF16) if precision.products}
WHY_NOT_FP16 = "CPUs with fast float16 products have equally fast bfloat16 products, which do not overflow"


def parse_precision(name: str) -> Precision:
    """The precision with this name.

    Raises:
      InputError: the name is unknown, or it is float16's.
    """
    if name in ("fp16", "float16"):
        raise InputError(f"precision {name} is not supported: {WHY_NOT_FP16}; use bf16.")
    try:
        return _NAMES[name]
    except KeyError:
        raise InputError(f"precision {name!r} is unknown; choose one of {', '.join(_NAMES)}.") from None


def require_trainable(precision: Precision) -> None:
    """Check that a model can be trained in a precision.

    Raises:
      InputError: it cannot.
    """
    if precision.name == INT8.name:
        raise InputError(
            f"precision {INT8} is for inference only; train in fp32 or bf16, then quantize the model as "
            "`bertbench quantize --help` shows."
        )
