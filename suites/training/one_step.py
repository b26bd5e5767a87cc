"""The gradients that one training step hands to the optimizer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.batch import Batch, assemble
from bertbench.data.batching import plan_one_batch
from bertbench.model.bert import BertModel
from bertbench.precision import Precision
from bertbench.tasks.base import Task
from bertbench.training.step import StepResult, TrainStep
from bertbench.training.workers import SingleProcess, Workers, split_seed
from suites.training.tiny import WITHOUT_DROPOUT, make_task

FP64 = Precision("fp64", "float64")


class Keeper:
    """Replaces the optimizer: stores the gradients and changes no weight."""

    def __init__(self, variables: Mapping[str, tf.Variable]) -> None:
        self.kept = {name: tf.Variable(tf.zeros_like(variable)) for name, variable in variables.items()}

    def apply(self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> tf.Tensor:
        for kept, gradient in zip(self.kept.values(), gradients, strict=True):
            kept.assign(gradient)
        return tf.linalg.global_norm(gradients)


@dataclass(frozen=True)
class OneStep:
    """What a step computed: `gradients` by the variables' names."""

    result: StepResult
    gradients: dict[str, np.ndarray]


def make_batch(task: Task, examples: Sequence[int], batching: str = "padded") -> Batch:
    features = task.read("train").features
    plan = plan_one_batch(features.lengths, examples, batching, task.max_seq_length, least_saving=0)
    return assemble(features, plan)


def take_step(
    task: str,
    files: Path,
    micro_batches: Sequence[Sequence[int]],
    *,
    precision: Precision = FP64,
    config: ModelConfig = WITHOUT_DROPOUT,
    batching: str = "padded",
    recompute: bool = False,
    workers: Workers | None = None,
) -> OneStep:
    """One step of a random model, always with the same seed, on these examples."""
    workers = workers or SingleProcess()
    made = make_task(task, files)
    model = BertModel(config, Compute(precision), made.make_head, trainable=True, seed=5)
    keeper = Keeper(model.variables_by_name)
    accumulate = len(micro_batches) > 1 or workers.size > 1
    step = TrainStep(model, keeper, workers, accumulate=accumulate, recompute=recompute)
    batches = [make_batch(made, examples, batching) for examples in micro_batches]
    seeds = [split_seed(3, number) for number in range(len(batches))]
    result = step(batches, seeds, 1.0)
    return OneStep(result, {name: value.numpy() for name, value in keeper.kept.items()})


def assert_same_gradients(one: OneStep, other: OneStep, relative: float) -> None:
    """Every variable's gradients agree within `relative` of its largest element."""
    for name, gradient in one.gradients.items():
        bound = relative * max(np.abs(gradient).max(), 1e-3)
        np.testing.assert_allclose(other.gradients[name], gradient, rtol=0, atol=bound, err_msg=name)
