"""How a model computes: its precision and its kernel variants."""

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated

from bertbench.config import ModelConfig
from bertbench.options import Option, Settings
from bertbench.precision import FP32, PRECISIONS, Precision, parse_precision

GELU_VARIANTS = ("tanh", "erf", "fused")


@dataclass(frozen=True)
class KernelOptions(Settings):
    """Which variant of each kernel the model computes; see `bertbench.kernels`.

    `optimized_softmax` uses TensorFlow's fused softmax in the compute dtype; otherwise softmax is computed in
    float32. `gelu` is one of `GELU_VARIANTS`: the tanh form (the original's default) or the exact erf form,
    both rounded once, or the tanh form in the compute dtype ("experimental GELU").
    """

    optimized_softmax: Annotated[bool, Option("Softmax in the compute dtype instead of float32.")] = False
    gelu: Annotated[
        str | None,
        Option(
            "tanh: the original's form; erf: the exact one; fused: the tanh form in the compute dtype.",
            choices=GELU_VARIANTS,
            default_help="the one that the model was trained with",
        ),
    ] = None

    def for_model(self, config: ModelConfig) -> "KernelOptions":
        """The kernels of one model, the GELU included."""
        return dataclasses.replace(self, gelu=self.gelu_for(config))

    def gelu_for(self, config: ModelConfig) -> str:
        """The GELU of one model: the one given, otherwise the one that it was trained with."""
        return self.gelu or config.gelu


@dataclass(frozen=True)
class Compute(Settings):
    """The precision of a model and the variants of its kernels."""

    precision: Annotated[
        Precision,
        Option(
            "Dtype of matrix products; float32 and bfloat16 are other names.",
            choices=tuple(PRECISIONS),
            parse=parse_precision,
        ),
    ] = FP32
    kernels: KernelOptions = field(default_factory=KernelOptions)

    def for_model(self, config: ModelConfig) -> "Compute":
        """The same with the GELU of the model, unless another is given."""
        return dataclasses.replace(self, kernels=self.kernels.for_model(config))
