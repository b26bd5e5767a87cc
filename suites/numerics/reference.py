"""BERT's encoder in numpy float64, written from the paper alone, to judge the TensorFlow one by.

Devlin et al. 2018 (arXiv:1810.04805) and, for the layer, Vaswani et al. 2017 (arXiv:1706.03762, sections 3.1
to 3.3, post-norm). Variable names are those of Google's checkpoints. Letters: B batch, S tokens, H hidden,
A heads, D = H / A, F feed-forward, L layers.
"""

from collections.abc import Mapping

import numpy as np

from suites.numerics import exact

Array = np.ndarray
GELUS = {"tanh": exact.gelu_tanh, "erf": exact.gelu_erf}


class ReferenceEncoder:
    """Hidden states of every layer in float64.

    Args of the constructor:
      weights: arrays of any float dtype by Google's names, `bert/embeddings/word_embeddings` and so on.
      num_heads: A. epsilon: layer norm's. gelu: "tanh" or "erf".
    """

    def __init__(self, weights: Mapping[str, Array], *, num_heads: int, epsilon: float, gelu: str) -> None:
        self._weights = {name: np.asarray(value).astype(np.float64) for name, value in weights.items()}
        self._num_heads = num_heads
        self._epsilon = epsilon
        self._gelu = GELUS[gelu]
        layers = [name.split("/")[2] for name in weights if name.startswith("bert/encoder/layer_")]
        self.num_layers = len(set(layers))

    def __call__(self, input_ids: Array, segment_ids: Array, input_mask: Array) -> list[Array]:
        """int [B, S] each; mask 1 for tokens and 0 for padding -> L + 1 times [B, S, H], embeddings first."""
        states = [self._embed(input_ids, segment_ids)]
        for index in range(self.num_layers):
            states.append(self._layer(states[-1], f"bert/encoder/layer_{index}", input_mask > 0))
        return states

    def span_logits(self, hidden: Array) -> tuple[Array, Array]:
        """[B, S, H] -> start and end logits, [B, S] each."""
        logits = hidden @ self._weights["cls/squad/output_weights"].T + self._weights["cls/squad/output_bias"]
        return logits[..., 0], logits[..., 1]

    def _embed(self, input_ids: Array, segment_ids: Array) -> Array:
        scope = "bert/embeddings"
        words = self._weights[f"{scope}/word_embeddings"][input_ids]
        positions = self._weights[f"{scope}/position_embeddings"][: input_ids.shape[1]]
        segments = self._weights[f"{scope}/token_type_embeddings"][segment_ids]
        return self._norm(words + positions + segments, f"{scope}/LayerNorm")

    def _layer(self, x: Array, scope: str, real: Array) -> Array:
        attended = self._dense(
            self._attend(x, f"{scope}/attention/self", real), f"{scope}/attention/output/dense"
        )
        x = self._norm(x + attended, f"{scope}/attention/output/LayerNorm")
        inner = self._gelu(self._dense(x, f"{scope}/intermediate/dense"))
        return self._norm(x + self._dense(inner, f"{scope}/output/dense"), f"{scope}/output/LayerNorm")

    def _attend(self, x: Array, scope: str, real: Array) -> Array:
        batch, tokens, hidden = x.shape
        size = hidden // self._num_heads
        query, key, value = (
            self._dense(x, f"{scope}/{name}")
            .reshape(batch, tokens, self._num_heads, size)
            .transpose(0, 2, 1, 3)
            for name in ("query", "key", "value")
        )  # [B, A, S, D]
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(size)
        scores = np.where(real[:, None, None, :], scores, -np.inf)
        return (exact.softmax(scores) @ value).transpose(0, 2, 1, 3).reshape(batch, tokens, hidden)

    def _dense(self, x: Array, scope: str) -> Array:
        return x @ self._weights[f"{scope}/kernel"] + self._weights[f"{scope}/bias"]

    def _norm(self, x: Array, scope: str) -> Array:
        gamma, beta = self._weights[f"{scope}/gamma"], self._weights[f"{scope}/beta"]
        return exact.layer_norm(x, gamma, beta, self._epsilon)
