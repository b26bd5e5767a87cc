"""Which files are scored, and how, compared with the rules of the official script, reimplemented here."""

import copy
import json
import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.cli import main
from bertbench.data.squad_references import read_references
from bertbench.errors import InputError
from suites.shared_data import DEV_SET, shared_path
from suites.unit.squad_cases import question, squad, write_squad

pytestmark = pytest.mark.unit


def official_scores(content, predictions):
    """The scores of evaluate-v1.1.py (Rajpurkar et al. 2016, section 6.1); it fails on the same input."""

    def normal(text):
        text = "".join(sign for sign in text.lower() if sign not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    def overlap(prediction, truth):
        common = sum((Counter(normal(prediction)) & Counter(normal(truth))).values())
        if common == 0:
            return 0
        precision, recall = common / len(normal(prediction)), common / len(normal(truth))
        return 2 * precision * recall / (precision + recall)

    equal = f1 = total = 0
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                total += 1
                if qa["id"] not in predictions:
                    "Unanswered question " + qa["id"]  # which only a string survives
                    continue
                truths = [answer["text"] for answer in qa["answers"]]
                prediction = predictions[qa["id"]]
                equal += max(" ".join(normal(prediction)) == " ".join(normal(truth)) for truth in truths)
                f1 += max(overlap(prediction, truth) for truth in truths)
    return {"exact_match": 100.0 * equal / total, "f1": 100.0 * f1 / total}


@pytest.fixture
def evaluate(tmp_path, capsys):
    """Call `bertbench evaluate squad`: status, scores or None, and the lines on standard error."""

    def run(content, predictions):
        dataset = write_squad(tmp_path / "dev.json", content)
        (tmp_path / "predictions.json").write_text(json.dumps(predictions))
        with pytest.raises(SystemExit) as ending:
            main(["evaluate", "squad", "--data", str(dataset), "--predictions", str(tmp_path)])
        printed = capsys.readouterr()
        return ending.value.code, json.loads(printed.out) if printed.out else None, printed.err.splitlines()

    return run


WHOLE = squad(
    (
        "A cat sat.",
        [question("q1", "Who?", [("cat", 2), ("A cat", 0)]), question("q2", "Did?", [("sat", 6)])],
    ),
    ("b c d e", [question("q3", "Which?", [("b c d", 0)]), question("q4", "Last?", [("e", 6)])]),
)
PREDICTIONS = {"q1": "the cat", "q2": "cat sat", "q3": "c e", "q4": "e"}
PARAGRAPH = WHOLE["data"][0]["paragraphs"][0]


def changed(change):
    content = copy.deepcopy(WHOLE)
    change(content["data"][0]["paragraphs"])
    return content


@pytest.mark.parametrize(
    ("change", "without", "lacking"),
    [
        (lambda p: None, "", None),
        (lambda p: p[0]["qas"][0].pop("question"), "", "1 questions"),
        (lambda p: p[0]["qas"][0].update(question=None), "", "1 questions"),
        (lambda p: p[1].pop("context"), "", "1 contexts"),
        (lambda p: p[0]["qas"][0]["answers"][1].pop("answer_start"), "", "1 positions of answers"),
        (lambda p: p[0]["qas"][0]["answers"][1].update(answer_start="7"), "", None),
        (lambda p: p[0]["qas"][1].update(answers=[]), "q2", "1 answers"),
        (lambda p: p[0]["qas"][1].update(answers=None), "q2", "1 answers"),
        (lambda p: p[0]["qas"][1].pop("answers"), "q2", "1 answers"),
        (lambda p: p[0]["qas"].append(dict(p[1]["qas"][0])), "", "1 distinct ids"),
        (lambda p: p[0]["qas"].append(dict(p[1]["qas"][0], answers=[{"text": "c e"}])), "", "1 distinct ids"),
        (lambda p: p[0]["qas"].extend([dict(p[1]["qas"][0], id="")] * 3), "", "2 distinct ids"),
        (lambda p: p[0]["qas"][0].update(id="q3 (2)"), "", None),
        (lambda p: p[0]["qas"][0].update(id="\ud800"), "", None),
        (lambda p: p[0]["qas"][0]["answers"][0].update(text=""), "", None),
        (lambda p: p[0]["qas"][0]["answers"][0].update(text="\udc00 cat"), "", None),
        (lambda p: p.append({"qas": []}), "", "1 contexts"),
    ],
)
def test_incomplete_files_get_the_scores_of_official_script(evaluate, change, without, lacking):
    content = changed(change)
    predictions = {key: value for key, value in PREDICTIONS.items() if key != without}
    status, scores, lines = evaluate(content, predictions)
    assert (status, scores) == (0, official_scores(content, predictions))
    shown = [line for line in lines if "scored as the official script does" in line]
    assert len(shown) == (lacking is not None)
    assert all(lacking in line for line in shown)


def test_predictions_for_unknown_questions_are_ignored(evaluate):
    predictions = {**PREDICTIONS, "other": None, "more": 7}
    status, scores, lines = evaluate(WHOLE, predictions)
    assert (status, scores) == (0, official_scores(WHOLE, predictions))
    (line,) = lines
    assert line.endswith("does not contain: 2; ignored.")


@pytest.mark.parametrize(
    ("change", "predictions", "message"),
    [
        (
            lambda p: p[0]["qas"][0].update(id=7),
            PREDICTIONS,
            "1: a question: 'id' must be a string",
        ),
        (lambda p: p[0]["qas"][0].update(id=None), PREDICTIONS, "'id' must be a string"),
        (lambda p: p[0]["qas"][0].pop("id"), PREDICTIONS, "a question: key 'id' is missing"),
        (lambda p: p[0]["qas"][0].update(answers=[]), PREDICTIONS, "'q1': has no reference answer"),
        (lambda p: p[0]["qas"][0].pop("answers"), PREDICTIONS, "'q1': key 'answers' is missing"),
        (
            lambda p: p[0]["qas"][0].update(answers=["cat"]),
            PREDICTIONS,
            "must be an object with 'text'",
        ),
        (lambda p: p[0]["qas"][0]["answers"][0].update(text=3), PREDICTIONS, "'q1': 'text' must be a string"),
        (lambda p: p[0].pop("qas"), PREDICTIONS, "article 1, paragraph 1: key 'qas' is missing"),
        (lambda p: p.clear(), PREDICTIONS, "contains no question"),
        (lambda p: None, {**PREDICTIONS, "q1": None}, "question 'q1': the answer must be a string"),
        (lambda p: None, {**PREDICTIONS, "q1": ["cat"]}, "question 'q1': the answer must be a string"),
    ],
)
def test_files_on_which_official_script_fails_are_rejected_in_one_line(
    evaluate, change, predictions, message
):
    content = changed(change)
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError)):
        official_scores(content, predictions)
    status, scores, lines = evaluate(content, predictions)
    assert (status, scores) == (2, None)
    assert message in lines[-1]


texts = st.text("ab c.the", max_size=6)
ids = st.sampled_from(["1", "2", "3"]) | st.none() | st.integers(0, 3)
answers = st.lists(st.fixed_dictionaries({"text": texts}) | st.just({}), max_size=2)
questions = st.fixed_dictionaries(
    {"id": ids}, optional={"answers": answers | st.none(), "question": st.none()}
)
paragraphs = st.fixed_dictionaries({"qas": st.lists(questions, max_size=3)}, optional={"context": texts})

articles = st.fixed_dictionaries({"paragraphs": st.lists(paragraphs, max_size=2)})


@given(
    content=st.fixed_dictionaries(
        {
            "data": st.lists(
                st.fixed_dictionaries({"paragraphs": st.lists(paragraphs, max_size=2)}), max_size=2
            )
        }
    ),
    predictions=st.dictionaries(st.sampled_from("1234"), texts | st.none(), max_size=4),
)
def test_arbitrary_files_are_scored_or_rejected_like_official_script(tmp_path_factory, content, predictions):
    from bertbench.evaluation.prediction_files import require_answers
    from bertbench.evaluation.squad_metrics import score_squad

    path = write_squad(tmp_path_factory.getbasetemp() / "any.json", content)

    def ours():
        references = read_references(path, predictions)
        asked = {key: reference.qas_id for key, reference in references.items()}
        given = require_answers("predictions.json", predictions, asked)
        scores = score_squad({key: reference.answers for key, reference in references.items()}, given)
        return {"exact_match": scores.exact_match, "f1": scores.f1}

    try:
        expected = official_scores(content, predictions)
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        with pytest.raises(InputError):
            ours()
    else:
        assert ours() == expected


def test_references_keep_order_and_repeated_answers(tmp_path):
    content = squad(("a b", [question("2", "b?", [("b", 2), ("b", 2)]), question("1", "a?", [("a", 0)])]))
    content["data"][0]["paragraphs"][0]["qas"].append(question("2", "again?", [("a", 0)]))
    references = read_references(write_squad(tmp_path / "f.json", content), {"1", "2"})
    assert [(key, *vars(reference).values()) for key, reference in references.items()] == [
        ("2", "2", "b?", ("b", "b")),
        ("1", "1", "a?", ("a",)),
        ("2 (2)", "2", "again?", ("a",)),
    ]


def test_dev_subset_has_788_questions(capsys):
    content = json.loads(shared_path(DEV_SET).read_text(encoding="utf-8"))
    every = [qa["id"] for article in content["data"] for p in article["paragraphs"] for qa in p["qas"]]
    references = read_references(shared_path(DEV_SET), every)
    assert list(references) == every
    assert len(every) == 788
    assert max(len(reference.answers) for reference in references.values()) <= 6
    assert capsys.readouterr().err == ""
