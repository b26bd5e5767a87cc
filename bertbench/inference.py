"""Runs a model on a whole data set: features -> batches -> outputs in the order of the data set."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import tensorflow as tf

from bertbench.batch_planner import BatchPlanner
from bertbench.checkpoint.loading import load_weights
from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute
from bertbench.console import notice, progress
from bertbench.data.batch import Batch, assemble
from bertbench.data.batching import BatchPlan, plan_alone
from bertbench.data.features import Features
from bertbench.kernels import ONEDNN, SLOW_INT8, int8_products
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import MOST_AT_ONCE
from bertbench.model.bert import BertModel
from bertbench.model.graph import ShapelessGraph
from bertbench.tasks.base import Task
from bertbench.tasks.fit import require_size

Outputs = TypeVar("Outputs")


@dataclass(frozen=True)
class InferenceRun:
    """The outputs of one pass and its time.

    Attributes:
      outputs: by name, in the order of the features: float, [T] per token or [N, ...] per example.
      seconds: from the first batch to the last, including compilation.
      num_examples, num_tokens: rows of the features and their tokens, without padding.
    """

    outputs: dict[str, np.ndarray]
    seconds: float
    num_examples: int
    num_tokens: int


class Predictor:
    """A model's forward pass as one graph for batches of any shape."""

    def __init__(self, model: BertModel) -> None:
        self._model = model
        self._graph = ShapelessGraph(self._forward)

    def __call__(self, tensors: Mapping[str, np.ndarray]) -> dict[str, tf.Tensor]:
        """The head's predictions for one batch."""
        return self._graph(tensors)

    def prepare(self, features: Features, planner: BatchPlanner, *, deterministic: bool = False) -> None:
        """Build the graph for `run_inference`; the model's weights may be loaded meanwhile."""
        for plan in _plan(self._model, features, planner, deterministic)[:1]:
            self._graph.prepare(assemble(features, plan).tensors)

    def _forward(self, batch: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        return self._model.head.predictions(self._model(batch), batch)


def create_model(task: Task, source: ModelSource, compute: Compute) -> BertModel:
    """A model for inference whose variables have no values yet; `fill_model` loads them.

    Raises:
      InputError: the checkpoint has less than half of the weights.
    """
    require_size(source.config, source)
    if compute.precision.int8 and int8_products() != ONEDNN:
        notice(f"int8: {SLOW_INT8}.")
    return BertModel(source.config, compute, task.make_head)


def fill_model(model: BertModel, task: Task, source: ModelSource) -> None:
    """Load a model's weights from its checkpoint.

    Raises:
      InputError: the source has no checkpoint, or it does not fit.
    """
    load_weights(model.variables_by_name, source.opened, rows=task.head_rows(source))


def load_model(task: Task, source: ModelSource, compute: Compute) -> BertModel:
    """Load a model for inference from its checkpoint; raises as `create_model` and `fill_model`."""
    model = create_model(task, source, compute)
    fill_model(model, task, source)
    return model


def run_inference(
    model: BertModel,
    features: Features,
    planner: BatchPlanner,
    *,
    deterministic: bool = False,
    description: str = "predict",
    predictor: Predictor | None = None,
) -> InferenceRun:
    """Run a model over all features, several batches at once; see `batches_at_once`.

    Args:
      deterministic: compute each example alone instead, as many at once as TensorFlow has inter-op threads.
        With one intra-op thread the outputs of an example then depend on nothing but the example.
      predictor: the model's, if its graph is to serve several runs.
    """
    plans, at_once = _plan(model, features, planner, deterministic), batches_at_once()
    if deterministic:
        at_once = _inter_threads() or read_machine().usable_cores
    predictor = predictor or Predictor(model)
    collected = Collector(features, model.head.per_token)
    start = time.perf_counter()
    with (
        progress(description, len(features), "examples") as advance,
        closing(compute_batches(predictor, features, plans, at_once)) as batches,
    ):
        for batch, outputs in batches:
            collected.add(batch, outputs)
            elapsed = time.perf_counter() - start
            advance(len(batch.examples), **{"examples/s": collected.num_examples / elapsed})
    return InferenceRun(
        collected.outputs, time.perf_counter() - start, len(features), int(features.lengths.sum())
    )


def batches_at_once() -> int:
    """How many batches of a data set are computed at once: two, if TensorFlow has two inter-op threads.

    More are not faster, and each needs memory.
    """
    return min(_inter_threads() or 1, MOST_AT_ONCE)


def _inter_threads() -> int:
    """The inter-op threads that were set by TensorFlow's API; 0 if none were."""
    return tf.config.threading.get_inter_op_parallelism_threads()


def compute_batches(
    predictor: Callable[[Mapping[str, np.ndarray]], Outputs],
    features: Features,
    plans: Sequence[BatchPlan],
    at_once: int = 1,
) -> Generator[tuple[Batch, Outputs]]:
    """Each batch with its outputs, in order; `at_once` batches are computed at the same time."""

    def compute(plan: BatchPlan) -> tuple[Batch, Outputs]:
        batch = assemble(features, plan)
        return batch, predictor(batch.tensors)

    if at_once == 1:
        yield from map(compute, plans)
        return
    pool = ThreadPoolExecutor(at_once)
    try:
        yield from pool.map(compute, plans)
    finally:
        pool.shutdown(cancel_futures=True)


def _plan(
    model: BertModel, features: Features, planner: BatchPlanner, deterministic: bool
) -> list[BatchPlan]:
    if deterministic:
        return plan_alone(features.lengths, planner.max_seq_length)
    return planner.plan(features.lengths, model.config, model.compute.precision, batches_at_once())


class Collector:
    """Restores the order of the features in the outputs of batches.

    Attributes:
      outputs: by name, in the order of the features; complete when every batch was added.
    """

    def __init__(self, features: Features, per_token: bool) -> None:
        self.outputs: dict[str, np.ndarray] = {}
        self.num_examples = 0
        self._features = features
        self._per_token = per_token

    def add(self, batch: Batch, outputs: Mapping[str, tf.Tensor]) -> None:
        """Take the outputs of one batch."""
        for name, tensor in outputs.items():
            values = tensor.numpy()
            total = len(self._features.input_ids) if self._per_token else len(self._features)
            kept = self.outputs.setdefault(name, np.zeros((total, *values.shape[1:]), values.dtype))
            if self._per_token:
                self._place_tokens(kept, values, batch)
            else:
                kept[batch.examples] = values
        self.num_examples += len(batch.examples)

    def _place_tokens(self, kept: np.ndarray, values: np.ndarray, batch: Batch) -> None:
        splits = self._features.row_splits
        firsts = batch.tensors["first_token"]
        for first, length, example in zip(firsts, batch.tensors["lengths"], batch.examples, strict=True):
            kept[splits[example] : splits[example] + length] = values[first : first + length]
