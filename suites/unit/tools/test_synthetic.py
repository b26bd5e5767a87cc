"""The synthetic corpus: its format, the same bytes on all machines, and no solution by word overlap."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tokenizers import BertWordPieceTokenizer

import bertbench
from bertbench.data.glue import find_file, read_examples
from bertbench.data.glue_tasks import MRPC
from bertbench.data.squad import read_squad
from bertbench.data.text_corpus import plan_parts, read_documents
from bertbench.evaluation.squad_metrics import score_squad
from suites.unit.tools.lexical_baseline import answer_by_shared_words
from suites.unit.tools.small_corpus import SMALL
from tools.embedded.corpus import DEFAULT_SIZES, SEED, write_corpus
from tools.embedded.corpus.mrpc import CHANGES, make_pairs
from tools.embedded.corpus.paragraphs import QUESTION_WEIGHTS
from tools.embedded.corpus.squad import make_paragraphs
from tools.embedded.corpus.vocabulary import train_vocabulary

pytestmark = pytest.mark.unit

PACKAGED = Path(bertbench.__file__).parent / "embedded"
FILES = {
    "squad/train-v1.1.json",
    "squad/dev-v1.1.json",
    "glue/MRPC/train.tsv",
    "glue/MRPC/dev.tsv",
    "glue/MRPC/test.tsv",
    "pretraining/corpus.txt",
    "pretraining/held_out.txt",
    "vocab.txt",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The corpus as the embedded default has it."""
    directory = tmp_path_factory.mktemp("corpus")
    write_corpus(directory)
    return directory


@pytest.fixture(scope="module")
def dev_paragraphs():
    return make_paragraphs(SEED, held_out=True, count=DEFAULT_SIZES.dev_paragraphs)


def _questions(path):
    for article in json.loads(path.read_text())["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                yield article["title"], paragraph["context"], question


def _bytes_below(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_corpus_does_not_depend_on_hash_seed(tmp_path):
    program = (
        "import sys; from tools.embedded.corpus import *; "
        "from suites.unit.tools.small_corpus import SMALL; "
        "write_corpus(sys.argv[1], sizes=SMALL)"
    )
    for hash_seed in "01":
        subprocess.run(
            [sys.executable, "-c", program, tmp_path / hash_seed],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[3],
            check=True,
        )
    first, second = (_bytes_below(tmp_path / hash_seed) for hash_seed in "01")
    assert set(first) == FILES
    assert first == second


def test_different_seeds_give_different_corpora(tmp_path):
    for seed in (1, 2):
        write_corpus(tmp_path / str(seed), seed=seed, sizes=SMALL)
    first, second = (_bytes_below(tmp_path / str(seed)) for seed in (1, 2))
    assert all(first[name] != second[name] for name in FILES)


@pytest.mark.parametrize(
    ("file", "packaged"),
    [
        ("squad/dev-v1.1.json", "squad/dev-v1.1.json"),
        ("glue/MRPC/dev.tsv", "mrpc/dev.tsv"),
        ("glue/MRPC/test.tsv", "mrpc/test.tsv"),
        ("pretraining/held_out.txt", "pretraining/held_out.txt"),
    ],
)
def test_packaged_data_equal_output_of_generator(corpus, file, packaged):
    assert (corpus / file).read_bytes() == (PACKAGED / packaged).read_bytes()


@pytest.mark.parametrize("part", ["train", "dev"])
def test_squad_answers_are_at_answer_start(corpus, part):
    questions = list(_questions(corpus / f"squad/{part}-v1.1.json"))
    ids = Counter(question["id"] for _, _, question in questions)
    assert ids.most_common(1)[0][1] == 1
    for _, context, question in questions:
        for answer in question["answers"]:
            end = answer["answer_start"] + len(answer["text"])
            assert context[answer["answer_start"] : end] == answer["text"]
            assert 1 <= len(answer["text"].split()) <= 4


def test_squad_parts_have_expected_numbers_of_references(corpus):
    numbers = {
        part: Counter(len(question["answers"]) for _, _, question in _questions(path))
        for part in ("train", "dev")
        for path in [corpus / f"squad/{part}-v1.1.json"]
    }
    assert set(numbers["train"]) == {1}
    assert set(numbers["dev"]) == {2, 3}


def test_squad_files_are_read_without_losing_answers(corpus):
    train = read_squad(corpus / "squad/train-v1.1.json", training=True)
    assert 6000 <= len(train) <= 9000
    assert 400 <= len(read_squad(corpus / "squad/dev-v1.1.json")) <= 600


def test_dev_set_contains_all_stories_and_question_types(corpus, dev_paragraphs):
    titles = {title.rsplit("_", 1)[0] for title, _, _ in _questions(corpus / "squad/dev-v1.1.json")}
    assert len(titles) == 7
    types = Counter(question.type for paragraph in dev_paragraphs for question in paragraph.questions)
    assert set(types) == set(QUESTION_WEIGHTS)
    assert max(types.values()) < 0.7 * types.total()


def test_paragraphs_and_questions_are_short(corpus):
    tokenizer = BertWordPieceTokenizer(str(corpus / "vocab.txt"), lowercase=True)
    pairs = {
        (question["question"], context)
        for _, context, question in _questions(corpus / "squad/train-v1.1.json")
    }
    lengths = [len(tokenizer.encode(*pair).ids) for pair in sorted(pairs)]
    assert max(lengths) <= 128


def test_most_answers_have_another_entity_of_same_kind_in_context(dev_paragraphs):
    rivals = [
        len({one.entity for one in paragraph.mentions if one.entity.kind == question.answer.entity.kind}) - 1
        for paragraph in dev_paragraphs
        for question in paragraph.questions
    ]
    assert np.mean(np.array(rivals) >= 1) > 0.9


@pytest.mark.parametrize("window", [None, 2, 4, 6, 8, 10])
def test_word_overlap_baseline_scores_below_60(dev_paragraphs, window):
    references, predictions = {}, {}
    for number, paragraph in enumerate(dev_paragraphs):
        for question in paragraph.questions:
            key = f"{number} {question.text}"
            references[key] = [question.answer.entity.text]
            predictions[key] = answer_by_shared_words(paragraph, question, window=window)
    assert score_squad(references, predictions).f1 < 60


def test_dev_paragraphs_and_half_of_their_names_are_not_in_training_set(corpus, dev_paragraphs):
    train = (corpus / "squad/train-v1.1.json").read_text() + (corpus / "pretraining/corpus.txt").read_text()
    assert not any(paragraph.text in train for paragraph in dev_paragraphs)
    people = {
        one.entity.text
        for paragraph in dev_paragraphs
        for one in paragraph.mentions
        if one.entity.kind == "person"
    }
    assert sum(name not in train for name in people) > 0.4 * len(people)


def test_mrpc_has_the_official_layout(corpus):
    header = (corpus / "glue/MRPC/train.tsv").read_text().splitlines()[0]
    assert header == "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    header = (corpus / "glue/MRPC/test.tsv").read_text().splitlines()[0]
    assert header == "index\t#1 ID\t#2 ID\t#1 String\t#2 String"
    assert [
        len(read_examples(MRPC, find_file(MRPC, corpus / "glue", part), part))
        for part in ("train", "dev", "test")
    ] == [
        3000,
        400,
        200,
    ]


def test_mrpc_parts_are_disjoint_with_two_thirds_paraphrases(corpus):
    parts = {
        part: read_examples(MRPC, find_file(MRPC, corpus / "glue", part), part)
        for part in ("train", "dev", "test")
    }
    texts = {part: {(one.text_a, one.text_b) for one in examples} for part, examples in parts.items()}
    assert not texts["train"] & texts["dev"]
    assert not texts["train"] & texts["test"]
    assert not texts["dev"] & texts["test"]
    assert np.mean([one.label for one in parts["train"]]) == pytest.approx(2 / 3, abs=0.03)


def test_word_overlap_does_not_predict_paraphrases():
    pairs = make_pairs(SEED, "train", count=3000)
    assert {pair.change for pair in pairs} == {"none", *CHANGES}
    overlaps = np.array([_overlap(pair.first, pair.second) for pair in pairs])
    same = np.array([pair.same for pair in pairs])
    guesses = [overlaps >= threshold for threshold in np.unique(overlaps)]
    best = max(max(np.mean(guess == same), np.mean(guess != same)) for guess in guesses)
    assert best < same.mean() + 0.05


def _overlap(first, second):
    first, second = (set(re.findall(r"\w+", text.lower())) for text in (first, second))
    return len(first & second) / len(first | second)


def test_plain_text_contains_documents_with_one_sentence_per_line(corpus):
    text = (corpus / "pretraining/corpus.txt").read_text()
    documents = text.removesuffix("\n").split("\n\n")
    assert len(documents) == DEFAULT_SIZES.documents
    assert 20_000 <= sum(len(document.splitlines()) for document in documents) <= 40_000
    assert all(len(document.splitlines()) > 3 for document in documents)
    [[span]] = plan_parts([corpus / "pretraining/corpus.txt"])
    assert [document.splitlines() for document in documents] == list(read_documents(span))


def test_vocabulary_covers_all_texts(corpus):
    tokenizer = BertWordPieceTokenizer(str(corpus / "vocab.txt"), lowercase=True)
    texts = [
        context + question["question"] for _, context, question in _questions(corpus / "squad/dev-v1.1.json")
    ]
    texts += [(corpus / "glue/MRPC/dev.tsv").read_text(), (corpus / "pretraining/held_out.txt").read_text()]
    texts += ["Wholly other words: 12,345 jackdaws love my big sphinx of quartz (twice)!"]
    assert not any("[UNK]" in tokenizer.encode(text).tokens for text in texts)


def test_vocabulary_merges_most_frequent_neighbors():
    # "aab" thrice, "ab" once: "a ##a" and "##a ##b" both 3, "##a" sorts first; then "a ##ab" 3, "a ##b" 1.
    pieces = train_vocabulary(["aab aab", "aab ab"], 10_000)
    characters = {piece for piece in pieces if len(piece.removeprefix("##")) == 1}
    assert [piece for piece in pieces[5:] if piece not in characters] == ["##ab", "aab", "ab"]
    assert pieces[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def test_vocabulary_has_requested_size(corpus):
    pieces = (corpus / "vocab.txt").read_text().splitlines()
    assert len(pieces) == len(set(pieces)) == DEFAULT_SIZES.wordpieces
