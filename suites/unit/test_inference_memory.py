"""Memory of a process that runs many models, one after another."""

import gc
import weakref

import numpy as np
import psutil
import pytest

from bertbench.batch_planner import BatchPlanner
from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.inference import run_inference
from bertbench.model.bert import BertModel
from bertbench.tasks.squad import SquadTask

pytestmark = pytest.mark.unit

PASSES, WARM_UP = 30, 5
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


def _features():
    rows = [np.arange(1, 9)] * 2
    return Features.from_rows(rows, [row * 0 for row in rows])
