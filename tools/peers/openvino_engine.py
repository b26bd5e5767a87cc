"""OpenVINO's CPU plugin, with NNCF's quantization after training for int8."""

import functools
from queue import SimpleQueue

import numpy as np
import openvino

from bertbench.measure.machine import read_machine
from bertbench.precision import BF16, FP32, INT8
from tools.peers.inputs import SORTED, SORTED_AT_ONCE, make_batches
from tools.peers.interface import LOGITS, Engine, EngineInputs, Prepared

_TYPES = {FP32.name: "f32", BF16.name: "bf16"}


class OpenVino(Engine):
    """Fixed shapes if all batches have the same, else dynamic ones; one batch at a time, or two.

    Around int8 products it computes in the same precision as this project.
    """

    def __init__(self, inputs: EngineInputs, precision: str) -> None:
        super().__init__(inputs, precision)
        model = openvino.Core().read_model(inputs.onnx_file)
        around = read_machine().products.around_int8
        self._type = _TYPES[around.name if precision == INT8.name else precision]
        self._model = _quantize(model, inputs) if precision == INT8.name else model

    @property
    def setups(self) -> list[str]:
        return super().setups if self.inputs.latency else [*super().setups, SORTED_AT_ONCE]

    def prepare(self, setup: str) -> Prepared:
        model = self._model.clone()
        at_once = 2 if setup == SORTED_AT_ONCE else 1
        batches = self.inputs.batches(SORTED if setup == SORTED_AT_ONCE else setup)
        arrays = [batch.named() for batch in batches]
        shapes = {batch.input_ids.shape for batch in batches}
        if len(shapes) == 1:
            model.reshape({name: list(*shapes) for name in arrays[0]})
        properties = {
            "INFERENCE_NUM_THREADS": self.inputs.threads,
            "PERFORMANCE_HINT": "LATENCY" if at_once == 1 else "THROUGHPUT",
            "NUM_STREAMS": at_once,
            "INFERENCE_PRECISION_HINT": self._type,
        }
        compiled = openvino.Core().compile_model(model, "CPU", properties)
        idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(at_once):
            idle.put(compiled.create_infer_request())

        def run(arrays: dict[str, np.ndarray]) -> np.ndarray:
            request = idle.get()
            try:
                made = request.infer(arrays)
                return np.stack([made[name] for name in LOGITS], -1)
            finally:
                idle.put(request)

        return self.from_rows(batches, [functools.partial(run, named) for named in arrays], at_once)


def _quantize(model: openvino.Model, inputs: EngineInputs) -> openvino.Model:
    """The model in int8 by NNCF's defaults for transformers, calibrated on the windows of all engines."""
    import nncf

    windows = [batch.named() for batch in make_batches(inputs.calibration, SORTED, 1)]
    return nncf.quantize(
        model, nncf.Dataset(windows), subset_size=len(windows), model_type=nncf.ModelType.TRANSFORMER
    )
