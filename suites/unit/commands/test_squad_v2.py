"""SQuAD 2.0 as a user meets it: `evaluate` and `compare`, and a training for questions without answers."""

import json

import pytest

from suites.unit.squad_cases import impossible, question, squad, write_squad

pytestmark = pytest.mark.unit

PREDICTIONS = {"q1": "b", "q2": "", "q3": "c"}
TOTALS = {
    **{"exact": 200 / 3, "f1": 200 / 3, "total": 3},
    **{"HasAns_exact": 100.0, "HasAns_f1": 100.0, "HasAns_total": 1},
    **{"NoAns_exact": 50.0, "NoAns_f1": 50.0, "NoAns_total": 2},
}


def write_dataset(folder, version="v2.0"):
    questions = [question("q1"), impossible("q2"), impossible("q3")]
    return write_squad(folder / "dev.json", squad(("a b c", questions), version=version))


def write_run(folder, predictions, null_odds=None):
    folder.mkdir()
    (folder / "predictions.json").write_text(json.dumps(predictions))
    (folder / "null_odds.json").write_text(json.dumps(null_odds))
    return folder


@pytest.fixture
def evaluate(call_here, tmp_path):
    """Evaluate a run on a data set of that version."""

    def run(*arguments, version="v2.0", predictions=PREDICTIONS, odds=None):
        dataset = write_dataset(tmp_path, version)
        folder = write_run(tmp_path / "run", predictions, odds)
        return call_here("evaluate", "squad", "--data", dataset, "--predictions", folder, *arguments)

    return run


def test_evaluate_uses_version_of_the_file(evaluate):
    status, out, err = evaluate()
    assert (status, json.loads(out)) == (0, pytest.approx(TOTALS))
    assert "version v2.0: questions may have no answer (--version-2-with-negative)." in err


def test_evaluate_version_option_overrides_the_file(evaluate):
    status, out, err = evaluate("--version-2-with-negative", version="1.1")
    assert (status, json.loads(out), err) == (0, pytest.approx(TOTALS), "")


def test_evaluate_finds_best_threshold(evaluate, tmp_path):
    odds = {"q3": 0.5, "q1": -2.0, "q2": 9}
    status, out, _ = evaluate("--na-prob-file", tmp_path / "run" / "null_odds.json", odds=odds)
    best = {"best_exact": 100.0, "best_exact_thresh": -2.0, "best_f1": 100.0, "best_f1_thresh": -2.0}
    assert (status, json.loads(out)) == (0, pytest.approx(TOTALS | best))


def test_evaluate_leaves_questions_above_threshold_unanswered(evaluate, tmp_path):
    odds = {"q3": 0.5, "q1": -2.0, "q2": 9}
    file = tmp_path / "run" / "null_odds.json"
    status, out, _ = evaluate("--na-prob-file", file, "--na-prob-thresh", "0.25", odds=odds)
    assert (status, json.loads(out)["exact"]) == (0, 100.0)


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        (("--no-version-2-with-negative",), {}, "question 'q2': has no reference answer"),
        ((), {"version": "1.1"}, "or --version-2-with-negative if questions may have none."),
        ((), {"predictions": {"q1": "b"}}, "run: 2 questions of the data set are missing, such as 'q2'"),
        ((), {"predictions": PREDICTIONS | {"q3": None}}, "question 'q3': the answer must be a string"),
        (("--na-prob-file", "x", "--no-version-2-with-negative"), {}, "--na-prob-file is only for SQuAD 2.0"),
        (("--na-prob-file", "absent.json"), {}, "absent.json"),
    ],
)
def test_evaluate_rejects_files_that_it_cannot_score(evaluate, options, changes, message):
    status, out, err = evaluate(*options, **changes)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("odds", "message"),
    [
        ({"q1": 0.5, "q2": 0.5}, "null_odds.json: 1 questions of the data set are missing, such as 'q3'"),
        ({"q1": 0.5, "q2": "0.5", "q3": 0}, "null_odds.json: question 'q2': '0.5' is not a finite number"),
        ({"q1": float("nan"), "q2": 1, "q3": 0}, "null_odds.json: question 'q1': nan is not a finite number"),
        ([1], "null_odds.json: is not a JSON object"),
    ],
)
def test_evaluate_rejects_invalid_null_odds(evaluate, tmp_path, odds, message):
    status, out, err = evaluate("--na-prob-file", tmp_path / "run" / "null_odds.json", odds=odds)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]


def test_compare_scores_empty_answers(call_here, tmp_path):
    folders = write_run(tmp_path / "a", PREDICTIONS), write_run(tmp_path / "b", PREDICTIONS | {"q3": ""})
    status, out, err = call_here("compare", *folders, "--data", write_dataset(tmp_path))
    assert status == 0, err
    assert "F1 A 66.667 %, B 100.000 %, B - A +33.333" in out.splitlines()[-1]


NAMES, TOWNS = ("Ada", "Boris", "Clara", "Dmitri", "Edith", "Farid"), ("Delft", "Porto", "Turku", "Kyoto")


def people():
    """Where each of six people lives, and what each is, of which the context says nothing."""
    paragraphs = []
    for number, name in enumerate(NAMES):
        town = TOWNS[number % len(TOWNS)]
        answer = (town, len(f"{name} lives in "))
        asked = question(f"{name}-1", f"Where does {name} live?", [answer])
        other = impossible(f"{name}-2", f"What is {name}?")
        paragraphs.append((f"{name} lives in {town}.", [asked, other]))
    return squad(*paragraphs, version="v2.0")


def test_training_learns_which_questions_have_no_answer(call_here, stand_ins, tmp_path):
    """The training questions are memorized."""
    path = write_squad(tmp_path / "people-v2.0.json", people())
    model = ("--model-dir", stand_ins.pretrained, "--max-seq-length", 32, "--max-query-length", 16)
    recipe = ("--learning-rate", "3e-3", "--num-train-epochs", 80, "--batch-size", 12)
    data = ("--train-data", path, "--data", path, "--do-eval", "--do-predict")
    out = tmp_path / "out"
    status, _, err = call_here("train", "squad", *model, *recipe, *data, "--output-dir", out)
    assert status == 0, err
    assert err.count("version v2.0: questions may have no answer") == 2  # of each file
    predictions = json.loads((out / "predictions.json").read_text())
    assert {key: text for key, text in predictions.items() if key.endswith("-2")} == {
        f"{name}-2": "" for name in NAMES
    }
    assert [predictions[f"{name}-1"] for name in NAMES] == [TOWNS[n % 4] for n in range(6)]
    odds = json.loads((out / "null_odds.json").read_text())
    assert odds.keys() == predictions.keys()
    assert all((value > 0) == key.endswith("-2") for key, value in odds.items())
    scores = json.loads((out / "results.json").read_text())["scores"]
    assert (scores["exact"], scores["total"], scores["NoAns_f1"]) == (100.0, 12, 100.0)

    predict = ("predict", "squad", "--model-dir", out, "--data", path, *model[2:], "--output-dir")
    status, printed, err = call_here(*predict, tmp_path / "all", "--null-score-diff-threshold", "1e6")
    assert status == 0, err
    answered = json.loads((tmp_path / "all" / "predictions.json").read_text())
    assert all(answered.values())  # with such a high threshold every question has an answer
    assert json.loads(printed.splitlines()[-1])["NoAns_exact"] == 0.0
    status, _, err = call_here(*predict, tmp_path / "refused", "--no-version-2-with-negative")
    assert status == 2
    assert "'Ada-2': is marked as impossible to answer; give --version-2-with-negative." in err
    assert not (tmp_path / "refused").exists()
