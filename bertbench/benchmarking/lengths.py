"""The sequence lengths of a data set, and the padding of each way of batching."""

import numpy as np

from bertbench.data.batching import STRATEGIES, plan_batches
from bertbench.results.schema import BatchingTokens, Histogram, LengthsResult

BINS = 16


def describe_lengths(
    dataset: str, lengths: np.ndarray, *, batch_size: int, max_seq_length: int, command: str
) -> LengthsResult:
    """The contents of `lengths.json` for a data set.

    Args:
      dataset: its name. lengths: int [N], tokens of each sequence. command: the command that produces this.
    """
    step = -(-max_seq_length // BINS)
    edges = np.arange(0, max_seq_length + step + 1, step)
    counts, _ = np.histogram(lengths, bins=edges)
    real = int(lengths.sum())
    strategies = []
    for strategy in STRATEGIES:
        plans = plan_batches(lengths, strategy, batch_size, max_seq_length)
        computed = sum(plan.computed_tokens for plan in plans)
        strategies.append(BatchingTokens(strategy, batch_size, real, computed - real))
    return LengthsResult(
        dataset,
        max_seq_length,
        Histogram(tuple(edges.tolist()), tuple(counts.tolist())),
        tuple(strategies),
        command,
    )
