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

pytestmark = pytest.mark.unit

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three", "##s", '"']

# task, split, file below the task's folder, its lines, (guid, text_a, text_b, label) of its first example
LAYOUTS = [
    (
        "MRPC",
        "train",
        "train.tsv",
        ["\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", '1\t70\t71\tHe said " yes\t" No , " he said'],
        ("train-1", 'He said " yes', '" No , " he said', 1),
    ),
    (
        "MRPC",
        "test",
        "test.tsv",
        ["index\t#1 ID\t#2 ID\t#1 String\t#2 String", "0\t70\t71\tone\ttwo"],
        ("test-1", "one", "two", None),
    ),
    (
        "CoLA",
        "train",
        "train.tsv",
        ["gj04\t0\t*\tThe sailors rode."],
        ("train-0", "The sailors rode.", None, 0),
    ),
    ("CoLA", "dev", "dev.tsv", ["gj04\t1\t\tThe sailors rode."], ("dev-0", "The sailors rode.", None, 1)),
    ("CoLA", "test", "test.tsv", ["index\tsentence", "0\tBill ran."], ("test-1", "Bill ran.", None, None)),
    ("SST-2", "dev", "dev.tsv", ["sentence\tlabel", "a charm . \t1"], ("dev-1", "a charm . ", None, 1)),
    ("SST-2", "test", "test.tsv", ["index\tsentence", "0\ta charm ."], ("test-1", "a charm .", None, None)),
    (
        "QQP",
        "train",
        "train.tsv",
        ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "133273\t1\t2\tHow ?\tWhy ?\t0"],
        ("train-1", "How ?", "Why ?", 0),
    ),
    ("QQP", "test", "test.tsv", ["id\tquestion1\tquestion2", "0\tA ?\tB ?"], ("test-1", "A ?", "B ?", None)),
    (
        "QNLI",
        "dev",
        "dev.tsv",
        ["index\tquestion\tsentence\tlabel", "0\tWhat ?\tThis .\tentailment"],
        ("dev-1", "What ?", "This .", 0),
    ),
    (
        "RTE",
        "train",
        "train.tsv",
        ["index\tsentence1\tsentence2\tlabel", "0\tone\ttwo\tnot_entailment"],
        ("train-1", "one", "two", 1),
    ),
    (
        "RTE",
        "test",
        "test.tsv",
        ["index\tsentence1\tsentence2", "0\tone\ttwo"],
        ("test-1", "one", "two", None),
    ),
    (
        "WNLI",
        "dev",
        "dev.tsv",
        ["index\tsentence1\tsentence2\tlabel", "0\tone\ttwo\t1"],
        ("dev-1", "one", "two", 1),
    ),
    (
        "STS-B",
        "train",
        "train.tsv",
        [
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
            "0\tcaptions\tMSRvid\t2012\t0001\tnone\tnone\tone\ttwo\t3.800",
        ],
        ("train-1", "one", "two", 3.8),
    ),
    (
        "STS-B",
        "test",
        "test.tsv",
        [
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2",
            "0\tcaptions\tMSRvid\t2012\t0001\tnone\tnone\tone\ttwo",
        ],
        ("test-1", "one", "two", None),
    ),
    (
        "MNLI",
        "train",
        "train.tsv",
        [
            "index\tpromptID\tpairID\tgenre\ts1_bp\ts2_bp\ts1_p\ts2_p\tsentence1\tsentence2\tlabel1\tgold_label",
            "0\t1\t1n\tfiction\t(\t(\t(\t(\tone\ttwo\tneutral\tcontradiction",
        ],
        ("train-1", "one", "two", 0),
    ),
    (
        "MNLI",
        "dev",
        "dev_matched.tsv",
        [
            "\t".join(f"column{n}" for n in range(16)),
            "0\t1\t1n\tf\t(\t(\t(\t(\tone\ttwo\ta\ta\ta\ta\ta\tneutral",
        ],
        ("dev-1", "one", "two", 2),
    ),
    (
        "MNLI-mm",
        "test",
        "test_mismatched.tsv",
        ["\t".join(f"column{n}" for n in range(10)), "0\t1\t1n\tfiction\t(\t(\t(\t(\tone\ttwo"],
        ("test-1", "one", "two", None),
    ),
    (
        "XNLI",
        "train",
        "multinli/multinli.train.zh.tsv",
        ["premise\thypo\tlabel", "一\t二\tcontradictory"],
        ("train-1", "一", "二", 0),
    ),
    (
        "XNLI",
        "dev",
        "xnli.dev.tsv",
        [
            "\t".join(f"column{n}" for n in range(19)),
            "ar\tneutral\t\t\t\t\twahid\tithnan\t1\t2\tf\ta\ta\ta\ta\ta\tt\tt\tTrue",
            "zh\tentailment\t\t\t\t\t一\t二\t1\t2\tf\ta\ta\ta\ta\ta\tt\tt\tTrue",
        ],
        ("dev-2", "一", "二", 1),
    ),
    (
        "XNLI",
        "test",
        "xnli.test.tsv",
        [
            "\t".join(f"column{n}" for n in range(19)),
            "zh\tentailment\t\t\t\t\t一\t二\t1\t2\tf\ta\ta\ta\ta\ta\tt\tt\tTrue",
        ],
        ("test-1", "一", "二", None),
    ),
]


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


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


def test_unknown_task_error_lists_valid_names():
    with pytest.raises(InputError, match=r"'boolq'.*CoLA, SST-2, MRPC, STS-B, QQP, MNLI, MNLI-mm"):
        glue_task("boolq")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["h\th\th\th", "0\ta\tb\tentailment", "1\ta\tb"], r"train.tsv: line 3: 3 columns, but RTE has 4"),
        (["h\th\th\th", "0\ta\tb\tc\tentailment"], r"line 2: 5 columns"),
        (["h\th\th\th", "0\ta\tb\tentailment", ""], r"line 3: 1 columns"),
        (["h\th\th"], r"line 1: 3 columns"),
        (
            ["h\th\th\th", "0\ta\tb\tneutral"],
            r"line 2: label 'neutral' is not one of entailment, not_entailment",
        ),
        (["h\th\th\th"], r"train.tsv: contains no example"),
        ([], r"train.tsv: contains no example"),
    ],
)
def test_invalid_row_is_reported_with_line(tmp_path, lines, message):
    write_lines(tmp_path / "train.tsv", lines)
    with pytest.raises(InputError, match=message):
        read_examples(glue_task("rte"), find_file(glue_task("rte"), tmp_path, "train"), "train")


@pytest.mark.parametrize("score", ["5.1", "-0.5", "nan", "high", ""])
def test_score_outside_range_is_reported_with_line(tmp_path, score):
    write_lines(tmp_path / "dev.tsv", ["\t" * 9, "\t" * 9 + score])
    with pytest.raises(InputError, match=rf"dev.tsv: line 2: score '{score}'"):
        read_examples(glue_task("sts-b"), find_file(glue_task("sts-b"), tmp_path, "dev"), "dev")


def test_missing_file_and_unknown_split_are_reported(tmp_path):
    with pytest.raises(InputError, match=r"no test_matched.tsv of MNLI here or in MNLI/"):
        find_file(glue_task("mnli"), tmp_path, "test")
    with pytest.raises(InputError, match="'validation'; choose one of train, dev, test"):
        read_examples(glue_task("mnli"), find_file(glue_task("mnli"), tmp_path, "validation"), "validation")


def test_line_not_in_utf8_is_reported(tmp_path):
    (tmp_path / "dev.tsv").write_bytes(b"sentence\tlabel\ncaf\xe9\t1\n")
    with pytest.raises(InputError, match=r"dev.tsv: line 2: not UTF-8"):
        read_examples(glue_task("sst-2"), find_file(glue_task("sst-2"), tmp_path, "dev"), "dev")


@pytest.mark.parametrize(
    ("task", "split", "file", "lines", "first"),
    LAYOUTS,
    ids=[f"{layout[0]}-{layout[1]}" for layout in LAYOUTS],
)
def test_file_without_header_keeps_first_example_with_notice(
    tmp_path, capsys, task, split, file, lines, first
):
    layout = glue_task(task).layout(split)
    rows = lines[1:] if layout.header else lines
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_lines(path, rows)
    examples = read_examples(glue_task(task), path, split)
    whole = [row for row in rows if layout.language is None or row.split("\t")[layout.language] == "zh"]
    assert len(examples) == len(whole)
    assert (examples[0].text_a, examples[0].text_b, examples[0].label) == first[1:]
    shown = capsys.readouterr().err
    assert shown == (
        f"{path}: line 1 is an example where {glue_task(task).name} has a header; it is read as one.\n"
        if layout.header
        else ""
    )


def test_invalid_label_in_first_row_is_reported_if_header_is_missing(tmp_path):
    write_lines(tmp_path / "dev.tsv", ["good\t2", "bad\t0"])
    with pytest.raises(InputError, match=r"dev\.tsv: line 1: label '2' is not one of 0, 1"):
        read_examples(glue_task("sst-2"), tmp_path / "dev.tsv", "dev")


def test_unexpected_header_is_rejected(tmp_path):
    write_lines(tmp_path / "dev.tsv", ["source\tlabel\tmark\tsentence", "x\t1\t\tNora kept the lamp."])
    with pytest.raises(InputError, match=r"dev\.tsv: line 1: label 'label' is not one of 0, 1"):
        read_examples(glue_task("cola"), tmp_path / "dev.tsv", "dev")


def test_windows_line_endings_are_accepted(tmp_path):
    (tmp_path / "dev.tsv").write_bytes(b"sentence\tlabel\r\ngood\t1\r\n")
    assert (
        read_examples(glue_task("sst-2"), find_file(glue_task("sst-2"), tmp_path, "dev"), "dev")[0].label == 1
    )


def test_language_without_rows_is_reported(tmp_path):
    write_lines(tmp_path / "xnli.dev.tsv", LAYOUTS[-2][3])
    with pytest.raises(InputError, match="no row in 'de'; it has ar, zh"):
        read_examples(glue_task("xnli"), find_file(glue_task("xnli"), tmp_path, "dev"), "dev", language="de")


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
