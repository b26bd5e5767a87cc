"""The gradients of every head, and what must not change them."""

from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bertbench.compute import Compute
from bertbench.model.bert import BertModel
from bertbench.model.heads import ClassifierHead
from bertbench.precision import FP32
from bertbench.training.workers import split_seed
from suites.tolerances import TOLERANCES
from suites.training.one_step import FP64, OneStep, assert_same_gradients, make_batch, take_step
from suites.training.tiny import CONFIG, FIRST_TASK_IN_QUICK_RUNS, TASKS, make_task

pytestmark = pytest.mark.training

EIGHT = range(8)
STEP = 1e-5
SLOPE = TOLERANCES["fp64", "loss slope"].bound
BATCHING = TOLERANCES["fp64", "batching gradient"].bound
RECOMPUTED = TOLERANCES["fp32", "recomputed gradient"].bound


def regression_head(weights, config, encoder):
    return ClassifierHead(weights, config, 1)


@pytest.mark.parametrize("head", [*TASKS, "regression"])
def test_gradients_equal_finite_differences(head: str, files: Path) -> None:
    """Dropout is on: its choice is a function of the seed, so the loss stays a smooth function."""
    task = make_task("classifier" if head == "regression" else head, files)
    batch = make_batch(task, EIGHT, "packed").tensors
    if head == "regression":
        batch["label_ids"] = np.linspace(0, 5, len(EIGHT)).astype(np.float32)
    make_head = regression_head if head == "regression" else task.make_head
    model = BertModel(CONFIG, Compute(FP64), make_head, trainable=True, seed=5)
    loss = tf.function(partial(_loss, model, batch, model.head.loss_weights(batch)))
    with tf.GradientTape() as tape:
        value = loss()
    variables = model.variables_by_name
    gradients = tape.gradient(value, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    generator = np.random.default_rng(2)
    nonzero = 0
    for name, variable in variables.items():
        direction = generator.normal(size=variable.shape)
        direction /= np.linalg.norm(direction)
        measured = _slope(loss, variable, direction)
        claimed = float(np.sum(tf.convert_to_tensor(gradients[name]).numpy() * direction))
        assert claimed == pytest.approx(measured, rel=SLOPE, abs=1e-8), name
        nonzero += abs(measured) > 1e-6
    assert nonzero > 0.8 * len(variables), "the test must see most variables move the loss"


def _loss(model, batch, weights):
    tensors = {name: tf.constant(array) for name, array in batch.items()}
    outputs = model(tensors, tf.constant(split_seed(1)))
    return tf.add_n([total / weights[name] for name, total in model.head.losses(outputs, tensors).items()])


def _slope(loss, variable: tf.Variable, direction: np.ndarray) -> float:
    start = variable.numpy()
    variable.assign(start + STEP * direction)
    above = float(loss())
    variable.assign(start - STEP * direction)
    below = float(loss())
    variable.assign(start)
    return (above - below) / (2 * STEP)


@cache
def padded_step(task: str, files: Path) -> OneStep:
    return take_step(task, files, [EIGHT], batching="padded")


@pytest.mark.parametrize("task", FIRST_TASK_IN_QUICK_RUNS)
def test_packed_gradients_equal_padded_gradients(task: str, files: Path) -> None:
    padded = padded_step(task, files)
    packed = take_step(task, files, [EIGHT], batching="packed")
    assert packed.result.loss == pytest.approx(padded.result.loss, rel=1e-12)
    assert_same_gradients(padded, packed, BATCHING)


def test_gradients_of_narrower_rows_equal_padded_gradients(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertbench.data.batching.WIDTH_MULTIPLE", 1)
    task = make_task("squad", files)
    ((_, width),) = make_batch(task, EIGHT, "packed").shape
    assert width < task.max_seq_length
    packed = take_step("squad", files, [EIGHT], batching="packed")
    assert_same_gradients(padded_step("squad", files), packed, BATCHING)


@pytest.mark.parametrize("task", FIRST_TASK_IN_QUICK_RUNS)
def test_accumulated_gradients_equal_gradients_of_whole_batch(task: str, files: Path) -> None:
    """Four micro-batches of two are one batch of eight, whatever number of masked tokens each holds."""
    whole = padded_step(task, files)
    parts = take_step(task, files, [[0, 1], [2, 3], [4, 5], [6, 7]])
    assert parts.result.losses == pytest.approx(whole.result.losses, rel=1e-12)
    assert_same_gradients(whole, parts, BATCHING)


def test_micro_batches_have_different_numbers_of_masked_tokens(files: Path) -> None:
    """The condition for the test above."""
    masked = make_task("pretraining", files).read("train").features.labels["masked_lm_weights"][:8]
    assert len(set(masked.reshape(4, -1).sum(1))) > 1


@pytest.mark.parametrize("task", FIRST_TASK_IN_QUICK_RUNS)
def test_recomputed_gradients_equal_stored_gradients(task: str, files: Path) -> None:
    """With dropout, which must be the same when it is drawn again."""
    kept = take_step(task, files, [EIGHT], precision=FP32, config=CONFIG)
    recomputed = take_step(task, files, [EIGHT], precision=FP32, config=CONFIG, recompute=True)
    assert recomputed.result.loss == pytest.approx(kept.result.loss, rel=1e-6)
    assert_same_gradients(kept, recomputed, RECOMPUTED)
