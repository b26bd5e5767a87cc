"""GLUE and XNLI files -> examples -> features; the tasks themselves are data in `glue_tasks`."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertbench.data.features import Features
from bertbench.data.glue_tasks import GlueTask, Layout
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SHORTEST_MAX_SEQ_LENGTH = 5  # [CLS] a [SEP] b [SEP]


@dataclass(frozen=True)
class GlueExample:
    """One row.

    Attributes:
      guid: split and the row's place in its file, counted from 0 with any header, as in `dev-1`.
      text_a, text_b: the texts as they stand in the file; text_b is None in single-sentence tasks.
      label: the label's place in the task's labels, or the score; None in test splits.
    """

    guid: str
    text_a: str
    text_b: str | None
    label: int | float | None


def read_examples(
    task: GlueTask, data_dir: Path | str, split: str, *, language: str = "zh"
) -> list[GlueExample]:
    """Read one split of a task.

    Args:
      task: what to read.
      data_dir: the task's own folder, or the GLUE root that holds it.
      split: `train`, `dev` or `test`.
      language: XNLI's language code; the other tasks are English.

    Raises:
      InputError: the file is missing or holds no example, a row has the wrong number of columns, a label
        is outside the task's set, or bytes are not UTF-8; the message names file and line.
    """
    layout = task.layout(split)
    path = find_file(task, data_dir, split, language=language)
    examples = []
    languages = set()
    for line, row in _read_rows(path, task, layout):
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
        raise InputError(f"{path}: no row in {language!r}; it has {known}, choose one with --language.")
    if not examples:
        raise InputError(f"{path}: holds no example; {task.remedy}.")
    return examples


def find_file(task: GlueTask, data_dir: Path | str, split: str, *, language: str = "zh") -> Path:
    """Where a split's file stands below `data_dir`, the task's own folder or the GLUE root.

    Raises:
      InputError: it stands in neither place.
    """
    name = task.layout(split).file.format(language=language)
    for folder in (Path(data_dir), Path(data_dir) / task.folder):
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"{data_dir}: {task.name} has no {name} here, nor in {task.folder}/; "
        "give the task's folder or the GLUE root."
    )


def make_features(
    task: GlueTask, examples: Sequence[GlueExample], tokenizer: Tokenizer, max_seq_length: int
) -> Features:
    """Examples as `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, cut to length as the original does.

    A pair that is too long loses its longer text's last token until it fits, the second text's where both
    are equally long. A second text without a single token is left out, with its `[SEP]`.

    Returns:
      Features whose labels hold `label_ids` [N]: int32 label ids, or float32 scores for regression;
      no labels where the examples have none.

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
        ids_a = tokenizer.encode(example.text_a)
        ids_b = tokenizer.encode(example.text_b or "")
        row, segments = _join(ids_a, ids_b, max_seq_length, tokenizer)
        input_ids.append(row)
        segment_ids.append(segments)
    labels = {}
    if examples and examples[0].label is not None:
        dtype = np.int32 if task.kind == "classification" else np.float32
        labels["label_ids"] = np.array([example.label for example in examples], dtype)
    return Features.from_rows(input_ids, segment_ids, labels)


def truncated_lengths(length_a: int, length_b: int, max_tokens: int) -> tuple[int, int]:
    """How much of each text remains when tokens are taken one by one from the end of the longer.

    The second text gives where both are equally long (the original's `_truncate_seq_pair`).
    """
    surplus = length_a + length_b - max_tokens
    if surplus <= 0:
        return length_a, length_b
    uneven = min(surplus, abs(length_a - length_b))
    if length_a > length_b:
        length_a -= uneven
    else:
        length_b -= uneven
    rest = surplus - uneven
    return length_a - rest // 2, length_b - (rest + 1) // 2


def _join(
    ids_a: list[int], ids_b: list[int], max_seq_length: int, tokenizer: Tokenizer
) -> tuple[list[int], list[int]]:
    """`[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, with its segment ids."""
    if not ids_b:
        row = [tokenizer.cls_id, *ids_a[: max_seq_length - 2], tokenizer.sep_id]
        return row, [0] * len(row)
    length_a, length_b = truncated_lengths(len(ids_a), len(ids_b), max_seq_length - 3)
    row = [tokenizer.cls_id, *ids_a[:length_a], tokenizer.sep_id, *ids_b[:length_b], tokenizer.sep_id]
    return row, [0] * (length_a + 2) + [1] * (length_b + 1)


def _read_rows(path: Path, task: GlueTask, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and columns of every row below the header."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None
    with stream:
        for line, raw in enumerate(stream, start=1):
            if line == 1:
                raw = raw.removeprefix(BYTE_ORDER_MARK)
            try:
                row = raw.decode("utf-8").rstrip("\r\n").split("\t")
            except UnicodeDecodeError:
                raise InputError(f"{path}: line {line}: not UTF-8; {task.remedy}.") from None
            if len(row) != layout.num_columns:
                raise InputError(
                    f"{path}: line {line}: {len(row)} columns, {task.name} has {layout.num_columns} here; "
                    f"{task.remedy}."
                )
            if line > 1 or not layout.header:
                yield line, row


def _read_label(task: GlueTask, text: str, path: Path, line: int) -> int | float:
    if task.kind == "classification":
        label = task.label_synonyms.get(text, text)
        if label not in task.labels:
            known = ", ".join(task.labels)
            raise InputError(f"{path}: line {line}: label {text!r} is none of {known}; {task.remedy}.")
        return task.labels.index(label)
    low, high = task.score_range or (-math.inf, math.inf)
    try:
        score = float(text)
    except ValueError:
        score = float("nan")
    if not low <= score <= high:
        raise InputError(
            f"{path}: line {line}: score {text!r} is not a number from {low} to {high}; {task.remedy}."
        )
    return score
