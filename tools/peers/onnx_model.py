"""A BERT with a span head as an ONNX graph (opset 20), made from weights under Google's names.

The graph is that of common exporters for a plain BERT: 3-D hidden states, one product per projection, an
additive mask. ONNX Runtime and OpenVINO fuse what they know in it. Inputs are int64 [B, S] `input_ids`,
`segment_ids` and `mask`; the output is float32 [B, S, 2] `logits`.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bertbench.config import ModelConfig

OPSET = 20
_MASKED = -10000.0
_APPROXIMATE = {"tanh": "tanh", "erf": "none"}


def write_onnx(path: Path, config: ModelConfig, weights: Mapping[str, np.ndarray], gelu: str) -> None:
    """Write `path` and, next to it, `<path>.data` with the weights.

    Args:
      weights: float32 arrays by checkpoint name. gelu: tanh or erf.
    """
    graph = _Graph(config, weights, gelu)
    model = helper.make_model(graph.build(), opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024)


class _Graph:
    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray], gelu: str) -> None:
        self._config = config
        self._weights = weights
        self._gelu = gelu
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def build(self) -> onnx.GraphProto:
        bias = self._mask_bias()
        x = self._embed()
        for index in range(self._config.num_hidden_layers):
            x = self._layer(x, bias, f"bert/encoder/layer_{index}")
        kernel = self._constant("span/kernel", self._weights["cls/squad/output_weights"].T)
        product = self._add("MatMul", x, kernel)
        self._add("Add", product, self._weight("cls/squad/output_bias"), output="logits")
        shape = ["batch", "sequence"]
        return helper.make_graph(
            self._nodes,
            "bert",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, shape)
                for name in ("input_ids", "segment_ids", "mask")
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [*shape, 2])],
            list(self._constants.values()),
        )

    def _mask_bias(self) -> str:
        """[B, S] -> [B, 1, 1, S]."""
        mask = self._add("Cast", "mask", to=TensorProto.FLOAT)
        inverse = self._add("Sub", self._scalar("one", 1.0), mask)
        bias = self._add("Mul", inverse, self._scalar("masked", _MASKED))
        return self._add("Unsqueeze", bias, self._constant("middle_axes", np.array([1, 2])))

    def _embed(self) -> str:
        scope = "bert/embeddings"
        words = self._add("Gather", self._weight(f"{scope}/word_embeddings"), "input_ids")
        segments = self._add("Gather", self._weight(f"{scope}/token_type_embeddings"), "segment_ids")
        zero, one = (self._constant(name, np.array(value)) for name, value in (("zero", 0), ("step", 1)))
        length = self._add("Gather", self._add("Shape", "input_ids"), one)
        places = self._add("Range", zero, length, one)
        positions = self._add("Gather", self._weight(f"{scope}/position_embeddings"), places)
        total = self._add("Add", self._add("Add", words, segments), positions)
        return self._norm(total, f"{scope}/LayerNorm")

    def _layer(self, x: str, bias: str, scope: str) -> str:
        attention = f"{scope}/attention"
        query, key, value = (
            self._split_heads(self._dense(x, f"{attention}/self/{part}"))
            for part in ("query", "key", "value")
        )
        turned = self._add("Transpose", key, perm=[0, 1, 3, 2])
        scores = self._add("MatMul", query, turned)
        scaled = self._add("Div", scores, self._scalar("root", math.sqrt(self._config.head_size)))
        weights = self._add("Softmax", self._add("Add", scaled, bias), axis=-1)
        context = self._add("Transpose", self._add("MatMul", weights, value), perm=[0, 2, 1, 3])
        merged = self._add("Reshape", context, self._constant("merge", np.array([0, 0, -1])))
        x = self._residual(
            self._dense(merged, f"{attention}/output/dense"), x, f"{attention}/output/LayerNorm"
        )
        wide = self._add(
            "Gelu", self._dense(x, f"{scope}/intermediate/dense"), approximate=_APPROXIMATE[self._gelu]
        )
        return self._residual(self._dense(wide, f"{scope}/output/dense"), x, f"{scope}/output/LayerNorm")

    def _split_heads(self, x: str) -> str:
        """[B, S, H] -> [B, A, S, D]."""
        shape = np.array([0, 0, self._config.num_attention_heads, self._config.head_size])
        return self._add(
            "Transpose", self._add("Reshape", x, self._constant("split", shape)), perm=[0, 2, 1, 3]
        )

    def _dense(self, x: str, scope: str) -> str:
        product = self._add("MatMul", x, self._weight(f"{scope}/kernel"))
        return self._add("Add", product, self._weight(f"{scope}/bias"))

    def _residual(self, x: str, residual: str, scope: str) -> str:
        return self._norm(self._add("Add", x, residual), scope)

    def _norm(self, x: str, scope: str) -> str:
        gamma, beta = self._weight(f"{scope}/gamma"), self._weight(f"{scope}/beta")
        return self._add("LayerNormalization", x, gamma, beta, axis=-1, epsilon=self._config.layer_norm_eps)

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _scalar(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, np.float32))

    def _constant(self, name: str, value: np.ndarray) -> str:
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def _add(self, operation: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        name = output or f"{operation}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, inputs, [name], name=name, **attributes))
        return name
