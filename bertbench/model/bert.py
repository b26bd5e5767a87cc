"""One model: an encoder and a head that compute in one way."""

from collections.abc import Callable

import tensorflow as tf

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.model.encoder import Encoder, Tensors
from bertbench.model.heads import Head
from bertbench.model.weights import Weights

HeadMaker = Callable[[Weights, ModelConfig, Encoder], Head]


class BertModel(tf.Module):
    """Token ids -> logits.

    Attributes:
      variables_by_name: every variable by its name in Google's checkpoints.
      head_names: the names of those that are not the encoder's (the head, with the pooler if it has one).
    """

    def __init__(
        self,
        config: ModelConfig,
        compute: Compute,
        make_head: HeadMaker,
        *,
        trainable: bool = False,
        seed: int | None = None,
    ) -> None:
        """Make the variables: zeros to be loaded, or random ones where a seed is given."""
        super().__init__()
        self.config, self.compute = config, compute
        weights = Weights(compute, trainable=trainable, initializer_range=config.initializer_range, seed=seed)
        self.encoder = Encoder(weights, config)
        encoder_names = set(weights.by_name)
        self.head = make_head(weights, config, self.encoder)
        self.variables_by_name = weights.by_name
        self.head_names = tuple(name for name in weights.by_name if name not in encoder_names)

    def __call__(
        self, batch: Tensors, seed: tf.Tensor | None = None, *, recompute: bool = False
    ) -> dict[str, tf.Tensor]:
        """The head's logits; arguments as for `Encoder.layer_outputs`, and what the head reads of `batch`."""
        return self.head(self.encoder(batch, seed, recompute=recompute), batch, seed)
