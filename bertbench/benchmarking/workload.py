"""The batches to measure: random examples of full length, or examples of a data set."""

import dataclasses
import functools
import time
from dataclasses import dataclass

import numpy as np

from bertbench.batch_planner import BatchPlanner
from bertbench.benchmarking.case import BenchmarkCase
from bertbench.data.batch import Batch, assemble
from bertbench.data.batching import BatchPlan, plan_one_batch
from bertbench.data.features import Features
from bertbench.errors import InputError
from bertbench.measure.flops import Product, encoder_products

_SEED = 20190423


@dataclass(frozen=True)
class Workload:
    """Batches in the order of measuring.

    Attributes:
      needed, computed: the forward products of each batch's real tokens, and those of its rows at full width.
      preparation_seconds: the time to make features and batches of all these examples; 0 for random examples.
    """

    batches: tuple[Batch, ...]
    needed: tuple[tuple[Product, ...], ...]
    computed: tuple[tuple[Product, ...], ...]
    preparation_seconds: float = 0.0

    @property
    def num_examples(self) -> int:
        """The number of examples in all batches."""
        return sum(len(batch.examples) for batch in self.batches)

    @property
    def num_tokens(self) -> int:
        """The number of real tokens in all batches."""
        return sum(batch.num_tokens for batch in self.batches)

    @property
    def typical(self) -> int:
        """The index of a batch with the median number of computed tokens."""
        sizes = [batch.computed_tokens for batch in self.batches]
        return int(np.argsort(sizes, kind="stable")[(len(sizes) - 1) // 2])


def full_length_workload(case: BenchmarkCase, steps: int) -> Workload:
    """One batch of random examples with `max_seq_length` tokens, `steps` times."""
    features = make_random_features(case, case.batch_size)
    plan = plan_one_batch(features.lengths, range(case.batch_size), "padded", case.max_seq_length)
    batch = assemble(features, plan)
    needed, computed = _count(case, batch)
    return Workload((batch,) * steps, (needed,) * steps, (computed,) * steps)


def data_workload(case: BenchmarkCase, features: Features, seconds: float, steps: int) -> Workload:
    """Examples evenly spread over a data set, as many as `steps` batches with one example per row have.

    The examples do not depend on the batching, but the number of their batches does.

    Args:
      seconds: the time to make the features of the whole data set.

    Raises:
      InputError: the set contains no example.
    """
    if not len(features):
        raise InputError("the data contain no example; there is nothing to measure.")
    features = with_labels(case, features)
    count = steps * case.batch_size
    chosen = np.arange(count) * len(features) // count
    start = time.perf_counter()
    batches = tuple(assemble(features, plan) for plan in _plan(case, features.lengths, chosen))
    preparation = time.perf_counter() - start + seconds * count / len(features)
    counts = [_count(case, batch) for batch in batches]
    return Workload(
        batches,
        tuple(needed for needed, _ in counts),
        tuple(computed for _, computed in counts),
        preparation,
    )


def make_random_features(case: BenchmarkCase, count: int) -> Features:
    """`count` random examples of full length, each with two texts of equal length, and labels."""
    random = np.random.default_rng(_SEED)
    shape = (count, case.max_seq_length)
    ids = random.integers(0, case.config.vocab_size, shape, dtype=np.int32)
    second = np.arange(case.max_seq_length, dtype=np.int32) >= case.max_seq_length // 2
    segments = np.broadcast_to(np.minimum(second, case.config.type_vocab_size - 1), shape).astype(np.int32)
    return with_labels(case, Features.from_rows(ids, segments))


def with_labels(case: BenchmarkCase, features: Features) -> Features:
    """The features with random labels if they have none; labels do not affect the speed."""
    if features.labels or not (case.trains or case.task.labels_in_inference):
        return features
    random = np.random.default_rng(_SEED + 1)
    labels = case.task.random_labels(case.config, features.lengths, random)
    return dataclasses.replace(features, labels=labels)


def _plan(case: BenchmarkCase, lengths: np.ndarray, chosen: np.ndarray) -> list[BatchPlan]:
    """Batches of the chosen examples: as planned for inference, or the steps of a training."""
    planner = BatchPlanner(case.batching, case.batch_size, case.max_seq_length)
    if case.trains:
        order = np.random.default_rng(_SEED).permutation(chosen)
        steps = np.split(order, range(case.batch_size, len(order), case.batch_size))
        return [planner.plan_step(lengths, step.tolist(), case.config) for step in steps]
    plans = planner.plan(lengths[chosen], case.config, case.compute.precision)
    return [plan.renumbered(chosen) for plan in plans]


def _count(case: BenchmarkCase, batch: Batch) -> tuple[tuple[Product, ...], tuple[Product, ...]]:
    """The needed and the computed products of a batch."""
    lengths = batch.tensors["lengths"]
    places = batch.tensors.get("masked_lm_weights")
    real_masks, all_masks = (int(places.sum()), places.size) if places is not None else (0, 0)
    head = functools.partial(case.task.head_products, case.config, examples=len(lengths))
    needed = [
        *encoder_products(case.config, lengths),
        *head(tokens=batch.num_tokens, masked=real_masks),
    ]
    computed = [
        *encoder_products(case.config, batch.row_widths),
        *head(tokens=batch.computed_tokens, masked=all_masks),
    ]
    return tuple(needed), tuple(computed)
