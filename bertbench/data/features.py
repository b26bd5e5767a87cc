"""The common format of the tasks' examples: consecutive token rows without padding."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from bertbench.options import Option

SHORTEST_MAX_SEQ_LENGTH = 5  # [CLS] a [SEP] b [SEP]
MAX_SEQ_LENGTH = Option("Length of the longest example in wordpieces.", minimum=SHORTEST_MAX_SEQ_LENGTH)
MaxSeqLength = Annotated[int, MAX_SEQ_LENGTH]


@dataclass(frozen=True)
class Features:
    """N examples without padding.

    Attributes:
      input_ids: int32 [T], wordpiece ids of all examples, one after the other.
      segment_ids: int32 [T], 0 for the first text of an example and 1 for the second.
      row_splits: int64 [N + 1]; example i has the tokens row_splits[i]:row_splits[i + 1].
      labels: arrays [N, ...] by name; positions in them count from the example's first token.
    """

    input_ids: np.ndarray
    segment_ids: np.ndarray
    row_splits: np.ndarray
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def from_rows(
        cls,
        input_ids: Iterable[np.ndarray | list[int]],
        segment_ids: Iterable[np.ndarray | list[int]],
        labels: Mapping[str, np.ndarray] | None = None,
    ) -> Features:
        """Concatenate rows of different lengths."""
        rows = [np.asarray(row, np.int32) for row in input_ids]
        segments = [np.asarray(row, np.int32) for row in segment_ids]
        empty = [np.zeros(0, np.int32)]
        return cls(
            np.concatenate(rows or empty),
            np.concatenate(segments or empty),
            row_splits([len(row) for row in rows]),
            dict(labels or {}),
        )

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64 [N], the number of tokens of each example."""
        return np.diff(self.row_splits)

    def first(self, count: int) -> Features:
        """The first `count` examples."""
        splits = self.row_splits[: count + 1]
        labels = {name: values[:count] for name, values in self.labels.items()}
        return Features(self.input_ids[: splits[-1]], self.segment_ids[: splits[-1]], splits, labels)

    def spread(self, count: int) -> Features:
        """At most `count` examples, evenly spread over all."""
        if count >= len(self):
            return self
        examples = np.arange(count) * len(self) // count
        spans = [slice(*self.row_splits[example : example + 2]) for example in examples]
        return Features.from_rows(
            [self.input_ids[span] for span in spans],
            [self.segment_ids[span] for span in spans],
            {name: values[examples] for name, values in self.labels.items()},
        )

    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify all tokens and labels."""
        digest = hashlib.sha256()
        arrays = {"input_ids": self.input_ids, "segment_ids": self.segment_ids, "row_splits": self.row_splits}
        for name, array in sorted({**arrays, **self.labels}.items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def row_splits(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """int64 [N + 1], the boundaries of concatenated rows with these lengths."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
