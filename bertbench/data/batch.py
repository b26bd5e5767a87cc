"""The arrays of a batch, arranged according to its plan."""

from dataclasses import dataclass

import numpy as np

from bertbench.data.batching import BatchPlan
from bertbench.data.features import Features


@dataclass(frozen=True)
class Batch:
    """T tokens of N examples.

    Attributes:
      tensors: the inputs of the model. int32 [T]: `input_ids`, `segment_ids`, `position_ids`, `sequence_ids`
        (0 is padding). int32 [G, 2]: `blocks`, each block's rows and width. int32 [N]: `first_token`, the
        index of each example's first token among the T, and `lengths`. And each label, [N, ...].
      examples: int64 [N], the examples' indexes in their features.
    """

    tensors: dict[str, np.ndarray]
    examples: np.ndarray

    @property
    def num_tokens(self) -> int:
        """The number of real tokens, without padding."""
        return int(self.tensors["lengths"].sum())

    @property
    def shape(self) -> tuple[tuple[int, int], ...]:
        """(R, S) of each block that has rows."""
        return tuple((int(rows), int(width)) for rows, width in self.tensors["blocks"] if rows)

    @property
    def computed_tokens(self) -> int:
        """T, including padding."""
        return len(self.tensors["input_ids"])

    @property
    def row_widths(self) -> np.ndarray:
        """int32, S of every row; padding behind the blocks counts as rows of one token."""
        rows, widths = self.tensors["blocks"].T
        padding = self.computed_tokens - int(rows @ widths)
        return np.append(np.repeat(widths, rows), np.ones(padding, np.int32))


def assemble(features: Features, plan: BatchPlan) -> Batch:
    """Arrange the examples of a plan in arrays."""
    arrays = {
        name: np.zeros(plan.computed_tokens, np.int32)
        for name in ("input_ids", "segment_ids", "position_ids", "sequence_ids")
    }
    first_token = []
    row_start = 0
    for block in plan.blocks:
        for row in block.rows:
            start = row_start
            for number, index in enumerate(row, start=1):
                source = slice(features.row_splits[index], features.row_splits[index + 1])
                end = start + (source.stop - source.start)
                arrays["input_ids"][start:end] = features.input_ids[source]
                arrays["segment_ids"][start:end] = features.segment_ids[source]
                arrays["position_ids"][start:end] = np.arange(end - start)
                arrays["sequence_ids"][start:end] = number
                first_token.append(start)
                start = end
            row_start += block.width
    examples = plan.examples
    arrays["blocks"] = np.array([(len(block.rows), block.width) for block in plan.blocks], np.int32)
    arrays["first_token"] = np.array(first_token, np.int32)
    arrays["lengths"] = features.lengths[examples].astype(np.int32)
    arrays.update({name: values[examples] for name, values in features.labels.items()})
    return Batch(arrays, examples)
