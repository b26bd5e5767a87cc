"""The Python interface: the code of its document runs as written, and importing it loads nothing else."""

import dataclasses
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bertbench
from bertbench import api, inference
from bertbench.evaluation.items import Items
from bertbench.files import read_json, write_json
from bertbench.results.schema import THROUGHPUT_VERSION, ThroughputCase, parse_version
from bertbench.tasks.classifier import ClassifierTask
from bertbench.tasks.pretraining import PretrainingTask
from bertbench.tasks.squad import SquadTask
from suites.unit import made_up_results

pytestmark = pytest.mark.unit

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "python.md"
SHOWN = "dev-expedition_logs-01-04-a"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run_python(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def write_few_questions(path):
    """The paragraph of the embedded questions that the document shows one of."""
    content = read_json(SquadTask.embedded.data["data"])
    paragraphs = [paragraph for article in content["data"] for paragraph in article["paragraphs"]]
    kept = [paragraph for paragraph in paragraphs if SHOWN in {qa["id"] for qa in paragraph["qas"]}]
    write_json(path, {"data": [{"paragraphs": kept}]})


def test_importing_bertbench_loads_no_other_module(tmp_path):
    code = "import sys; before = set(sys.modules); import bertbench; print(*set(sys.modules) - before)"
    done = run_python(f"{code}; print(dir(bertbench))", tmp_path)
    modules, names = done.stdout.splitlines()
    assert modules == "bertbench"
    assert "load" in names
    with pytest.raises(AttributeError, match="no attribute 'unheard_of'"):
        _ = bertbench.unheard_of


def test_package_exports_exactly_the_names_of_the_api_module():
    assert set(bertbench.__all__) == {*api.__all__, "__version__"}
    assert all(getattr(bertbench, name) is getattr(api, name) for name in api.__all__)


def test_examples_of_python_document_run_as_written(tmp_path):
    shutil.copytree(SquadTask.embedded.model_dir, tmp_path / "models" / "faq-bert")
    (tmp_path / "data").mkdir()
    write_few_questions(tmp_path / "data" / "dev.json")
    done = run_python("\n".join(BLOCKS), tmp_path)
    assert done.returncode == 0, done.stderr
    answer, score, _, comparison, verdict, figures, error = done.stdout.splitlines()
    assert re.fullmatch(r"\S.* 0\.\d+", answer)
    assert 0 <= float(score) <= 100
    assert re.fullmatch(r"\S+ Interval\(low=\S+, high=\S+\) \d+", comparison)
    assert verdict.split()[0] in ("ok", "unclear")
    assert all(float(figure) > 0 for figure in figures.split())
    assert error.startswith("models/nowhere: no such folder")
    err = [
        line for line in done.stderr.splitlines() if not line.startswith(("predict ", "warm up ", "bf16-"))
    ]
    assert err == []


def test_python_document_mentions_every_public_name():
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in set(api.__all__) - {
        "Model",
        "Predictions",
        "Answer",
        "Comparison",
        "ThroughputCase",
        "Verdict",
    }:
        assert re.search(rf"\b{name}\b", text), name


@pytest.mark.parametrize(
    ("task", "options"), [(SquadTask, {}), (ClassifierTask, {"task_name": "MRPC"}), (PretrainingTask, {})]
)
def test_predictions_equal_those_of_the_predict_command(task, options, tmp_path, call_here):
    data = task.embedded.data["data"]
    if task is SquadTask:
        data = tmp_path / "dev.json"
        write_few_questions(data)
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    model_dir = task.embedded.model_dir
    call_here(
        "predict", task.name, "--model-dir", model_dir, "--data", data, *words, "--output-dir", tmp_path
    )
    expected = read_json(tmp_path / "results.json")
    model = bertbench.load(model_dir, task=task.name, **options)
    made = model.predict(data)
    assert made.scores == pytest.approx(expected["scores"])
    assert made.checkpoint_fingerprint == expected["checkpoint_fingerprint"]
    assert made.dataset_sha256 == expected["dataset_sha256"]
    if task is SquadTask:
        assert made.answers == read_json(tmp_path / "predictions.json")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.seconds = 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "ner"}, "task 'ner' is unknown; choose one of"),
        ({"precision": "int4"}, "precision 'int4' is unknown"),
        ({"gelu": "exact"}, "gelu is 'exact'; choose one of"),
        ({"max_seq_length": "256"}, "max_seq_length is '256'; it must be a whole number"),
        ({"max_seq_length": 2}, "max_seq_length is 2; it must be at least"),
        ({"max_seq_length": 1000}, "above the model's max_position_embeddings"),
        ({"stride": 1}, "squad has no option 'stride'"),
    ],
)
def test_invalid_load_arguments_raise_input_error(arguments, message):
    with pytest.raises(bertbench.InputError, match=message):
        bertbench.load(SquadTask.embedded.model_dir, **arguments)


def test_checkpoint_that_changes_while_it_is_loaded_is_rejected(tmp_path, monkeypatch):
    """Otherwise the fingerprint might be that of other weights than the loaded ones."""
    folder = shutil.copytree(SquadTask.embedded.model_dir, tmp_path / "model")
    load_model = inference.load_model

    def load_and_replace(*arguments):
        loaded = load_model(*arguments)
        (data,) = folder.glob("*.data-*")
        data.write_bytes(data.read_bytes()[::-1])
        return loaded

    monkeypatch.setattr(inference, "load_model", load_and_replace)
    with pytest.raises(bertbench.InputError, match="changed while it was read"):
        bertbench.load(folder)


def test_answer_with_classifier_model_is_rejected():
    model = bertbench.load(ClassifierTask.embedded.model_dir, task="classifier", task_name="MRPC")
    with pytest.raises(bertbench.InputError, match="cannot answer questions"):
        model.answer("Who?", "He.")


def make_predictions(values, **changes):
    """Predictions of as many questions, with these scores in percent."""
    ids = np.array([f"q{number}" for number in range(len(values))])
    made = api.Predictions(
        model="faq",
        task="squad",
        precision="bf16",
        quantity="f1",
        scores={"f1": float(np.mean(values))},
        answers=dict(zip(ids.tolist(), map(str, values), strict=True)),
        checkpoint_fingerprint="c",
        dataset_sha256="d",
        items=Items(ids, {"f1": np.array(values, float)}),
        seconds=1.0,
    )
    return dataclasses.replace(made, **changes)


def test_compare_equals_values_calculated_by_hand():
    base = make_predictions([100, 0, 100, 50])
    comparison = bertbench.compare(base, make_predictions([100, 100, 100, 0]))
    assert (comparison.a, comparison.b, comparison.difference) == (62.5, 75.0, 12.5)
    assert comparison.changed == {"q1": ("0", "100"), "q3": ("50", "0")}
    assert comparison.interval[0] < 12.5 < comparison.interval[1]


def test_judge_of_scores_follows_max_drop():
    base = make_predictions([100] * 400 + [0] * 100)
    worse = make_predictions([100] * 350 + [0] * 150)
    lost = bertbench.judge(base, worse, max_drop=1)
    assert (lost.verdict, lost.change, lost.case) == ("regression", -10.0, "bf16-squad-inference-faq")
    assert bertbench.judge(base, worse, max_drop=20).verdict == "ok"
    assert bertbench.judge(worse, base, max_drop=1).verdict == "improvement"
    with pytest.raises(bertbench.CannotJudge, match="different data"):
        bertbench.judge(base, make_predictions([100] * 500, dataset_sha256="e"))
    with pytest.raises(bertbench.CannotJudge, match="no labels"):
        bertbench.judge(base, make_predictions([100] * 500, items=None))


def make_throughput_case(**changes):
    info = made_up_results.case_info("bf16", "base", **changes)
    return parse_version(ThroughputCase, info, "made up", THROUGHPUT_VERSION)


def test_judge_of_speed_follows_max_slowdown():
    base, slow = make_throughput_case(), make_throughput_case(scale=0.8, seed=1)
    assert bertbench.judge(base, slow, max_slowdown=0.1).verdict == "regression"
    assert bertbench.judge(base, slow, max_slowdown=0.3).verdict == "ok"
    disturbed = make_throughput_case(scale=0.8, seed=1, warnings=["something else ran"])
    assert bertbench.judge(base, disturbed, max_slowdown=0.1).verdict == "unclear"
    with pytest.raises(bertbench.InputError, match="two predictions, or two benchmarks"):
        bertbench.judge(base, make_predictions([100]))
