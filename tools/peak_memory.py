"""Print, as JSON, how many MiB a training step adds with and without recomputation.

    python -m tools.peak_memory FOLDER

The tiny files are written to FOLDER. oneDNN's allocator does not return memory, so the environment must turn
oneDNN off, and must make malloc return memory immediately: `ENVIRONMENT`.
"""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bertbench.compute import Compute
from bertbench.data.batch import assemble
from bertbench.data.batching import plan_one_batch
from bertbench.data.features import Features
from bertbench.measure.timing import peak_memory_mib, reset_peak_memory
from bertbench.model.bert import BertModel
from bertbench.training.optimizer import AdamW
from bertbench.training.step import TrainStep
from bertbench.training.workers import SingleProcess, split_seed
from suites.training.tiny import CONFIG, make_task, write_files

ENVIRONMENT = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
LAYERS, HEADS, ROWS, S = 12, 4, 4, 256
PROBABILITIES_MIB = LAYERS * HEADS * ROWS * S * S * 4 / 2**20


def make_step(files: Path, *, recompute: bool) -> Callable[[], object]:
    config = dataclasses.replace(
        CONFIG, num_hidden_layers=LAYERS, num_attention_heads=HEADS, max_position_embeddings=S
    )
    model = BertModel(config, Compute(), make_task("squad", files).make_head, trainable=True, seed=1)
    step = TrainStep(
        model, AdamW(model.variables_by_name), SingleProcess(), accumulate=False, recompute=recompute
    )
    rows = [np.full(S, 6)] * ROWS
    labels = {name: np.full(ROWS, 3, np.int32) for name in ("start_positions", "end_positions")}
    features = Features.from_rows(rows, [np.zeros(S)] * ROWS, labels)
    batch = assemble(features, plan_one_batch(features.lengths, range(ROWS), "padded", S))
    return lambda: step([batch], [split_seed(0)], 0.0)


def main() -> None:
    files = write_files(Path(sys.argv[1]))
    steps = {name: make_step(files, recompute=name == "recomputed") for name in ("kept", "recomputed")}
    for step in steps.values():
        step()  # compiles
    added = {}
    for name, step in steps.items():
        reset_peak_memory()
        before = peak_memory_mib()
        step()
        added[name] = peak_memory_mib() - before
    print(json.dumps(added))


if __name__ == "__main__":
    main()
