"""The same seed gives the same run, even if it is killed repeatedly."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bertbench.precision import BF16
from bertbench.training.settings import TrainingSettings
from suites.training.checkpoints import newest_step, read
from suites.training.tiny import make_trainer, snapshot

pytestmark = pytest.mark.training

ROOT = Path(__file__).resolve().parents[2]
STEPS, SAVE_EVERY = 60, 3
DEADLINE = 240.0


def test_same_seed_gives_equal_weights_and_other_seed_different(files: Path, tmp_path: Path) -> None:
    def weights(name: str, seed: int) -> dict[str, np.ndarray]:
        settings = TrainingSettings(
            batch_size=8, batching="padded", num_steps=8, learning_rate=1e-2, seed=seed
        )
        trainer = make_trainer(files, tmp_path / name, settings, precision=BF16, num_examples=40)
        trainer.run()
        return snapshot(trainer)

    first, again, other = weights("first", 1), weights("again", 1), weights("other", 2)
    for name, value in first.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)
    assert any(not np.array_equal(other[name], value) for name, value in first.items())


def test_resumed_runs_end_with_weights_of_uninterrupted_run(files: Path, tmp_path: Path) -> None:
    """SIGKILL at random moments, two operations at once, accumulation; the last checkpoint, bit for bit."""
    assert run(files, tmp_path / "whole") == 0
    moments = [random.randrange(0, STEPS // 2, SAVE_EVERY) for _ in range(2)]
    for after in sorted(moments):
        delay = random.uniform(0, 0.1)
        print(f"killing {delay:.3f} s after the checkpoint of step {after}")
        assert kill(files, tmp_path / "killed", after, delay) == -signal.SIGKILL
    assert run(files, tmp_path / "killed") == 0
    whole, resumed = (read(tmp_path / name / f"model.ckpt-{STEPS}") for name in ("whole", "killed"))
    assert whole.keys() == resumed.keys()
    assert "bert/embeddings/word_embeddings/adam_m" in whole
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)
    curve, resumed_curve = (loss_curve(tmp_path / name) for name in ("whole", "killed"))
    assert [step for step, _ in curve] == [*range(SAVE_EVERY, STEPS, SAVE_EVERY), STEPS]
    assert resumed_curve == curve


def loss_curve(output_dir: Path) -> list[list[float]]:
    return json.loads((output_dir / "results.json").read_text())["training"]["loss_curve"]


def command(files: Path, output_dir: Path) -> Sequence[str]:
    return (
        *(sys.executable, "-m", "bertbench", "train", "squad"),
        *("--config-file", str(files / "bert_config.json"), "--vocab-file", str(files / "vocab.txt")),
        *("--train-file", str(files / "train.json"), "--max-seq-length", "24", "--doc-stride", "8"),
        *("--max-query-length", "8", "--batch-size", "4", "--accum-steps", "2", "--batching", "padded"),
        *("--learning-rate", "1e-2", "--num-train-steps", str(STEPS), "--num-intra-threads", "2"),
        *("--num-inter-threads", "2", "--save-checkpoints-steps", str(SAVE_EVERY), "--precision", "bf16"),
        *("--output-dir", str(output_dir)),
    )


def start(files: Path, output_dir: Path) -> subprocess.Popen:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (output_dir.parent / f"{output_dir.name}.log").open("a") as log:
        return subprocess.Popen(command(files, output_dir), cwd=ROOT, env=environment, stdout=log, stderr=log)


def run(files: Path, output_dir: Path) -> int:
    process = start(files, output_dir)
    try:
        return process.wait(DEADLINE)
    finally:
        process.kill()
        print((output_dir.parent / f"{output_dir.name}.log").read_text())


def kill(files: Path, output_dir: Path, after: int, delay: float) -> int:
    """Start a run and kill it after a checkpoint of this step or a later one exists; its exit status."""
    process = start(files, output_dir)
    try:
        deadline = time.monotonic() + DEADLINE
        while newest_step(output_dir) < after and process.poll() is None:
            assert time.monotonic() < deadline, "no checkpoint in time"
            time.sleep(0.005)
        time.sleep(delay)
    finally:
        process.kill()
    return process.wait()
