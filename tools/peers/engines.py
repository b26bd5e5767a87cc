"""The common interface of engines: prepare batches once, then run each; only the run is timed."""

import functools
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.export.inputs import ROW_INPUTS
from tools.peers.inputs import PADDED, SORTED, PlainBatch, make_batches

_OPENVINO_TYPES = {"fp32": "f32", "bf16": "bf16"}
LOGITS = ["start_logits", "end_logits"]
_LEARNING_RATE = 1e-5
_CLIP_NORM = 1.0


@dataclass(frozen=True)
class EngineInputs:
    """The model, data and settings that all engines share.

    Attributes:
      folder: contains the weights, and the model in other formats.
      gelu: tanh or erf. mode: inference or training.
      latency: every window is a separate batch.
      padded: whether the windows run padded to 384, too.
    """

    config: ModelConfig
    folder: Path
    features: Features
    batch_size: int
    threads: int
    gelu: str
    mode: str = "inference"
    latency: bool = False
    padded: bool = True

    @property
    def weights(self) -> Mapping[str, np.ndarray]:
        """float32 arrays by checkpoint name."""
        with np.load(self.folder / "weights.npz") as arrays:
            return dict(arrays)

    @property
    def onnx_file(self) -> Path:
        """The same model as an ONNX graph."""
        return self.folder / "model.onnx"

    def batches(self, setup: str) -> list[PlainBatch]:
        """The windows as batches for other engines."""
        return make_batches(self.features, setup, self.batch_size)


@dataclass(frozen=True)
class Prepared:
    """Batches ready to run.

    Attributes:
      calls: run one batch each.
      logits: from their results, the start and end logits of all windows' tokens, float32 [T, 2]; None in
        training.
    """

    calls: Sequence[Callable[[], Any]]
    logits: Callable[[Sequence[Any]], np.ndarray] | None = None

    def run(self) -> list[Any]:
        """The results of all calls."""
        return [call() for call in self.calls]


class Engine(ABC):
    """One engine in one precision."""

    def __init__(self, inputs: EngineInputs, precision: str) -> None:
        self.inputs = inputs
        self.precision = precision

    @property
    def own_setup(self) -> str | None:
        """The fastest batching setup; None if it is the padded one."""
        return SORTED if self.inputs.mode == "inference" else None

    @property
    def setups(self) -> list[str]:
        """The batching setups that it is measured with."""
        own = [self.own_setup] if self.own_setup else []
        return [PADDED, *own] if self.inputs.padded else own

    @abstractmethod
    def prepare(self, setup: str) -> Prepared:
        """Everything that comes before the timed part."""

    def from_rows(self, batches: Sequence[PlainBatch], calls: Sequence[Callable[[], np.ndarray]]) -> Prepared:
        """An engine that returns logits [B, S, 2] for each batch."""
        features = self.inputs.features

        def logits(outputs: Sequence[np.ndarray]) -> np.ndarray:
            kept = np.zeros((len(features.input_ids), 2), np.float32)
            for batch, rows in zip(batches, outputs, strict=True):
                for row, index in zip(rows, batch.examples, strict=True):
                    start, end = features.row_splits[index : index + 2]
                    kept[start:end] = row[: end - start]
            return kept

        return Prepared(calls, logits)


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
