"""CTranslate2's encoder, whose hidden states numpy turns into logits: it has no head for spans.

The model is made from weights under Google's names as its own converter makes one of transformers'
(ctranslate2/converters/transformers.py, BertLoader).
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.specs import LayerSpec, common_spec, transformer_spec

from bertbench.config import ModelConfig
from bertbench.precision import FP32, INT8
from tools.peers.inputs import PlainBatch
from tools.peers.interface import Engine, EngineInputs, Prepared

_ACTIVATIONS = {"tanh": common_spec.Activation.GELUTanh, "erf": common_spec.Activation.GELU}
_TYPES = {FP32.name: "float32", INT8.name: "int8_float32"}
_FOLDER = "ctranslate2"
Weights = Mapping[str, np.ndarray]


class CTranslate2(Engine):
    """float32, or int8 with a scale per row of activations, which it measures as it computes."""

    def __init__(self, inputs: EngineInputs, precision: str) -> None:
        super().__init__(inputs, precision)
        weights = inputs.weights
        folder = inputs.folder / _FOLDER
        _write_model(folder, inputs.config, weights, inputs.gelu)
        self._encoder = ctranslate2.Encoder(
            str(folder), compute_type=_TYPES[precision], inter_threads=1, intra_threads=inputs.threads
        )
        self._kernel = np.ascontiguousarray(weights["cls/squad/output_weights"].T)
        self._bias = weights["cls/squad/output_bias"]

    def prepare(self, setup: str) -> Prepared:
        batches = self.inputs.batches(setup)
        return self.from_rows(batches, [self._call(batch) for batch in batches])

    def _call(self, batch: PlainBatch) -> functools.partial[np.ndarray]:
        ids, lengths = batch.input_ids.astype(np.int32), batch.mask.sum(1, dtype=np.int32)
        return functools.partial(self._run, ids, lengths, batch.segment_ids.tolist())

    def _run(self, ids: np.ndarray, lengths: np.ndarray, segments: Sequence[Sequence[int]]) -> np.ndarray:
        inputs = ctranslate2.StorageView.from_array(ids)
        counts = ctranslate2.StorageView.from_array(lengths)
        made = self._encoder.forward_batch(inputs, counts, token_type_ids=segments)
        return np.asarray(made.last_hidden_state) @ self._kernel + self._bias


def _write_model(folder: Path, config: ModelConfig, weights: Weights, gelu: str) -> None:
    encoder = transformer_spec.TransformerEncoderSpec(
        config.num_hidden_layers,
        config.num_attention_heads,
        pre_norm=False,
        activation=_ACTIVATIONS[gelu],
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
        layernorm_embedding=True,
    )
    encoder.scale_embeddings = False
    scope = "bert/embeddings"
    encoder.embeddings[0].weight = weights[f"{scope}/word_embeddings"]
    encoder.embeddings[1].weight = weights[f"{scope}/token_type_embeddings"]
    encoder.position_encodings.encodings = weights[f"{scope}/position_embeddings"]
    _set_norm(encoder.layernorm_embedding, weights, scope)
    for index, layer in enumerate(encoder.layer):
        _set_layer(layer, weights, f"bert/encoder/layer_{index}")
    model = transformer_spec.TransformerEncoderModelSpec(encoder)
    model.config.layer_norm_epsilon = config.layer_norm_eps
    model.config.unk_token = "0"
    model.register_vocabulary([str(number) for number in range(config.vocab_size)])
    model.validate()
    model.optimize()
    folder.mkdir(exist_ok=True)
    model.save(str(folder))


def _set_layer(layer: LayerSpec, weights: Weights, scope: str) -> None:
    attention = f"{scope}/attention"
    query_key_value = [f"{attention}/self/{part}" for part in ("query", "key", "value")]
    _set_linear(layer.self_attention.linear[0], weights, *query_key_value)
    _set_linear(layer.self_attention.linear[1], weights, f"{attention}/output/dense")
    _set_norm(layer.self_attention.layer_norm, weights, f"{attention}/output")
    _set_linear(layer.ffn.linear_0, weights, f"{scope}/intermediate/dense")
    _set_linear(layer.ffn.linear_1, weights, f"{scope}/output/dense")
    _set_norm(layer.ffn.layer_norm, weights, f"{scope}/output")


def _set_linear(linear: LayerSpec, weights: Weights, *scopes: str) -> None:
    """One layer of several that have the same input, their outputs side by side."""
    linear.weight = np.concatenate([weights[f"{scope}/kernel"].T for scope in scopes])
    linear.bias = np.concatenate([weights[f"{scope}/bias"] for scope in scopes])


def _set_norm(norm: LayerSpec, weights: Weights, scope: str) -> None:
    norm.gamma, norm.beta = weights[f"{scope}/LayerNorm/gamma"], weights[f"{scope}/LayerNorm/beta"]
