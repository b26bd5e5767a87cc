"""A BERT as an ONNX graph (opset 20), built from weights with Google's names.

The graph is like that of common exporters for a plain BERT: 3-D hidden states, one product per projection, an
additive mask. ONNX Runtime and OpenVINO fuse its known patterns. Inputs are int64, see
`bertbench.export.inputs`.

ONNX Runtime computes in float32 on CPUs. A model in bfloat16 keeps its bfloat16 weights,
and rounds to bfloat16 where bertbench does: after every product, softmax, layer norm and GELU.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bertbench.config import ModelConfig
from bertbench.export.inputs import ROW_INPUTS

OPSET = 20
_IR_VERSION = 10
_MASKED = -1e9
_APPROXIMATE = {"tanh": "tanh", "fused": "tanh", "erf": "none"}


def write_onnx(path: Path, graph: onnx.GraphProto) -> None:
    """Write `path`, and the weights to `<path>.data`."""
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="bertbench")
    onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024)


class GraphBuilder:
    """Nodes and constants of a graph under construction.

    Attributes:
      config: the model's configuration.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray], gelu: str) -> None:
        """Weights are float32 or bfloat16 arrays by checkpoint name; `gelu` is tanh, erf or fused."""
        self.config = config
        self._weights = weights
        self._approximate = _APPROXIMATE[gelu]
        self._rounds = any(value.dtype != np.float32 for value in weights.values())
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def finish(self, inputs: tuple[str, ...], outputs: Mapping[str, list[Any]]) -> onnx.GraphProto:
        """Build the graph.

        Args:
          inputs: the names of all inputs.
          outputs: the shape of each output.
        """
        shapes = {name: ["batch", "sequence" if name in ROW_INPUTS else "masked"] for name in inputs}
        return helper.make_graph(
            self._nodes,
            "bert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, shapes[name]) for name in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, outputs[name]) for name in outputs],
            list(self._constants.values()),
        )

    def encode(self) -> str:
        """Add the encoder; returns the hidden states, [N, S, H]."""
        bias = self._mask_bias()
        x = self._embed()
        for index in range(self.config.num_hidden_layers):
            x = self._layer(x, bias, f"bert/encoder/layer_{index}")
        return x

    def pool(self, hidden: str) -> str:
        """Add the pooler: tanh of a dense layer on each row's first token, [N, H]."""
        first = self.add("Gather", hidden, self.constant("zero", np.array(0)), axis=1)
        return self.rounded(self.add("Tanh", self.dense(first, "bert/pooler/dense")))

    def dense(self, x: str, scope: str) -> str:
        """x @ kernel + bias."""
        product = self.add("MatMul", x, self.weight(f"{scope}/kernel"))
        return self.rounded(self.add("Add", product, self.weight(f"{scope}/bias")))

    def project(self, x: str, weights: str, bias: str, output: str) -> None:
        """Add x @ weights^T + bias as an output of the graph."""
        turned = self.add("Transpose", self.weight(weights), perm=[1, 0])
        self.add("Add", self.add("MatMul", x, turned), self.weight(bias), output=output)

    def gelu(self, x: str) -> str:
        """The GELU of the model."""
        return self.rounded(self.add("Gelu", x, approximate=self._approximate))

    def norm(self, x: str, scope: str) -> str:
        """Layer normalization."""
        gamma, beta = self.weight(f"{scope}/gamma"), self.weight(f"{scope}/beta")
        epsilon = self.config.layer_norm_eps
        return self.rounded(self.add("LayerNormalization", x, gamma, beta, axis=-1, epsilon=epsilon))

    def rounded(self, x: str) -> str:
        """`x` rounded to the precision of the model."""
        if not self._rounds:
            return x
        return self.add("Cast", self.add("Cast", x, to=TensorProto.BFLOAT16), to=TensorProto.FLOAT)

    def weight(self, name: str) -> str:
        """A weight, cast to float32."""
        value = self._weights[name]
        if value.dtype == np.float32:
            return self.constant(name, value)
        wide = f"{name}/float32"
        if name not in self._constants:
            raw = np.ascontiguousarray(value).tobytes()
            self._constants[name] = helper.make_tensor(name, TensorProto.BFLOAT16, value.shape, raw, raw=True)
            self._nodes.append(helper.make_node("Cast", [name], [wide], name=wide, to=TensorProto.FLOAT))
        return wide

    def constant(self, name: str, value: np.ndarray) -> str:
        """A constant; each name is added once."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def add(self, operation: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node; returns the name of its output."""
        name = output or f"{operation}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, inputs, [name], name=name, **attributes))
        return name

    def _scalar(self, name: str, value: float) -> str:
        return self.constant(name, np.array(value, np.float32))

    def _mask_bias(self) -> str:
        """[N, S] -> [N, 1, 1, S]."""
        mask = self.add("Cast", "input_mask", to=TensorProto.FLOAT)
        inverse = self.add("Sub", self._scalar("one", 1.0), mask)
        bias = self.add("Mul", inverse, self._scalar("masked", _MASKED))
        return self.add("Unsqueeze", bias, self.constant("middle_axes", np.array([1, 2])))

    def _embed(self) -> str:
        scope = "bert/embeddings"
        words = self.add("Gather", self.weight(f"{scope}/word_embeddings"), "input_ids")
        segments = self.add("Gather", self.weight(f"{scope}/token_type_embeddings"), "segment_ids")
        zero, one = (self.constant(name, np.array(value)) for name, value in (("zero", 0), ("step", 1)))
        length = self.add("Gather", self.add("Shape", "input_ids"), one)
        places = self.add("Range", zero, length, one)
        positions = self.add("Gather", self.weight(f"{scope}/position_embeddings"), places)
        total = self.add("Add", self.add("Add", words, segments), positions)
        return self.norm(total, f"{scope}/LayerNorm")

    def _layer(self, x: str, bias: str, scope: str) -> str:
        attention = f"{scope}/attention"
        query, key, value = (
            self._split_heads(self.dense(x, f"{attention}/self/{part}")) for part in ("query", "key", "value")
        )
        turned = self.add("Transpose", key, perm=[0, 1, 3, 2])
        scores = self.rounded(self.add("MatMul", query, turned))
        scaled = self.add("Div", scores, self._scalar("root", math.sqrt(self.config.head_size)))
        weights = self.rounded(self.add("Softmax", self.add("Add", scaled, bias), axis=-1))
        context = self.add("Transpose", self.rounded(self.add("MatMul", weights, value)), perm=[0, 2, 1, 3])
        merged = self.add("Reshape", context, self.constant("merge", np.array([0, 0, -1])))
        x = self._residual(
            self.dense(merged, f"{attention}/output/dense"), x, f"{attention}/output/LayerNorm"
        )
        wide = self.gelu(self.dense(x, f"{scope}/intermediate/dense"))
        return self._residual(self.dense(wide, f"{scope}/output/dense"), x, f"{scope}/output/LayerNorm")

    def _split_heads(self, x: str) -> str:
        """[N, S, H] -> [N, A, S, D]."""
        shape = np.array([0, 0, self.config.num_attention_heads, self.config.head_size])
        return self.add("Transpose", self.add("Reshape", x, self.constant("split", shape)), perm=[0, 2, 1, 3])

    def _residual(self, x: str, residual: str, scope: str) -> str:
        return self.norm(self.add("Add", x, residual), scope)
