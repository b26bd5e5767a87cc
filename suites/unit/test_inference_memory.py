"""Memory of a process that runs many models, one after another."""

import gc
import weakref

import numpy as np
import psutil
import pytest

import bertbench
from bertbench import embedded
from bertbench.batch_planner import BatchPlanner
from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.inference import run_inference
from bertbench.model.bert import BertModel
from bertbench.tasks.squad import SquadTask

pytestmark = pytest.mark.unit

PASSES, WARM_UP = 30, 5
RUNS = 300
MODELS_LEFT = 20  # of the last 200 runs: what the allocators may keep
CONFIG = ModelConfig(
    vocab_size=30_000, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
)
MEGABYTES = 4 * 30_000 * 64 / 1e6  # of its word embeddings


def test_memory_is_constant_over_thirty_models():
    task, process = SquadTask(), psutil.Process()
    alive, before = [], 0
    for number in range(PASSES):
        model = BertModel(CONFIG, Compute(), task.make_head)
        alive.append(weakref.ref(model.encoder.embeddings.word))
        run_inference(model, _features(), BatchPlanner("padded", 2, 8))
        del model
        gc.collect()
        if number == WARM_UP - 1:
            before = process.memory_info().rss
    assert sum(reference() is not None for reference in alive) <= 1
    grown = (process.memory_info().rss - before) / 1e6
    assert grown < 0.25 * MEGABYTES * (PASSES - WARM_UP)


@pytest.mark.slow
def test_three_hundred_runs_keep_memory_and_open_files_constant(tmp_path):
    """The first hundred runs fill the allocators; a model that stayed in memory would add its size."""
    rows = (embedded.MRPC / "dev.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "dev.tsv").write_text("".join(rows[:9]), encoding="utf-8")
    process, seen = psutil.Process(), []
    for number in range(RUNS):
        model = bertbench.load(embedded.MRPC, task="classifier", task_name="MRPC")
        model.predict(tmp_path)
        del model
        gc.collect()
        if number + 1 in (RUNS // 3, RUNS):
            seen.append((process.memory_info().rss / 1e6, process.num_fds(), process.num_threads()))
    size = sum(file.stat().st_size for file in embedded.MRPC.glob("*.data-*")) / 1e6
    assert seen[1][0] - seen[0][0] < MODELS_LEFT * size
    assert seen[1][1:] == seen[0][1:]


def _features():
    rows = [np.arange(1, 9)] * 2
    return Features.from_rows(rows, [row * 0 for row in rows])
