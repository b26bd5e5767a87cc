"""The rule for scores passes results shown to be as good and fails results shown to be worse."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from bertbench.errors import CannotJudge, InputError
from bertbench.evaluation.items import Items
from bertbench.gate.accuracy import (
    compare_figures,
    compare_items,
    decide,
    decide_case,
    fewest_items,
    items_needed,
    read_judged,
)
from bertbench.gate.score_text import explain
from bertbench.results.accuracy import Ruling, ScoreComparison
from suites.unit.made_up_results import accuracy_case, comparison, failed, write_accuracy

pytestmark = pytest.mark.unit


def answers(right, count):
    """This many right answers, then wrong ones, in percent."""
    return np.repeat([100.0, 0.0], [right, count - right])


def judge(base, head, tolerance=1.0, quantity="f1"):
    sides = (Items.numbered({quantity: np.asarray(scores)}) for scores in (base, head))
    return compare_items(quantity, *sides, tolerance, against="baseline")


def changed(count, lost, won, right=None):
    """Base and head of `count` questions, of which head lost some and won others."""
    base = answers(count * 3 // 4 if right is None else right, count)
    head = base.copy()
    head[:lost] = 0
    head[count - won :] = 100
    return base, head


def test_large_loss_on_few_questions_is_unclear():
    """F1 70 against 80 of 20 questions: the interval holds 0, and proves nothing."""
    made = judge(*changed(20, 5, 3, right=16))
    assert made.difference == pytest.approx(-10)
    assert made.interval[0] < -1 < 0 < made.interval[1]
    assert made.verdict == Ruling.UNCLEAR


def test_significant_loss_beyond_tolerance_fails():
    made = judge(*changed(800, 40, 2))
    assert made.interval[1] < 0
    assert made.p_value < 0.01
    assert made.verdict == Ruling.FAIL


def test_loss_shown_to_be_below_tolerance_passes():
    made = judge(*changed(5000, 12, 10))
    assert -1 < made.interval[0] < made.difference < 0
    assert made.verdict == Ruling.PASS


def test_significant_loss_below_tolerance_passes():
    made = judge(*changed(5000, 30, 0), tolerance=1.0)
    assert made.interval[1] < 0
    assert made.verdict == Ruling.PASS


def test_three_lost_answers_are_unclear():
    """Their interval excludes 0, but sides that are alike do as badly one time in eight."""
    made = judge(*changed(200, 3, 0))
    assert made.interval[1] < 0
    assert made.p_value == pytest.approx(1 / 8)
    assert made.verdict == Ruling.UNCLEAR


def test_few_questions_without_loss_are_unclear():
    made = judge(*changed(30, 0, 1))
    assert made.interval[0] == 0
    assert made.verdict == Ruling.UNCLEAR
    assert "so few questions could miss a loss" in explain(made, "questions")


def test_equal_scores_of_enough_items_pass():
    made = judge(*changed(500, 0, 0))
    assert made.verdict == Ruling.PASS
    assert explain(made, "questions") == "all 500 questions scored as before"


def test_equal_scores_of_few_items_are_unchanged_and_report_the_drop_they_could_hide():
    """If 78.5 % of the questions are lost, none of 3 is lost with a probability of 0.215^3 = 1 %."""
    made = judge(*changed(3, 0, 0, right=3))
    assert made.verdict == Ruling.UNCHANGED
    assert explain(made, "questions") == "all 3 questions scored as before, which could hide a drop of 78"


def test_rise_beyond_tolerance_passes_and_is_reported():
    made = judge(*changed(800, 2, 40))
    assert made.verdict == Ruling.PASS
    assert explain(made).endswith("a rise beyond the tolerance")


def test_significant_rise_passes_with_few_items():
    assert judge(*changed(40, 0, 10, right=20)).verdict == Ruling.PASS


def test_higher_loss_value_fails_and_lower_passes():
    generator = np.random.default_rng(0)
    base = generator.gamma(2.0, 1.0, 500)
    worse = base + 0.2
    assert judge(base, worse, 0.05, "next_sentence_loss").verdict == Ruling.FAIL
    assert judge(worse, base, 0.05, "next_sentence_loss").verdict == Ruling.PASS


def test_correlation_and_f1_are_compared_by_example():
    generator = np.random.default_rng(2)
    labels = generator.integers(0, 2, 200)
    good = np.where(generator.random(200) < 0.1, 1 - labels, labels)
    bad = np.where(generator.random(200) < 0.2, 1 - good, good)
    for quantity in ("f1", "matthews_correlation", "pearson", "spearman", "accuracy"):
        sides = [Items.numbered({"predictions": made, "labels": labels}) for made in (good, bad)]
        made = compare_items(quantity, *sides, 0.03, against="baseline")
        assert made.verdict == Ruling.FAIL, quantity
        assert made.interval[0] < made.difference < made.interval[1] < 0
        assert len(made.changed) == np.count_nonzero(good != bad)


def test_order_of_items_does_not_change_the_comparison():
    base = Items.numbered({"f1": answers(300, 400)})
    order = np.random.default_rng(0).permutation(400)
    head = Items(base.ids[order], {"f1": base.values["f1"][order]})
    assert compare_items("f1", base, head, 0.0, against="baseline").interval == (0, 0)


def test_changed_questions_are_listed_by_id():
    base = Items(np.array(["a", "b", "c"]), {"f1": np.array([100.0, 50.0, 0.0])})
    head = Items(np.array(["c", "b", "a"]), {"f1": np.array([0.0, 20.0, 100.0])})
    assert compare_items("f1", base, head, 1.0, against="baseline").changed == ("b",)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_scores_cannot_be_judged(value):
    base = answers(300, 400)
    spoilt = np.where(np.arange(400) == 7, value, base)
    for sides in ((base, spoilt), (spoilt, base)):
        with pytest.raises(CannotJudge, match="not finite"):
            judge(*sides)
    with pytest.raises(CannotJudge, match="f1 is"):
        compare_figures("f1", 80.0, value, 1.0, 400, against="published")


def test_different_items_and_single_item_cannot_be_judged():
    first, second = Items.numbered({"f1": answers(3, 4)}), Items.numbered({"f1": answers(3, 5)})
    with pytest.raises(CannotJudge, match="other items"):
        compare_items("f1", first, second, 1.0, against="baseline")
    with pytest.raises(CannotJudge, match="1 items show nothing"):
        judge([100.0], [0.0])


@pytest.mark.parametrize(
    ("expected", "score", "ruling"),
    [
        (90.0, 89.6, "pass"),
        (90.0, 89.5, "pass"),
        (90.0, 89.4, "fail"),
        (90.0, 95.0, "pass"),
        (None, 90.0, "unclear"),
    ],
)
def test_score_without_items_is_judged_by_tolerance_alone(expected, score, ruling):
    assert compare_figures("f1", expected, score, 0.5, 10570, against="published").verdict == ruling


@hypothesis.given(
    difference=st.floats(-20, 20), low=st.floats(0, 10), high=st.floats(0, 10), p_value=st.floats(0, 0.5)
)
def test_pass_excludes_large_loss_and_failure_excludes_small_loss(difference, low, high, p_value):
    made = ScoreComparison(
        "baseline",
        "f1",
        score=80.0 + difference,
        tolerance=1.0,
        items=5000,
        verdict=Ruling.UNCLEAR,
        expected=80.0,
        difference=difference,
        interval=(difference - low, difference + high),
        p_value=p_value,
    )
    ruling = decide(made)
    if ruling == Ruling.PASS:
        assert difference - low > -1
    if ruling == Ruling.FAIL:
        assert difference < -1
        assert difference + high < 0


def test_fewest_items_detect_drop_of_twice_the_tolerance():
    """Of n items that are each lost with probability 2 %, none is with 0.98 to the n."""
    needed = fewest_items("f1", expected=100.0, tolerance=1.0)
    assert 0.98**needed <= 0.01 < 0.98 ** (needed - 1)
    assert fewest_items("f1", 80.0, 0.0) == float("inf")
    assert fewest_items("f1", 0.5, 1.0) == 1


def test_fewest_items_of_correlation_allow_for_a_class_of_one_tenth():
    """0.1 % wrong answers, all of them to a class of one tenth, lower the correlation by 0.0056."""
    labels = np.repeat([0, 1], [9000, 1000])
    predictions = np.where(np.arange(10000) >= 9990, 0, labels)
    score = Items.numbered({"predictions": predictions, "labels": labels}).score("matthews_correlation")
    assert score == pytest.approx(1 - 0.0056, abs=1e-4)
    tolerance = (1 - score) / 2
    assert fewest_items("matthews_correlation", 1.0, tolerance) == pytest.approx(
        fewest_items("accuracy", 1.0, 0.0005), rel=0.01
    )


def test_interval_much_wider_than_the_tolerance_is_unclear():
    """A rise of 17 points that may be chance: the interval starts above minus the tolerance."""
    made = dataclasses.replace(judge(*changed(4000, 3, 10)), difference=17.0, interval=(-0.5, 34.5))
    assert decide(made) == Ruling.UNCLEAR
    assert "the interval is too wide for this tolerance; about" in explain(made)
    assert decide(dataclasses.replace(made, difference=4.4)) == Ruling.PASS


@pytest.mark.parametrize(
    ("lost", "won", "ruling"),
    [(0.03, 0.01, Ruling.PASS), (0.08, 0.02, Ruling.FAIL), (0.05, 0.05, Ruling.PASS)],
)
def test_stated_number_of_items_decides_nine_of_ten_samples(lost, won, ruling):
    """Samples of a population of which the head loses and wins these shares of the answers."""
    generator = np.random.default_rng(1)

    def draw(count):
        chance = generator.random(count)
        base = np.where(chance < lost, 100.0, np.where(chance > 1 - won, 0.0, answers(count // 2, count)))
        head = np.where(chance < lost, 0.0, np.where(chance > 1 - won, 100.0, base))
        sides = (Items.numbered({"f1": scores}) for scores in (base, head))
        return compare_items("f1", *sides, 4.0, against="baseline", resamples=999)

    few, true_difference = 200, 100 * (won - lost)
    spread = 1.96 * 100 * np.sqrt((lost + won - (won - lost) ** 2) / few)
    made = dataclasses.replace(
        draw(few),
        expected=50.0,
        difference=true_difference,
        interval=(true_difference - spread, true_difference + spread),
    )
    needed = int(items_needed(made))
    assert few < needed < 1200
    assert [draw(needed).verdict for _ in range(30)].count(ruling) >= 24


def test_worst_comparison_decides_the_verdict():
    passed, unchanged, unclear, failure = (
        dataclasses.replace(judge(*changed(400, 0, 0)), verdict=ruling)
        for ruling in (Ruling.PASS, Ruling.UNCHANGED, Ruling.UNCLEAR, Ruling.FAIL)
    )
    shown = dataclasses.replace(passed, verdict=Ruling.NOT_JUDGED)
    assert decide_case([passed, unclear, failure]) == Ruling.FAIL
    assert decide_case([unclear, passed]) == Ruling.UNCLEAR
    assert decide_case([passed, unchanged]) == Ruling.UNCHANGED
    assert decide_case([shown, passed]) == Ruling.PASS
    assert decide_case([shown]) == decide_case([]) == Ruling.UNCLEAR


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            {"comparisons": [failed("baseline", 80.0, 87.3) | {"verdict": "pass"}]},
            "says pass, its figures say fail",
        ),
        ({"comparisons": [failed("baseline", 80.0, 87.3)]}, "says pass, its figures say fail"),
        ({"comparisons": []}, "says pass, its figures say unclear"),
        (
            {"comparisons": [failed("baseline", 80.0, 87.3) | {"verdict": "not judged"}]},
            "says not judged, its figures say fail",
        ),
        (
            {"comparisons": [comparison("baseline", 80.0, 80.0, tolerance=0.1)]},
            "says pass, its figures say unclear",
        ),
    ],
)
def test_stored_verdict_that_contradicts_its_values_is_rejected(tmp_path, case, message):
    path = write_accuracy(tmp_path, [accuracy_case("fp32", 80.0, **case)])
    with pytest.raises(InputError, match=f"accuracy.json: fp32-squad-inference.*{message}"):
        read_judged(path)
