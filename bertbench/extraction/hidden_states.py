"""The encoder alone: rows of wordpieces -> hidden states of some of its layers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from bertbench.batch_planner import BatchPlanner
from bertbench.checkpoint.loading import load_weights
from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from bertbench.inference import Collector, batches_at_once, compute_batches
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
        self._config, self._precision = source.config, compute.precision

    def extract(self, parts: Iterator[Features], planner: BatchPlanner) -> Iterator[HiddenStates]:
        """The hidden states of every token, part by part.

        Raises:
          CannotJudge: one is not finite.
        """
        at_once = batches_at_once()
        for features in parts:
            collected = Collector(features, per_token=True)
            plans = planner.plan(features.lengths, self._config, self._precision, at_once)
            with closing(compute_batches(self._graph, features, plans, at_once)) as batches:
                for batch, outputs in batches:
                    collected.add(batch, outputs)
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
