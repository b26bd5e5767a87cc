"""How a model computes: its precision and its kernel variants."""

from dataclasses import dataclass, field

from bertbench.config import ModelConfig
from bertbench.errors import InputError
from bertbench.precision import FP32, Precision

GELU_VARIANTS = ("tanh", "erf", "fused")


@dataclass(frozen=True)
class KernelOptions:
    """Which variant of each kernel the model computes; see `bertbench.kernels`.

    `optimized_softmax` uses TensorFlow's fused softmax in the compute dtype; otherwise softmax is computed in
    float32. `gelu` is one of `GELU_VARIANTS`: the tanh form in float32 (the original's default), the exact
    erf form, or the tanh form in the compute dtype ("experimental GELU").
    """

    optimized_softmax: bool = False
    gelu: str = "tanh"

    def __post_init__(self) -> None:
        if self.gelu not in GELU_VARIANTS:
            raise InputError(f"gelu is {self.gelu!r}; choose one of {', '.join(GELU_VARIANTS)}.")

    @classmethod
    def for_model(
        cls, config: ModelConfig, *, gelu: str | None = None, optimized_softmax: bool = False
    ) -> "KernelOptions":
        """The kernels for a model: the GELU that it was trained with, unless another is given."""
        return cls(optimized_softmax, config.gelu if gelu is None else gelu)


@dataclass(frozen=True)
class Compute:
    """The precision of a model and the variants of its kernels."""

    precision: Precision = FP32
    kernels: KernelOptions = field(default_factory=KernelOptions)
