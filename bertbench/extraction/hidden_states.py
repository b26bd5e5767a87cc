"""The encoder alone: rows of wordpieces -> hidden states of some of its layers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from bertbench.checkpoint.loading import load_weights
from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute
from bertbench.data.batch import assemble
from bertbench.data.batching import plan_batches
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from bertbench.inference import Collector
from bertbench.measure.flops import block_tokens
from bertbench.measure.machine import read_machine
from bertbench.model.encoder import Encoder
from bertbench.model.graph import ShapelessGraph
from bertbench.model.weights import Weights


@dataclass(frozen=True)
class HiddenStates:
    """The hidden states of some texts.

    Attributes:
      features: N texts of T tokens.
      layers: by number, float32 [T, H], or [N, H] after pooling.
    """

    features: Features
    layers: Mapping[int, np.ndarray]


class Extractor:
    """A model's encoder, loaded once."""

    def __init__(self, source: ModelSource, compute: Compute, layers: Sequence[int]) -> None:
        """`layers` are indexes of the encoder's layers: 0 is the first, -1 the last.

        Raises:
          InputError: the source has no checkpoint, or it does not fit.
        """
        weights = Weights(source.config, compute, trainable=False, seed=None)
        self._encoder = Encoder(weights, source.config)
        load_weights(weights.by_name, source.opened)
        self._layers = tuple(layers)
        self._graph = ShapelessGraph(self._forward)
        self._price = block_tokens(source.config, read_machine().usable_cores)

    def extract(
        self, parts: Iterator[Features], *, batch_size: int, batching: str, max_seq_length: int
    ) -> Iterator[HiddenStates]:
        """The hidden states of every token, part by part.

        Raises:
          CannotJudge: one is not finite.
        """
        for features in parts:
            plans = plan_batches(features.lengths, batching, batch_size, max_seq_length, self._price)
            collected = Collector(features, per_token=True)
            for plan in plans:
                batch = assemble(features, plan)
                collected.add(batch, self._graph(batch.tensors))
            layers = {layer: collected.outputs[str(layer)] for layer in self._layers}
            if not all(np.isfinite(values).all() for values in layers.values()):
                raise CannotJudge("a hidden state is not finite; check the checkpoint.")
            yield HiddenStates(features, layers)

    def _forward(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        _, *layers = self._encoder.layer_outputs(batch)  # without the embeddings
        return {str(layer): tf.cast(layers[layer], tf.float32) for layer in self._layers}


def pool(states: HiddenStates, pooling: str) -> HiddenStates:
    """One vector per text; see `ExtractionSettings.pooling`."""
    features = states.features
    first = features.row_splits[:-1]
    if pooling == "cls":
        return HiddenStates(features, {layer: values[first] for layer, values in states.layers.items()})
    lengths = features.lengths[:, None]
    means = {
        layer: (np.add.reduceat(values, first, axis=0, dtype=np.float64) / lengths).astype(np.float32)
        for layer, values in states.layers.items()
    }
    return HiddenStates(features, means)
