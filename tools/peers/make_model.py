"""The one model of a comparison, random or from a folder: weights.npz and, if `onnx` is there, model.onnx."""

import importlib.util
import sys
from pathlib import Path

import numpy as np

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.timed_call import build_model
from bertbench.checkpoint.source import find_model
from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.files import read_json
from bertbench.tasks.table import make_task
from tools.peers.inputs import MAX_SEQ_LENGTH
from tools.peers.worker import JOB_FILE


def main(folder: Path) -> None:
    """Make the model of the comparison in a folder."""
    values = read_json(folder / JOB_FILE)
    config = ModelConfig.from_dict(values["config"])
    task = make_task("squad", max_seq_length=MAX_SEQ_LENGTH)
    case = BenchmarkCase(task, "inference", Compute(), "peers", config, 1)
    source = find_model(values["model_dir"]) if values["model_dir"] else None
    model = build_model(case, source)
    weights = {name: variable.numpy() for name, variable in model.variables_by_name.items()}
    np.savez(folder / "weights.npz", allow_pickle=False, **weights)
    if importlib.util.find_spec("onnx") is not None and values["mode"] == "inference":
        from bertbench.export.onnx_graph import write_onnx
        from bertbench.export.onnx_heads import build_graph

        write_onnx(folder / "model.onnx", build_graph("SpanHead", config, weights, values["gelu"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
