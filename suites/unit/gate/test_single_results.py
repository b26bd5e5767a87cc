"""Folders written by `predict` and `benchmark`, and two interpreters, as sides of a comparison."""

import shutil
import sys

import numpy as np
import pytest

from bertbench.errors import InputError
from bertbench.evaluation.items import Items
from bertbench.files import read_json, write_json
from bertbench.gate.sides import load_folder
from bertbench.results.item_files import write_items
from suites.unit import made_up_results
from suites.unit.own_project import write_squad

pytestmark = pytest.mark.unit


@pytest.fixture
def predict(tmp_path, call_here):
    """The folder of a prediction in a precision, of some embedded questions."""
    write_squad(tmp_path / "dev.json")

    def run(precision):
        folder = tmp_path / precision
        status, _, err = call_here(
            "predict",
            "squad",
            "--precision",
            precision,
            "--data",
            tmp_path / "dev.json",
            "--output-dir",
            folder,
        )
        assert status == 0, err
        assert f"{folder}: predictions and results written" in err
        return folder

    return run


def write_prediction(folder, values, **changes):
    """A prediction's folder with these F1 scores, question by question."""
    folder.mkdir()
    ids = np.array([f"q{number}" for number in range(len(values))])
    write_items(folder / "scores.npz", Items(ids, {"f1": np.array(values, float)}))
    results = {
        "schema_version": 1,
        "task": "squad",
        "precision": "bf16",
        "quantity": "f1",
        "scores": {"f1": float(np.mean(values))},
        "examples": len(values),
        "checkpoint_fingerprint": "c",
        "dataset_sha256": "d",
        "machine": {},
        "versions": {},
        "per_question_scores": "scores.npz",
    }
    write_json(folder / "results.json", results | changes)
    return folder


def test_results_written_by_predict_are_read(predict):
    folder = predict("fp32")
    side = load_folder(folder)
    (case,) = side.accuracy.cases
    assert case.case == "squad-inference"
    assert case.scores == read_json(folder / "results.json")["scores"]
    assert side.items(case).score("f1") == pytest.approx(case.scores["f1"])


def test_worse_predictions_are_a_regression(tmp_path, call_here):
    base = write_prediction(tmp_path / "base", [100] * 400 + [0] * 100)
    same = write_prediction(tmp_path / "same", [100] * 400 + [0] * 100)
    worse = write_prediction(tmp_path / "worse", [100] * 350 + [0] * 150)
    assert call_here("gate", base, same)[0] == 0
    status, out, err = call_here("gate", base, worse)
    assert (status, "regression" in out) == (1, True), err


def test_slower_benchmark_is_a_regression(tmp_path, call_here):
    for name, scale in (("base", 1.0), ("same", 1.0), ("slow", 0.8)):
        (tmp_path / name).mkdir()
        info = made_up_results.case_info("bf16", "base", scale=scale, seed=len(name))
        write_json(tmp_path / name / "results.json", info)
    assert call_here("gate", tmp_path / "base", tmp_path / "same")[0] == 0
    assert call_here("gate", tmp_path / "base", tmp_path / "slow")[0] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": {}}, "contains no score"),
        ({"per_question_scores": "../scores.npz"}, "must be a file beside it"),
        ({"precision": "int3"}, "f1 in int3 cannot be judged"),
        ({"quantity": None}, "quantity is None"),
    ],
)
def test_damaged_prediction_is_rejected(tmp_path, changes, message):
    folder = write_prediction(tmp_path / "base", [100, 0], **changes)
    with pytest.raises(InputError, match=message):
        load_folder(folder)


# Stands for `bertbench`: an efficiency that a variable gives, and a score that another one gives.
STAND_IN = """
import os, pathlib, shutil, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--output-dir") + 1])
kind = "benchmark" if "benchmark" in sys.argv[:6] else "predict"
shutil.copytree(os.environ["SPEED" if kind == "benchmark" else "SCORES"], folder)
"""


@pytest.fixture
def interpreter(tmp_path):
    """A program that ignores its arguments and runs the stand-in."""
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "stand_in.py"} "$@"\n')
    python.chmod(0o755)
    return python


@pytest.fixture
def results(tmp_path):
    """Folders of quick and slow benchmarks, and of good and bad predictions."""
    for name, scale in (("quick", 1.0), ("slow", 0.8)):
        (tmp_path / name).mkdir()
        write_json(
            tmp_path / name / "results.json", made_up_results.case_info("bf16", "base", scale=scale, spread=0)
        )
    write_prediction(tmp_path / "good", [100] * 400 + [0] * 100)
    write_prediction(tmp_path / "bad", [100] * 350 + [0] * 150)
    return tmp_path


@pytest.mark.parametrize(
    ("speed", "scores", "status"), [("quick", "good", 0), ("slow", "good", 1), ("quick", "bad", 1)]
)
def test_two_environments_are_compared_by_speed_and_scores(
    results, interpreter, call_here, speed, scores, status
):
    base = {"SPEED": results / "quick", "SCORES": results / "good"}
    head = {"SPEED": results / speed, "SCORES": results / scores}
    variables = [
        word
        for option, given in (("--base-env", base), ("--head-env", head))
        for name, value in given.items()
        for word in (option, f"{name}={value}")
    ]
    benchmark = ["squad", "--model-dir", results, "--data", results / "dev.json", "--precision", "bf16"]
    ended, out, err = call_here(
        "gate", "--base-python", interpreter, "--head-python", interpreter, "--pairs", "7",
        *variables, "--output-dir", results / "out", "--", *benchmark
    )  # fmt: skip
    assert ended == status, out + err
    verdicts = {
        verdict["quantity"]: verdict["verdict"]
        for verdict in read_json(results / "out" / "gate.json")["verdicts"]
    }
    assert verdicts["efficiency"] == ("ok" if speed == "quick" else "regression")
    assert verdicts["f1"] == ("ok" if scores == "good" else "regression")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--base-python", "/nowhere/python"], "/nowhere/python: is not a program"),
        (["--base-env", "NAME"], "'NAME': must be NAME=VALUE"),
        (["--against", "HEAD", "--base-env", "A=1"], "--against builds both sides"),
        (["--base-env", "A=1", "--", "ner"], "task 'ner' is unknown"),
    ],
)
def test_invalid_combination_of_sides_is_rejected(call_here, options, message):
    status, _, err = call_here("gate", *options)
    assert status == 2
    assert message in err


def test_empty_folder_is_rejected(tmp_path):
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    with pytest.raises(InputError, match="contains none of"):
        load_folder(tmp_path)
