"""The timed call: one call of a model on one batch, until its results are in host memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.checkpoint.loading import load_weights
from bertbench.checkpoint.source import ModelSource
from bertbench.data.batch import Batch
from bertbench.inference import Predictor
from bertbench.model.bert import BertModel
from bertbench.tasks.fit import require_size
from bertbench.training.optimizer import AdamW
from bertbench.training.step import StepResult, TrainStep
from bertbench.training.workers import SingleProcess, split_seed

TimedCall = Callable[[Batch], Any]

_SEED = 7
_LEARNING_RATE = 1e-5


def build_model(case: BenchmarkCase, source: ModelSource | None = None) -> BertModel:
    """The case's model, with the weights of a source if it has any, otherwise random ones.

    A head that is not in the checkpoint is random: speed does not depend on it.

    Raises:
      InputError: the checkpoint does not fit.
    """
    require_size(case.config, source)
    model = BertModel(
        case.config,
        case.compute,
        case.task.make_head,
        trainable=case.trains,
        seed=_SEED,
        loaded=source.stored_variables() if source is not None else (),
    )
    if source is not None and source.checkpoint is not None:
        load_weights(model.variables_by_name, source.opened, fresh=model.head_names)
    return model


def make_timed_call(case: BenchmarkCase, model: BertModel) -> TimedCall:
    """The timed call: a forward pass, or a complete training step with clipping and AdamW.

    With several streams, as many forward passes run at once, until the last one ends.
    """
    if case.trains:
        return _TrainingCall(model)
    call = _InferenceCall(model)
    return call if case.streams == 1 else _ConcurrentCalls(call, case.streams)


class _InferenceCall:
    def __init__(self, model: BertModel) -> None:
        self._predict = Predictor(model)

    def __call__(self, batch: Batch) -> dict[str, np.ndarray]:
        return {name: tensor.numpy() for name, tensor in self._predict(batch.tensors).items()}


class _ConcurrentCalls:
    def __init__(self, call: TimedCall, streams: int) -> None:
        self._call, self._streams = call, streams
        self._threads = ThreadPoolExecutor(streams)

    def __call__(self, batch: Batch) -> list[Any]:
        return list(self._threads.map(self._call, [batch] * self._streams))


class _TrainingCall:
    def __init__(self, model: BertModel) -> None:
        self._train = TrainStep(model, AdamW(model.variables_by_name), SingleProcess(), accumulate=False)
        self._step = 0

    def __call__(self, batch: Batch) -> StepResult:
        self._step += 1
        return self._train([batch], [split_seed(_SEED, self._step)], _LEARNING_RATE)
