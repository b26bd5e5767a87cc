"""A repository with its own model, for the tests of `init`, `check` and the pytest plugin."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bertbench.checkpoint.loading import save_weights
from bertbench.checkpoint.readers import open_checkpoint
from bertbench.files import read_json, write_json
from bertbench.results.seal import seal
from bertbench.tasks.classifier import ClassifierTask
from bertbench.tasks.squad import SquadTask
from suites.unit.git_repository import git

QUESTIONS = 60
CLASSIFIER = """\
[model.own]
dir = "model"
task = "classifier"
task-name = "MRPC"
data = "data"
precisions = ["fp32"]
[model.own.accuracy]
max-drop = 5
"""
THROUGHPUT = """\
[model.own.throughput]
batch-size = 1
steps = 7
max-slowdown = 0.5
"""


def commit_all(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--message", "Change")


def make_repository(folder, text=CLASSIFIER):
    """A git repository with the embedded classifier, its data and a bertbench.toml."""
    for place, kept in (
        ("model", ("bert_config.json", "vocab.txt", "bert_model.ckpt*")),
        ("data", ("*.tsv",)),
    ):
        (folder / place).mkdir()
        for pattern in kept:
            for file in ClassifierTask.embedded.model_dir.glob(pattern):
                shutil.copy(file, folder / place)
    (folder / "bertbench.toml").write_text(text)
    git(folder, "init", "--quiet")
    commit_all(folder)
    return folder


def damage(model: Path):
    """Overwrite a checkpoint with noise of the size of its weights added to each matrix."""
    random = np.random.default_rng(11)

    def add_noise(weights: dict[str, np.ndarray]):
        for array in weights.values():
            if array.ndim == 2:
                array += random.normal(0, array.std(), array.shape).astype(array.dtype)

    rewrite_weights(model, add_noise)


def rewrite_weights(model: Path, change: Callable[[dict[str, np.ndarray]], object]):
    """Overwrite a model's checkpoint with its changed weights, by their names in the file."""
    prefix = model / "bert_model.ckpt"
    checkpoint = open_checkpoint(prefix)
    tensors = checkpoint.list_tensors()
    arrays = [tensor.numpy().copy() for tensor in checkpoint.read(tensors)]
    weights = {tensor.name: array for tensor, array in zip(tensors, arrays, strict=True)}
    weights.pop("global_step", None)
    change(weights)
    save_weights(weights, prefix, global_step=0)


def write_squad(path: Path):
    """Some of the embedded questions."""
    content = read_json(SquadTask.embedded.data["data"])
    paragraphs, count = [], 0
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            if count < QUESTIONS:
                paragraphs.append(paragraph)
                count += len(paragraph["qas"])
    write_json(path, {"data": [{"paragraphs": paragraphs}]})
    return count


def slow_down(baselines: Path, factor: float):
    """Make the stored throughput faster than it was, so that the next run is slower than it."""
    (stored,) = baselines.glob("throughput/*/*.json")
    content = json.loads(stored.read_text())
    for benchmark in content["benchmarks"]:
        figures = benchmark["extra_info"]
        figures["efficiency"] *= factor
        figures["efficiency_rounds"] = [rate * factor for rate in figures["efficiency_rounds"]]
        benchmark["extra_info"] = seal(figures)
    stored.write_text(json.dumps(seal(content)))
