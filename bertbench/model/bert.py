"""One model: an encoder and a head."""

from collections.abc import Callable, Collection

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
      head_names: the names of the variables outside the encoder (the head, with its pooler if it has one).
    """

    def __init__(
        self,
        config: ModelConfig,
        compute: Compute,
        make_head: HeadMaker,
        *,
        trainable: bool = False,
        seed: int | None = None,
        loaded: Collection[str] = (),
    ) -> None:
        """Create the variables: random if a seed is given, save what will be `loaded`; see `Weights`."""
        super().__init__()
        weights = Weights(config, compute, trainable=trainable, seed=seed, loaded=loaded)
        self.config, self.compute = config, weights.compute
        self.encoder = Encoder(weights, config)
        encoder_names = set(weights.by_name)
        self.head = make_head(weights, config, self.encoder)
        self.variables_by_name = weights.by_name
        self.head_names = tuple(name for name in weights.by_name if name not in encoder_names)

    def __call__(
        self, batch: Tensors, seed: tf.Tensor | None = None, *, recompute: bool = False
    ) -> dict[str, tf.Tensor]:
        """The head's logits; arguments as in `Encoder.layer_outputs`, and the head's inputs in `batch`."""
        return self.head(self.encoder(batch, seed, recompute=recompute), batch, seed)
