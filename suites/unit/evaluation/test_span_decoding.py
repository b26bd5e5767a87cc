"""Logits to answers: the reference lists, an independent statement of the original's rules, edge cases."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.data.squad import read_squad
from bertbench.data.squad_windows import WindowSettings, make_windows
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import CannotJudge, InputError
from bertbench.evaluation.answer_text import AnswerTexts
from bertbench.evaluation.span_decoding import DecodingSettings, decode_spans
from suites.shared_data import DEV_SET, shared_path
from suites.unit.squad_cases import contexts, make_tokenizer, question, squad, write_squad

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module", params=[True, False], ids=["uncased", "cased"])
def tokenizer(request, tmp_path_factory):
    return make_tokenizer(tmp_path_factory.mktemp("vocab"), request.param)


def original_nbest(words, windows, tokenizer, n_best, longest, with_negative=False):
    """A question's list by the original's rules; windows are (ids, word of each, best, starts, ends)."""
    offers = []
    firsts = ((starts[0], ends[0]) for *_, starts, ends in windows)
    null = min(firsts, key=sum, default=(0.0, 0.0))  # of equals the first
    for number, (_, word_of, best, starts, ends) in enumerate(windows):
        for start in sorted(range(len(starts)), key=lambda n: -starts[n])[:n_best]:
            for end in sorted(range(len(ends)), key=lambda n: -ends[n])[:n_best]:
                inside = word_of[start] >= 0 and word_of[end] >= 0 and best[start]
                if inside and start <= end < start + longest:
                    offers.append((number, start, end, starts[start], ends[end]))
    offers += [(None, 0, 0, *null)] if with_negative else []
    offers.sort(key=lambda offer: -(offer[3] + offer[4]))
    answers = {}
    for number, start, end, start_logit, end_logit in offers:
        if number is None:
            answers[""] = null
            continue
        ids, word_of = windows[number][:2]
        touched = words[word_of[start] : word_of[end] + 1]
        text = original_text([tokenizer.tokens[n] for n in ids[start : end + 1]], touched, tokenizer)
        answers.setdefault(text, (start_logit, end_logit))
    best = list(answers.items())[:n_best] or [("empty", (0.0, 0.0))]
    if with_negative and "" not in dict(best):
        best.append(("", null))
    weights = [math.exp(sum(logits) - sum(best[0][1])) for _, logits in best]
    return [
        {"text": text, "probability": weight / sum(weights), "start_logit": start, "end_logit": end}
        for (text, (start, end)), weight in zip(best, weights, strict=True)
    ]


def original_text(pieces, words, tokenizer):
    """The answer's characters found in the normalized words, and from there in the words themselves."""
    answer = " ".join(" ".join(pieces).replace(" ##", "").replace("##", "").split())
    whole = " ".join(words)
    normalized = " ".join(tokenizer.basic_tokenize(whole))
    ours = [place for place, character in enumerate(whole) if character != " "]
    theirs = [place for place, character in enumerate(normalized) if character != " "]
    first = normalized.find(answer)
    if not answer or first == -1 or len(ours) != len(theirs):
        return whole
    from_theirs = dict(zip(theirs, ours, strict=True))
    return whole[from_theirs[first] : from_theirs[first + len(answer) - 1] + 1]


def windows_of(examples, tokenizer, *settings):
    return make_windows(examples, tokenizer, WindowSettings(*settings))


def original_choice(nbest, threshold):
    """The answer to a question that may have none, and its null odds, from its list."""
    score_null = next(entry["start_logit"] + entry["end_logit"] for entry in nbest if entry["text"] == "")
    best = next(entry for entry in nbest if entry["text"])
    odds = score_null - best["start_logit"] - best["end_logit"]
    return "" if odds > threshold else best["text"], odds


@given(
    texts=st.lists(contexts(), min_size=1, max_size=3),
    n_best=st.integers(1, 6),
    longest=st.integers(1, 8),
    negative=st.booleans(),
    data=st.data(),
)
def test_nbest_lists_equal_those_of_original_algorithm(
    tmp_path_factory, tokenizer, texts, n_best, longest, negative, data
):
    questions = [(text, [question(f"q{n}", answers=[])]) for n, text in enumerate(texts)]
    examples = read_squad(write_squad(tmp_path_factory.getbasetemp() / "f.json", squad(*questions)))
    windows = windows_of(examples, tokenizer, 14, 4, 4)
    splits = windows.features.row_splits
    seed = data.draw(st.integers(0, 2**32 - 1))
    # few distinct values, so that ties are common
    starts, ends = np.random.default_rng(seed).integers(-6, 7, (2, splits[-1])).astype(np.float32) / 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bertbench.evaluation.span_decoding._WINDOWS_AT_ONCE", data.draw(st.integers(1, 5)))
        settings = DecodingSettings(n_best, longest, data.draw(st.sampled_from([0.0, -1.0, 2.0])))
        logits = starts, ends
        decoded = decode_spans(examples, windows, *logits, tokenizer, settings, with_negative=negative)
    columns = [windows.features.input_ids, windows.token_to_orig, windows.token_is_max_context, starts, ends]
    for number, example in enumerate(examples):
        rows = np.flatnonzero(windows.example_index == number)
        parts = [[column[splits[row] : splits[row + 1]].tolist() for column in columns] for row in rows]
        words = example.paragraph.doc_tokens
        expected = original_nbest(words, parts, tokenizer, n_best, longest, negative)
        for got, wanted in zip(decoded.nbest[example.qas_id], expected, strict=True):
            assert got == {**wanted, "probability": pytest.approx(wanted["probability"], abs=1e-12)}
        if not negative:
            assert decoded.predictions[example.qas_id] == expected[0]["text"]
        elif len(expected) > 1:  # the original stops with an error where no span is possible
            choice = decoded.predictions[example.qas_id], decoded.null_odds[example.qas_id]
            assert choice == original_choice(expected, settings.null_score_diff_threshold)
    assert list(decoded.nbest) == list(decoded.predictions) == [f"q{n}" for n in range(len(texts))]


def test_decoded_spans_equal_spans_found_by_hand(tmp_path):
    tokenizer = make_tokenizer(tmp_path)
    content = squad(("a (B) É, c", [question(text="?")]))
    examples = read_squad(write_squad(tmp_path / "f.json", content))
    windows = windows_of(examples, tokenizer)
    # [CLS] ? [SEP] a ( b ) e , c [SEP]
    starts = np.array([9, 9, 9, 0, 0, 3, 0, 2, 0, 0, 9], np.float32)
    ends = np.array([9, 9, 9, 0, 0, 1, 0, 4, 0, 0, 9], np.float32)
    decoded = decode_spans(examples, windows, starts, ends, tokenizer, DecodingSettings(7, 3))
    assert decoded.predictions == {"q1": "B) É"}
    # Of the seven best starts only (tokens 5, 7, 3) and ends (7, 5, 3) are in the context.
    expected = [("B) É", 3, 4), ("É", 2, 4), ("B", 3, 1), ("a (B", 0, 1), ("a", 0, 0)]
    nbest = decoded.nbest["q1"]
    assert [(entry["text"], entry["start_logit"], entry["end_logit"]) for entry in nbest] == expected
    weights = np.exp([7.0, 6.0, 4.0, 1.0, 0.0])
    np.testing.assert_allclose([entry["probability"] for entry in nbest], weights / weights.sum(), rtol=1e-14)


def decode_by_hand(tmp_path, starts, ends, **settings):
    tokenizer = make_tokenizer(tmp_path)
    content = squad(("a b c", [question(text="?", answers=[])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content))
    windows = windows_of(examples, tokenizer, 7, 1, 2)  # [CLS] ? [SEP] and three words [SEP], or two windows
    logits = np.array(starts, np.float32), np.array(ends, np.float32)
    return decode_spans(
        examples, windows, *logits, tokenizer, DecodingSettings(**settings), with_negative=True
    )


@pytest.mark.parametrize(
    ("threshold", "n_best", "answer", "texts"),
    [
        (0.0, 2, "", ["", "b"]),  # odds 7 - 5 = 2
        (1.9, 2, "", ["", "b"]),
        (2.0, 2, "b", ["", "b"]),  # only above the threshold
        (0.0, 1, "", [""]),
    ],
)
def test_no_answer_prediction_equals_calculation_by_hand(tmp_path, threshold, n_best, answer, texts):
    # [CLS] ? [SEP] a b c [SEP]
    starts, ends = [4, 0, 0, 1, 3, 0, 0], [3, 0, 0, 0, 2, 1, 0]
    given = {"n_best_size": n_best, "null_score_diff_threshold": threshold, "max_answer_length": 1}
    decoded = decode_by_hand(tmp_path, starts, ends, **given)
    if n_best == 1:  # the best start and end are both [CLS]'s, which is no span
        assert decoded.null_odds == {"q1": 7.0}
    else:
        assert decoded.null_odds == {"q1": 2.0}
        weights = np.exp([7.0, 5.0])
        probabilities = [entry["probability"] for entry in decoded.nbest["q1"]]
        np.testing.assert_allclose(probabilities, weights / weights.sum(), rtol=1e-14)
    assert [entry["text"] for entry in decoded.nbest["q1"]] == texts
    assert decoded.predictions == {"q1": answer}
    assert decoded.best("q1").text == answer


def test_empty_answer_is_appended_to_full_nbest_list(tmp_path):
    starts, ends = [-4, 0, 0, 1, 3, 0, 0], [-3, 0, 0, 0, 2, 1, 0]
    decoded = decode_by_hand(tmp_path, starts, ends, n_best_size=1)
    entries = [(entry["text"], entry["start_logit"], entry["end_logit"]) for entry in decoded.nbest["q1"]]
    assert entries == [("b", 3.0, 2.0), ("", -4.0, -3.0)]
    assert (decoded.predictions, decoded.null_odds) == ({"q1": "b"}, {"q1": -12.0})


def test_null_score_is_lowest_over_windows(tmp_path):
    tokenizer = make_tokenizer(tmp_path)
    content = squad(("a b c", [question(text="?", answers=[])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content))
    windows = windows_of(examples, tokenizer, 6, 1, 2)
    assert len(windows) == 2  # [CLS] ? [SEP] a b [SEP] [CLS] ? [SEP] b c [SEP]
    starts = np.array([5, 0, 0, 1, 0, 0, 1, 0, 0, 0, 2, 0], np.float32)
    ends = np.array([-3, 0, 0, 1, 0, 0, 2, 0, 0, 0, 2, 0], np.float32)
    decoded = decode_spans(examples, windows, starts, ends, tokenizer, DecodingSettings(), with_negative=True)
    null = next(entry for entry in decoded.nbest["q1"] if entry["text"] == "")
    assert (null["start_logit"], null["end_logit"]) == (5.0, -3.0)
    assert decoded.null_odds == {"q1": 2.0 - 4.0}


@pytest.mark.parametrize(
    ("pieces", "words", "expected"),
    [
        (["ab"], ["(Ab),"], "Ab"),  # case and punctuation
        (["un", "##aff", "##able"], ["Unaffable."], "Unaffable"),
        (["b", ".", "a"], ["b.", "a"], "b. a"),  # spaces of the original
        (["e", "##t"], ["éT!"], "éT"),  # one character for one
        (["e", "##t"], ["e\u0301t!"], "e\u0301t!"),  # two characters for one: all of the words
        (["[UNK]"], ["中"], "中"),  # not to be found: all of the words
        (["#", "a"], ["x#a,"], "#a"),
    ],
)
def test_answer_text_is_taken_from_original_context(tmp_path, pieces, words, expected):
    tokenizer = make_tokenizer(tmp_path)
    ids = [tokenizer.tokens.index(piece) for piece in pieces]
    context = SimpleNamespace(doc_tokens=["before", *words, "after"])
    assert AnswerTexts(tokenizer).cut(ids, context, 1, len(words)) == expected


def test_answer_without_valid_span_is_empty(tmp_path):
    tokenizer = make_tokenizer(tmp_path)
    content = squad(("\u200b", [question("1", answers=[])]), ("a", [question("2", answers=[])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content))
    windows = windows_of(examples, tokenizer)
    logits = np.arange(len(windows.features.input_ids), dtype=np.float32)  # the last [SEP] is the best
    decoded = decode_spans(examples, windows, logits, logits, tokenizer, DecodingSettings(n_best_size=1))
    empty = [{"text": "empty", "probability": 1.0, "start_logit": 0.0, "end_logit": 0.0}]
    assert decoded.nbest == {"1": empty, "2": empty}
    none = make_windows(examples[:1], tokenizer, WindowSettings())
    decoded = decode_spans(examples[:1], none, logits[:0], logits[:0], tokenizer, DecodingSettings())
    assert decoded.predictions == {"1": "empty"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_logits_are_rejected(tmp_path, bad):
    tokenizer = make_tokenizer(tmp_path)
    content = squad(("a", [question("1", answers=[]), question("2", answers=[])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content))
    windows = windows_of(examples, tokenizer)
    good = np.zeros(len(windows.features.input_ids), np.float32)
    broken = good.copy()
    broken[windows.features.row_splits[1]] = bad
    for logits in ((good, broken), (broken, good)):
        with pytest.raises(CannotJudge, match="question '2': a logit is not finite"):
            decode_spans(examples, windows, *logits, tokenizer, DecodingSettings())


@pytest.mark.parametrize("values", [(0, 30), (20, 0)])
def test_decoding_settings_below_one_are_rejected(values):
    with pytest.raises(InputError, match="must be at least 1"):
        DecodingSettings(*values)


def test_reference_logits_give_reference_nbest_lists_exactly():
    """The reference's logits were cut to real tokens before they were ranked, as here."""
    folder = shared_path("reference/squad-dev")
    tokenizer = TokenizerFiles(shared_path("models/minilm-l6-h384-squad/vocab.txt")).tokenizer
    examples = read_squad(shared_path(DEV_SET))
    windows = windows_of(examples, tokenizer)
    logits = np.load(folder / "logits.npz")
    real = np.load(folder / "features.npz")["input_mask"] == 1
    decoded = decode_spans(
        examples,
        windows,
        logits["start_logits"][real],
        logits["end_logits"][real],
        tokenizer,
        DecodingSettings(n_best_size=20, max_answer_length=30),
    )
    predictions = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    assert list(decoded.predictions.items()) == list(predictions.items())
    nbest = json.loads((folder / "nbest_predictions.json").read_text(encoding="utf-8"))
    for qas_id, expected in nbest.items():
        got = decoded.nbest[qas_id]
        assert [entry["text"] for entry in got] == [entry["text"] for entry in expected]
        for name in ("probability", "start_logit", "end_logit"):
            np.testing.assert_allclose(
                [e[name] for e in got], [e[name] for e in expected], rtol=0, atol=1e-12
            )
