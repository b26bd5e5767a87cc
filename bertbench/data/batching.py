"""Examples -> plans of batches with as little padding as possible.

A batch is T tokens: consecutive blocks, each with R rows of S tokens, and perhaps padding behind them.
Products with weights process all tokens at once; a token attends within its row, and the padding behind the
blocks to nothing. A row has one example, several consecutive examples that do not attend to each other (they
differ in `sequence_ids`), or none, so that the same model works for all strategies:

- padded: `batch_size` examples in file order, one per row, rows of `max_seq_length`;
- bucketed: examples of similar lengths with together as many tokens as `batch_size` full rows, one per row,
  in a few blocks of suitable widths; all batches have the same number of tokens, so that compiled functions
  and rearranged weights can be reused;
- packed: several examples per row of `max_seq_length`, best fit first; in training also in narrower rows.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from bertbench.errors import InputError
from bertbench.options import Option

STRATEGIES = ("packed", "bucketed", "padded")
DEFAULT_STRATEGY = "bucketed"
Batching = Annotated[str, Option("How examples of different lengths are batched.", choices=STRATEGIES)]
MAX_BLOCKS = 8
MOST_PADDING = 0.05  # what a suitable number of tokens is worth
WIDTH_MULTIPLE = 32  # of tokens, so that few different shapes are compiled
LEAST_SHARE_SAVED = 0.08  # the share of a training step's tokens that narrower rows must save


@dataclass(frozen=True)
class BatchCosts:
    """What decides the shapes of bucketed batches on one machine.

    Attributes:
      block_tokens: the padding tokens that cost as much as one more block; the default is about that of
        BERT-base on two cores.
      token_multiple: products are faster if the number of tokens is a multiple of this.
    """

    block_tokens: float = 5.0
    token_multiple: int = 1


@dataclass(frozen=True)
class Block:
    """The examples of each row: `rows` of example indexes, each `width` tokens wide."""

    rows: tuple[tuple[int, ...], ...]
    width: int

    @property
    def computed_tokens(self) -> int:
        """R * S, padding included."""
        return len(self.rows) * self.width


@dataclass(frozen=True)
class BatchPlan:
    """The blocks of a batch, in the order of its tokens, and the number of padding tokens behind them."""

    blocks: tuple[Block, ...]
    padding: int = 0

    @property
    def examples(self) -> np.ndarray:
        """int64 [N], the examples' indexes, row by row."""
        return np.array([index for block in self.blocks for row in block.rows for index in row], np.int64)

    @property
    def computed_tokens(self) -> int:
        """T, padding included."""
        return sum(block.computed_tokens for block in self.blocks) + self.padding

    def renumbered(self, indexes: np.ndarray) -> BatchPlan:
        """The same plan with `indexes[i]` in place of example i."""
        return BatchPlan(
            tuple(
                Block(tuple(tuple(int(indexes[index]) for index in row) for row in block.rows), block.width)
                for block in self.blocks
            ),
            self.padding,
        )


def plan_batches(
    lengths: np.ndarray,
    strategy: str,
    batch_size: int,
    max_seq_length: int,
    costs: BatchCosts = BatchCosts(),
    at_once: int = 1,
) -> list[BatchPlan]:
    """Plan the batches of a whole set of examples for inference; each example is in exactly one.

    Args:
      lengths: int [N], tokens of each example, none above `max_seq_length`.
      strategy: one of `STRATEGIES`.
      batch_size: rows per batch, in the last one perhaps fewer; "bucketed": rows of `max_seq_length`, or
        shorter rows with the same number of tokens.
      costs: of this machine ("bucketed").
      at_once: batches that are computed at the same time. There are at least as many, if there are as many
        rows; of "bucketed" ones a multiple, where possible.

    Raises:
      InputError: the strategy is unknown, the batch size below 1, or an example too long.
    """
    _check(lengths, strategy, batch_size, max_seq_length)
    if strategy == "padded":
        return _cut([(index,) for index in range(len(lengths))], batch_size, max_seq_length, at_once)
    if strategy == "packed":
        rows = pack_rows(lengths, range(len(lengths)), max_seq_length)
        return _cut(rows, batch_size, max_seq_length, at_once)
    return _plan_buckets(lengths, batch_size * max_seq_length, costs, at_once) if len(lengths) else []


def plan_alone(lengths: np.ndarray, max_seq_length: int) -> list[BatchPlan]:
    """Each example in a separate batch, whose shape depends only on the length of the example.

    Args:
      lengths: int [N], as for `plan_batches`. Widths are multiples of `WIDTH_MULTIPLE`, or `max_seq_length`.

    Raises:
      InputError: an example is too long.
    """
    _check(lengths, DEFAULT_STRATEGY, 1, max_seq_length)
    widths = np.minimum(_compiled_width(lengths), max_seq_length)
    return [BatchPlan((Block(((index,),), int(width)),)) for index, width in enumerate(widths)]


def plan_one_batch(
    lengths: np.ndarray,
    examples: Sequence[int],
    strategy: str,
    max_seq_length: int,
    least_saving: float = math.inf,
) -> BatchPlan:
    """Arrange these examples as one batch, for training.

    Args:
      lengths: int [N], tokens of every example of the set.
      examples: indexes of the examples in the batch.
      strategy: as in `plan_batches`; "bucketed" makes all rows as wide as the longest example.
      least_saving: the tokens that narrower rows must save ("packed"), because each new shape is compiled.
    """
    if strategy == "packed":
        return BatchPlan((_pack_one_block(lengths, examples, max_seq_length, least_saving),))
    width = max_seq_length if strategy == "padded" else int(max(lengths[index] for index in examples))
    return BatchPlan((Block(tuple((int(index),) for index in examples), width),))


def _pack_one_block(lengths: np.ndarray, examples: Sequence[int], widest: int, least_saving: float) -> Block:
    """Rows of `widest` tokens, or of the width that needs the fewest in all, if that saves enough."""
    plain = Block(tuple(pack_rows(lengths, examples, widest)), widest)
    least_saving = max(least_saving, LEAST_SHARE_SAVED * plain.computed_tokens)
    needed = lengths[list(examples)]
    if plain.computed_tokens - needed.sum() < least_saving:
        return plain
    widths = range(_compiled_width(needed.max()), widest, WIDTH_MULTIPLE)
    narrower = [Block(tuple(pack_rows(lengths, examples, width)), width) for width in widths]
    best = min([plain, *narrower], key=lambda block: block.computed_tokens)
    return best if plain.computed_tokens - best.computed_tokens >= least_saving else plain


def _compiled_width(needed: np.ndarray) -> np.ndarray:
    """The next multiple of `WIDTH_MULTIPLE`."""
    return -(-needed // WIDTH_MULTIPLE) * WIDTH_MULTIPLE


def pack_rows(lengths: np.ndarray, examples: Sequence[int], width: int) -> list[tuple[int, ...]]:
    """Fill rows of `width` tokens by best fit, longest examples first (Johnson et al. 1974)."""
    open_rows: list[list[list[int]]] = [[] for _ in range(width + 1)]  # by free tokens
    for index in sorted(examples, key=lambda example: -lengths[example]):
        length = int(lengths[index])
        room = next((room for room in range(length, width) if open_rows[room]), width)
        row = open_rows[room].pop() if room < width else []
        row.append(int(index))
        open_rows[room - length].append(row)
    return [tuple(row) for rows in open_rows for row in rows]


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


def _cut(rows: list[tuple[int, ...]], batch_size: int, width: int, at_once: int) -> list[BatchPlan]:
    batch_size = max(min(batch_size, -(-len(rows) // at_once)), 1)
    return [
        BatchPlan((Block(tuple(rows[start : start + batch_size]), width),))
        for start in range(0, len(rows), batch_size)
    ]


def _plan_buckets(lengths: np.ndarray, budget: int, costs: BatchCosts, at_once: int) -> list[BatchPlan]:
    """The fewest batches of at most about `budget` tokens, all of the same, smallest possible size."""
    groups = _divide(lengths, budget, -(-int(lengths.sum()) // budget))
    if len(groups) % at_once:
        more = _divide(lengths, budget, min(-(-len(groups) // at_once) * at_once, len(lengths)))
        groups = groups if len(more) % at_once else more
    plans = [_make_blocks(lengths, group, costs.block_tokens) for group in groups]
    return _equally_large(plans, costs.token_multiple)


def _divide(lengths: np.ndarray, budget: int, wanted: int) -> list[list[int]]:
    """Groups of equal, smallest possible numbers of tokens: `wanted` ones, or more if `budget` requires."""
    size = max(-(-int(lengths.sum()) // wanted), int(lengths.max()))
    order = np.argsort(lengths, kind="stable")
    while len(groups := _fill(lengths, order, size)) > wanted and size < budget:
        size = min(size + max(size // 200, 1), budget)
    return groups


def _fill(lengths: np.ndarray, order: np.ndarray, size: int) -> list[list[int]]:
    """Groups of examples with at most `size` tokens: always the longest remaining one that fits.

    Args:
      order: the examples by length, ascending.
    """
    left, left_lengths = order.tolist(), lengths[order].tolist()
    groups = []
    while left:
        group, room = [], size
        while place := bisect.bisect_right(left_lengths, room):
            group.append(left.pop(place - 1))
            room -= left_lengths.pop(place - 1)
        groups.append(group)
    return groups


def _make_blocks(lengths: np.ndarray, group: list[int], block_tokens: float) -> list[Block]:
    """Rows of one example each, in blocks of the widths that cost the least."""
    needed = lengths[group]
    widths = choose_widths(needed, MAX_BLOCKS, block_tokens)
    rows: dict[int, list[tuple[int]]] = {int(width): [] for width in widths}
    for index, place in zip(group, np.searchsorted(widths, needed), strict=True):
        rows[int(widths[place])].append((index,))
    return [Block(tuple(rows[width]), width) for width in sorted(rows, reverse=True)]


def _equally_large(groups: list[list[Block]], multiple: int) -> list[BatchPlan]:
    """Plans with the same numbers of tokens and blocks, filled up with padding and empty blocks.

    Their size is a multiple of `multiple`, unless that is more than `MOST_PADDING` of the tokens.
    """
    sizes = [sum(block.computed_tokens for block in blocks) for blocks in groups]
    largest = max(sizes)
    if -largest % multiple <= MOST_PADDING * largest:
        largest += -largest % multiple
    count = max(map(len, groups))
    return [
        BatchPlan((*blocks, *[Block((), 1)] * (count - len(blocks))), largest - size)
        for blocks, size in zip(groups, sizes, strict=True)
    ]


def choose_widths(needed: np.ndarray, count: int, price: float = 0.0) -> np.ndarray:
    """At most `count` widths that cover all `needed` ones with the least total excess and price.

    Args:
      needed: int [M], the width that each row needs at least.
      price: the cost of each width, in units of widths.
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
