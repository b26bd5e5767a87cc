"""The engines that the comparison offers, and those of them that run an ONNX graph or PyTorch."""

import functools
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.measure.machine import read_machine
from bertbench.precision import INT8
from tools.peers.interface import LOGITS, Engine, EngineInputs, Prepared

_LEARNING_RATE = 1e-5
_CLIP_NORM = 1.0
# x86 without VNNI: products of int8 are added up in pairs in 16 bits, where they saturate.
_WITHOUT_VNNI = ("sse41", "avx", "avx2", "avx512_core")


class OnnxRuntime(Engine):
    """ONNX Runtime's CPU provider: float32, or int8 with one scale per call and product ("dynamic")."""

    def __init__(self, inputs: EngineInputs, precision: str) -> None:
        super().__init__(inputs, precision)
        self._file = _quantize(inputs.onnx_file) if precision == INT8.name else inputs.onnx_file

    def prepare(self, setup: str) -> Prepared:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.inputs.threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(self._file), options, providers=["CPUExecutionProvider"])
        batches = self.inputs.batches(setup)

        def run(arrays: dict[str, np.ndarray]) -> np.ndarray:
            return np.stack(session.run(LOGITS, arrays), -1)

        return self.from_rows(batches, [functools.partial(run, batch.named()) for batch in batches])


class PyTorch(Engine):
    """transformers' BertForQuestionAnswering, eager: weights in the precision, or autocast in training."""

    def __init__(self, inputs: EngineInputs, precision: str) -> None:
        super().__init__(inputs, precision)
        import torch

        from tools.peers.torch_model import make_torch_model

        torch.set_num_threads(inputs.threads)
        model = make_torch_model(inputs.config, inputs.weights, inputs.gelu)
        if inputs.mode == "training":
            self._model = model.train()
            self._optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE)
        else:
            self._model = (model.to(torch.bfloat16) if precision == "bf16" else model).eval()

    def prepare(self, setup: str) -> Prepared:
        import torch

        batches = self.inputs.batches(setup)
        inputs = [
            {
                "input_ids": torch.from_numpy(batch.input_ids),
                "token_type_ids": torch.from_numpy(batch.segment_ids),
                "attention_mask": torch.from_numpy(batch.mask),
            }
            for batch in batches
        ]
        if self.inputs.mode == "training":
            for tensors in inputs:
                zeros = torch.zeros(len(tensors["input_ids"]), dtype=torch.int64)
                tensors |= {"start_positions": zeros, "end_positions": zeros}
            return Prepared([functools.partial(self._train, tensors) for tensors in inputs])
        return self.from_rows(batches, [functools.partial(self._infer, tensors) for tensors in inputs])

    def _infer(self, tensors: dict[str, Any]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            made = self._model(**tensors)
            return torch.stack((made.start_logits, made.end_logits), -1).float().numpy()

    def _train(self, tensors: dict[str, Any]) -> float:
        import torch

        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self._model(**tensors).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), _CLIP_NORM)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return float(loss)


@dataclass(frozen=True)
class Offer:
    """An optional engine.

    Attributes:
      place: module and class of the engine.
      packages: those that it needs. more_packages: in addition, by precision.
      precisions: those that it supports. trains: whether it supports training.
    """

    place: tuple[str, str]
    packages: tuple[str, ...]
    precisions: tuple[str, ...] = ("fp32", "bf16")
    more_packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trains: bool = False

    def missing(self, precision: str) -> list[str]:
        """The packages that it needs in a precision and that are not installed."""
        needed = (*self.packages, *self.more_packages.get(precision, ()))
        return [package for package in needed if importlib.util.find_spec(package) is None]

    @property
    def engine(self) -> type[Engine]:
        """The class; importing it imports the engine."""
        module, name = self.place
        return getattr(importlib.import_module(f"tools.peers.{module}"), name)


OWN = "bertbench"
ENGINES = {
    OWN: Offer(("own", "Bertbench"), (), precisions=("fp32", "bf16", "int8"), trains=True),
    "OpenVINO": Offer(
        ("openvino_engine", "OpenVino"),
        ("openvino", "onnx"),
        precisions=("fp32", "bf16", "int8"),
        more_packages={"int8": ("nncf",)},
    ),
    "ONNX Runtime": Offer(("engines", "OnnxRuntime"), ("onnxruntime", "onnx"), precisions=("fp32", "int8")),
    "PyTorch": Offer(("engines", "PyTorch"), ("torch", "transformers"), trains=True),
    "CTranslate2": Offer(
        ("ctranslate2_engine", "CTranslate2"), ("ctranslate2",), precisions=("fp32", "int8")
    ),
}


def _quantize(file: Path) -> Path:
    """The graph with its products with weights in int8; without VNNI with weights of 7 bits, as advised."""
    from onnxruntime.quantization import quantize_dynamic

    made = file.with_name(f"{file.stem}-int8.onnx")
    quantize_dynamic(
        file,
        made,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        reduce_range=read_machine().products.isa in _WITHOUT_VNNI,
    )
    return made
