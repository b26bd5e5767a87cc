"""The accuracy suite can fail: on a wrong score, without a baseline, with nothing to judge."""

import contextlib
import dataclasses
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bertbench.gate.accuracy import read_judged
from bertbench.gate.limits import SCORE_TOLERANCES
from bertbench.results.accuracy_baselines import read_baselines, read_published
from suites.accuracy.slots import MODEL_VARIABLES, Missing, Places, find_slots
from suites.cases import INFERENCE_PRECISIONS, Case, make_grid
from suites.unit.random_stand_ins import classifier_model
from suites.unit.rewritten_baselines import claim_perfect_answers, rewrite

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).resolve().parents[3]
SUITE = REPOSITORY / "suites" / "accuracy"


def test_case_id_is_readable_and_unique():
    assert Case("bf16", "squad", "inference").id == "bf16-squad-inference"
    assert Case("fp32", "classifier", "training", "tiny-b4").id == "fp32-classifier-training-tiny-b4"
    ids = [case.id for case in make_grid(variants=("", "a"))]
    assert len(set(ids)) == len(ids) == 2 * 3 * 2 * 2


def test_headline_scores_have_tolerances_in_every_precision():
    from bertbench.data.glue_tasks import TASKS

    headlines = {"f1", "masked_lm_accuracy", *(task.metrics[0] for task in TASKS)}
    assert all(
        (precision, name) in SCORE_TOLERANCES for precision in INFERENCE_PRECISIONS for name in headlines
    )


def find(places, task):
    """The model of the user's slot for a task; these are the last three slots."""
    (slot,) = [slot for slot in find_slots(places)[-3:] if slot.task == task]
    return slot.find()


@pytest.mark.parametrize(
    ("task", "environment", "reason"),
    [
        ("squad", {}, "SQUAD_DIR is not set; .*fetch squad"),
        ("squad", {"SQUAD_DIR": "/nowhere"}, "SQUAD_DIR: /nowhere is not a folder"),
        ("classifier", {}, "GLUE_DIR is not set; .*fetch"),
        ("pretraining", {}, "PRETRAINING_DATA_DIR is not set; .*prepare"),
    ],
)
def test_missing_model_or_data_is_reported_with_remedy(stand_ins, task, environment, reason):
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
def test_accuracy_case_uses_same_gelu_as_predict(stand_ins, tmp_path, name, activation, gelu):
    folder = tmp_path / "model"
    shutil.copytree(stand_ins.tuned, folder)
    config = json.loads((folder / "bert_config.json").read_text()) | {"model_type": "bert"}
    (folder / "bert_config.json").unlink()
    (folder / name).write_text(json.dumps(config | {"hidden_act": activation}))
    subject = find(Places({"SQUAD_DIR": str(stand_ins.squad)}, folder), "squad")
    assert subject.kernels.gelu == gelu
    assert "--gelu" not in subject.arguments


@pytest.mark.parametrize(("task", "head"), [("squad", "span head"), ("classifier", "classifier head")])
def test_checkpoint_without_head_of_the_task_is_skipped(stand_ins, task, head):
    environment = {"SQUAD_DIR": str(stand_ins.squad), "GLUE_DIR": str(stand_ins.mrpc)}
    with pytest.raises(Missing, match=f"bert_model.ckpt has no {head}"):
        find(Places(environment, stand_ins.pretrained), task)


def test_glue_task_is_found_from_model_folder(stand_ins, tmp_path):
    model = classifier_model(stand_ins, tmp_path)
    subject = find(Places({"GLUE_DIR": str(stand_ins.mrpc)}, model), "classifier")
    assert subject.task.glue_task.name == "MRPC"
    assert "--task-name MRPC" in " ".join(subject.arguments)
    root = tmp_path / "glue"
    for name in ("RTE", "MRPC", "MNLI"):
        (root / name).mkdir(parents=True)
        (root / name / "dev.tsv").write_text("")
    with pytest.raises(Missing, match="MRPC, RTE fit the checkpoint's 2 outputs; give the folder"):
        find(Places({"GLUE_DIR": str(root)}, model), "classifier")


@pytest.fixture
def run_suite(baselines, monkeypatch):
    """`pytest -m accuracy` on `baselines`, with only the paths that a test gives."""
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


def test_run_without_judged_case_exits_with_status_3(run_suite):
    status, out = run_suite("-k", "minilm")
    assert status == 3, out
    assert "No case was judged" in out
    assert "BERTBENCH_DATA is not set" in out


@pytest.fixture
def tuned(stand_ins):
    """The two cases of a small model on five questions."""
    places = (f"--model-dir={stand_ins.tuned}", f"--squad-dir={stand_ins.squad}")
    return ["-k", "squad-inference-tuned", *places]


def test_missing_baseline_is_unclear_equal_passes_and_different_fails(run_suite, baselines, tuned):
    results = baselines.parent / "results"
    status, out = run_suite(*tuned, f"--results-dir={results}")
    assert status == 3, out
    assert (
        "there is no baseline for this checkpoint and data set; if the score is correct, record it: pytest"
        in out
    )
    assert "--record-baselines" in out
    assert out.splitlines()[-1] == "exit status 3"
    missing = read_judged(results / "accuracy.json")
    assert [case.verdict for case in missing.cases] == ["unclear", "unclear"]

    status, out = run_suite(*tuned, "--record-baselines", "--allow-dirty")
    assert status == 0, out
    recorded = read_baselines(baselines / "accuracy.json")
    assert {case.case: case.scores for case in missing.cases} == {
        key[0]: baseline.scores for key, baseline in recorded.by_key.items()
    }

    status, out = run_suite(*tuned, f"--results-dir={results}")
    assert status == 0, out
    unchanged = "fp32-squad-inference-tuned, bf16-squad-inference-tuned"
    closing = [f"accuracy: 0 of 2 cases passed; unchanged: {unchanged}", "exit status 0"]
    assert out.splitlines()[-2:] == closing
    judged = read_judged(results / "accuracy.json")
    with np.load(results / "bf16-squad-inference-tuned.npz") as kept:
        assert kept["f1"].mean() == pytest.approx(judged.cases[1].scores["f1"])
        assert len(kept["ids"]) == 5


def test_drop_on_five_questions_is_unclear(run_suite, baselines, tuned):
    run_suite(*tuned, "--record-baselines", "--allow-dirty")
    claim_perfect_answers(baselines / "accuracy.json")
    status, out = run_suite(*tuned)
    assert status == 3, out
    assert "fp32-squad-inference-tuned: F1" in out
    assert "a loss beyond the tolerance, but it may be chance; about" in out
    assert "; changed: " in out
    assert "details: bertbench predict squad" in out
    assert "2 unclear" in out


def test_baseline_of_other_instruction_set_is_shown_but_not_judged(run_suite, baselines, tuned):
    run_suite(*tuned, "--record-baselines", "--allow-dirty")

    def move(recorded):
        for baseline in recorded:
            if baseline["instruction_set"]:
                baseline["instruction_set"] = "oneDNN avx1024"

    rewrite(baselines / "accuracy.json", move)
    status, out = run_suite(*tuned)
    assert status == 0, out
    assert (
        "the baseline was recorded on oneDNN avx1024, where bf16 rounds otherwise, and is not judged" in out
    )
    assert "accuracy: 0 of 2 cases passed; unchanged: " in out


def test_published_score_decides_only_without_a_baseline(run_suite, baselines, tuned, monkeypatch):
    entry = read_published(baselines / "published.json")[0]
    far = dataclasses.replace(entry, scores={"fp32": {"f1": 150.0}, "bf16": {"f1": 150.0}})
    monkeypatch.setattr("bertbench.gate.case.find_published", lambda *_, **facts: far)
    status, out = run_suite(*tuned)
    assert status == 1, out
    assert "published 150" in out

    status, out = run_suite(*tuned, "--record-baselines", "--allow-dirty")
    assert status == 0, out

    results = baselines.parent / "results"
    status, out = run_suite(*tuned, f"--results-dir={results}")
    assert status == 0, out
    (case, *_) = read_judged(results / "accuracy.json").cases
    assert [(made.against, made.verdict) for made in case.comparisons] == [
        ("published", "not judged"),
        ("baseline", "unchanged"),
    ]


def test_gate_and_recording_exclude_each_other(run_suite, capsys):
    status, _ = run_suite("--gate", "--results-dir=results", "--record-baselines", "--allow-dirty")
    assert status == 2
    assert "--gate compares with stored results, --record-baselines replaces them" in capsys.readouterr().err


def test_gate_option_without_results_dir_is_rejected(run_suite, capsys):
    status, _ = run_suite("--gate")
    assert status == 2
    assert "--gate judges what is in --results-dir; give both." in capsys.readouterr().err


def test_gate_without_stored_result_exits_with_status_2(run_suite, baselines, monkeypatch, tuned):
    monkeypatch.chdir(baselines.parent)
    run_suite(*tuned, "--record-baselines", "--allow-dirty")
    status, out = run_suite(*tuned, "--results-dir=results", "--gate")
    assert "2 passed" in out
    assert "contains no result of it or of an ancestor" in out.splitlines()[-2]
    assert out.splitlines()[-1] == "exit status 2"
    assert status == 2


def test_recording_with_uncommitted_changes_is_rejected_before_collection(run_suite, baselines, capsys):
    (baselines.parent / "changed.py").write_text("")
    status, out = run_suite("--record-baselines")
    assert status == 2
    assert "uncommitted changes" in capsys.readouterr().err
    assert "collected" not in out
