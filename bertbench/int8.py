"""The encoder's products that can be int8, and their scales."""

from collections.abc import Iterator
from dataclasses import dataclass

from bertbench.config import ModelConfig


@dataclass(frozen=True)
class ProductScales:
    """The conversion of one product's operands to int8.

    Attributes:
      input_range: the value in the smoothed input that becomes 127.
      smoothing: the divisor of each input channel, and the factor of its row of weights (SmoothQuant,
        Xiao et al. 2022, arXiv:2211.10438, equation 3); None: no smoothing.
    """

    input_range: float
    smoothing: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Site:
    """One input of the encoder with all its products, which share the input's scales.

    Attributes:
      name: the scope of the products in Google's checkpoints. products: the scopes of the single products.
      inputs, outputs: the sizes of each product.
      after_gelu: whether the input is the result of a GELU.
    """

    name: str
    products: tuple[str, ...]
    inputs: int
    outputs: int
    after_gelu: bool = False

    @property
    def weights(self) -> int:
        """The number of weights, which is also the number of multiplications per token."""
        return len(self.products) * self.inputs * self.outputs


def list_sites(config: ModelConfig) -> list[Site]:
    """Every site of the encoder, layer by layer."""
    return [site for layer in range(config.num_hidden_layers) for site in _layer_sites(config, layer)]


def _layer_sites(config: ModelConfig, layer: int) -> Iterator[Site]:
    scope, hidden, wide = f"bert/encoder/layer_{layer}", config.hidden_size, config.intermediate_size
    attention = f"{scope}/attention/self"
    projections = tuple(f"{attention}/{name}" for name in ("query", "key", "value"))
    yield Site(attention, projections, hidden, hidden)
    for name, inputs, outputs, after_gelu in (
        ("attention/output/dense", hidden, hidden, False),
        ("intermediate/dense", hidden, wide, False),
        ("output/dense", wide, hidden, True),
    ):
        yield Site(f"{scope}/{name}", (f"{scope}/{name}",), inputs, outputs, after_gelu)
