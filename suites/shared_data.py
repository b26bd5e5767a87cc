"""The shared test data: real texts, models and reference outputs, which are not part of the repository."""

import os
from pathlib import Path

import pytest

VARIABLE = "BERTBENCH_DATA"
DEV_SET = "data/squad/dev-v1.1-subset.json"
TRAINING_SET = "data/squad/train-v1.1-subset.json"
SQUAD_MODEL = "models/minilm-l6-h384-squad"
VOCABULARY = "models/minilm-l6-h384-uncased/vocab.txt"


def shared_path(name: str) -> Path:
    """A file or folder of the shared data; skips with the missing path if it does not exist."""
    root = os.environ.get(VARIABLE)
    if not root:
        pytest.skip(f"needs {name}: set {VARIABLE}, or --data, to the folder of shared test data")
    path = Path(root).resolve() / name
    if not path.exists():
        pytest.skip(f"{path} is missing; point {VARIABLE}, or --data, at shared test data that has it")
    return path
