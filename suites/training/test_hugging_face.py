"""Training that starts from a folder of Hugging Face's, and reading back what it saved."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bertbench.checkpoint.loading import save_weights
from bertbench.checkpoint.readers import open_checkpoint
from bertbench.checkpoint.source import find_model
from bertbench.compute import Compute
from bertbench.errors import InputError
from bertbench.inference import load_model
from bertbench.model.bert import BertModel
from bertbench.training.finetune import run_job
from bertbench.training.job import TrainingJob
from bertbench.training.settings import TrainingSettings
from suites.training.tiny import CONFIG, make_source, make_task
from suites.unit.checkpoint.checkpoint_cases import as_hugging_face
from suites.unit.checkpoint.hugging_face_folders import write_config

pytestmark = pytest.mark.training


def write_model(
    folder: Path, files: Path, names: Sequence[str] = ("equivalent", "not_equivalent")
) -> dict[str, np.ndarray]:
    """A classifier with these outputs; returns its weights, of two outputs in the order of MRPC's labels."""
    model = BertModel(CONFIG, Compute(), make_task("classifier", files).make_head, seed=1)
    weights = {name: variable.numpy() for name, variable in model.variables_by_name.items()}
    weights["output_weights"] = np.resize(weights["output_weights"], (len(names), CONFIG.hidden_size))
    weights["output_bias"] = np.float32([0.25, -0.5, 0.75][: len(names)])
    stored = dict(weights)
    for name in ("output_weights", "output_bias"):
        stored[name] = stored[name][::-1]
    write_config(folder, **CONFIG.to_dict(), id2label={str(i): name for i, name in enumerate(names)})
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


@pytest.mark.parametrize(
    "names", [("sports", "politics"), ("entailment", "neutral", "contradiction"), ("similarity",)]
)
def test_training_replaces_head_of_another_task(
    names: tuple[str, ...], files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = write_model(tmp_path / "model", files, names)
    source = find_model(tmp_path / "model")
    compute = Compute().for_model(source.config)
    settings = TrainingSettings(batch_size=8, num_steps=1, learning_rate=1e-30)  # changes no weight
    task = make_task("classifier", files)
    run_job(TrainingJob(task, source, compute, settings, tmp_path / "out"))
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "random weights" in line]
    assert told.endswith(
        f"the model's outputs are {', '.join(names)}; MRPC has not_equivalent, equivalent; "
        "a new classifier head starts from random weights."
    )

    checkpoint = open_checkpoint(tmp_path / "out")
    saved = {t.name: checkpoint.read([t])[0].numpy() for t in checkpoint.list_tensors() if t.name in weights}
    head = {name: saved.pop(name) for name in ("output_weights", "output_bias")}
    for name, value in saved.items():
        np.testing.assert_allclose(value, weights[name], rtol=0, atol=1e-12, err_msg=name)
    assert head["output_weights"].shape == (2, CONFIG.hidden_size)
    assert not np.isin(head["output_weights"], weights["output_weights"]).any()
    np.testing.assert_allclose(head["output_bias"], 0, atol=1e-12)
    with pytest.raises(InputError, match="give a model that was trained for it, or correct id2label"):
        load_model(task, source, compute)


def test_training_replaces_unnamed_head_of_different_size(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = write_model(tmp_path / "model", files, ("a", "b", "c"))
    save_weights(weights, tmp_path / "google" / "bert_model.ckpt", global_step=0)
    source = make_source(files, tmp_path / "google" / "bert_model.ckpt")
    settings = TrainingSettings(batch_size=8, num_steps=1)
    run_job(TrainingJob(make_task("classifier", files), source, Compute(), settings, tmp_path / "out"))
    assert (
        "bert_model.ckpt: the classifier head has 3 outputs; MRPC has 2; a new classifier head starts from "
        "random weights."
    ) in capsys.readouterr().err
