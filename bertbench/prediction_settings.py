"""The settings of a prediction; not in `prediction`, which imports TensorFlow."""

from dataclasses import dataclass, field
from typing import Annotated

from bertbench.compute import Compute
from bertbench.data.batching import DEFAULT_STRATEGY, Batching
from bertbench.options import Option, Settings


@dataclass(frozen=True)
class PredictionSettings(Settings):
    """How the model computes, and its batches."""

    compute: Compute = field(default_factory=Compute)
    batching: Batching = DEFAULT_STRATEGY
    batch_size: Annotated[int, Option("Rows per batch.", minimum=1)] = 32
    deterministic: Annotated[
        bool,
        Option(
            "Compute each example alone on one thread: the same bits for any batch size, batching and "
            "number of threads. Slower; the threads compute different examples.",
        ),
    ] = False
