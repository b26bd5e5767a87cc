"""The start of a training."""

import pytest

from bertbench.checkpoint import readers
from bertbench.checkpoint.source import find_model
from bertbench.compute import Compute
from bertbench.tasks.table import TASKS
from bertbench.training.job import TrainingJob
from bertbench.training.settings import TrainingSettings
from bertbench.training.trainer import Trainer

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", TASKS.values(), ids=TASKS)
def test_initial_checkpoints_list_of_tensors_is_read_once(tmp_path, monkeypatch, kind):
    read = []
    original = readers.read_bundle_index
    monkeypatch.setattr(readers, "read_bundle_index", lambda file: read.append(file) or original(file))
    source = find_model(kind.embedded.model_dir)
    task = kind(kind.settings_type(**kind.embedded.data), source.tokenizer())
    features = task.read("dev").features.first(8)
    settings = TrainingSettings(num_steps=1, batch_size=8)
    Trainer(TrainingJob(task, source, Compute(), settings, tmp_path), features)
    assert len(read) == 1
