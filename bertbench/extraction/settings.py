"""The settings of the extraction."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from bertbench.data.features import MaxSeqLength
from bertbench.errors import InputError
from bertbench.options import Option, Settings
from bertbench.prediction_settings import PredictionSettings

POOLINGS = ("cls", "mean")


@dataclass(frozen=True)
class ExtractionSettings(Settings):
    """The hidden states to extract from each text.

    Attributes:
      pooling: cls: the hidden state of `[CLS]`; mean: the mean over all tokens, `[CLS]` and `[SEP]` included;
        None: every token's.
    """

    option_group: ClassVar[str] = "data"

    layers: Annotated[
        str, Option("Layers between commas; 0 is the first, -1 the last.", metavar="N,N,...")
    ] = "-1,-2,-3,-4"
    pooling: Annotated[
        str | None,
        Option(
            "One vector per text: that of [CLS], or the mean over its tokens.",
            choices=POOLINGS,
            default_help="one per token",
        ),
    ] = None
    max_seq_length: MaxSeqLength = 128
    prediction: PredictionSettings = field(default_factory=PredictionSettings)

    def layers_of(self, num_layers: int) -> tuple[int, ...]:
        """The given layers, for a model with this number of layers.

        Raises:
          InputError: one is not a number or not in the model, or appears twice.
        """
        chosen: list[int] = []
        for word in self.layers.split(","):
            try:
                layer = int(word)
            except ValueError:
                raise InputError(
                    f"--layers: {word!r} is not a whole number; give numbers such as -1,-2."
                ) from None
            if not -num_layers <= layer < num_layers:
                raise InputError(
                    f"--layers: the model has no layer {layer}; its layers are 0 to {num_layers - 1}, or "
                    f"{-num_layers} to -1."
                )
            chosen.append(layer)
        if len({layer % num_layers for layer in chosen}) < len(chosen):
            raise InputError(f"--layers: {self.layers} contains a layer twice; give each once.")
        return tuple(chosen)
