"""The files that a job writes: scores of the dev set if it evaluates, predictions if it predicts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bertbench.checkpoint.loading import save_weights
from bertbench.compute import Compute
from bertbench.model.bert import BertModel
from bertbench.tasks.base import Task
from bertbench.training.finetune import run_job
from bertbench.training.job import TrainingJob
from bertbench.training.settings import TrainingSettings
from suites.training.tiny import CONFIG, make_source, make_task

pytestmark = pytest.mark.training


@pytest.fixture
def with_test_split(files: Path) -> Iterator[Path]:
    rows = ["index\t#1 ID\t#2 ID\t#1 String\t#2 String", *(f"{n}\t1\t2\tba .\tbe ." for n in range(3))]
    test = files / "MRPC" / "test.tsv"
    test.write_text("\n".join(rows) + "\n")
    yield files
    test.unlink()


def run(
    task: Task, files: Path, tmp_path: Path, *, evaluate: bool = False, predict: bool = False
) -> set[str]:
    """The names of the files that the job of an untrained model writes."""
    prefix = tmp_path / "model.ckpt"
    model = BertModel(CONFIG, Compute(), task.make_head, seed=1)
    save_weights(model.variables_by_name, prefix, global_step=7)
    settings, output = TrainingSettings(batch_size=8), tmp_path / "out"
    source = make_source(files, prefix)
    run_job(
        TrainingJob(
            task, source, Compute(), settings, output, train=False, evaluate=evaluate, predict=predict
        )
    )
    return {file.name for file in output.iterdir()}


def test_classifier_training_writes_dev_scores_and_test_predictions(
    with_test_split: Path, tmp_path: Path
) -> None:
    task = make_task("classifier", with_test_split)
    assert run(task, with_test_split, tmp_path, evaluate=True) == {"eval_results.txt"}
    keys = [line.split(" = ")[0] for line in (tmp_path / "out" / "eval_results.txt").read_text().splitlines()]
    assert keys == ["eval_accuracy", "eval_f1", "eval_loss", "global_step", "loss"]
    files = run(task, with_test_split, tmp_path, predict=True)
    assert files == {"eval_results.txt", "test_results.tsv", "MRPC.tsv"}
    probabilities = np.loadtxt(tmp_path / "out" / "test_results.tsv", delimiter="\t")
    assert probabilities.shape == (3, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
    answers = probabilities.argmax(1)
    lines = ["index\tprediction", *(f"{row}\t{answer}" for row, answer in enumerate(answers))]
    assert (tmp_path / "out" / "MRPC.tsv").read_text().splitlines() == lines


def test_squad_training_writes_dev_predictions(files: Path, tmp_path: Path) -> None:
    left = run(make_task("squad", files), files, tmp_path, predict=True)
    assert left == {"predictions.json", "nbest_predictions.json"}


def test_pretraining_writes_eval_results(files: Path, tmp_path: Path) -> None:
    assert run(make_task("pretraining", files), files, tmp_path, evaluate=True) == {"eval_results.txt"}
