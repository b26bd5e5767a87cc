"""The output heads as ONNX graphs, on top of the encoder's hidden states."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx

from bertbench.config import ModelConfig
from bertbench.export.inputs import POSITIONS, ROW_INPUTS
from bertbench.export.onnx_graph import GraphBuilder

Weights = Mapping[str, np.ndarray]


def build_graph(head: str, config: ModelConfig, weights: Weights, gelu: str) -> onnx.GraphProto:
    """Build the graph of a model.

    Args:
      head: one of `HEADS`.
      weights: see `GraphBuilder`.
      gelu: see `GraphBuilder`.
    """
    builder = GraphBuilder(config, weights, gelu)
    return HEADS[head](builder, weights)


def _span(builder: GraphBuilder, weights: Weights) -> onnx.GraphProto:
    hidden = builder.encode()
    builder.project(hidden, "cls/squad/output_weights", "cls/squad/output_bias", "logits")
    for index, name in enumerate(("start_logits", "end_logits")):
        place = builder.constant(f"{name}/index", np.array(index))
        builder.add("Gather", "logits", place, axis=2, output=name)
    shape = ["batch", "sequence"]
    return builder.finish(ROW_INPUTS, {"start_logits": shape, "end_logits": shape})


def _classifier(builder: GraphBuilder, weights: Weights) -> onnx.GraphProto:
    pooled = builder.pool(builder.encode())
    builder.project(pooled, "output_weights", "output_bias", "logits")
    return builder.finish(ROW_INPUTS, {"logits": ["batch", len(weights["output_bias"])]})


def _pretraining(builder: GraphBuilder, weights: Weights) -> onnx.GraphProto:
    hidden, scope = builder.encode(), "cls/predictions"
    places = builder.add("Unsqueeze", POSITIONS, builder.constant("last_axis", np.array([2])))
    masked = builder.add("GatherND", hidden, places, batch_dims=1)
    x = builder.gelu(builder.dense(masked, f"{scope}/transform/dense"))
    x = builder.norm(x, f"{scope}/transform/LayerNorm")
    words = builder.rounded(builder.weight("bert/embeddings/word_embeddings"))
    product = builder.rounded(builder.add("MatMul", x, builder.add("Transpose", words, perm=[1, 0])))
    builder.add("Add", product, builder.weight(f"{scope}/output_bias"), output="masked_lm_logits")
    scope = "cls/seq_relationship"
    pooled = builder.pool(hidden)
    builder.project(pooled, f"{scope}/output_weights", f"{scope}/output_bias", "next_sentence_logits")
    shapes: dict[str, list[Any]] = {
        "masked_lm_logits": ["batch", "masked", builder.config.vocab_size],
        "next_sentence_logits": ["batch", 2],
    }
    return builder.finish((*ROW_INPUTS, POSITIONS), shapes)


HEADS: dict[str, Callable[[GraphBuilder, Weights], onnx.GraphProto]] = {
    "SpanHead": _span,
    "ClassifierHead": _classifier,
    "PretrainingHead": _pretraining,
}
