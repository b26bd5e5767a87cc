"""How a data set becomes batches for a model on this machine."""

from dataclasses import dataclass

import numpy as np

from bertbench.config import ModelConfig
from bertbench.data.batching import BatchPlan, plan_batches
from bertbench.measure.flops import block_tokens
from bertbench.measure.machine import read_machine


@dataclass(frozen=True)
class BatchPlanner:
    """How the examples of a data set become batches; see `bertbench.data.batching.plan_batches`."""

    strategy: str
    batch_size: int
    max_seq_length: int

    def plan(self, lengths: np.ndarray, config: ModelConfig) -> list[BatchPlan]:
        """The batches for a model on this machine; raises as `plan_batches`."""
        price = block_tokens(config, read_machine().usable_cores)
        return plan_batches(lengths, self.strategy, self.batch_size, self.max_seq_length, price)
