"""Windows against the original's features, an independent statement of its rules, and hand-made cases."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bertbench.data.squad import LONGEST_CONTEXT, make_example, read_squad
from bertbench.data.squad_windows import WindowSettings, make_windows
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import InputError
from suites.shared_data import DEV_SET, shared_path
from suites.unit.squad_cases import impossible, make_tokenizer, paragraphs, question, squad, write_squad

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return make_tokenizer(tmp_path_factory.mktemp("vocab"))


def original_windows(example, tokenize, settings, training):
    """One question's windows by the original's rules, token by token."""
    query = tokenize(example.question)[: settings.max_query_length]
    pieces = [
        (piece, word) for word, text in enumerate(example.paragraph.doc_tokens) for piece in tokenize(text)
    ]
    room = settings.max_seq_length - len(query) - 3
    spans, start = [], 0
    while start < len(pieces):
        spans.append(range(start, min(start + room, len(pieces))))
        if spans[-1].stop == len(pieces):
            break
        start += min(len(spans[-1]), settings.doc_stride)
    if training:
        first, last = answer_span(example, tokenize)
    for number, span in enumerate(spans):
        tokens = ["[CLS]", *query, "[SEP]", *(pieces[n][0] for n in span), "[SEP]"]
        head = len(query) + 2
        label = (0, 0)
        if training and span.start <= first and last <= span.stop - 1:
            label = first - span.start + head, last - span.start + head
        yield {
            "tokens": tokens,
            "segments": [0] * head + [1] * (len(span) + 1),
            "span": number,
            "words": [-1] * head + [pieces[n][1] for n in span] + [-1],
            "best": [False] * head + [number == fullest(spans, n) for n in span] + [False],
            "label": label,
        }


def fullest(spans, position):
    def context(span):
        if position not in span:
            return -1.0
        return min(position - span.start, span.stop - 1 - position) + 0.01 * len(span)

    return max(range(len(spans)), key=lambda n: context(spans[n]))  # max takes the first of equals


def answer_span(example, tokenize):
    divided = [tokenize(word) for word in example.paragraph.doc_tokens]
    all_pieces = [piece for pieces in divided for piece in pieces]
    first = sum(map(len, divided[: example.start_word]))
    last = sum(map(len, divided[: example.end_word + 1])) - 1
    wanted = " ".join(tokenize(example.answers[0]))
    for start in range(first, last + 1):
        for end in range(last, start - 1, -1):
            if " ".join(all_pieces[start : end + 1]) == wanted:
                return start, end
    return first, last


def rows_of(windows, tokenizer):
    features = windows.features
    for row, (first, stop) in enumerate(zip(features.row_splits, features.row_splits[1:], strict=False)):
        labels = [int(features.labels[name][row]) for name in ("start_positions", "end_positions")]
        yield {
            "tokens": [tokenizer.tokens[index] for index in features.input_ids[first:stop]],
            "segments": features.segment_ids[first:stop].tolist(),
            "span": windows.doc_span_index[row],
            "words": windows.token_to_orig[first:stop].tolist(),
            "best": windows.token_is_max_context[first:stop].tolist(),
            "label": tuple(labels),
        }


def read_sound(path, paragraph):
    """The questions that can be trained on, or none."""
    write_squad(path, squad((paragraph["context"], paragraph["qas"])))
    try:
        return read_squad(path, training=True)
    except InputError:
        return []


@given(paragraph=paragraphs(), query=st.integers(1, 6), room=st.integers(1, 12), stride=st.integers(1, 12))
def test_windows_equal_original_script(tmp_path_factory, tokenizer, paragraph, query, room, stride):
    examples = read_sound(tmp_path_factory.getbasetemp() / "f.json", paragraph)
    settings = WindowSettings(query + 3 + room, stride, query)
    windows = make_windows(examples, tokenizer, settings, training=True)
    expected = [
        [*original_windows(example, tokenizer.tokenize, settings, training=True)] for example in examples
    ]
    assert list(rows_of(windows, tokenizer)) == [row for rows in expected for row in rows]
    assert windows.example_index.tolist() == [n for n, rows in enumerate(expected) for _ in rows]


@given(count=st.integers(1, 700), room=st.integers(20, 320), stride=st.integers(10, 200))
@example(count=7, room=5, stride=2)  # the fourth wordpiece has 1 + 0.05 in both windows: the first has it
@example(count=301, room=300, stride=128)  # the 215th: 85 + 3.00 against 86 + 1.73
def test_each_wordpiece_has_max_context_in_one_window(tmp_path_factory, tokenizer, count, room, stride):
    content = squad(("a " * count, [question(text="?", answers=[])]))
    examples = read_squad(write_squad(tmp_path_factory.getbasetemp() / "f.json", content))
    settings = WindowSettings(room + 4, stride, 1)
    windows = make_windows(examples, tokenizer, settings)
    expected = [*original_windows(examples[0], tokenizer.tokenize, settings, training=False)]
    assert windows.token_is_max_context.tolist() == [best for row in expected for best in row["best"]]
    assert windows.token_to_orig.tolist() == [word for row in expected for word in row["words"]]
    assert windows.token_is_max_context.sum() == count


def test_windows_of_long_context_equal_windows_by_hand(tmp_path, tokenizer):
    content = squad(("a unaffable b, c", [question(text="A?", answers=[("affable", 4)])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content), training=True)
    windows = make_windows(examples, tokenizer, WindowSettings(10, 3, 5), training=True)
    # pieces: a un ##aff ##able b , c; room for 10 - 2 - 3 = 5 of them, 3 apart
    assert [row["tokens"] for row in rows_of(windows, tokenizer)] == [
        ["[CLS]", "a", "?", "[SEP]", "a", "un", "##aff", "##able", "b", "[SEP]"],
        ["[CLS]", "a", "?", "[SEP]", "##able", "b", ",", "c", "[SEP]"],
    ]
    assert [row["words"] for row in rows_of(windows, tokenizer)] == [
        [-1, -1, -1, -1, 0, 1, 1, 1, 2, -1],
        [-1, -1, -1, -1, 1, 2, 2, 3, -1],
    ]
    # ##able: 1 + 0.05 in the first window, 0 + 0.04 in the second; b: 0.05 against 1.04
    assert [row["best"] for row in rows_of(windows, tokenizer)] == [
        [False] * 4 + [True, True, True, True, False, False],
        [False] * 4 + [False, True, True, True, False],
    ]
    # "affable" divides otherwise than inside "unaffable", so the whole word is the label
    assert [row["label"] for row in rows_of(windows, tokenizer)] == [(5, 7), (0, 0)]


def test_label_covers_only_wordpieces_of_the_answer(tmp_path, tokenizer):
    content = squad(("z (ab)", [question(answers=[("ab", 3)])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content), training=True)
    windows = make_windows(examples, tokenizer, WindowSettings(), training=True)
    assert [row["tokens"] for row in rows_of(windows, tokenizer)] == [
        ["[CLS]", "a", "b", "?", "[SEP]", "z", "(", "ab", ")", "[SEP]"]
    ]
    assert [row["label"] for row in rows_of(windows, tokenizer)] == [(7, 7)]


def test_context_without_wordpieces_has_no_window(tmp_path, tokenizer):
    content = squad(("\u200b", [question(answers=[])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content))
    windows = make_windows(examples, tokenizer, WindowSettings())
    assert len(windows) == len(windows.features) == 0
    assert windows.features.labels == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((67, 128, 64), "max_seq_length 67 leaves no room for the context; it must be above .* = 67"),
        ((384, 0, 64), "must be at least 1"),
        ((384, 128, 0), "must be at least 1"),
    ],
)
def test_invalid_window_settings_are_rejected(values, message):
    with pytest.raises(InputError, match=message):
        WindowSettings(*values).require_room()


def test_windows_of_dev_subset_equal_reference_features():
    reference = np.load(shared_path("reference/squad-dev/features.npz"))
    tokenizer = TokenizerFiles(shared_path("models/minilm-l6-h384-squad/vocab.txt")).tokenizer
    examples = read_squad(shared_path(DEV_SET))
    windows = make_windows(examples, tokenizer, WindowSettings(384, 128, 64))
    assert len(windows) == 791
    mask = np.arange(384) < windows.features.lengths[:, None]
    np.testing.assert_array_equal(mask, reference["input_mask"])
    for name in ("input_ids", "segment_ids"):
        padded = np.zeros((791, 384), np.int32)
        padded[mask] = getattr(windows.features, name)
        np.testing.assert_array_equal(padded, reference[name])
    ids = [examples[index].qas_id for index in windows.example_index]
    np.testing.assert_array_equal(ids, reference["qas_id"])
    np.testing.assert_array_equal(windows.doc_span_index, reference["doc_span_index"])


def test_windows_of_impossible_questions_are_labeled_at_cls(tmp_path, tokenizer):
    content = squad(("a b c d e f g h", [impossible("1"), question("2", answers=[("h", 14)])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content), training=True, with_negative=True)
    windows = make_windows(examples, tokenizer, WindowSettings(10, 2, 4), training=True)
    # [CLS] a b ? [SEP] and [SEP] leave room for 4 of 8 wordpieces: windows at 0, 2 and 4, the last with h
    assert windows.example_index.tolist() == [0, 0, 0, 1, 1, 1]
    for name in ("start_positions", "end_positions"):
        assert windows.features.labels[name].tolist() == [0, 0, 0, 0, 0, 8]


def test_windows_of_longest_context_need_little_memory(tokenizer):
    """A table of all windows by all wordpieces would have 62 GB, while the windows have 40 MB."""
    tracemalloc.start()
    windows = make_windows([make_example("?", "(" * LONGEST_CONTEXT)], tokenizer, WindowSettings())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # room for 384 - 4 wordpieces, 128 apart: the last window is the first that reaches the end
    assert len(windows) == 1 + -(-(LONGEST_CONTEXT - 380) // 128) == 7811
    assert windows.token_is_max_context.sum() == LONGEST_CONTEXT
    assert peak < 256 * 2**20


def test_label_in_long_word_is_found_in_linear_time(tmp_path, tokenizer):
    """The answer has 200,000 of the word's 500,000 wordpieces: comparing it everywhere reads 60 billion."""
    context, answer = "(" * 250_000 + "a" + "(" * 249_999, "a" + "(" * 199_999
    content = squad((context, [question(text="?", answers=[(answer, 250_000)])]))
    examples = read_squad(write_squad(tmp_path / "f.json", content), training=True)
    start = time.process_time()
    windows = make_windows(examples, tokenizer, WindowSettings(300_004, 200_000, 1), training=True)
    assert time.process_time() - start < 10
    # [CLS] ? [SEP] and [SEP] leave room for 300,000 wordpieces: windows at 0 and 200,000, the second complete
    assert [row["label"] for row in rows_of(windows, tokenizer)] == [(0, 0), (50_003, 250_002)]
