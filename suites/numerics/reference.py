"""BERT's encoder in numpy float64, written from the paper alone, as the reference for the TensorFlow one.

Devlin et al. 2018 (arXiv:1810.04805) and, for the layer, Vaswani et al. 2017 (arXiv:1706.03762, sections 3.1
to 3.3, post-norm). Variable names are those of Google's checkpoints. Letters: B batch, S tokens, H hidden,
A heads, D = H / A, F feed-forward, L layers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suites.numerics import exact

Array = np.ndarray
_SMALL = 1e-6  # far above float64's rounding, far below what bends a layer
GELUS = {"tanh": exact.gelu_tanh, "erf": exact.gelu_erf}


@dataclass(frozen=True)
class Condition:
    """How much a layer magnifies relative errors of its inputs and of its attention scores.

    Errors of scores matter where these are large: the exponential makes of a relative error one that is as
    many times as large as the score.
    """

    inputs: float
    scores: float


@dataclass(frozen=True)
class _Uses:
    """Functions that are applied to every use of a layer's input, and to its scores."""

    inputs: Callable[[Array], Array] = np.asarray
    scores: Callable[[Array], Array] = np.asarray


class ReferenceEncoder:
    """Hidden states of every layer in float64.

    Args of the constructor:
      weights: arrays of any float dtype by Google's names, `bert/embeddings/word_embeddings` and so on.
      num_heads: A. epsilon: layer norm's. gelu: "tanh" or "erf".
      product_factor: what every matrix product is multiplied by; below 1 where products lose digits one way.
    """

    def __init__(
        self,
        weights: Mapping[str, Array],
        *,
        num_heads: int,
        epsilon: float,
        gelu: str,
        product_factor: float = 1.0,
    ) -> None:
        self._weights = {name: np.asarray(value).astype(np.float64) for name, value in weights.items()}
        self._num_heads = num_heads
        self._epsilon = epsilon
        self._factor = product_factor
        self._gelu = GELUS[gelu]
        layers = [name.split("/")[2] for name in weights if name.startswith("bert/encoder/layer_")]
        self.num_layers = len(set(layers))

    def __call__(self, input_ids: Array, segment_ids: Array, input_mask: Array) -> list[Array]:
        """int [B, S] each; mask 1 for tokens and 0 for padding -> L + 1 times [B, S, H], embeddings first."""
        states = [self._embed(input_ids, segment_ids)]
        for index in range(self.num_layers):
            states.append(self._layer(states[-1], f"bert/encoder/layer_{index}", input_mask > 0))
        return states

    def conditions(self, states: Sequence[Array], input_mask: Array) -> list[Condition]:
        """How much each layer magnifies small relative errors, given the states that a call gave.

        Each use of a layer's input (query, key, value, residual), or else the scores, get a small random
        relative change in every element, as roundings do; a condition is the root mean square relative
        change of the output at real tokens in units of that.
        """
        generator = np.random.default_rng(9)
        real = input_mask > 0

        def change(x: Array) -> Array:
            return x * (1 + _SMALL * generator.standard_normal(x.shape))

        def respond(index: int, uses: _Uses) -> float:
            changed = self._layer(states[index], f"bert/encoder/layer_{index}", real, uses)
            response = (changed - states[index + 1])[real]
            return float(np.sqrt((response**2).mean() / (states[index + 1][real] ** 2).mean()) / _SMALL)

        return [
            Condition(respond(index, _Uses(inputs=change)), respond(index, _Uses(scores=change)))
            for index in range(self.num_layers)
        ]

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

    def _layer(self, x: Array, scope: str, real: Array, uses: _Uses = _Uses()) -> Array:
        attended = self._dense(
            self._attend(x, f"{scope}/attention/self", real, uses), f"{scope}/attention/output/dense"
        )
        x = self._norm(uses.inputs(x) + attended, f"{scope}/attention/output/LayerNorm")
        inner = self._gelu(self._dense(x, f"{scope}/intermediate/dense"))
        return self._norm(x + self._dense(inner, f"{scope}/output/dense"), f"{scope}/output/LayerNorm")

    def _attend(self, x: Array, scope: str, real: Array, uses: _Uses) -> Array:
        batch, tokens, hidden = x.shape
        size = hidden // self._num_heads
        query, key, value = (
            self._dense(uses.inputs(x), f"{scope}/{name}")
            .reshape(batch, tokens, self._num_heads, size)
            .transpose(0, 2, 1, 3)
            for name in ("query", "key", "value")
        )  # [B, A, S, D]
        scores = uses.scores(query @ key.transpose(0, 1, 3, 2) * self._factor / np.sqrt(size))
        scores = np.where(real[:, None, None, :], scores, -np.inf)
        context = exact.softmax(scores) @ value * self._factor
        return context.transpose(0, 2, 1, 3).reshape(batch, tokens, hidden)

    def _dense(self, x: Array, scope: str) -> Array:
        return x @ self._weights[f"{scope}/kernel"] * self._factor + self._weights[f"{scope}/bias"]

    def _norm(self, x: Array, scope: str) -> Array:
        gamma, beta = self._weights[f"{scope}/gamma"], self._weights[f"{scope}/beta"]
        return exact.layer_norm(x, gamma, beta, self._epsilon)
