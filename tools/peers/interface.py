"""The common interface of engines: prepare batches once, then run each; only the run is timed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.measure.timing import time_call
from tools.peers.inputs import PADDED, SORTED, PlainBatch, load_features, make_batches

LOGITS = ["start_logits", "end_logits"]
CALIBRATION_FILE, MODEL_FOLDER = "calibration.npz", "model"


@dataclass(frozen=True)
class EngineInputs:
    """The model, data and settings that all engines share.

    Attributes:
      folder: contains the weights, and the model in other formats.
      gelu: tanh or erf. mode: inference or training.
      latency: every window is a separate batch, whatever the batch size.
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

    @property
    def model_folder(self) -> Path:
        """The same model as one of bertbench's folders, with its int8 scales; only if int8 is compared."""
        return self.folder / MODEL_FOLDER

    @property
    def calibration(self) -> Features:
        """The windows to calibrate on; only if int8 is compared."""
        return load_features(self.folder / CALIBRATION_FILE)

    def batches(self, setup: str) -> list[PlainBatch]:
        """The windows as batches for other engines."""
        return make_batches(self.features, setup, 1 if self.latency else self.batch_size)


@dataclass(frozen=True)
class Prepared:
    """Batches ready to run.

    Attributes:
      calls: run one batch each.
      logits: from their results, the start and end logits of all windows' tokens, float32 [T, 2]; None in
        training.
      at_once: how many batches run at the same time.
    """

    calls: Sequence[Callable[[], Any]]
    logits: Callable[[Sequence[Any]], np.ndarray] | None = None
    at_once: int = 1

    def run(self) -> list[Any]:
        """The results of all calls."""
        if self.at_once == 1:
            return [call() for call in self.calls]
        with ThreadPoolExecutor(self.at_once) as pool:
            return list(pool.map(lambda call: call(), self.calls))

    def time(self) -> list[float]:
        """Seconds of each call; of all together if several run at once."""
        return [time_call(call) for call in self.calls] if self.at_once == 1 else [time_call(self.run)]


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

    def from_rows(
        self, batches: Sequence[PlainBatch], calls: Sequence[Callable[[], np.ndarray]], at_once: int = 1
    ) -> Prepared:
        """An engine that returns logits [B, S, 2] for each batch."""
        features = self.inputs.features

        def logits(outputs: Sequence[np.ndarray]) -> np.ndarray:
            kept = np.zeros((len(features.input_ids), 2), np.float32)
            for batch, rows in zip(batches, outputs, strict=True):
                for row, index in zip(rows, batch.examples, strict=True):
                    start, end = features.row_splits[index : index + 2]
                    kept[start:end] = row[: end - start]
            return kept

        return Prepared(calls, logits, at_once)
