"""Inference of a data set's windows in batches of a few shapes, all compiled before the test."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from bertbench.batch_planner import BatchPlanner
from bertbench.data.batch import Batch, assemble
from bertbench.data.batching import BatchPlan, Block
from bertbench.data.features import Features
from bertbench.data.fixed_widths import FixedWidths
from bertbench.inference import Predictor
from bertbench.model.bert import BertModel

PADDING_LOGIT = -10000.0
_TIMED = 3


class WindowEngine:
    """The logits of windows by their number in a data set.

    Attributes:
      sizes: the rows that a batch may have: powers of two, and the largest number.
    """

    def __init__(self, model: BertModel, features: Features, max_seq_length: int, batch_size: int) -> None:
        """`batch_size` is the largest number of rows."""
        self._model, self._features, self._longest = model, features, max_seq_length
        self._predict = Predictor(model)
        self._batch_size = batch_size
        self.sizes = (*(2**power for power in range((batch_size - 1).bit_length())), batch_size)
        self._widths = FixedWidths(max_seq_length)

    def warm_up(self) -> dict[int, float]:
        """Compile every shape; returns the seconds of a batch of the longest windows by number of rows."""
        longest = int(np.argmax(self._features.lengths))
        seconds = {}
        for size in self.sizes:
            for width in self._widths.all:
                plan = BatchPlan((Block(((),) * size, width),))
                if width >= self._features.lengths[longest]:
                    plan = BatchPlan((Block(((longest,),) * size, width),))
                batch = assemble(self._features, plan)
                times = [self._timed(batch) for _ in range(_TIMED)]
            seconds[size] = min(times)
        return seconds

    def measure_rate(self) -> float:
        """Windows per second of the data set in batches."""
        indexes = range(min(len(self._features), 8 * self._batch_size))
        list(self.run_all(indexes))  # compiles
        start = time.perf_counter()
        list(self.run_all(indexes))
        return len(indexes) / (time.perf_counter() - start)

    def run(self, indexes: Sequence[int]) -> list[np.ndarray]:
        """The logits of a few windows in one batch: float32 [max_seq_length, 2] each."""
        width = self._widths.holding(int(self._features.lengths[list(indexes)].max()))
        rows = next(size for size in self.sizes if size >= len(indexes))
        plan = BatchPlan((Block((*((index,) for index in indexes), *((),) * (rows - len(indexes))), width),))
        return list(self._logits(assemble(self._features, plan)))

    def run_all(self, indexes: Sequence[int]) -> Iterator[tuple[list[int], list[np.ndarray]]]:
        """The logits of many windows: for each batch, the positions in `indexes` and the logits."""
        planner = BatchPlanner("bucketed", self._batch_size, self._longest)
        chosen = np.asarray(indexes)
        precision = self._model.compute.precision
        for plan in planner.plan(self._features.lengths[chosen], self._model.config, precision):
            batch = assemble(self._features, plan.renumbered(chosen))
            yield plan.examples.tolist(), list(self._logits(batch))

    def _logits(self, batch: Batch) -> Iterator[np.ndarray]:
        outputs = self._predict(batch.tensors)
        both = np.stack([outputs["start_logits"].numpy(), outputs["end_logits"].numpy()], axis=-1)
        for first, length in zip(batch.tensors["first_token"], batch.tensors["lengths"], strict=True):
            logits = np.full((self._longest, 2), PADDING_LOGIT, np.float32)
            logits[:length] = both[first : first + length]
            yield logits

    def _timed(self, batch: Batch) -> float:
        start = time.perf_counter()
        list(self._logits(batch))
        return time.perf_counter() - start
