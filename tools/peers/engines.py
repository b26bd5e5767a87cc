"""The engines that the comparison offers, and those of them that run an ONNX graph or PyTorch."""

import functools
import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np

from bertbench.export.inputs import ROW_INPUTS
from tools.peers.inputs import PlainBatch
from tools.peers.interface import LOGITS, Engine, EngineInputs, Prepared

_OPENVINO_TYPES = {"fp32": "f32", "bf16": "bf16"}
_LEARNING_RATE = 1e-5
_CLIP_NORM = 1.0


class OpenVino(Engine):
    """OpenVINO's CPU plugin: fixed shapes if all batches have the same, else dynamic ones."""

    def prepare(self, setup: str) -> Prepared:
        import openvino

        core = openvino.Core()
        model = core.read_model(self.inputs.onnx_file)
        batches = self.inputs.batches(setup)
        shapes = {batch.input_ids.shape for batch in batches}
        if len(shapes) == 1:
            model.reshape({name: list(*shapes) for name in ROW_INPUTS})
        properties = {
            "INFERENCE_NUM_THREADS": self.inputs.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _OPENVINO_TYPES[self.precision],
        }
        request = core.compile_model(model, "CPU", properties).create_infer_request()

        def run(arrays: dict[str, np.ndarray]) -> np.ndarray:
            made = request.infer(arrays)
            return np.stack([made[name] for name in LOGITS], -1)

        return self.from_rows(batches, [functools.partial(run, _named(batch)) for batch in batches])


class OnnxRuntime(Engine):
    """ONNX Runtime's CPU provider, which computes in float32 only."""

    def prepare(self, setup: str) -> Prepared:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.inputs.threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            str(self.inputs.onnx_file), options, providers=["CPUExecutionProvider"]
        )
        batches = self.inputs.batches(setup)

        def run(arrays: dict[str, np.ndarray]) -> np.ndarray:
            return np.stack(session.run(LOGITS, arrays), -1)

        return self.from_rows(batches, [functools.partial(run, _named(batch)) for batch in batches])


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
      place: module and class of the engine. packages: those that it needs.
      precisions: those that it supports. trains: whether it supports training.
    """

    place: tuple[str, str]
    packages: tuple[str, ...]
    precisions: tuple[str, ...] = ("fp32", "bf16")
    trains: bool = False

    @property
    def missing(self) -> list[str]:
        """The packages that are not installed."""
        return [package for package in self.packages if importlib.util.find_spec(package) is None]

    @property
    def engine(self) -> type[Engine]:
        """The class; importing it imports the engine."""
        module, name = self.place
        return getattr(importlib.import_module(f"tools.peers.{module}"), name)


OWN = "bertbench"
ENGINES = {
    OWN: Offer(("own", "Bertbench"), (), trains=True),
    "OpenVINO": Offer(("engines", "OpenVino"), ("openvino", "onnx")),
    "ONNX Runtime": Offer(("engines", "OnnxRuntime"), ("onnxruntime", "onnx"), precisions=("fp32",)),
    "PyTorch": Offer(("engines", "PyTorch"), ("torch", "transformers"), trains=True),
    "CTranslate2": Offer(("ctranslate2_engine", "CTranslate2"), ("ctranslate2",), precisions=("fp32",)),
}


def _named(batch: PlainBatch) -> dict[str, np.ndarray]:
    return {"input_ids": batch.input_ids, "segment_ids": batch.segment_ids, "input_mask": batch.mask}
