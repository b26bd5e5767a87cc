"""Proofs that the accuracy suite can fail: on a wrong score, without a baseline, with nothing to judge."""

import contextlib
import dataclasses
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bertbench.evaluation.bootstrap import Interval
from bertbench.results.schema import read_accuracy
from suites.accuracy.judgement import COLUMNS, Judgement
from suites.accuracy.slots import MODEL_VARIABLES, Missing, Places, find_slots
from suites.cases import Case, make_grid
from suites.tolerances import TOLERANCES, Tolerance
from suites.unit.commands.test_predict import classifier_model

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).resolve().parents[3]
SUITE = REPOSITORY / "suites" / "accuracy"
JUDGEMENT = Judgement(
    case="bf16-squad-inference",
    against="baseline",
    quantity="f1",
    score=75.0,
    expected=75.0,
    tolerance=Tolerance(0.5, "points", "for a test"),
    remedy="bertbench predict squad",
    others={"exact_match": 60.0},
)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "pass"),
        ({"score": 75.5}, "pass"),
        ({"score": 74.5}, "pass"),
        ({"score": 75.51}, "fail"),
        ({"score": 74.49}, "fail"),
        ({"score": float("nan")}, "fail"),
        ({"expected": None}, "fail"),
        ({"score": 70.0, "interval": Interval(-5.0, -7.0, 0.1)}, "pass"),
        ({"score": 70.0, "interval": Interval(-5.0, -7.0, -0.1)}, "fail"),
        ({"score": 80.0, "interval": Interval(5.0, 0.1, 7.0)}, "fail"),
        ({"score": 74.9, "interval": Interval(-0.1, -0.2, -0.05)}, "pass"),
        ({"expected": None, "recorded": True}, "recorded"),
    ],
)
def test_the_verdict(change, verdict):
    judgement = dataclasses.replace(JUDGEMENT, **change)
    assert judgement.verdict == verdict
    assert judgement.cells[COLUMNS.index("verdict")] == verdict
    assert len(judgement.cells) == len(COLUMNS)


def test_a_failure_names_quantity_got_bound_case_and_what_to_run_next():
    judgement = dataclasses.replace(JUDGEMENT, score=74.25, interval=Interval(-0.75, -1.25, -0.25))
    assert judgement.message == (
        "bf16-squad-inference: F1 is 74.25, baseline 75: the difference -0.75 is outside ±0.5, and its 95 % "
        "interval -1.25 to -0.25 excludes 0; look closer: bertbench predict squad"
    )


def test_a_case_owns_a_readable_id():
    assert Case("bf16", "squad", "inference").id == "bf16-squad-inference"
    assert Case("fp32", "classifier", "training", "tiny-b4").id == "fp32-classifier-training-tiny-b4"
    ids = [case.id for case in make_grid(variants=("", "a"))]
    assert len(set(ids)) == len(ids) == 2 * 3 * 2 * 2


def test_every_deciding_score_has_a_tolerance_in_both_precisions():
    from bertbench.data.glue_tasks import TASKS

    headlines = {"f1", "masked_lm_accuracy", *(task.metrics[0] for task in TASKS)}
    assert all((precision, name) in TOLERANCES for precision in ("fp32", "bf16") for name in headlines)


def find(places, task):
    """The subject of the user's slot for a task; these are the last three."""
    (slot,) = [slot for slot in find_slots(places)[-3:] if slot.task == task]
    return slot.find()


@pytest.mark.parametrize(
    ("task", "environment", "reason"),
    [
        ("squad", {}, "SQUAD_DIR is not set; .*--squad-dir"),
        ("squad", {"SQUAD_DIR": "/nowhere"}, "SQUAD_DIR: /nowhere is not a folder"),
        ("classifier", {}, "GLUE_DIR is not set; .*fetch"),
        ("pretraining", {}, "PRETRAINING_DATA_DIR is not set; .*prepare"),
    ],
)
def test_what_is_missing_is_named_with_a_remedy(stand_ins, task, environment, reason):
    with pytest.raises(Missing, match=reason):
        find(Places(environment, stand_ins.tuned), task)
    with pytest.raises(Missing, match=r"BERT_BASE_DIR is not set; .*--model-dir"):
        find(Places(environment), task)


@pytest.mark.parametrize(
    ("name", "activation", "gelu"),
    [
        ("bert_config.json", "gelu", "tanh"),
        ("config.json", "gelu", "erf"),
        ("config.json", "gelu_new", "tanh"),
    ],
)
def test_a_model_is_judged_with_the_gelu_that_predict_takes(stand_ins, tmp_path, name, activation, gelu):
    folder = tmp_path / "model"
    shutil.copytree(stand_ins.tuned, folder)
    config = json.loads((folder / "bert_config.json").read_text()) | {"model_type": "bert"}
    (folder / "bert_config.json").unlink()
    (folder / name).write_text(json.dumps(config | {"hidden_act": activation}))
    subject = find(Places({"SQUAD_DIR": str(stand_ins.squad)}, folder), "squad")
    assert subject.kernels.gelu == gelu
    assert "--gelu" not in subject.arguments


@pytest.mark.parametrize(("task", "head"), [("squad", "span head"), ("classifier", "classifier head")])
def test_a_checkpoint_without_the_tasks_head_is_skipped(stand_ins, task, head):
    environment = {"SQUAD_DIR": str(stand_ins.squad), "GLUE_DIR": str(stand_ins.mrpc)}
    with pytest.raises(Missing, match=f"bert_model.ckpt has no {head}"):
        find(Places(environment, stand_ins.pretrained), task)


def test_the_classifiers_task_is_told_by_the_folder(stand_ins, tmp_path):
    model = classifier_model(stand_ins, tmp_path)
    subject = find(Places({"GLUE_DIR": str(stand_ins.mrpc)}, model), "classifier")
    assert subject.task.glue_task.name == "MRPC"
    assert "--task-name MRPC" in " ".join(subject.arguments)
    root = tmp_path / "glue"
    for name in ("RTE", "MRPC", "MNLI"):
        (root / name).mkdir(parents=True)
        (root / name / "dev.tsv").write_text("")
    with pytest.raises(Missing, match="MRPC, RTE fit the checkpoint's 2 outputs; point GLUE_DIR"):
        find(Places({"GLUE_DIR": str(root)}, model), "classifier")


@pytest.fixture
def run_suite(baselines, monkeypatch):
    """`pytest -m accuracy` on `baselines`, with only those places that a test names."""
    for name in (*MODEL_VARIABLES, "BERTBENCH_DATA", "SQUAD_DIR", "GLUE_DIR", "PRETRAINING_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments):
        options = ("-m", "accuracy", "-p", "no:cacheprovider", "--capture", "no")
        places = ("-c", REPOSITORY / "pyproject.toml", "--rootdir", baselines.parent)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = pytest.main([*map(str, (*options, *places, SUITE, *arguments))])
        return status, printed.getvalue()

    return run


@pytest.fixture
def baselines(tmp_path):
    """A work tree with the published scores only."""
    folder = tmp_path / "baselines"
    folder.mkdir()
    (folder / "published.json").write_text((REPOSITORY / "baselines" / "published.json").read_text())
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "none"]):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@a.example", *command], cwd=tmp_path, check=True
        )
    return folder


def test_a_run_that_judged_no_case_fails(run_suite):
    status, out = run_suite("-k", "minilm")
    assert status == 3, out
    assert "No case was judged" in out
    assert "BERTBENCH_DATA is not set" in out


def test_a_missing_then_a_right_then_a_wrong_baseline(run_suite, baselines, stand_ins):
    arguments = [
        "-k",
        "squad-inference-tuned",
        "--model-dir",
        stand_ins.tuned,
        "--squad-dir",
        stand_ins.squad,
    ]
    results = baselines.parent / "results"
    status, out = run_suite(*arguments, "--results-dir", results)
    assert status == 1, out
    assert "there is no baseline for this checkpoint and data set; if it is right, record it: pytest" in out
    assert "--record-baselines" in out
    missing = read_accuracy(results / "accuracy.json")
    assert [case.verdict for case in missing.cases] == ["fail", "fail"]

    status, out = run_suite(*arguments, "--record-baselines", "--allow-dirty")
    assert status == 0, out
    stored = json.loads((baselines / "accuracy.json").read_text())
    assert [entry["scores"] for entry in stored["baselines"]] == [
        dict(case.scores) for case in reversed(missing.cases)
    ]

    (fp32,) = [entry for entry in stored["baselines"] if entry["case"] == "fp32-squad-inference-tuned"]
    fp32["scores"]["f1"] += 0.2
    (baselines / "accuracy.json").write_text(json.dumps(stored))
    status, out = run_suite(*arguments, "--results-dir", results)
    assert status == 1, out
    assert "the difference -0.2 is outside ±0.1; look closer: bertbench predict squad" in out
    assert "1 failed, 2 passed" in out
    judged = read_accuracy(results / "accuracy.json")
    assert {case.case: case.verdict for case in judged.cases} == {
        "fp32-squad-inference-tuned": "fail",
        "bf16-squad-inference-tuned": "pass",
    }
    with np.load(results / "bf16-squad-inference-tuned.npz") as kept:
        assert kept["f1"].mean() == pytest.approx(judged.cases[1].scores["f1"])
        assert len(kept["ids"]) == 5


def test_the_gate_needs_results(run_suite, capsys):
    status, _ = run_suite("--gate")
    assert status == 2
    assert "--gate judges what is in --results-dir; give both." in capsys.readouterr().err


def test_a_gate_without_a_stored_result_does_not_pass(run_suite, baselines, monkeypatch, stand_ins):
    monkeypatch.chdir(baselines.parent)
    arguments = ["-k", "test_precisions and squad-inference-tuned", "--model-dir", stand_ins.tuned]
    arguments += ["--squad-dir", stand_ins.squad, "--results-dir", "results", "--gate"]
    status, out = run_suite(*arguments)
    assert "1 passed" in out
    assert "contains no result of it or of an ancestor" in out
    assert status == 2


def test_recording_from_a_tree_with_changes_is_refused_before_anything_runs(run_suite, baselines, capsys):
    (baselines.parent / "changed.py").write_text("")
    status, out = run_suite("--record-baselines")
    assert status == 2
    assert "changes that are in no commit" in capsys.readouterr().err
    assert "collected" not in out
