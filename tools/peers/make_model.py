"""The one model of a comparison, random or from a folder, in the formats that its engines read.

weights.npz; model.onnx if `onnx` is there; and for int8 a folder of bertbench's with quantization.json.
"""

import importlib.util
import math
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.timed_call import build_model
from bertbench.checkpoint.loading import save_weights
from bertbench.checkpoint.quantization import write_quantization
from bertbench.checkpoint.source import QUANTIZATION_FILE, find_model
from bertbench.compute import Compute, KernelOptions
from bertbench.config import ModelConfig
from bertbench.file_identity import DataFile
from bertbench.files import read_json, write_text
from bertbench.quantization.quantize import quantize
from bertbench.quantization.sensitivity import LARGEST_ERROR
from bertbench.tasks.base import Task
from bertbench.tasks.dataset import Dataset
from bertbench.tasks.table import make_task
from tools.peers.inputs import MAX_SEQ_LENGTH, load_features
from tools.peers.interface import CALIBRATION_FILE, MODEL_FOLDER
from tools.peers.worker import JOB_FILE


def main(folder: Path) -> None:
    """Make the model of the comparison in a folder."""
    values = read_json(folder / JOB_FILE)
    origin = values["origin"]
    config = ModelConfig.from_dict(values["config"])
    task = make_task("squad", max_seq_length=MAX_SEQ_LENGTH)
    case = BenchmarkCase(task, "inference", Compute(), "peers", config, 1)
    source = find_model(origin["model_dir"]) if origin["model_dir"] else None
    model = build_model(case, source)
    weights = {name: variable.numpy() for name, variable in model.variables_by_name.items()}
    np.savez(folder / "weights.npz", allow_pickle=False, **weights)
    if importlib.util.find_spec("onnx") is not None and values["mode"] == "inference":
        from bertbench.export.onnx_graph import write_onnx
        from bertbench.export.onnx_heads import build_graph

        write_onnx(folder / "model.onnx", build_graph("SpanHead", config, weights, values["gelu"]))
    if origin["calibration"] is not None:
        del model  # for its memory
        limit = LARGEST_ERROR if source else math.inf  # random weights have no score to keep
        write_quantized(folder, task, config, weights, values["gelu"], origin["calibration"], limit)


def write_quantized(
    folder: Path,
    task: Task,
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    gelu: str,
    file: Mapping[str, str],
    limit: float = math.inf,
) -> None:
    """Write the model as one of bertbench's folders, with the scales of its int8 products.

    Args:
      folder: the comparison's, with the windows to calibrate on.
      file: their file's path and sha256. limit: as in `bertbench.quantization.quantize`.
    """
    model_dir = folder / MODEL_FOLDER
    save_weights(weights, model_dir / "bert_model.ckpt", global_step=0)
    write_text(model_dir / "bert_config.json", config.to_json())
    features = load_features(folder / CALIBRATION_FILE)
    data = Dataset(features, None, (DataFile(Path(file["path"]), file["sha256"]),), len(features))
    made = quantize(task, find_model(model_dir), KernelOptions(gelu=gelu), data, limit)
    write_quantization(model_dir / QUANTIZATION_FILE, made)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
