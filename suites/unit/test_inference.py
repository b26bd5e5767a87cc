"""`--deterministic`: the bits of an example's outputs depend on nothing but the example."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bertbench.batch_planner import BatchPlanner
from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.batching import ALONE_MULTIPLE, plan_alone
from bertbench.data.features import Features
from bertbench.inference import Predictor, run_inference
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
    assert ALONE_MULTIPLE == 32
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


def test_batches_at_once_have_the_same_outputs(monkeypatch):
    """Six examples in three batches of two rows, or in four by two threads."""
    model, planner = make_model("fp32"), BatchPlanner("bucketed", 1, MAX_SEQ_LENGTH)
    expected = run_inference(model, make_features(), planner).outputs["start_logits"]
    monkeypatch.setattr(tf.config.threading, "get_inter_op_parallelism_threads", lambda: 2)
    got = run_inference(model, make_features(), planner).outputs["start_logits"]
    np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


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
