"""The rules of masking and pairing, by property and against the original script's own outcome."""

import hashlib
import itertools
import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bertbench.data.pretraining import ExampleMaker, MaskingOptions, truncate_pair
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import InputError

pytestmark = pytest.mark.unit

CLS, SEP, MASK = 2, 3, 4
FIRST_WORD, WORDS, PIECES = 5, 400, 95
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY += [f"w{i}" for i in range(WORDS)] + [f"##p{i}" for i in range(PIECES)]
FIRST_PIECE = FIRST_WORD + WORDS
RATE_CONFIDENCE = 1 - 1e-6

# Ids above the vocabulary's special tokens: whole words, and pieces that continue one.
word_ids = st.integers(FIRST_WORD, FIRST_PIECE - 1)
piece_ids = st.integers(FIRST_PIECE, len(VOCABULARY) - 1)
sentences = st.lists(word_ids | piece_ids, min_size=1, max_size=30)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("".join(token + "\n" for token in VOCABULARY), encoding="utf-8")
    return TokenizerFiles(path).tokenizer


def original_tokens(example):
    tokens = np.array(example.input_ids)
    tokens[example.masked_lm_positions] = example.masked_lm_ids
    return tokens.tolist()


def texts_of(example):
    """Both texts before masking."""
    tokens = original_tokens(example)
    split = tokens.index(SEP)
    return tokens[1:split], tokens[split + 1 : -1]


def long_documents(count=4, length=1500):
    """Documents of five-token sentences."""
    rng = random.Random(7)
    return [[[rng.randrange(5, 405) for _ in range(5)] for _ in range(length)] for _ in range(count)]


def assert_rate(hits, trials, rate):
    """Check that the true rate is in the exact binomial interval of the observed one."""
    interval = stats.binomtest(hits, trials).proportion_ci(RATE_CONFIDENCE)
    assert interval.low <= rate <= interval.high, f"{hits} of {trials}, expected a rate of {rate}"


# What the original's functions, run on the same documents with the same generator, give as JSON.
@pytest.mark.parametrize(
    ("do_whole_word_mask", "count", "digest"),
    [
        (False, 219, "9d4f0208a7ec02ca91e765bbc628dace01983b1c7ad7d871346f4c13acef20e6"),
        (True, 208, "4d264fdc0fd47ebfc3f07c4824fb0784d548ceaa605869b9a0e5937ea290f8a6"),
    ],
)
def test_pretraining_examples_equal_those_of_original_script(tokenizer, do_whole_word_mask, count, digest):
    documents = [
        [
            [5 + (31 * d + 17 * s + k * k) % 495 for k in range(1 + (7 * d + 5 * s) % 23)]
            for s in range(3 + d % 12)
        ]
        for d in range(25)
    ]
    options = MaskingOptions(64, 10, do_whole_word_mask=do_whole_word_mask, dupe_factor=3)
    rng = random.Random(12345)
    examples = list(ExampleMaker(tokenizer, options).examples(documents, rng))
    rng.shuffle(examples)
    rows = [[*example[:4], int(example.is_random_next)] for example in examples]
    assert len(rows) == count
    assert hashlib.sha256(json.dumps(rows).encode()).hexdigest() == digest


@given(
    tokens=st.lists(word_ids | piece_ids, min_size=2, max_size=120),
    limit=st.integers(1, 30),
    prob=st.sampled_from([0.01, 0.15, 0.5]),
    seed=st.integers(0, 999),
)
def test_masking_changes_only_listed_positions(tokenizer, tokens, limit, prob, seed):
    split = len(tokens) // 2
    tokens = [CLS, *tokens[:split], SEP, *tokens[split:], SEP]
    maker = ExampleMaker(tokenizer, MaskingOptions(128, limit, masked_lm_prob=prob))
    masked, positions, originals = maker.mask(tokens, random.Random(seed))
    assert len(masked) == len(tokens)
    assert positions == sorted(set(positions))
    assert not {0, split + 1, len(tokens) - 1} & set(positions)
    assert originals == [tokens[position] for position in positions]
    changed = {position for position, token in enumerate(masked) if token != tokens[position]}
    assert changed <= set(positions)
    wanted = min(limit, max(1, round(len(tokens) * prob)))
    assert len(positions) == min(wanted, len(tokens) - 3)


@given(
    words=st.lists(st.tuples(word_ids, st.lists(piece_ids, max_size=4)), min_size=1, max_size=40),
    limit=st.integers(1, 30),
    seed=st.integers(0, 999),
)
def test_whole_word_masking_masks_all_pieces_of_a_word(tokenizer, words, limit, seed):
    lengths = [1 + len(pieces) for _, pieces in words]
    tokens = [CLS, *itertools.chain.from_iterable([word, *pieces] for word, pieces in words), SEP]
    maker = ExampleMaker(tokenizer, MaskingOptions(512, limit, masked_lm_prob=0.3, do_whole_word_mask=True))
    _, positions, originals = maker.mask(tokens, random.Random(seed))
    ends = list(itertools.accumulate(lengths, initial=1))
    spans = [set(range(start, end)) for start, end in itertools.pairwise(ends)]
    assert all(span <= set(positions) or not span & set(positions) for span in spans)
    assert positions == sorted(set(positions))
    assert originals == [tokens[position] for position in positions]
    wanted = min(limit, max(1, round(len(tokens) * 0.3)))
    assert len(positions) <= wanted
    left_out = [len(span) for span in spans if not span & set(positions)]
    assert all(len(positions) + length > wanted for length in left_out)


def test_piece_after_sep_belongs_to_previous_word_as_in_original(tokenizer):
    options = MaskingOptions(128, 20, masked_lm_prob=0.5, do_whole_word_mask=True)
    tokens = [CLS, 10, SEP, FIRST_PIECE, SEP]  # round(5 × 0.5) = 2 may be masked: the two belong together
    assert ExampleMaker(tokenizer, options).mask(tokens, random.Random(1))[1] == [1, 3]


def test_masking_rates_are_80_10_10_and_random_tokens_are_uniform(tokenizer):
    maker = ExampleMaker(tokenizer, MaskingOptions(512, 512, masked_lm_prob=0.5))
    token, rng = 77, random.Random(3)
    replaced = []
    for _ in range(200):
        masked, positions, _ = maker.mask([CLS, *[token] * 250, SEP], rng)
        replaced += [masked[position] for position in positions]
    trials, size = len(replaced), len(VOCABULARY)
    random_ones = [index for index in replaced if index not in (MASK, token)]
    assert_rate(replaced.count(MASK), trials, 0.8 + 0.1 / size)
    assert_rate(replaced.count(token), trials, 0.1 + 0.1 / size)
    assert_rate(len(random_ones), trials, 0.1 * (size - 2) / size)
    counts = np.bincount(random_ones, minlength=size)[np.setdiff1d(np.arange(size), [MASK, token])]
    assert stats.chisquare(counts).pvalue > 1 - RATE_CONFIDENCE


def test_every_position_is_masked_equally_often(tokenizer):
    maker = ExampleMaker(tokenizer, MaskingOptions(128, 20))
    rng = random.Random(4)
    counts = np.zeros(128, int)
    for _ in range(2000):
        counts[maker.mask([CLS, *range(5, 131), SEP], rng)[1]] += 1
    assert counts.sum() == 2000 * 19  # round(128 × 0.15)
    assert counts[0] == counts[-1] == 0
    assert stats.chisquare(counts[1:-1]).pvalue > 1 - RATE_CONFIDENCE


@given(
    documents=st.lists(st.lists(sentences, min_size=1, max_size=12), min_size=1, max_size=5),
    max_seq_length=st.integers(5, 80),
    short_seq_prob=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 999),
)
def test_examples_are_well_formed(tokenizer, documents, max_seq_length, short_seq_prob, seed):
    options = MaskingOptions(max_seq_length, 20, short_seq_prob=short_seq_prob, dupe_factor=2)
    examples = list(ExampleMaker(tokenizer, options).examples(documents, random.Random(seed)))
    runs = ["".join(f" {token} " for sentence in document for token in sentence) for document in documents]
    assert len(examples) >= 2 * len(documents)
    for example in examples:
        tokens = original_tokens(example)
        assert 5 <= len(tokens) <= max_seq_length
        assert tokens[0] == CLS
        assert [place for place, token in enumerate(tokens) if token == SEP][1:] == [len(tokens) - 1]
        first = tokens.index(SEP)
        assert example.segment_ids == [0] * (first + 1) + [1] * (len(tokens) - first - 1)
        assert 1 <= len(example.masked_lm_positions) <= 20
        for text in texts_of(example):
            assert any("".join(f" {token} " for token in text) in run for run in runs)


def test_next_sentences_are_consecutive_and_random_ones_from_other_documents(tokenizer):
    # Token ids tell place and document: 20 documents of 24 sentences of one token each.
    documents = [[[FIRST_WORD + 24 * d + s] for s in range(24)] for d in range(20)]
    options = MaskingOptions(16, 3, short_seq_prob=0.0)
    examples = list(ExampleMaker(tokenizer, options).examples(documents, random.Random(5)))
    assert any(example.is_random_next for example in examples)
    assert not all(example.is_random_next for example in examples)
    for example in examples:
        text_a, text_b = texts_of(example)
        document_a, document_b = (text_a[-1] - FIRST_WORD) // 24, (text_b[0] - FIRST_WORD) // 24
        if example.is_random_next:
            assert document_a != document_b
        else:
            assert text_b[0] == text_a[-1] + 1


def test_half_the_next_sentences_are_random(tokenizer):
    options = MaskingOptions(128, 20)
    examples = list(ExampleMaker(tokenizer, options).examples(long_documents(), random.Random(6)))
    # Only a chunk of a single sentence, as at the end of some of the 40 passes, has no choice.
    chosen = [example.is_random_next for example in examples]
    assert len(chosen) > 3000
    assert_rate(sum(chosen), len(chosen), 0.5)


def test_share_of_short_sequences_equals_short_seq_prob(tokenizer):
    # Forty-token documents of one-token sentences at 23 tokens: a pass that aims at full length starts with
    # 20 tokens; a short one aims at 2 to 20, so 18 in 19 of those start shorter.
    documents = [[[FIRST_WORD + s] for s in range(40)] for _ in range(200)]
    options = MaskingOptions(23, 3, short_seq_prob=0.1, dupe_factor=20)
    short = trials = 0
    for example in ExampleMaker(tokenizer, options).examples(documents, random.Random(8)):
        text_a, text_b = texts_of(example)
        if text_a[0] == FIRST_WORD and not example.is_random_next:
            trials += 1
            short += len(text_a) + len(text_b) < 20
    assert_rate(short, trials, 0.1 * 18 / 19)


@given(
    length_a=st.integers(1, 60),
    length_b=st.integers(1, 60),
    max_tokens=st.integers(2, 80),
    seed=st.integers(0, 999),
)
def test_truncate_pair_shortens_the_longer_text(length_a, length_b, max_tokens, seed):
    tokens_a, tokens_b = list(range(length_a)), list(range(100, 100 + length_b))
    cut_a, cut_b = truncate_pair(tokens_a, tokens_b, max_tokens, random.Random(seed))
    assert len(cut_a) + len(cut_b) == min(length_a + length_b, max_tokens)
    for cut, whole in ((cut_a, tokens_a), (cut_b, tokens_b)):
        assert cut == whole[cut[0] - whole[0] :][: len(cut)]
    if length_a > len(cut_a) and length_b > len(cut_b):
        assert abs(len(cut_a) - len(cut_b)) <= 1


def test_truncate_pair_removes_from_both_ends_equally_often():
    rng = random.Random(9)
    from_front = sum(truncate_pair(list(range(30)), [99], 30, rng)[0][0] for _ in range(4000))
    assert_rate(from_front, 4000, 0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_seq_length": 4}, "max_seq_length is 4; it must be at least 5"),
        ({"max_predictions_per_seq": 0}, "max_predictions_per_seq is 0"),
        ({"dupe_factor": 0}, "dupe_factor is 0"),
        ({"masked_lm_prob": 1.5}, "masked_lm_prob is 1.5"),
        ({"masked_lm_prob": float("nan")}, "masked_lm_prob is nan"),
        ({"short_seq_prob": -0.1}, "short_seq_prob is -0.1"),
    ],
)
def test_invalid_masking_options_are_rejected(values, message):
    with pytest.raises(InputError, match=message):
        MaskingOptions(**values)
