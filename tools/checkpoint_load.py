"""Load a BERT-large checkpoint in a separate process and print time and memory as one line of JSON.

Run as `python -m tools.checkpoint_load write|load PREFIX`.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import tensorflow as tf

from bertbench.checkpoint.finding import checkpoint_fingerprint
from bertbench.checkpoint.loading import load_weights, save_weights
from suites.unit.checkpoint.checkpoint_cases import weight_shapes, zero_variables

SHAPES = weight_shapes(30522, 1024, 4096, 24, 512, pooler=True, pretraining_heads=True)
ROUNDS = 5


def write(prefix: Path) -> dict[str, float]:
    values = np.random.default_rng(0).standard_normal(30522 * 1024, dtype=np.float32)
    weights = {name: values[: np.prod(shape)].reshape(shape) for name, shape in SHAPES.items()}
    return {"save_seconds": seconds(lambda: save_weights(weights, prefix, global_step=0))}


def load(prefix: Path) -> dict[str, float]:
    """Time and memory of loading; memory in bytes, above that with TensorFlow imported and no variables."""
    tf.zeros(()).numpy()
    before = psutil.Process().memory_info().rss
    variables = zero_variables(SHAPES)
    load_weights(variables, prefix)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    reads, loads = [], []
    for _ in range(ROUNDS):
        reads.append(seconds(lambda: read_all(prefix)))
        loads.append(seconds(lambda: load_weights(variables, prefix)))
    return {
        "weight_bytes": 4 * sum(int(np.prod(shape)) for shape in SHAPES.values()),
        "peak_bytes": peak - before,
        "read_seconds": min(reads),
        "load_seconds": min(loads),
        "fingerprint_seconds": seconds(lambda: checkpoint_fingerprint(prefix)),
    }


def read_all(prefix: Path) -> None:
    reader = tf.train.load_checkpoint(str(prefix))
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps({"write": write, "load": load}[sys.argv[1]](Path(sys.argv[2]))))
