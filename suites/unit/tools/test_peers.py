"""The comparison with other engines: its batches, its table, and its models where they are installed."""

import numpy as np
import pytest

from bertbench.benchmarking.timed_call import build_model
from bertbench.config import ModelConfig
from bertbench.console import render_text
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from tools.peers.engines import ENGINES
from tools.peers.inputs import load_features, make_batches, save_features, take
from tools.peers.interface import EngineInputs
from tools.peers.results import Row, check_agreement, latency_table, result_table, speed_ratio, summarize

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
        Row("bertbench", "bf16", "packed", [[0.5, 0.5], [2.0], [3.0]]),
        Row("B", "bf16", "sorted", [[2.0], [7.0, 1.0], [3.0]]),
    )
    assert speed_ratio(own, other) == 2


def test_summary_names_fastest_engine_of_each_setup():
    rows = [
        Row("bertbench", "bf16", "padded", [[9.0]]),
        Row("bertbench", "bf16", "packed", [[1.0]]),
        Row("A", "bf16", "padded", [[3.0]]),
        Row("B", "bf16", "padded", [[2.0]]),
        Row("A", "bf16", "sorted", [[1.5]]),
        Row("A", "fp32", "sorted", [[0.1]]),
    ]
    assert list(summarize(rows)) == [
        "bertbench bf16 packed is 2.00 times the best peer padded, B",
        "bertbench bf16 packed is 1.50 times the best peer sorted, A",
    ]


def test_latency_table_compares_equal_setups(features):
    """Medians of 10 calls: 2 of 4 ms at 384 tokens, 1 of 2 ms at real lengths."""
    rows = [
        Row("bertbench", "fp32", "padded", [[0.002] * 10]),
        Row("bertbench", "fp32", "bucketed", [[0.001] * 5, [0.001] * 5]),
        Row("A", "fp32", "padded", [[0.004] * 8 + [0.009] * 2]),
        Row("A", "fp32", "sorted", [[0.002] * 10]),
    ]
    text = render_text(latency_table(rows, features, {("A", "fp32"): 74.857})).replace("│", " ")
    (padded, real) = [line.split() for line in text.splitlines() if "A fp32" in line]
    assert padded[-4:] == ["4.000", "9.000", "0.50", "74.86"]
    assert real[-4:] == ["2.000", "2.000", "0.50", "74.86"]
    assert all(line.split()[-1] == "–" for line in text.splitlines() if "bertbench fp32" in line)


def test_result_table_has_score_of_each_engine(features):
    rows = [Row("bertbench", "fp32", "bucketed", [[1.0, 1.0]]), Row("A", "fp32", "sorted", [[4.0]])]
    scores = {("bertbench", "fp32"): 74.8, ("A", "fp32"): 74.5}
    text = render_text(result_table(rows, features, CONFIG, "inference", scores)).replace("│", " ")
    cells = {line.split()[0]: line.split() for line in text.splitlines() if "fp32" in line}
    assert (cells["bertbench"][-2:], cells["A"][-2:]) == (["1.00", "74.80"], ["2.00", "74.50"])


def test_engines_with_different_logits_are_rejected():
    logits = np.array([1.0, -2.0, 0.5])
    check_agreement("fp32", [("A", logits), ("B", logits + 1e-4)])
    with pytest.raises(CannotJudge, match=r"C and A differ by 0\.1 in fp32"):
        check_agreement("fp32", [("A", logits), ("C", logits + 0.2)])


@pytest.mark.parametrize("latency", [False, True])
@pytest.mark.parametrize("name", [name for name in ENGINES if name != "bertbench"])
def test_engine_logits_equal_own_logits(name, latency, features, tmp_path, monkeypatch):
    offer = ENGINES[name]
    if offer.missing:
        pytest.skip(f"{', '.join(offer.missing)} not installed; `tox run -e peers` installs it")
    from tools.peers import own

    monkeypatch.setattr(own, "start_tensorflow", lambda *threads: None)
    case = own.BenchmarkCase(own.make_task("squad"), "inference", own.Compute(), "small", CONFIG, 1)
    weights = {name: variable.numpy() for name, variable in build_model(case).variables_by_name.items()}
    np.savez(tmp_path / "weights.npz", **weights)
    job = EngineInputs(CONFIG, tmp_path, features, 1 if latency else 2, 1, "erf", latency=latency)
    if "onnx" in offer.packages:
        from bertbench.export.onnx_graph import write_onnx
        from bertbench.export.onnx_heads import build_graph

        write_onnx(job.onnx_file, build_graph("SpanHead", CONFIG, weights, "erf"))
    found = {}
    for engine in (offer.engine(job, "fp32"), own.Bertbench(job, "fp32")):
        assert len(engine.setups) == 2
        for setup in engine.setups:
            prepared = engine.prepare(setup)
            assert len(prepared.calls) == len(LENGTHS) or not latency
            found[type(engine).__name__, setup] = prepared.logits(prepared.run())
    (_, expected), *others = found.items()
    assert expected.shape == (sum(LENGTHS), 2)
    for values in dict(others).values():
        np.testing.assert_allclose(values, expected, atol=1e-5 * np.abs(expected).max())
