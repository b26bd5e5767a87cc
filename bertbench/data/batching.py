"""Examples -> batches of rows, without arithmetic on padding where lengths allow it.

A batch is R rows of S tokens. A row holds one example, or several laid end to end that do not see each other
(`sequence_ids` tells them apart), so that one model serves all three strategies:

- padded: `batch_size` examples in file order, one a row, rows of `max_seq_length`;
- bucketed: examples sorted by length, one a row; a few row widths, chosen to fit the lengths at hand;
- packed: several examples a row of `max_seq_length`, best fit first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bertbench.data.features import Features
from bertbench.errors import InputError

STRATEGIES = ("packed", "bucketed", "padded")
DEFAULT_STRATEGY = "bucketed"
MAX_WIDTHS = 64
WIDTH_TOKENS = 250.0  # about what another width costs BERT-base on two cores


@dataclass(frozen=True)
class BatchPlan:
    """Which examples stand in which row: `rows` of example indexes, each `width` tokens wide."""

    rows: tuple[tuple[int, ...], ...]
    width: int

    @property
    def examples(self) -> np.ndarray:
        """int64 [N], the examples' indexes, row by row."""
        return np.array([index for row in self.rows for index in row], np.int64)


@dataclass(frozen=True)
class Batch:
    """R rows of S tokens that hold N examples.

    Attributes:
      tensors: what the model takes. int32 [R, S]: `input_ids`, `segment_ids`, `position_ids`, `sequence_ids`
        (0 is padding). int32 [N]: `first_token`, the place of each example's first token among the R * S, and
        `lengths`. And each label, [N, ...].
      examples: int64 [N], the examples' indexes in their features.
    """

    tensors: dict[str, np.ndarray]
    examples: np.ndarray

    @property
    def num_tokens(self) -> int:
        """Real tokens, padding left out."""
        return int(self.tensors["lengths"].sum())

    @property
    def shape(self) -> tuple[int, int]:
        """(R, S)."""
        return self.tensors["input_ids"].shape


def plan_batches(
    lengths: np.ndarray,
    strategy: str,
    batch_size: int,
    max_seq_length: int,
    width_tokens: float = WIDTH_TOKENS,
) -> list[BatchPlan]:
    """Plan the batches of a whole set of examples for inference; each example stands in exactly one.

    Args:
      lengths: int [N], tokens of each example, none above `max_seq_length`.
      strategy: one of `STRATEGIES`.
      batch_size: rows of a batch (the last batch may have fewer).
      width_tokens: the padded tokens that cost as much as another row width ("bucketed").

    Raises:
      InputError: the strategy is unknown, the batch size below 1, or an example too long.
    """
    _check(lengths, strategy, batch_size, max_seq_length)
    if strategy == "padded":
        rows = [(index,) for index in range(len(lengths))]
        return _cut(rows, batch_size, max_seq_length)
    if strategy == "packed":
        rows = pack_rows(lengths, range(len(lengths)), max_seq_length)
        return _cut(rows, batch_size, max_seq_length)
    return _plan_buckets(lengths, batch_size, width_tokens)


def plan_one_batch(
    lengths: np.ndarray, examples: Sequence[int], strategy: str, max_seq_length: int
) -> BatchPlan:
    """Arrange just these examples as one batch, as training needs it.

    Args:
      lengths: int [N], tokens of every example of the set.
      examples: indexes of those in the batch.
      strategy: as in `plan_batches`; "bucketed" makes rows as wide as the longest example.
    """
    if strategy == "packed":
        return BatchPlan(tuple(pack_rows(lengths, examples, max_seq_length)), max_seq_length)
    width = max_seq_length if strategy == "padded" else int(max(lengths[index] for index in examples))
    return BatchPlan(tuple((int(index),) for index in examples), width)


def pack_rows(lengths: np.ndarray, examples: Sequence[int], width: int) -> list[tuple[int, ...]]:
    """Fill rows of `width` tokens by best fit, longest examples first (Johnson et al. 1974)."""
    open_rows: list[list[list[int]]] = [[] for _ in range(width + 1)]  # by room left
    for index in sorted(examples, key=lambda example: -lengths[example]):
        length = int(lengths[index])
        room = next((room for room in range(length, width) if open_rows[room]), width)
        row = open_rows[room].pop() if room < width else []
        row.append(int(index))
        open_rows[room - length].append(row)
    return [tuple(row) for rows in open_rows for row in rows]


def assemble(features: Features, plan: BatchPlan) -> Batch:
    """Lay a plan's examples into arrays."""
    shape = (len(plan.rows), plan.width)
    arrays = {
        name: np.zeros(shape, np.int32)
        for name in ("input_ids", "segment_ids", "position_ids", "sequence_ids")
    }
    first_token = []
    for row, indexes in enumerate(plan.rows):
        start = 0
        for number, index in enumerate(indexes, start=1):
            source = slice(features.row_splits[index], features.row_splits[index + 1])
            end = start + (source.stop - source.start)
            arrays["input_ids"][row, start:end] = features.input_ids[source]
            arrays["segment_ids"][row, start:end] = features.segment_ids[source]
            arrays["position_ids"][row, start:end] = np.arange(end - start)
            arrays["sequence_ids"][row, start:end] = number
            first_token.append(row * plan.width + start)
            start = end
    examples = plan.examples
    arrays["first_token"] = np.array(first_token, np.int32)
    arrays["lengths"] = features.lengths[examples].astype(np.int32)
    arrays.update({name: values[examples] for name, values in features.labels.items()})
    return Batch(arrays, examples)


def _check(lengths: np.ndarray, strategy: str, batch_size: int, max_seq_length: int) -> None:
    if strategy not in STRATEGIES:
        raise InputError(f"batching {strategy!r} is unknown; choose one of {', '.join(STRATEGIES)}.")
    if batch_size < 1:
        raise InputError(f"batch size {batch_size} is below 1.")
    if len(lengths) and lengths.max() > max_seq_length:
        raise InputError(
            f"example {int(lengths.argmax())} has {lengths.max()} tokens, above max_seq_length "
            f"{max_seq_length}; raise it or make shorter examples."
        )


def _cut(rows: list[tuple[int, ...]], batch_size: int, width: int) -> list[BatchPlan]:
    return [
        BatchPlan(tuple(rows[start : start + batch_size]), width) for start in range(0, len(rows), batch_size)
    ]


def _plan_buckets(lengths: np.ndarray, batch_size: int, width_tokens: float) -> list[BatchPlan]:
    """Full batches from the longest down; each as wide as the least allowed width that holds it."""
    order = np.argsort(-lengths, kind="stable")
    groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    needed = np.array([lengths[group[0]] for group in groups])
    widths = choose_widths(needed, MAX_WIDTHS, width_tokens / batch_size)
    return [
        BatchPlan(tuple((int(index),) for index in group), int(widths[np.searchsorted(widths, need)]))
        for group, need in zip(groups, needed, strict=True)
    ]


def choose_widths(needed: np.ndarray, count: int, price: float = 0.0) -> np.ndarray:
    """At most `count` widths that hold all `needed` ones with the least excess and price in total.

    Args:
      needed: int [M], the width that each batch needs at least.
      price: what each width costs, in the unit of widths.
    Returns: the chosen widths, ascending; each is one of `needed`.
    """
    candidates, weights = np.unique(needed, return_counts=True)
    total = np.concatenate([[0], np.cumsum(weights)])
    size = len(candidates)
    count = min(count, size)
    # cost[k][j]: least sum of widths when the j smallest candidates share k widths.
    cost = np.full((count + 1, size + 1), np.inf)
    cost[0, 0] = 0
    choice = np.zeros((count + 1, size + 1), np.int64)
    for used in range(1, count + 1):
        for end in range(1, size + 1):
            options = cost[used - 1, :end] + candidates[end - 1] * (total[end] - total[:end])
            choice[used, end] = int(np.argmin(options))
            cost[used, end] = options[choice[used, end]]
    prices = price * np.arange(count + 1)
    used, end, widths = int(np.argmin(cost[:, size] + prices)), size, []
    while end:
        widths.append(candidates[end - 1])
        used, end = used - 1, choice[used, end]
    return np.array(widths[::-1])
