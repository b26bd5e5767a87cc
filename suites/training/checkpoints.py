"""Reads the checkpoints of a training."""

from pathlib import Path

import numpy as np

from bertbench.checkpoint.readers import open_checkpoint


def newest_step(output_dir: Path) -> int:
    return max((int(file.stem.split("-")[1]) for file in output_dir.glob("model.ckpt-*.index")), default=0)


def read(prefix: Path) -> dict[str, np.ndarray]:
    source = open_checkpoint(prefix)
    tensors = source.list_tensors()
    return {tensor.name: source.read([tensor])[0].numpy() for tensor in tensors}
