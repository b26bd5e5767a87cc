"""The output options of every command: `--json` and `--quiet`."""

import ast
import json
from pathlib import Path

import pytest

from bertbench import commands, embedded
from bertbench.console import notice, print_json, progress, say, telling
from bertbench.tables import make_table, print_table

pytestmark = pytest.mark.unit

SQUAD = ("--data", embedded.SQUAD_DEV)
MODULES = sorted(Path(commands.__file__).parent.glob("*.py"))
PRINTERS = {"say", "print_table", "print_fitted"}
# Parts of commands: these print workers' lines, a plan or single answers, the commands the JSON.
WITHOUT_RESULT = {"distributed_options", "predicted_runs"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_commands_that_print_results_support_json(module):
    calls = {
        ast.unparse(node.func).removeprefix("console.")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    if calls & PRINTERS and module.stem not in WITHOUT_RESULT:
        assert "print_json" in calls


def print_everything():
    say("a line")
    print_table(make_table("", ("a", "b"), [("row", 1)]))
    notice("a notice")
    with progress("work", 1, "steps") as advance:
        advance()
    print_json({"name": "caf\u00e9"})


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("as_json", [False, True])
def test_quiet_and_json_select_the_output(capsys, quiet, as_json):
    with telling(quiet=quiet, as_json=as_json):
        print_everything()
    out, err = capsys.readouterr()
    assert out == '{\n  "name": "caf\\u00e9"\n}\n' if as_json else "a line" in out and "row" in out
    assert err.splitlines() == ([] if quiet else ["a notice", "work: 1/1 steps, 0 s, 0 s left"])


def test_output_is_restored_after_an_exception(capsys):
    with pytest.raises(ValueError, match="x"), telling(quiet=True, as_json=True):
        raise ValueError("x")
    print_everything()
    out, err = capsys.readouterr()
    assert "a line" in out
    assert "a notice" in err


@pytest.fixture
def predictions(tmp_path):
    """Two predictions files for the embedded questions; the second differs in one answer."""
    articles = json.loads(embedded.SQUAD_DEV.read_text())["data"]
    questions = [
        question for article in articles for part in article["paragraphs"] for question in part["qas"]
    ]
    answers = {question["id"]: question["answers"][0]["text"] for question in questions}
    for name, changed in (("a", {}), ("b", {questions[0]["id"]: "nothing of the kind"})):
        (tmp_path / f"{name}.json").write_text(json.dumps(answers | changed))
    return tmp_path / "a.json", tmp_path / "b.json", questions[0]["id"], len(questions)


def test_compare_prints_json(call_here, predictions):
    first, second, changed, count = predictions
    status, out, err = call_here("compare", first, second, *SQUAD, "--json", "--quiet")
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert (result["questions"], result["verdict"]) == (count, None)
    (entry,) = result["changed"]
    assert entry["id"] == changed
    assert entry["a"]["f1"] == 100
    assert entry["b"] == {"answer": "nothing of the kind", "exact_match": 0, "f1": 0, "margin": None}
    assert result["f1"]["difference"] == pytest.approx(-100 / count)


def test_failed_gate_prints_json_and_exits_with_1(call_here, predictions):
    first, second, _, _ = predictions
    status, out, err = call_here("compare", first, second, *SQUAD, "--max-drop", 50, "--json", "-q")
    assert (status, err) == (0, "")
    assert json.loads(out)["verdict"] == "pass"
    wrong = first.with_name("wrong.json")
    wrong.write_text(json.dumps(dict.fromkeys(json.loads(first.read_text()), "nothing of the kind")))
    status, out, err = call_here("compare", first, wrong, *SQUAD, "--max-drop", 50, "--json", "-q")
    assert status == 1
    assert json.loads(out)["verdict"] == "fail"
    (line,) = err.splitlines()
    assert line.startswith("bertbench: F1: difference")


def test_evaluate_prints_json(call_here, predictions):
    status, out, _ = call_here("evaluate", "squad", *SQUAD, "--predictions", predictions[0], "--json")
    assert status == 0
    assert json.loads(out) == {"exact_match": 100.0, "f1": 100.0}


def test_fetch_list_prints_json(call_here):
    status, out, _ = call_here("fetch", "--list", "--json")
    assert status == 0
    assert {"name", "download", "variable", "license"} == set(json.loads(out)[0])


def test_quiet_command_still_reports_errors(call_here, tmp_path):
    status, out, err = call_here("report", tmp_path / "none", "--json", "--quiet")
    assert (status, out) == (2, "")
    assert str(tmp_path / "none") in err
