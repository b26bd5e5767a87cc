"""How a data set becomes batches for a model on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bertbench.config import ModelConfig
from bertbench.data.batching import BatchCosts, BatchPlan, plan_batches, plan_one_batch
from bertbench.measure.fast_shapes import token_multiple
from bertbench.measure.flops import block_tokens, shape_tokens
from bertbench.measure.machine import read_machine
from bertbench.precision import BF16, Precision


def batch_costs(config: ModelConfig, precision: Precision, threads: int) -> BatchCosts:
    """The costs for a model on this machine."""
    multiple = token_multiple() if precision == BF16 else 1
    return BatchCosts(block_tokens(config, threads), multiple)


@dataclass(frozen=True)
class BatchPlanner:
    """How the examples of a data set become batches; see `bertbench.data.batching.plan_batches`."""

    strategy: str
    batch_size: int
    max_seq_length: int

    def plan(
        self, lengths: np.ndarray, config: ModelConfig, precision: Precision, at_once: int = 1
    ) -> list[BatchPlan]:
        """The batches for a model on this machine; arguments and errors as of `plan_batches`."""
        costs = batch_costs(config, precision, read_machine().usable_cores)
        return plan_batches(lengths, self.strategy, self.batch_size, self.max_seq_length, costs, at_once)

    def plan_step(self, lengths: np.ndarray, examples: Sequence[int], config: ModelConfig) -> BatchPlan:
        """These examples as the batch of a training step; it does not depend on the machine."""
        return plan_one_batch(lengths, examples, self.strategy, self.max_seq_length, shape_tokens(config))
