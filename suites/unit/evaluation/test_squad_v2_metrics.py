"""SQuAD 2.0's scores against the official script's rules, reimplemented here, and by hand."""

import collections
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.evaluation.squad_v2_metrics import score_answer_v2, score_squad_v2

pytestmark = pytest.mark.unit


# The rules of evaluate-v2.0.py (Rajpurkar et al. 2018), for answers, predictions and probabilities by id.
def normal(text):
    text = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def overlap(truth, answer):
    truth, answer = normal(truth).split(), normal(answer).split()
    if not truth or not answer:
        return int(truth == answer)
    common = sum((collections.Counter(truth) & collections.Counter(answer)).values())
    if common == 0:
        return 0
    precision, recall = 1.0 * common / len(answer), 1.0 * common / len(truth)
    return (2 * precision * recall) / (precision + recall)


def raw_scores(gold, predictions):
    raw = {"exact": {}, "f1": {}}
    for key, answers in gold.items():
        truths = [answer for answer in answers if normal(answer)] or [""]
        raw["exact"][key] = max(int(normal(truth) == normal(predictions[key])) for truth in truths)
        raw["f1"][key] = max(overlap(truth, predictions[key]) for truth in truths)
    return raw


def best_threshold(gold, predictions, scores, probabilities):
    current = best = sum(1 for key in gold if not gold[key])
    threshold = 0.0
    for key in sorted(probabilities, key=lambda key: probabilities[key]):
        if key not in scores:
            continue
        current += scores[key] if gold[key] else -1 if predictions[key] else 0
        if current > best:
            best, threshold = current, probabilities[key]
    return 100.0 * best / len(scores), threshold


def official_scores(gold, predictions, probabilities=None, threshold=1.0):
    raw = raw_scores(gold, predictions)
    asked = probabilities or dict.fromkeys(predictions, 0.0)
    final = {
        name: {key: float(not gold[key]) if asked[key] > threshold else scores[key] for key in scores}
        for name, scores in raw.items()
    }
    result = {}
    has, lacks = [key for key in gold if gold[key]], [key for key in gold if not gold[key]]
    for prefix, keys in (("", list(gold)), ("HasAns_", has), ("NoAns_", lacks)):
        if keys:
            for name in ("exact", "f1"):
                result[prefix + name] = 100.0 * sum(final[name][key] for key in keys) / len(keys)
            result[f"{prefix}total"] = len(keys)
    if probabilities:
        for name, scores in raw.items():
            best = best_threshold(gold, predictions, scores, probabilities)
            result[f"best_{name}"], result[f"best_{name}_thresh"] = best
    return result


TEXTS = st.lists(st.sampled_from(["a", "the", "cat", "Cat", "dog", "sat", ",", "."]), max_size=4).map(
    " ".join
)
ODDS = st.sampled_from([-2.0, -0.5, 0.0, 0.3, 1.0, 1.5, 4.0])  # few values, so that ties are common


@given(
    questions=st.lists(st.tuples(st.lists(TEXTS, max_size=2), TEXTS, ODDS), min_size=1, max_size=8),
    with_odds=st.booleans(),
    threshold=ODDS,
    order=st.randoms(use_true_random=False),
)
def test_scores_equal_official_script(questions, with_odds, threshold, order):
    gold = {str(number): answers for number, (answers, _, _) in enumerate(questions)}
    predictions = {str(number): answer for number, (_, answer, _) in enumerate(questions)} | {"more": "cat"}
    odds = [(str(number), odds) for number, (_, _, odds) in enumerate(questions)] + [("more", 0.5)]
    order.shuffle(odds)
    probabilities = dict(odds) if with_odds else None
    got = score_squad_v2(gold, predictions, probabilities, threshold).totals
    expected = official_scores(gold, predictions, probabilities, threshold)
    assert list(got.items()) == list(expected.items())  # to the last digit, and in the same order


@pytest.mark.parametrize(
    ("prediction", "references", "exact_match", "f1"),
    [
        ("", [], 1, 1.0),
        ("the", [], 1, 1.0),  # nothing is left of it
        ("cat", [], 0, 0.0),
        ("", ["cat"], 0, 0.0),
        ("the", ["a"], 1, 1.0),  # in version 1.1 the F1 is 0
        ("cat", ["a", "the cat"], 1, 1.0),
        (
            "",
            ["a", "cat"],
            0,
            0.0,
        ),  # a reference that is empty after normalization does not count with others
        ("cat sat", ["The cat."], 0, 2 / 3),
    ],
)
def test_score_of_one_answer_equals_expected_em_and_f1(prediction, references, exact_match, f1):
    score = score_answer_v2(prediction, references)
    assert score.exact_match == exact_match
    assert score.f1 == pytest.approx(f1, abs=1e-15)


GOLD = {"1": ["cat"], "2": ["cat sat"], "3": [], "4": []}
PREDICTIONS = {"1": "the cat", "2": "cat", "3": "", "4": "dog"}


def test_totals_equal_calculation_by_hand():
    scores = score_squad_v2(GOLD, PREDICTIONS)
    assert scores.totals == {
        **{"exact": 50.0, "f1": pytest.approx(100 * (1 + 2 / 3 + 1) / 4), "total": 4},
        **{"HasAns_exact": 50.0, "HasAns_f1": pytest.approx(100 * (1 + 2 / 3) / 2), "HasAns_total": 2},
        **{"NoAns_exact": 50.0, "NoAns_f1": 50.0, "NoAns_total": 2},
    }
    assert scores.items().ids.tolist() == ["1", "2", "3", "4"]
    assert scores.items().values["f1"].tolist() == [100.0, pytest.approx(200 / 3), 100.0, 0.0]


def test_best_threshold_equals_calculation_by_hand():
    """All empty: 2 right. Then 1 (odds -3): 3; 4 (-1): 2; 2 (0.5): 2 2/3; the best is to stop after 1."""
    odds = {"1": -3.0, "2": 0.5, "3": 2.0, "4": -1.0}
    totals = score_squad_v2(GOLD, PREDICTIONS, odds).totals
    assert {name: totals[name] for name in totals if "best" in name} == {
        **{"best_exact": 75.0, "best_exact_thresh": -3.0, "best_f1": 75.0, "best_f1_thresh": -3.0}
    }
    assert totals["exact"] == 50.0  # 3, whose odds are above 1, has the empty answer as before


def test_question_above_threshold_counts_as_unanswered():
    totals = score_squad_v2(GOLD, PREDICTIONS, {"1": 2.0, "2": 0.0, "3": 0.0, "4": 1.5}).totals
    assert (totals["exact"], totals["HasAns_exact"], totals["NoAns_exact"]) == (50.0, 0.0, 100.0)


def test_totals_of_absent_question_kinds_are_omitted():
    assert "NoAns_total" not in score_squad_v2({"1": ["cat"]}, {"1": "cat"}).totals
    assert "HasAns_total" not in score_squad_v2({"1": []}, {"1": ""}).totals
