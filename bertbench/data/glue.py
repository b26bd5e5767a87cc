"""GLUE and XNLI files -> examples -> features; the tasks are defined in `glue_tasks`."""

import codecs
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertbench.console import notice
from bertbench.data.features import SHORTEST_MAX_SEQ_LENGTH, Features
from bertbench.data.glue_tasks import GlueTask, Layout
from bertbench.data.text_pairs import join_texts
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError
from bertbench.files import Content, read_content


@dataclass(frozen=True)
class GlueExample:
    """One row.

    Attributes:
      guid: split and row number, such as `dev-1`; rows count from 0, including a header.
      text_a, text_b: the texts as in the file; text_b is None in single-sentence tasks.
      label: the label's index in the task's labels, or the score; None in test splits.
    """

    guid: str
    text_a: str
    text_b: str | None
    label: int | float | None


def read_examples(
    task: GlueTask, source: Path | str | Content, split: str, *, language: str = "zh"
) -> list[GlueExample]:
    """Read one split of a task.

    If the first row is an example where a header is expected, it is read as an example, with a notice.

    Args:
      task: the task.
      source: the split's file, from `find_file`.
      split: `train`, `dev` or `test`.
      language: XNLI's language code; the other tasks are English.

    Raises:
      InputError: the file is unreadable or contains no example, a row has the wrong number of columns, a
        label is outside the task's set, or bytes are not UTF-8; the message names file and line.
    """
    layout = task.layout(split)
    content = read_content(source)
    path = content.path
    examples = []
    languages = set()
    for line, row in _read_rows(content, task, layout):
        if layout.language is not None:
            languages.add(row[layout.language])
            if row[layout.language] != language:
                continue
        examples.append(
            GlueExample(
                guid=f"{split}-{line - 1}",
                text_a=row[layout.text_a],
                text_b=None if layout.text_b is None else row[layout.text_b],
                label=None if layout.label is None else _read_label(task, row[layout.label], path, line),
            )
        )
    if not examples and languages:
        known = ", ".join(sorted(languages))
        raise InputError(f"{path}: no row in {language!r}; it has {known}; choose one with --language.")
    if not examples:
        raise InputError(f"{path}: contains no example; {task.remedy}.")
    return examples


def find_file(task: GlueTask, data_dir: Path | str, split: str, *, language: str = "zh") -> Path:
    """The file of a split below `data_dir`, the task's own folder or the GLUE root.

    Raises:
      InputError: it does not exist in either place.
    """
    name = task.layout(split).file.format(language=language)
    for folder in (Path(data_dir), Path(data_dir) / task.folder):
        if (folder / name).exists():
            return folder / name
    raise InputError(
        f"{data_dir}: no {name} of {task.name} here or in {task.folder}/; "
        "give the task's folder or the GLUE root."
    )


def make_features(
    task: GlueTask, examples: Sequence[GlueExample], tokenizer: Tokenizer, max_seq_length: int
) -> Features:
    """Examples as `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, see `join_texts`.

    Returns:
      Features with the labels `label_ids` [N]: int32 label ids, or float32 scores for regression; without
      labels if the examples have none.

    Raises:
      InputError: `max_seq_length` leaves no room for a pair.
    """
    if max_seq_length < SHORTEST_MAX_SEQ_LENGTH:
        raise InputError(
            f"max_seq_length is {max_seq_length}; it must be at least {SHORTEST_MAX_SEQ_LENGTH}."
        )
    input_ids = []
    segment_ids = []
    for example in examples:
        row, segments = join_texts(example.text_a, example.text_b, tokenizer, max_seq_length)
        input_ids.append(row)
        segment_ids.append(segments)
    labels = {}
    if examples and examples[0].label is not None:
        dtype = np.int32 if task.kind == "classification" else np.float32
        labels["label_ids"] = np.array([example.label for example in examples], dtype)
    return Features.from_rows(input_ids, segment_ids, labels)


def _read_rows(content: Content, task: GlueTask, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and columns of every row below the header."""
    path = content.path
    for line, raw in enumerate(io.BytesIO(content.data), start=1):
        if line == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            row = raw.decode("utf-8").rstrip("\r\n").split("\t")
        except UnicodeDecodeError:
            raise InputError(f"{path}: line {line}: not UTF-8; {task.remedy}.") from None
        if len(row) != layout.num_columns:
            raise InputError(
                f"{path}: line {line}: {len(row)} columns, but {task.name} has {layout.num_columns}; "
                f"{task.remedy}."
            )
        if line == 1 and layout.header:
            if not _is_example(task, layout, row):
                continue
            notice(f"{path}: line 1 is an example where {task.name} has a header; it is read as one.")
        yield line, row


def _is_example(task: GlueTask, layout: Layout, row: Sequence[str]) -> bool:
    """Whether a row has a number or a label where a header has a column name."""
    cell = row[layout.marker if layout.label is None else layout.label]
    return cell.isdecimal() or _parse_label(task, cell) is not None


def _read_label(task: GlueTask, text: str, path: Path, line: int) -> int | float:
    label = _parse_label(task, text)
    if label is not None:
        return label
    if task.score_range is None:
        trouble = f"label {text!r} is not one of {', '.join(task.labels)}"
    else:
        low, high = task.score_range
        trouble = f"score {text!r} is not a number from {low} to {high}"
    raise InputError(f"{path}: line {line}: {trouble}; {task.remedy}.")


def _parse_label(task: GlueTask, text: str) -> int | float | None:
    """A label's id or a score; None if the text is not a label or score of the task."""
    if task.score_range is None:
        label = task.label_synonyms.get(text, text)
        return task.labels.index(label) if label in task.labels else None
    low, high = task.score_range
    try:
        score = float(text)
    except ValueError:
        return None
    return score if low <= score <= high else None
