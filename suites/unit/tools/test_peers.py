"""The comparison with other engines: its batches, its table, and its models where they are installed."""

import dataclasses

import numpy as np
import pytest

from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from tools.peers.engines import ENGINES, EngineInputs
from tools.peers.inputs import load_features, make_batches, save_features, take
from tools.peers.results import Row, check_agreement, speed_ratio, summarize

pytestmark = pytest.mark.unit

CONFIG = ModelConfig(
    vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
)
LENGTHS = (20, 7, 33, 12, 9)


@pytest.fixture
def features():
    random = np.random.default_rng(2)
    rows = [random.integers(0, 60, length) for length in LENGTHS]
    return Features.from_rows(rows, [np.arange(length) > length // 2 for length in LENGTHS])


def test_padded_batches_keep_order_of_examples(features):
    first, second = make_batches(features, "padded", 3)
    assert first.input_ids.shape == (3, 384)
    assert second.input_ids.shape == (2, 384)
    assert list(first.mask.sum(1)) == [20, 7, 33]
    assert (first.input_ids[1, :7] == features.input_ids[20:27]).all()
    assert first.input_ids[1, 7:].sum() == 0


def test_sorted_batches_are_as_wide_as_longest_example(features):
    first, second = make_batches(features, "sorted", 3)
    assert list(first.examples) == [2, 0, 3]
    assert list(second.examples) == [4, 1]
    assert (first.input_ids.shape[1], second.input_ids.shape[1]) == (33, 9)
    assert (second.segment_ids[0, :9] == features.segment_ids[72:81]).all()


def test_saved_features_are_read_back_equal(features, tmp_path):
    save_features(features, tmp_path / "features.npz")
    read = load_features(tmp_path / "features.npz")
    for name in ("input_ids", "segment_ids", "row_splits"):
        assert (getattr(read, name) == getattr(features, name)).all()
    assert list(take(read, np.array([4, 0])).lengths) == [9, 20]


def test_speed_ratio_is_median_of_ratios_by_round():
    """Rounds of 2/1, 8/2 and 3/3 times as long: 2, 4, 1; the median is 2, not 3/2 of the medians."""
    own, other = (
        Row("bertbench", "bf16", "packed", [1.0, 2.0, 3.0]),
        Row("B", "bf16", "sorted", [2.0, 8.0, 3.0]),
    )
    assert speed_ratio(own, other) == 2


def test_summary_names_fastest_engine_of_each_setup():
    rows = [
        Row("bertbench", "bf16", "padded", [9.0]),
        Row("bertbench", "bf16", "packed", [1.0]),
        Row("A", "bf16", "padded", [3.0]),
        Row("B", "bf16", "padded", [2.0]),
        Row("A", "bf16", "sorted", [1.5]),
        Row("A", "fp32", "sorted", [0.1]),
    ]
    assert list(summarize(rows)) == [
        "bertbench bf16 packed is 2.00 times the best peer padded, B",
        "bertbench bf16 packed is 1.50 times the best peer sorted, A",
    ]


def test_engines_with_different_logits_are_rejected():
    logits = np.array([1.0, -2.0, 0.5])
    check_agreement("fp32", [("A", logits), ("B", logits + 1e-4)])
    with pytest.raises(CannotJudge, match=r"C and A differ by 0\.1 in fp32"):
        check_agreement("fp32", [("A", logits), ("C", logits + 0.2)])


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "bertbench"])
def test_engine_logits_equal_own_logits(name, features, tmp_path, monkeypatch):
    offer = ENGINES[name]
    if offer.missing:
        pytest.skip(f"{', '.join(offer.missing)} not installed; `tox run -e peers` installs it")
    from tools.peers import own

    monkeypatch.setattr(own, "start_tensorflow", lambda *threads: None)
    case = own.BenchmarkCase(own.make_task("squad"), "inference", own.Compute(), "small", CONFIG, 1)
    weights = own.random_weights(dataclasses.replace(case, config=CONFIG))
    np.savez(tmp_path / "weights.npz", **weights)
    inputs = EngineInputs(CONFIG, tmp_path, features, 2, 1, "erf")
    if "onnx" in offer.packages:
        from bertbench.export.onnx_graph import write_onnx
        from bertbench.export.onnx_heads import build_graph

        write_onnx(inputs.onnx_file, build_graph("SpanHead", CONFIG, weights, "erf"))
    found = {}
    for engine in (offer.engine(inputs, "fp32"), own.Bertbench(inputs, "fp32")):
        for setup in engine.setups("inference"):
            prepared = engine.prepare(setup)
            found[type(engine).__name__, setup] = prepared.first(prepared.run())
    (_, expected), *others = found.items()
    assert expected.shape == (20,)
    for values in dict(others).values():
        np.testing.assert_allclose(values, expected, atol=1e-5 * np.abs(expected).max())
