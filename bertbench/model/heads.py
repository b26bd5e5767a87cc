"""The output heads, one class per task: hidden states -> logits, and the losses.

Logits are computed in the island dtype (float32), except the masked-LM product with the vocabulary.
Losses are sums, and their weights are known from the batch in advance, so that averages over micro-batches
and processes are exact.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import tensorflow as tf

from bertbench import kernels
from bertbench.config import ModelConfig
from bertbench.model.dense import Dense
from bertbench.model.encoder import Embeddings, LayerNorm, Tensors
from bertbench.model.weights import Weights

# Dropout site of the pooled output; the encoder's sites are below.
_POOLED_SITE = 1 << 20


class Head(Protocol):
    """The task-specific layers on top of the encoder.

    Attributes:
      per_token: whether `predictions` are per token, [T], or per example, [N, ...].
      loss_names: the names of `losses`.
    """

    per_token: bool
    loss_names: tuple[str, ...]

    def __call__(self, hidden: tf.Tensor, batch: Tensors, seed: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """Hidden states [T, H] -> logits by name."""

    def predictions(self, outputs: Tensors, batch: Tensors) -> Tensors:
        """The outputs of inference, by name."""

    def losses(self, outputs: Tensors, batch: Tensors) -> Mapping[str, tf.Tensor]:
        """Each loss summed over the batch, scalars in the island dtype, by name."""

    def loss_weights(self, batch: Mapping[str, np.ndarray]) -> Mapping[str, float]:
        """The divisor of each sum; the training loss is the sum of these averages."""


class SpanHead(tf.Module):
    """Start and end of the answer (SQuAD)."""

    per_token = True
    loss_names = ("loss",)

    def __init__(self, weights: Weights, config: ModelConfig) -> None:
        super().__init__()
        self.weights = weights.island_matrix("cls/squad/output_weights", (2, config.hidden_size))
        self.bias = weights.island_vector("cls/squad/output_bias", 2)

    def __call__(
        self, hidden: tf.Tensor, batch: Tensors, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """[T, H] -> `start_logits` and `end_logits`, [T] each."""
        wide = tf.cast(hidden, self.weights.dtype)
        logits = tf.nn.bias_add(tf.matmul(wide, self.weights, transpose_b=True), self.bias)
        return {"start_logits": logits[:, 0], "end_logits": logits[:, 1]}

    def predictions(self, outputs: Tensors, batch: Tensors) -> Tensors:
        """`start_logits` and `end_logits`, [T] each."""
        return outputs

    def losses(self, outputs: Tensors, batch: Tensors) -> dict[str, tf.Tensor]:
        """The mean of start and end cross-entropy, each over the tokens of the example."""
        total = sum(
            tf.reduce_sum(kernels.cross_entropy(_by_example(outputs[logits], batch), batch[labels]))
            for logits, labels in (("start_logits", "start_positions"), ("end_logits", "end_positions"))
        )
        return {"loss": total / 2}

    def loss_weights(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The number of examples."""
        return {"loss": float(len(batch["lengths"]))}


def _by_example(values: tf.Tensor, batch: Tensors) -> tf.Tensor:
    """Values per token, [T] -> [N, longest example], with the masked score after the end of an example."""
    offsets = tf.range(tf.reduce_max(batch["lengths"]))[None, :]
    inside = offsets < batch["lengths"][:, None]
    index = tf.where(inside, batch["first_token"][:, None] + offsets, 0)
    return tf.where(inside, tf.gather(values, index), tf.constant(kernels.MASKED_SCORE, values.dtype))


class Pooler(tf.Module):
    """tanh of a dense layer on each example's first token."""

    def __init__(self, weights: Weights, config: ModelConfig) -> None:
        super().__init__()
        self.dense = Dense(weights, "bert/pooler/dense", config.hidden_size, config.hidden_size)

    def __call__(self, hidden: tf.Tensor, batch: Tensors) -> tf.Tensor:
        """[T, H] -> [N, H] in the compute dtype."""
        return tf.tanh(self.dense(kernels.gather_rows(hidden, batch["first_token"])))


class ClassifierHead(tf.Module):
    """Class logits, or one value for regression, from the pooled output (GLUE)."""

    per_token = False
    loss_names = ("loss",)

    def __init__(self, weights: Weights, config: ModelConfig, num_labels: int) -> None:
        super().__init__()
        self.pooler = Pooler(weights, config)
        self.weights = weights.island_matrix("output_weights", (num_labels, config.hidden_size))
        self.bias = weights.island_vector("output_bias", num_labels)
        stated = config.classifier_dropout
        self._rate = config.hidden_dropout_prob if stated is None else stated
        self._regression = num_labels == 1

    def __call__(
        self, hidden: tf.Tensor, batch: Tensors, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """[T, H] -> `logits` [N, labels]."""
        pooled = tf.cast(self.pooler(hidden, batch), self.weights.dtype)
        if seed is not None and self._rate:
            pooled = kernels.dropout(pooled, self._rate, kernels.fold_in(seed, _POOLED_SITE))
        return {"logits": tf.nn.bias_add(tf.matmul(pooled, self.weights, transpose_b=True), self.bias)}

    def predictions(self, outputs: Tensors, batch: Tensors) -> Tensors:
        """`logits`, [N, labels]."""
        return outputs

    def losses(self, outputs: Tensors, batch: Tensors) -> dict[str, tf.Tensor]:
        """Cross-entropy, or squared error for regression."""
        logits = outputs["logits"]
        if self._regression:
            per_example = tf.square(logits[:, 0] - tf.cast(batch["label_ids"], logits.dtype))
        else:
            per_example = kernels.cross_entropy(logits, batch["label_ids"])
        return {"loss": tf.reduce_sum(per_example)}

    def loss_weights(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The number of examples."""
        return {"loss": float(len(batch["lengths"]))}


class PretrainingHead(tf.Module):
    """Masked language model and next-sentence prediction."""

    per_token = False
    loss_names = ("masked_lm_loss", "next_sentence_loss")

    def __init__(self, weights: Weights, config: ModelConfig, embeddings: Embeddings) -> None:
        super().__init__()
        scope, hidden = "cls/predictions", config.hidden_size
        self.transform = Dense(weights, f"{scope}/transform/dense", hidden, hidden)
        self.norm = LayerNorm(weights, f"{scope}/transform/LayerNorm", config)
        self.output_bias = weights.island_vector(f"{scope}/output_bias", config.vocab_size)
        self.pooler = Pooler(weights, config)
        self.next_weights = weights.island_matrix("cls/seq_relationship/output_weights", (2, hidden))
        self.next_bias = weights.island_vector("cls/seq_relationship/output_bias", 2)
        self._embeddings = embeddings
        self._gelu = weights.gelu
        self._trains = weights.trainable

    def __call__(
        self, hidden: tf.Tensor, batch: Tensors, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """[T, H] -> `masked_lm_logits` [N * P, V] and `next_sentence_logits` [N, 2]."""
        positions = batch["first_token"][:, None] + batch["masked_lm_positions"]
        masked = kernels.gather_rows(hidden, tf.reshape(positions, [-1]))
        masked = self.transform.with_gelu(masked, self._gelu)
        masked = self.norm(masked)
        table = tf.cast(self._embeddings.word, masked.dtype)
        logits = tf.cast(tf.matmul(masked, table, transpose_b=True), self.output_bias.dtype)
        pooled = tf.cast(self.pooler(hidden, batch), self.next_weights.dtype)
        next_logits = tf.nn.bias_add(tf.matmul(pooled, self.next_weights, transpose_b=True), self.next_bias)
        return {
            "masked_lm_logits": tf.nn.bias_add(logits, self.output_bias),
            "next_sentence_logits": next_logits,
        }

    def predictions(self, outputs: Tensors, batch: Tensors) -> Tensors:
        """Losses and hits per example, [N] each; the masked-LM ones are sums over its masked tokens."""
        masked, following, weights = self._cross_entropies(outputs, batch)
        shape = tf.shape(batch["masked_lm_ids"])
        labels = tf.reshape(batch["masked_lm_ids"], [-1])
        hits = tf.cast(_best(outputs["masked_lm_logits"]) == labels, masked.dtype) * weights
        next_hits = _best(outputs["next_sentence_logits"]) == batch["next_sentence_labels"]
        return {
            "masked_lm_loss": tf.reduce_sum(tf.reshape(masked * weights, shape), -1),
            "masked_lm_hits": tf.reduce_sum(tf.reshape(hits, shape), -1),
            "masked_lm_count": tf.reduce_sum(tf.reshape(weights, shape), -1),
            "next_sentence_loss": following,
            "next_sentence_hits": tf.cast(next_hits, following.dtype),
        }

    def losses(self, outputs: Tensors, batch: Tensors) -> dict[str, tf.Tensor]:
        """Cross-entropy of the masked tokens and of the next-sentence choice."""
        masked, following, weights = self._cross_entropies(outputs, batch)
        return {
            "masked_lm_loss": tf.reduce_sum(masked * weights),
            "next_sentence_loss": tf.reduce_sum(following),
        }

    def loss_weights(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The numbers of masked tokens and of examples."""
        return {
            "masked_lm_loss": float(batch["masked_lm_weights"].sum()),
            "next_sentence_loss": float(len(batch["lengths"])),
        }

    def _cross_entropies(self, outputs: Tensors, batch: Tensors) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Per masked token [N * P], per example [N], and the weights of the masked tokens [N * P]."""
        labels = tf.reshape(batch["masked_lm_ids"], [-1])
        masked = kernels.cross_entropy(outputs["masked_lm_logits"], labels)
        following = kernels.cross_entropy(outputs["next_sentence_logits"], batch["next_sentence_labels"])
        return masked, following, tf.cast(tf.reshape(batch["masked_lm_weights"], [-1]), masked.dtype)


def _best(logits: tf.Tensor) -> tf.Tensor:
    return tf.argmax(logits, -1, output_type=tf.int32)
