"""No command passes non-finite weights or scores, or a model that always gives the same answer."""

import math
import shutil

import numpy as np
import pytest

from bertbench.checkpoint.loading import save_weights
from bertbench.checkpoint.readers import open_checkpoint
from bertbench.errors import CannotJudge
from bertbench.tasks.dataset import TaskResult
from bertbench.tasks.table import TASKS
from suites.unit.own_project import commit_all, make_repository

pytestmark = pytest.mark.unit


def fill(prefix, value):
    """Rewrite a checkpoint so that all its weights have this value."""
    checkpoint = open_checkpoint(prefix)
    tensors = checkpoint.list_tensors()
    values = checkpoint.read(tensors)
    weights = {
        tensor.name: np.full_like(values[index].numpy(), value)
        for index, tensor in enumerate(tensors)
        if tensor.name != "global_step"
    }
    save_weights(weights, prefix, global_step=0)


@pytest.fixture
def model_of(tmp_path):
    """The embedded model of a task with one value for all weights."""

    def make(task, value):
        folder = tmp_path / "model"
        shutil.copytree(TASKS[task].embedded.model_dir, folder)
        fill(folder / "bert_model.ckpt", value)
        return folder

    return make


def data_words(task, folder):
    return {
        "squad": ("--data", folder / "dev-v1.1.json"),
        "classifier": ("--task-name", "MRPC", "--data", folder),
        "pretraining": ("--data", folder / "held_out.tfrecord"),
    }[task]


@pytest.mark.parametrize(("task", "value"), [*((task, math.nan) for task in TASKS), ("classifier", math.inf)])
def test_predict_rejects_non_finite_weights_and_writes_no_files(task, value, model_of, tmp_path, call_here):
    folder = model_of(task, value)
    words = (task, "--model-dir", folder, *data_words(task, folder), "--output-dir", tmp_path / "out")
    status, out, told = call_here("predict", *words)
    assert (status, out) == (3, "")
    assert (
        "are not finite, so that the output cannot be scored; check the checkpoint." in told.splitlines()[-1]
    )
    assert not (tmp_path / "out").exists()


def test_train_rejects_non_finite_weights_and_writes_no_score(model_of, tmp_path, call_here):
    folder = model_of("classifier", math.nan)
    words = ("classifier", "--model-dir", folder, *data_words("classifier", folder), "--do-eval")
    status, _, told = call_here("train", *words, "--num-train-steps", 2, "--output-dir", tmp_path / "out")
    assert status == 3
    assert "step 1: loss nan" in told.splitlines()[-1]
    status, _, told = call_here("train", *words, "--no-do-train", "--output-dir", tmp_path / "evaluated")
    assert status == 3
    assert "are not finite" in told.splitlines()[-1]
    written = {path.name for path in tmp_path.rglob("*") if "out" in path.parts or "evaluated" in path.parts}
    assert not written & {"eval_results.txt", "results.json"}


@pytest.mark.parametrize(("value", "status", "ruling"), [(math.nan, 3, "unclear"), (0.0, 1, "fail")])
def test_check_rejects_non_finite_and_zero_weights(value, status, ruling, tmp_path, call_here, monkeypatch):
    """With all weights 0, every example gets the same answer, and the score is worse."""
    folder = make_repository(tmp_path)
    monkeypatch.chdir(folder)
    assert call_here("check", "--record-baselines")[0] == 0
    commit_all(folder)
    fill(folder / "model" / "bert_model.ckpt", value)
    got, out, _ = call_here("check", "--output-dir", tmp_path / "results")
    assert got == status
    assert out.split()[0] == ruling


def test_non_finite_score_cannot_be_judged(monkeypatch):
    """Every output is finite."""
    task = TASKS["squad"]()
    for outcome in (TaskResult({"f1": math.nan}), TaskResult({"f1": 1.0}, loss=math.inf)):
        monkeypatch.setattr(task, "score", lambda dataset, outputs, outcome=outcome: outcome)
        with pytest.raises(CannotJudge, match=r"(F1|loss) is (nan|inf)"):
            task.evaluate(None, {"logits": np.zeros(3)})
