"""A model as an ONNX file that ONNX Runtime runs."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bertbench.errors import InputError

if TYPE_CHECKING:
    from bertbench.model.bert import BertModel

MODEL_FILE = "model.onnx"
_PACKAGES = ("onnx", "onnxruntime")


def require_packages() -> None:
    """Check that the optional packages are installed.

    Raises:
      InputError: one is missing.
    """
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"--format onnx needs the package {package}; install {' and '.join(_PACKAGES)}, or "
                "bertbench with its extra `onnx`."
            )


def write_onnx_model(folder: Path, model: BertModel) -> None:
    """Write `model.onnx` and the file of its weights.

    Raises:
      InputError: the model's head is not supported.
    """
    from bertbench.export.onnx_graph import write_onnx
    from bertbench.export.onnx_heads import HEADS, build_graph

    head = type(model.head).__name__
    if head not in HEADS:
        raise InputError(f"--format onnx does not support {head}; give --format saved-model.")
    weights = {name: variable.numpy() for name, variable in model.variables_by_name.items()}
    gelu = model.compute.kernels.gelu_for(model.config)
    write_onnx(folder / MODEL_FILE, build_graph(head, model.config, weights, gelu))


def run_onnx_model(folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of ONNX Runtime's CPU provider by name."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / MODEL_FILE), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    outputs = session.run(names, {name: values.astype(np.int64) for name, values in inputs.items()})
    return dict(zip(names, outputs, strict=True))
