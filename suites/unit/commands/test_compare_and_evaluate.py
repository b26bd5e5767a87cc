"""`bertbench evaluate` and `bertbench compare` as a user calls them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bertbench.cli import main
from suites.shared_data import DEV_SET, shared_path
from suites.unit.squad_cases import question, squad, write_squad

pytestmark = pytest.mark.unit

QUESTIONS = [
    question("q1", "Which letter?", [("b", 2)]),
    question("q2", "Which letters?", [("b c", 2)]),
    question("q3", "Which other?", [("c", 4)]),
    question("q4", "And then?", [("a", 0)]),
]


@pytest.fixture
def dataset(tmp_path):
    return str(write_squad(tmp_path / "dev.json", squad(("a b c", QUESTIONS))))


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ending:
        main(list(arguments))
    captured = capsys.readouterr()
    return ending.value.code, captured.out, captured.err


def write_run(folder, predictions, nbest=None):
    folder.mkdir()
    (folder / "predictions.json").write_text(json.dumps(predictions))
    if nbest is not None:
        (folder / "nbest_predictions.json").write_text(json.dumps(nbest))
    return str(folder)


def answer(start, end):
    return {"text": "x", "probability": 0.5, "start_logit": start, "end_logit": end}


def test_evaluate_prints_the_line_of_the_official_script(capsys, tmp_path, dataset):
    folder = write_run(tmp_path / "run", {"q1": "b", "q2": "b", "q3": "x", "stray": "y"})
    for path in (folder, f"{folder}/predictions.json"):
        status, out, err = run(capsys, "evaluate", "squad", "--dataset", dataset, "--predictions", path)
        assert status == 0
        assert out == '{"exact_match": 25.0, "f1": 41.666666666666664}\n'
        assert "Unanswered question q4 will receive score 0." in err
        assert "does not contain: 1; ignored" in err


def test_text_from_files_is_escaped_and_shortened(capsys, tmp_path):
    """Escape sequences in ids, questions, answers and names; a question and an answer of 100 kB."""
    steering = "\x1b]52;c;aGk=\x07\x1b[2J\x9b1A\r\u202e"
    long = "x" * 100_000
    questions = [question(f"q{steering}", f"{long}{steering}?", [("b", 2)])]
    data = str(write_squad(tmp_path / f"dev{steering[:8]}.json", squad(("a b c", questions))))
    first = write_run(tmp_path / "a", {f"q{steering}": f"{steering}{long}"})
    second = write_run(tmp_path / "b", {f"q{steering}": "b"})
    for words in (
        ("compare", first, second, "--data", data),
        ("compare", first, second, "--data", first),
        ("evaluate", "squad", "--data", data, "--predictions", second),
        (
            "evaluate",
            "squad",
            "--data",
            data,
            "--predictions",
            write_run(tmp_path / "c", {steering: 7}),
        ),
        ("compare", write_run(tmp_path / "d", {steering + long: "a"}), second, "--data", data),
    ):
        _, out, err = run(capsys, *words)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out + err)
        assert max(map(len, (out + err).splitlines())) < 3000


def test_evaluate_gives_reference_scores(capsys):
    data, folder = shared_path(DEV_SET), shared_path("reference/squad-dev")
    expected = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["fp32"]
    status, out, err = run(capsys, "evaluate", "squad", "--dataset", str(data), "--predictions", str(folder))
    assert (status, err) == (0, "")
    assert out == json.dumps(expected) + "\n"


def test_compare_lists_changed_answers_with_scores_and_margins(capsys, tmp_path, dataset):
    first = write_run(
        tmp_path / "a",
        {"q1": "b", "q2": "b c [1]", "q3": "c", "q4": "a"},
        {"q1": [answer(2.5, 1.25), answer(2.5, -0.5), answer(0, 0)], "q2": [answer(1, 1)], "q4": []},
    )
    second = write_run(tmp_path / "b", {"q1": "b c", "q2": "b c", "q3": "c"})
    status, out, err = run(capsys, "compare", first, second, "--dataset", dataset)
    assert status == 0
    *lines, summary = out.splitlines()
    assert lines == [
        "q1: Which letter?",
        "  A: b  [EM 1, F1 100.00, margin 1.7500]",
        "  B: b c  [EM 0, F1 66.67]",
        "q2: Which letters?",
        "  A: b c [1]  [EM 0, F1 80.00]",
        "  B: b c  [EM 1, F1 100.00]",
        "q4: And then?",
        "  A: a  [EM 1, F1 0.00]",  # an article: equal, but without it nothing is in common
        "  B: (no answer)  [EM 0, F1 0.00]",
    ]
    # A: 1, 0.8, 1, 0; B: 2/3, 1, 1, 0
    match = re.fullmatch(
        r"changed answers: 3 of 4; F1 A 70\.000 %, B 66\.667 %, B - A -3\.333 points "
        r"\(95 % interval (-[\d.]+) to \+([\d.]+)\)",
        summary,
    )
    assert match
    assert -33.34 <= float(match[1]) < -3.333 < float(match[2]) <= 20
    assert err.count("Unanswered question q4") == 1


def many_questions(folder, count):
    """A data set of this many questions, all answered by "b", with its answers."""
    questions = [question(f"q{number}", "Which letter?", [("b", 2)]) for number in range(count)]
    dataset = write_squad(folder / "many.json", squad(("a b c", questions)))
    return dataset, {f"q{number}": "b" for number in range(count)}


@pytest.mark.parametrize(
    ("count", "lost", "status", "shown"),
    [
        (300, 0, 0, "pass: F1: all 300 questions scored as before"),
        (300, 30, 1, "F1: difference −10.00, tolerance 1"),
        (20, 2, 3, "a loss beyond the tolerance, but it may be chance; about"),
        (20, 0, 0, "all 20 questions scored as before, which could hide a drop of 21"),
    ],
)
def test_compare_judges_drop_by_rule_of_the_gate(capsys, tmp_path, count, lost, status, shown):
    dataset, right = many_questions(tmp_path, count)
    wrong = right | {f"q{number}": "c" for number in range(lost)}
    folders = write_run(tmp_path / "a", right), write_run(tmp_path / "b", wrong)
    ended, out, err = run(capsys, "compare", *folders, "--dataset", str(dataset), "--max-drop", "1")
    assert ended == status, err
    assert shown in (err if status else out)


@pytest.mark.parametrize("value", ["nan", "-1", "inf"])
def test_invalid_max_drop_is_rejected(capsys, tmp_path, dataset, value):
    folder = write_run(tmp_path / "a", {"q1": "b"})
    status, _, err = run(capsys, "compare", folder, folder, "--dataset", dataset, f"--max-drop={value}")
    assert status == 2
    assert "max" in err


def test_compare_uses_dataset_of_the_predictions(capsys, tmp_path, dataset):
    folder = write_run(tmp_path / "run", {"q1": "b", "q2": "b"})
    status, _, err = run(capsys, "compare", folder, folder)
    assert (status, err.count("\n")) == (2, 1)
    assert "run/results.json: missing, so the dataset is unknown; give --data." in err
    (tmp_path / "run" / "results.json").write_text(json.dumps({"dataset": [dataset]}))
    status, out, _ = run(capsys, "compare", f"{folder}/predictions.json", folder)
    assert status == 0
    assert out.startswith("changed answers: 0 of 4; F1 A 41.667")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "contains no dataset"),
        ({"task": "squad"}, "contains no dataset"),
        ({"dataset": []}, "contains no dataset"),
        ({"dataset": [7]}, "contains no dataset"),
        ({"dataset": ["moved.json"]}, "the dataset moved.json does not exist"),
    ],
)
def test_compare_with_missing_dataset_is_rejected(capsys, tmp_path, results, message):
    folder = write_run(tmp_path / "run", {"q1": "b"})
    (tmp_path / "run" / "results.json").write_text(json.dumps(results))
    status, out, err = run(capsys, "compare", folder, folder)
    assert (status, out) == (2, "")
    assert err == f"bertbench: {tmp_path / 'run' / 'results.json'}: {message}; give --data.\n"


def test_compare_of_equal_answers_lists_no_changes(capsys, tmp_path, dataset):
    folder = write_run(tmp_path / "a", {"q1": "b", "q2": "b c", "q3": "c", "q4": "x"})
    status, out, _ = run(capsys, "compare", folder, f"{folder}/predictions.json", "--dataset", dataset)
    assert status == 0
    assert out == (
        "changed answers: 0 of 4; F1 A 75.000 %, B 75.000 %, B - A +0.000 points "
        "(95 % interval +0.000 to +0.000)\n"
    )


@pytest.mark.parametrize(
    ("predictions", "nbest", "message"),
    [
        (["b"], None, r"predictions\.json: is not a JSON object of question ids; give"),
        ({"q1": 3}, None, r"predictions\.json: question 'q1': the answer must be a string; give"),
        ({"q1": "b", "q9": "c", "q8": "c"}, None, r"bad: 2 ids, such as 'q9', are not in .*dev\.json; give"),
        ({"q1": "b"}, [], r"nbest_predictions\.json: is not a JSON object"),
        ({"q1": "b"}, {"q1": [{"text": "b"}]}, r"nbest_predictions\.json: .*'q1': not a list of answers"),
        ({"q1": "b"}, {"q1": [answer("x", 1), answer(1, 1)]}, r"'q1': not a list of answers with logits"),
        ({"q1": "b"}, {"q1": 7}, r"'q1': not a list of answers with logits"),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_compare_rejects_invalid_predictions(capsys, tmp_path, dataset, predictions, nbest, message, side):
    runs = [write_run(tmp_path / "good", {"q1": "b"})]
    runs.insert(side, write_run(tmp_path / "bad", predictions, nbest))
    status, out, err = run(capsys, "compare", *runs, "--dataset", dataset)
    assert (status, out) == (2, "")
    assert re.search(message, err.splitlines()[-1])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full; Linux has it")
def test_full_disk_for_output_is_reported_in_one_line(tmp_path, dataset):
    predictions = write_run(tmp_path / "run", {"q1": "b", "q2": "b", "q3": "c", "q4": "a"})
    command = ("-m", "bertbench", "evaluate", "squad", "--dataset", dataset, "--predictions", predictions)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, *command], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "bertbench: standard output: No space left on device; free some space or choose another place.\n"
    )


def test_missing_and_malformed_files_exit_with_status_2(capsys, tmp_path, dataset):
    broken = tmp_path / "broken.json"
    broken.write_text('{"q1": "b",\n')
    missing = tmp_path / "none.json"
    for path, message in ((missing, "cannot be read"), (broken, "line 2, column 1: not valid JSON")):
        status, out, err = run(capsys, "evaluate", "squad", "--dataset", dataset, "--predictions", str(path))
        assert (status, out) == (2, "")
        assert f"{path}: {message}" in err
