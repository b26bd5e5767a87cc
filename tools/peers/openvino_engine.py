"""OpenVINO's CPU plugin, with NNCF's quantization after training for int8."""

import functools

import numpy as np
import openvino

from bertbench.measure.machine import bf16_is_native
from bertbench.precision import BF16, FP32, INT8
from tools.peers.inputs import SORTED, make_batches
from tools.peers.interface import LOGITS, Engine, EngineInputs, Prepared

_TYPES = {FP32.name: "f32", BF16.name: "bf16"}


class OpenVino(Engine):
    """Fixed shapes if all batches have the same, else dynamic ones.

    Around int8 products it computes in bfloat16 where the CPU has the instructions, else in float32.
    """

    def __init__(self, inputs: EngineInputs, precision: str) -> None:
        super().__init__(inputs, precision)
        model = openvino.Core().read_model(inputs.onnx_file)
        around = BF16 if bf16_is_native() else FP32
        self._type = _TYPES[around.name if precision == INT8.name else precision]
        self._model = _quantize(model, inputs) if precision == INT8.name else model

    def prepare(self, setup: str) -> Prepared:
        model = self._model.clone()
        batches = self.inputs.batches(setup)
        arrays = [batch.named() for batch in batches]
        shapes = {batch.input_ids.shape for batch in batches}
        if len(shapes) == 1:
            model.reshape({name: list(*shapes) for name in arrays[0]})
        properties = {
            "INFERENCE_NUM_THREADS": self.inputs.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self._type,
        }
        request = openvino.Core().compile_model(model, "CPU", properties).create_infer_request()

        def run(arrays: dict[str, np.ndarray]) -> np.ndarray:
            made = request.infer(arrays)
            return np.stack([made[name] for name in LOGITS], -1)

        return self.from_rows(batches, [functools.partial(run, named) for named in arrays])


def _quantize(model: openvino.Model, inputs: EngineInputs) -> openvino.Model:
    """The model in int8 by NNCF's defaults for transformers, calibrated on the windows of all engines."""
    import nncf

    windows = [batch.named() for batch in make_batches(inputs.calibration, SORTED, 1)]
    return nncf.quantize(
        model, nncf.Dataset(windows), subset_size=len(windows), model_type=nncf.ModelType.TRANSFORMER
    )
