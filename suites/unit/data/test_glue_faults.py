"""Malformed GLUE files are rejected with file and line."""

import pytest

from bertbench.data.glue import find_file, read_examples
from bertbench.data.glue_tasks import glue_task
from bertbench.errors import InputError
from suites.unit.data.glue_layouts import LAYOUTS, write_lines

pytestmark = pytest.mark.unit


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


def test_language_without_rows_is_reported(tmp_path):
    write_lines(tmp_path / "xnli.dev.tsv", LAYOUTS[-2][3])
    with pytest.raises(InputError, match="no row in 'de'; it has ar, zh"):
        read_examples(glue_task("xnli"), find_file(glue_task("xnli"), tmp_path, "dev"), "dev", language="de")
