"""GLUE files in their official layouts become the examples and features that the original makes."""

import collections
import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.data.glue import find_file, make_features, read_examples
from bertbench.data.glue_tasks import TASKS, glue_task
from bertbench.data.text_pairs import truncated_lengths
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import InputError
from suites.shared_data import shared_path
from suites.unit.data.glue_layouts import LAYOUTS, write_lines

pytestmark = pytest.mark.unit

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three", "##s", '"']


@pytest.fixture
def tokenizer(tmp_path):
    write_lines(tmp_path / "vocab.txt", VOCABULARY)
    return TokenizerFiles(tmp_path / "vocab.txt").tokenizer


@pytest.mark.parametrize(("name", "split", "file", "lines", "expected"), LAYOUTS)
@pytest.mark.parametrize("below_root", [True, False])
def test_official_layout_is_read(tmp_path, name, split, file, lines, expected, below_root):
    task = glue_task(name)
    write_lines((tmp_path / task.folder if below_root else tmp_path) / file, lines)
    examples = read_examples(task, find_file(task, tmp_path, split), split)
    assert len(examples) == 1
    example = examples[0]
    assert (example.guid, example.text_a, example.text_b, example.label) == expected


@pytest.mark.parametrize(
    ("given_name", "official"),
    [
        ("mrpc", "MRPC"),
        ("sst2", "SST-2"),
        ("SST-2", "SST-2"),
        ("stsb", "STS-B"),
        ("sts-b", "STS-B"),
        ("MNLI", "MNLI"),
        ("mnli_matched", "MNLI"),
        ("mnli-mm", "MNLI-mm"),
        ("cola", "CoLA"),
        ("xnli", "XNLI"),
    ],
)
def test_alternative_task_names_are_accepted(given_name, official):
    assert glue_task(given_name).name == official


def test_task_names_and_aliases_are_unique():
    names = [name for task in TASKS for name in (task.name.lower().replace("-", ""), *task.aliases)]
    assert len(names) == len(set(names))


def test_windows_line_endings_are_accepted(tmp_path):
    (tmp_path / "dev.tsv").write_bytes(b"sentence\tlabel\r\ngood\t1\r\n")
    assert (
        read_examples(glue_task("sst-2"), find_file(glue_task("sst-2"), tmp_path, "dev"), "dev")[0].label == 1
    )


def test_features_of_text_pairs_equal_expected_ids(tmp_path, tokenizer):
    write_lines(
        tmp_path / "train.tsv",
        ["\t".join("hhhhh"), "1\t1\t2\tone ones\t“ two", '0\t1\t2\tthree\t"', "1\t1\t2\tone\t\u200b"],
    )
    task = glue_task("mrpc")
    features = make_features(
        task, read_examples(task, find_file(task, tmp_path, "train"), "train"), tokenizer, 128
    )
    # [CLS] one one ##s [SEP] [UNK] two [SEP];  [CLS] three [SEP] " [SEP];  [CLS] one [SEP]: no second text
    assert features.input_ids.tolist() == [2, 5, 5, 8, 3, 1, 6, 3, 2, 7, 3, 9, 3, 2, 5, 3]
    assert features.segment_ids.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0]
    assert features.row_splits.tolist() == [0, 8, 13, 16]
    assert features.labels["label_ids"].tolist() == [1, 0, 1]
    assert features.labels["label_ids"].dtype == np.int32


def test_longer_text_of_pair_is_truncated(tmp_path, tokenizer):
    rows = [
        "one one one two two two two\tthree three",
        "one one two\tthree three three",
        "one\tthree three three",
    ]
    write_lines(tmp_path / "test.tsv", ["\t".join("hhh"), *("0\t" + row for row in rows)])
    task = glue_task("qqp")
    features = make_features(
        task, read_examples(task, find_file(task, tmp_path, "test"), "test"), tokenizer, 8
    )
    expected = [[2, 5, 5, 5, 3, 7, 7, 3], [2, 5, 5, 6, 3, 7, 7, 3], [2, 5, 3, 7, 7, 7, 3]]
    assert [row.tolist() for row in np.split(features.input_ids, features.row_splits[1:-1])] == expected
    assert features.labels == {}


def test_single_text_is_truncated_and_scores_are_float32(tmp_path, tokenizer):
    write_lines(tmp_path / "train.tsv", ["x\t1\t\tone two three one two"])
    task = glue_task("cola")
    features = make_features(
        task, read_examples(task, find_file(task, tmp_path, "train"), "train"), tokenizer, 5
    )
    assert features.input_ids.tolist() == [2, 5, 6, 7, 3]
    write_lines(tmp_path / "dev.tsv", ["\t" * 9, "\t" * 7 + "one\ttwo\t4.25"])
    task = glue_task("sts-b")
    scores = make_features(
        task, read_examples(task, find_file(task, tmp_path, "dev"), "dev"), tokenizer, 5
    ).labels["label_ids"]
    assert scores.dtype == np.float32
    assert scores.tolist() == [4.25]
    with pytest.raises(InputError, match="max_seq_length is 4; it must be at least 5"):
        make_features(task, read_examples(task, find_file(task, tmp_path, "dev"), "dev"), tokenizer, 4)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(2, 70))
def test_truncated_lengths_equal_original_algorithm(length_a, length_b, max_tokens):
    tokens_a, tokens_b = list(range(length_a)), list(range(length_b))
    while len(tokens_a) + len(tokens_b) > max_tokens:  # the longer loses its last, the second on a tie
        (tokens_a if len(tokens_a) > len(tokens_b) else tokens_b).pop()
    assert truncated_lengths(length_a, length_b, max_tokens) == (len(tokens_a), len(tokens_b))


@pytest.mark.parametrize(
    ("name", "split", "column"),
    [("MRPC", "train", 0), ("MRPC", "dev", 0), ("CoLA", "train", 1), ("RTE", "dev", 3), ("SST-2", "dev", 1)],
)
def test_labels_of_real_files_equal_those_read_by_csv_module(name, split, column):
    folder = shared_path("data/glue")
    task = glue_task(name)
    examples = read_examples(task, find_file(task, folder, split), split)
    with open(folder / name / f"{split}.tsv", encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = rows[1:] if task.layout(split).header else rows
    assert collections.Counter(task.labels[example.label] for example in examples) == collections.Counter(
        row[column] for row in rows
    )
    assert [example.text_a for example in examples] == [row[task.layout(split).text_a] for row in rows]
