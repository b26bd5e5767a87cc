"""`--deterministic`: the bits of an example's outputs depend on nothing but the example."""

import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bertbench import inference
from bertbench.batch_planner import BatchPlanner
from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.batching import WIDTH_MULTIPLE, plan_alone
from bertbench.data.features import Features
from bertbench.inference import Predictor, batches_at_once, compute_batches, run_inference
from bertbench.model.bert import BertModel
from bertbench.precision import PRECISIONS
from bertbench.tasks.squad import SquadTask

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
MAX_SEQ_LENGTH = 80
CONFIG = ModelConfig(
    vocab_size=50,
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=128,
    max_position_embeddings=MAX_SEQ_LENGTH,
)
LENGTHS = (5, 64, 33, 80, 32, 7)
PROGRAM = """
import hashlib, sys
from bertbench.runtime import start_tensorflow
start_tensorflow(int(sys.argv[1]), None, trains=False, deterministic=True)
from suites.unit.test_inference import deterministic_logits
for precision in ("fp32", "bf16"):
    print(hashlib.sha256(deterministic_logits(precision).tobytes()).hexdigest())
"""


def make_features(examples: tuple[int, ...] = tuple(range(len(LENGTHS)))) -> Features:
    rows = [np.random.default_rng(index).integers(0, CONFIG.vocab_size, LENGTHS[index]) for index in examples]
    return Features.from_rows(rows, [np.arange(len(row)) >= 3 for row in rows])


def make_model(precision: str, seed: int | None = 3) -> BertModel:
    return BertModel(
        CONFIG,
        Compute(PRECISIONS[precision]),
        SquadTask().make_head,
        seed=seed,
    )


def deterministic_logits(
    precision: str, features: Features | None = None, batch_size: int = 4, batching: str = "bucketed"
) -> np.ndarray:
    """[T], the start logits of each example in turn."""
    run = run_inference(
        make_model(precision),
        features or make_features(),
        BatchPlanner(batching, batch_size, MAX_SEQ_LENGTH),
        deterministic=True,
    )
    return run.outputs["start_logits"]


def test_alone_plan_has_one_row_per_example_in_multiples_of_32_tokens():
    assert WIDTH_MULTIPLE == 32
    plans = plan_alone(np.array(LENGTHS), MAX_SEQ_LENGTH)
    blocks = [block for plan in plans for block in plan.blocks]
    assert [block.rows for block in blocks] == [((index,),) for index in range(len(LENGTHS))]
    assert [block.width for block in blocks] == [32, 64, 64, 80, 32, 32]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_deterministic_logits_do_not_depend_on_batches_or_other_examples(precision):
    together = deterministic_logits(precision)
    np.testing.assert_array_equal(deterministic_logits(precision, batch_size=1, batching="padded"), together)
    example = 3
    first = sum(LENGTHS[:example])
    np.testing.assert_array_equal(
        deterministic_logits(precision, make_features((example,))), together[first : first + LENGTHS[example]]
    )


@pytest.mark.parametrize("deterministic", [False, True])
def test_graph_built_before_the_weights_are_loaded_uses_them(deterministic):
    filled, empty = make_model("fp32"), make_model("fp32", seed=None)
    planner, features = BatchPlanner("bucketed", 4, MAX_SEQ_LENGTH), make_features()
    predictor = Predictor(empty)
    predictor.prepare(features, planner, deterministic=deterministic)
    for name, variable in empty.variables_by_name.items():
        variable.assign(filled.variables_by_name[name])
    expected = run_inference(filled, features, planner, deterministic=deterministic)
    got = run_inference(empty, features, planner, deterministic=deterministic, predictor=predictor)
    np.testing.assert_array_equal(got.outputs["start_logits"], expected.outputs["start_logits"])


@pytest.mark.parametrize(("inter", "expected"), [(0, 1), (1, 1), (2, 2), (16, 2)])
def test_two_batches_at_once_if_there_are_two_inter_op_threads(inter, expected, monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_inter_op_parallelism_threads", lambda: inter)
    assert batches_at_once() == expected


def test_batches_at_once_have_the_outputs_of_single_ones(monkeypatch):
    """Six examples in one batch, or in two at once; float32 sums in another order."""
    model, planner, batches = make_model("fp32"), BatchPlanner("bucketed", 3, MAX_SEQ_LENGTH), []
    assemble = inference.assemble
    monkeypatch.setattr(
        inference, "assemble", lambda *arguments: batches.append(arguments) or assemble(*arguments)
    )
    expected = run_inference(model, make_features(), planner).outputs["start_logits"]
    assert len(batches) == 1
    monkeypatch.setattr(tf.config.threading, "get_inter_op_parallelism_threads", lambda: 2)
    got = run_inference(model, make_features(), planner).outputs["start_logits"]
    assert len(batches) == 1 + 2
    np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


def plan_each():
    return plan_alone(np.array(LENGTHS), MAX_SEQ_LENGTH)


def test_batches_at_once_are_computed_together_and_returned_in_order():
    together = threading.Barrier(2, timeout=30)

    def compute(tensors):
        together.wait()  # passes only if two batches are computed at the same time
        return len(tensors["input_ids"])

    done = list(compute_batches(compute, make_features(), plan_each(), 2))
    assert [outputs for _, outputs in done] == [32, 64, 64, 80, 32, 32]
    assert [batch.examples.tolist() for batch, _ in done] == [[index] for index in range(len(LENGTHS))]


@pytest.mark.parametrize("at_once", [1, 2])
def test_fault_in_a_batch_ends_the_others(at_once):
    computed = []

    def compute(tensors):
        computed.append(len(tensors["input_ids"]))
        if len(computed) == 2:
            raise MemoryError
        time.sleep(0.1)

    with pytest.raises(MemoryError):
        list(compute_batches(compute, make_features(), plan_each(), at_once))
    assert len(computed) <= 2 * at_once


def test_no_batch_is_computed_after_the_last_one_that_is_wanted():
    computed = []

    def compute(tensors):
        computed.append(len(tensors["input_ids"]))
        time.sleep(0.2)

    with closing(compute_batches(compute, make_features(), plan_each(), 2)) as batches:
        next(batches)
    counted = len(computed)
    time.sleep(0.5)
    assert len(computed) == counted < len(LENGTHS)


def test_deterministic_logits_do_not_depend_on_the_number_of_threads():
    digests = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(threads)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for threads in (1, 3)
    ]
    assert len(digests[0]) == 2
    assert digests[0] == digests[1]
