"""Exact match and F1 against cases worked by hand and the official script's figures."""

import json

import pytest

from bertbench.data.squad_references import read_references
from bertbench.evaluation.squad_metrics import normalize_answer, score_answer, score_squad
from suites.shared_data import DEV_SET, shared_path

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat,\tsat!", "cat sat"),
        ("an A the", ""),
        ("theory of another ant", "theory of another ant"),
        ("U.S.-led", "usled"),
        ("a-b the_end", "ab theend"),  # punctuation goes before articles are looked for
        ("“the” é–a", "“ ” é–"),  # only ASCII punctuation goes, but other signs still bound an article
        ("A\u00a0B", "b"),
        ("ÉCOLE", "école"),
    ],
)
def test_answer_normalization_equals_official_script(text, expected):
    assert normalize_answer(text) == expected


@pytest.mark.parametrize(
    ("prediction", "references", "exact_match", "f1"),
    [
        ("The cat.", ["cat"], 1, 1.0),
        ("the cat sat", ["A cat sat down"], 0, 0.8),  # precision 1, recall 2/3
        ("cat cat sat", ["cat cat cat"], 0, 2 / 3),  # two of three in common, counted with repeats
        ("dog", ["cat"], 0, 0.0),
        ("b c", ["x", "b", "b d e c"], 0, 2 / 3),  # the best reference: 2/3 from "b", 2/3 from the last
        ("b", ["c b", "b c d", "B"], 1, 1.0),
        ("the", ["a"], 1, 0.0),  # nothing is left of either: equal, but no token in common
        ("", ["b"], 0, 0.0),
    ],
)
def test_score_of_one_answer_equals_expected_em_and_f1(prediction, references, exact_match, f1):
    score = score_answer(prediction, references)
    assert score.exact_match == exact_match
    assert score.f1 == pytest.approx(f1, abs=1e-15)


def test_unanswered_questions_score_zero_with_one_notice_each(capsys):
    references = {"1": ["b"], "2": ["c"], "3": ["b d"], "4": ["e"]}
    scores = score_squad(references, {"3": "b", "1": "b", "other": "x"})
    assert (scores.exact_match, scores.f1) == (25.0, pytest.approx(100 * (1 + 2 / 3) / 4))
    assert [score.exact_match for score in scores.questions.values()] == [1, 0, 0, 0]
    assert [score.f1 for score in scores.questions.values()] == [1, 0, pytest.approx(2 / 3), 0]
    assert list(scores.questions) == list(references)
    assert capsys.readouterr().err.splitlines() == [
        "Unanswered question 2 will receive score 0.",
        "Unanswered question 4 will receive score 0.",
    ]


def test_f1_sum_rounds_like_official_script():
    """Ten times 0.4, added one by one, falls short of 4 by one unit in the last place."""
    scores = score_squad({str(n): ["b c d e"] for n in range(10)}, {str(n): "b" for n in range(10)})
    assert scores.f1 == 100.0 * 3.9999999999999996 / 10 != 40.0


def test_scores_of_reference_predictions_equal_official_scores():
    folder = shared_path("reference/squad-dev")
    predictions = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    references = read_references(shared_path(DEV_SET), predictions)
    expected = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["fp32"]
    scores = score_squad({qas_id: one.answers for qas_id, one in references.items()}, predictions)
    assert {"exact_match": scores.exact_match, "f1": scores.f1} == expected
