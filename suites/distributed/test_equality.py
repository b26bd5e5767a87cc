"""Several workers that divide the examples of a step compute the same as one process."""

from pathlib import Path

import numpy as np
import pytest

from bertbench.precision import FP32
from suites.distributed.conftest import FinishedJob
from suites.distributed.work import (
    EXAMPLES_A_STEP,
    NUM_EXAMPLES,
    SHAPES,
    STEPS,
    STEPS_PER_EPOCH,
    whole_settings,
)
from suites.tolerances import TOLERANCES
from suites.training.one_step import OneStep, assert_same_gradients, take_step
from suites.training.tiny import TASKS, make_task, make_trainer, snapshot

pytestmark = pytest.mark.distributed

GRADIENT = TOLERANCES["fp32", "distributed gradient"].bound
COMPRESSED = TOLERANCES["fp32", "compressed gradient"].bound
WEIGHTS = TOLERANCES["fp32", "distributed weights"].bound
EMBEDDINGS = "bert/embeddings/word_embeddings"


def one_process(task: str, files: Path) -> OneStep:
    return take_step(task, files, [range(EXAMPLES_A_STEP)], precision=FP32)


@pytest.mark.parametrize("task", TASKS)
def test_gradients_of_two_workers_equal_those_of_one_process(
    two: FinishedJob, files: Path, task: str
) -> None:
    expected = one_process(task, files)
    for rank in range(2):
        assert_same_gradients(expected, OneStep(expected.result, two.kind(task, rank)), GRADIENT)


def test_gradients_of_four_workers_equal_those_of_one_process(four: FinishedJob, files: Path) -> None:
    expected = one_process("squad", files)
    assert_same_gradients(expected, OneStep(expected.result, four.kind("squad")), GRADIENT)


def test_gradients_of_embedding_rows_seen_by_one_worker_are_averaged(two: FinishedJob, files: Path) -> None:
    """Of the words in the step, some are in one worker's examples only; the others' gradient of them is 0."""
    features = make_task("squad", files).read("train").features
    words = [
        {int(word) for example in range(EXAMPLES_A_STEP)[rank::2] for word in _words(features, example)}
        for rank in range(2)
    ]
    expected = one_process("squad", files).gradients[EMBEDDINGS]
    found = two.kind("squad")[EMBEDDINGS]
    only_one = sorted(words[0] ^ words[1])
    assert only_one, "the test must see such words"
    for word in only_one:
        bound = GRADIENT * np.abs(expected[word]).max()
        assert bound > 0
        np.testing.assert_allclose(found[word], expected[word], rtol=0, atol=bound, err_msg=str(word))
    never = sorted(set(range(len(expected))) - words[0] - words[1])
    assert not found[never].any()


def _words(features, example: int) -> np.ndarray:
    return features.input_ids[features.row_splits[example] : features.row_splits[example + 1]]


def test_compressed_gradients_are_rounded_to_float16(two: FinishedJob, files: Path) -> None:
    expected = one_process("squad", files)
    compressed = two.kind("compressed")
    assert_same_gradients(expected, OneStep(expected.result, compressed), COMPRESSED)
    assert any(not np.array_equal(value, two.kind("squad")[name]) for name, value in compressed.items())


@pytest.mark.parametrize("size", ["two", "four"])
def test_gradient_sums_belong_to_their_variables(size: str, request: pytest.FixtureRequest) -> None:
    """Worker r gives 10^r: the digits of the sum show which workers were added."""
    job = request.getfixturevalue(size)
    for rank in range(len(job.arrays)):
        sums = job.kind("sums", rank)
        for number, shape in enumerate(SHAPES):
            np.testing.assert_array_equal(
                sums[str(number)], np.full(shape, {"two": 11, "four": 1111}[size], np.float32)
            )


def test_weights_after_twenty_steps_equal_those_of_one_process(
    job: FinishedJob, files: Path, tmp_path: Path
) -> None:
    """Epochs end with a step of one example, so the weights also depend on how workers divide it."""
    trainer = make_trainer(files, tmp_path, whole_settings(), num_examples=NUM_EXAMPLES)
    start = snapshot(trainer)
    trainer.run()
    expected, found = snapshot(trainer), job.kind("trained")
    moved = _distance(expected, start)
    assert moved > 0.1, "the test must see the weights move"
    assert _distance(found, expected) <= WEIGHTS * moved


def _distance(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    assert one.keys() == other.keys()
    return float(np.sqrt(sum(np.sum((one[name].astype(np.float64) - other[name]) ** 2) for name in one)))


def test_every_example_is_seen_once_per_epoch(job: FinishedJob) -> None:
    """Also when steps and workers do not divide the examples."""
    steps = [facts["examples"] for facts in job.facts]
    assert all(len(mine) == STEPS for mine in steps)
    for first in range(0, STEPS - STEPS_PER_EPOCH + 1, STEPS_PER_EPOCH):
        seen = [
            example for mine in steps for step in mine[first : first + STEPS_PER_EPOCH] for example in step
        ]
        assert sorted(seen) == list(range(NUM_EXAMPLES))


def test_all_ranks_end_with_the_same_weights(job: FinishedJob) -> None:
    first = job.kind("trained")
    for rank in range(1, len(job.arrays)):
        for name, value in job.kind("trained", rank).items():
            np.testing.assert_array_equal(value, first[name], err_msg=name)
