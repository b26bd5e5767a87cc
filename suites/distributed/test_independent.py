"""Workers that train independently; the best model is kept."""

import json
from pathlib import Path

import numpy as np
import pytest

from bertbench.evaluation.prediction_files import read_predictions
from bertbench.evaluation.squad_metrics import score_squad
from suites.distributed.jobs import run, train_squad
from suites.training.checkpoints import read

pytestmark = pytest.mark.distributed

STEPS_EACH = 12


@pytest.fixture(scope="module")
def trained(files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The output folder of a finished job, and what the same command printed when called again."""
    folder = tmp_path_factory.mktemp("independent")
    more = ("--predict-file", str(files / "train.json"), "--do-predict", "--learning-rate", "5e-3")
    command = train_squad(files, folder / "out", "--num-train-steps", str(2 * STEPS_EACH), *more)
    run(command, folder / "first.log")
    return folder / "out", run(command, folder / "again.log")


def test_each_worker_takes_its_share_of_steps_with_its_own_seed(trained: tuple[Path, str]) -> None:
    out, _ = trained
    one, other = (read(out / f"worker-{rank}" / f"model.ckpt-{STEPS_EACH}") for rank in range(2))
    assert one.keys() == other.keys()
    assert any(not np.array_equal(other[name], value) for name, value in one.items())
    seeds = [json.loads((out / f"worker-{rank}" / "training.json").read_text())["seed"] for rank in range(2)]
    assert seeds[0] != seeds[1]


def test_best_model_is_kept_and_all_scores_are_reported(trained: tuple[Path, str], files: Path) -> None:
    out, printed = trained
    result = json.loads((out / "results.json").read_text())
    scores = [worker["f1"] for worker in result["workers"]]
    losses = [worker["loss"] for worker in result["workers"]]
    assert (scores[0], losses[0]) != (scores[1], losses[1]), "the test must see a better worker"
    best = int(np.lexsort((losses, np.negative(scores)))[0])
    assert f"kept: the model of worker {best}" in printed
    for rank, score in enumerate(scores):
        assert any(f"worker {rank}: " in line and f"f1 {score}" in line for line in printed.splitlines())
    kept, winner = (read(folder / f"model.ckpt-{STEPS_EACH}") for folder in (out, out / f"worker-{best}"))
    assert kept.keys() == winner.keys()
    for name, value in winner.items():
        np.testing.assert_array_equal(kept[name], value, err_msg=name)
    articles = json.loads((files / "train.json").read_text())["data"]
    questions = [qa for article in articles for paragraph in article["paragraphs"] for qa in paragraph["qas"]]
    answers = {qa["id"]: [answer["text"] for answer in qa["answers"]] for qa in questions}
    found = score_squad(answers, read_predictions(out / "predictions.json"))
    assert result["scores"]["f1"] == scores[best] == pytest.approx(found.f1)


def test_same_command_resumes_each_worker_from_its_checkpoint(trained: tuple[Path, str]) -> None:
    out, printed = trained
    for rank in range(2):
        checkpoint = out / f"worker-{rank}" / f"model.ckpt-{STEPS_EACH}"
        assert f"[{rank}] resuming from {checkpoint}" in printed.splitlines()


def test_best_worker_has_highest_score_then_lowest_loss() -> None:
    from bertbench.training.independent import choose_best

    assert choose_best([{"loss": 1.0, "f1": 50.0}, {"loss": 2.0, "f1": 60.0}], "f1") == 1
    assert choose_best([{"loss": 1.0, "f1": 50.0}, {"loss": 0.5, "f1": 50.0}], "f1") == 1
    assert choose_best([{"loss": 1.0}, {"loss": 0.5}, {"loss": 2.0}], "f1") == 1
    assert choose_best([{"loss": None}, {"loss": 9.0}], "f1") == 1
    assert choose_best([{"loss": 1.0}, {"loss": 1.0}], "f1") == 0
