"""BERT's embeddings and transformer stack (Devlin et al. 2018, arXiv:1810.04805): token ids -> hidden states.

Shapes: T tokens in blocks of R rows of S tokens, H hidden, A heads, D = H / A, F feed-forward.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from bertbench import kernels
from bertbench.config import ModelConfig
from bertbench.measure.fast_shapes import spare_columns
from bertbench.model.attention import BlockAttention, TokenBlocks, token_blocks
from bertbench.model.dense import feed_forward, make_dense, multiply_each
from bertbench.model.weights import Weights
from bertbench.precision import BF16

Tensors = Mapping[str, tf.Tensor]

# Dropout sites of one layer; the embeddings have site 0.
_SITES_PER_LAYER = 3


class LayerNorm(tf.Module):
    """The parameters of a layer norm; adds a residual before normalizing."""

    def __init__(self, weights: Weights, name: str, config: ModelConfig) -> None:
        super().__init__()
        self.gamma = weights.island_vector(f"{name}/gamma", config.hidden_size, 1.0)
        self.beta = weights.island_vector(f"{name}/beta", config.hidden_size)
        self.epsilon = config.layer_norm_eps
        self._trains = weights.trainable

    def __call__(
        self,
        x: tf.Tensor,
        residual: tf.Tensor | None = None,
        rate: float = 0.0,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Normalized dropout(x) + residual, [T, H] in the dtype of `x`."""
        gamma, beta = tf.identity(self.gamma), tf.identity(self.beta)
        return kernels.add_and_norm(
            x, residual, gamma, beta, self.epsilon, rate, seed, differentiable=self._trains
        )


class Embeddings(tf.Module):
    """Word, position and segment embeddings, summed and normalized."""

    def __init__(self, weights: Weights, config: ModelConfig) -> None:
        super().__init__()
        scope, hidden = "bert/embeddings", config.hidden_size
        self.word = weights.island_matrix(f"{scope}/word_embeddings", (config.vocab_size, hidden))
        self.position = weights.island_matrix(
            f"{scope}/position_embeddings", (config.max_position_embeddings, hidden)
        )
        self.segment = weights.island_matrix(
            f"{scope}/token_type_embeddings", (config.type_vocab_size, hidden)
        )
        self.norm = LayerNorm(weights, f"{scope}/LayerNorm", config)
        self._rate = config.hidden_dropout_prob
        self._dtype = weights.compute.precision.compute_dtype

    def __call__(self, batch: Tensors, seed: tf.Tensor | None) -> tf.Tensor:
        """int32 [T] ids of words, positions and segments -> [T, H] in the compute dtype."""
        total = (
            tf.gather(self.word, batch["input_ids"])
            + tf.gather(self.position, batch["position_ids"])
            + tf.gather(self.segment, batch["segment_ids"])
        )
        normalized = self.norm(total)
        if seed is not None and self._rate:
            normalized = kernels.dropout(normalized, self._rate, kernels.fold_in(seed, 0))
        return tf.cast(normalized, self._dtype)


class TransformerLayer(tf.Module):
    """Self-attention and feed-forward network, each followed by dropout, residual and layer norm."""

    def __init__(self, weights: Weights, config: ModelConfig, index: int) -> None:
        super().__init__()
        trains, compute = weights.trainable, weights.compute
        scope, hidden = f"bert/encoder/layer_{index}", config.hidden_size
        attention = f"{scope}/attention"
        self.query = make_dense(weights, f"{attention}/self/query", hidden, hidden)
        self.key = make_dense(weights, f"{attention}/self/key", hidden, hidden)
        self.value = make_dense(weights, f"{attention}/self/value", hidden, hidden)
        self.attention_output = make_dense(weights, f"{attention}/output/dense", hidden, hidden)
        self.attention_norm = LayerNorm(weights, f"{attention}/output/LayerNorm", config)
        wide = config.intermediate_size
        more = spare_columns(wide) if compute.precision == BF16 and not trains else 0
        self.intermediate = make_dense(weights, f"{scope}/intermediate/dense", hidden, wide, (0, more))
        self.output = make_dense(weights, f"{scope}/output/dense", wide, hidden, (more, 0))
        self.output_norm = LayerNorm(weights, f"{scope}/output/LayerNorm", config)
        self._config = config
        self._gelu = weights.gelu
        softmax = "optimized" if compute.kernels.optimized_softmax else "float32"
        self._attend = BlockAttention(
            config.num_attention_heads, softmax, config.attention_probs_dropout_prob, differentiable=trains
        )
        self._site = 1 + index * _SITES_PER_LAYER

    def __call__(self, x: tf.Tensor, blocks: TokenBlocks, seed: tf.Tensor | None) -> tf.Tensor:
        """Hidden states [T, H] of tokens in blocks -> hidden states [T, H]."""
        rate = self._config.hidden_dropout_prob
        attention_seed, *hidden_seeds = self._seeds(seed)
        query, key, value = multiply_each(x, (self.query, self.key, self.value))
        context = self._attend(query, key, value, blocks, attention_seed)
        x = self.attention_norm(self.attention_output(context), x, rate, hidden_seeds[0])
        changed = feed_forward(x, self.intermediate, self.output, self._gelu)
        return self.output_norm(changed, x, rate, hidden_seeds[1])

    def _seeds(self, seed: tf.Tensor | None) -> list[tf.Tensor | None]:
        rates = (self._config.attention_probs_dropout_prob, *[self._config.hidden_dropout_prob] * 2)
        return [
            kernels.fold_in(seed, self._site + offset) if seed is not None and rate else None
            for offset, rate in enumerate(rates)
        ]


class Encoder(tf.Module):
    """The embeddings and all layers."""

    def __init__(self, weights: Weights, config: ModelConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(weights, config)
        self.layers = [TransformerLayer(weights, config, index) for index in range(config.num_hidden_layers)]
        self._dtype = weights.compute.precision.compute_dtype

    def __call__(
        self, batch: Tensors, seed: tf.Tensor | None = None, *, recompute: bool = False
    ) -> tf.Tensor:
        """The last layer's hidden states, [T, H]; see `layer_outputs`."""
        return self.layer_outputs(batch, seed, recompute=recompute)[-1]

    def layer_outputs(
        self, batch: Tensors, seed: tf.Tensor | None = None, *, recompute: bool = False
    ) -> list[tf.Tensor]:
        """The embeddings' and every layer's hidden states, L + 1 times [T, H] in the compute dtype.

        Args:
          batch: int32 [T] `input_ids`, `segment_ids`, `position_ids` and `sequence_ids` (0 is padding; tokens
            of a row with the same number attend to each other), and int32 [G, 2] `blocks`, the rows and width
            of each block; G must be known when the graph is traced.
          seed: uint32 [2]; enables dropout.
          recompute: keep only each layer's input for the gradient and compute the layer again.
        """
        blocks = token_blocks(batch["blocks"], batch["sequence_ids"], self._dtype)
        outputs = [self.embeddings(batch, seed)]
        for layer in self.layers:
            apply = _recomputed if recompute else TransformerLayer.__call__
            outputs.append(apply(layer, outputs[-1], blocks, seed))
        return outputs


def _recomputed(
    layer: TransformerLayer, x: tf.Tensor, blocks: TokenBlocks, seed: tf.Tensor | None
) -> tf.Tensor:
    """`layer(x, blocks, seed)`; only `x` is kept, and the gradient computes the rest again.

    `tf.recompute_grad` does the same, but fails for gradients that are slices (from a gather of some rows).
    """

    @tf.custom_gradient
    def apply(x: tf.Tensor) -> tuple[tf.Tensor, kernels.Gradient]:
        def gradient(upstream: tf.Tensor, variables: list[tf.Variable]) -> Any:
            upstream = tf.convert_to_tensor(upstream)
            # Only after the gradient is known: otherwise it might be computed, and kept, in the forward pass.
            with tf.control_dependencies([upstream]):
                again = tf.identity(x)
            with tf.GradientTape() as tape:
                tape.watch(again)
                output = layer(again, blocks, seed)
            return tape.gradient(output, (again, variables), upstream)

        return layer(x, blocks, seed), gradient

    return apply(x)
