"""Training that starts from a folder of Hugging Face's, and reading back what it saved."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bertbench.checkpoint.readers import open_checkpoint
from bertbench.checkpoint.source import find_model
from bertbench.compute import Compute
from bertbench.model.bert import BertModel
from bertbench.training.finetune import run_job
from bertbench.training.job import TrainingJob
from bertbench.training.settings import TrainingSettings
from suites.training.tiny import CONFIG, make_task
from suites.unit.checkpoint.checkpoint_cases import as_hugging_face
from suites.unit.checkpoint.hugging_face_folders import write_config

pytestmark = pytest.mark.training


def write_model(folder: Path, files: Path) -> dict[str, np.ndarray]:
    """A classifier whose first output is `equivalent`; returns its weights in the order of MRPC's labels."""
    model = BertModel(CONFIG, Compute(), make_task("classifier", files).make_head, seed=1)
    weights = {name: variable.numpy() for name, variable in model.variables_by_name.items()}
    weights["output_bias"] = np.float32([0.25, -0.5])
    stored = dict(weights)
    for name in ("output_weights", "output_bias"):
        stored[name] = stored[name][::-1]
    write_config(folder, **CONFIG.to_dict(), id2label={"0": "equivalent", "1": "not_equivalent"})
    save_file(as_hugging_face(stored), folder / "model.safetensors")
    shutil.copy(files / "vocab.txt", folder)
    return weights


def test_saved_checkpoint_has_label_order_of_task_and_gelu_of_model(files: Path, tmp_path: Path) -> None:
    weights = write_model(tmp_path / "model", files)
    source = find_model(tmp_path / "model")
    compute = Compute().for_model(source.config)
    settings = TrainingSettings(batch_size=8, num_steps=1, learning_rate=1e-30)  # changes no weight
    task, output = make_task("classifier", files), tmp_path / "out"
    result = run_job(TrainingJob(task, source, compute, settings, output, evaluate=True))

    trained = find_model(output)
    assert trained.config.gelu == "erf"
    assert task.head_rows(trained) == {}
    checkpoint = open_checkpoint(trained.checkpoint)
    for tensor in checkpoint.list_tensors():
        if tensor.name in weights:
            (value,) = checkpoint.read([tensor])
            np.testing.assert_allclose(value, weights[tensor.name], rtol=0, atol=1e-12, err_msg=tensor.name)

    # The same scores from the folder trained from, from the run itself and from what it saved.
    scores = [
        run_job(
            TrainingJob(task, place, compute, settings, tmp_path / "again", train=False, evaluate=True)
        ).scores
        for place in (source, trained)
    ]
    assert scores == [result.scores] * 2
