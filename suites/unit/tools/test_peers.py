"""The comparison with other engines: its batches, its table, and its models where they are installed."""

import functools
import math
import threading

import numpy as np
import pytest

from bertbench.benchmarking.timed_call import build_model
from bertbench.checkpoint.quantization import read_quantization
from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.errors import CannotJudge, InputError
from bertbench.tables import render_text
from tools.peers.__main__ import command
from tools.peers.engines import ENGINES
from tools.peers.inputs import (
    CALIBRATION_WINDOWS,
    SORTED_AT_ONCE,
    load_features,
    make_batches,
    read_calibration,
    save_features,
    take,
)
from tools.peers.interface import EngineInputs, Prepared
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


def test_batches_at_once_are_timed_together_and_keep_their_order():
    together = threading.Barrier(2, timeout=30)

    def call(number):
        together.wait()  # passes only if two calls run at the same time
        return number

    prepared = Prepared([functools.partial(call, number) for number in range(6)], at_once=2)
    assert prepared.run() == list(range(6))
    assert len(prepared.time()) == 1
    assert len(Prepared([int, int, int]).time()) == 3


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


def test_int8_logits_are_compared_by_root_mean_square_over_spread():
    """The sum of squares is 4: sqrt(1 / 4) = 0.5 for one difference of 1, sqrt(3 / 4) = 0.866 for three."""
    logits = np.array([1.0, -1.0, 1.0, -1.0])
    check_agreement("int8", [("A", logits), ("B", np.array([2.0, -1.0, 1.0, -1.0]))])
    with pytest.raises(CannotJudge, match=r"C and A differ by 0\.866 in int8"):
        check_agreement("int8", [("A", logits), ("C", np.array([2.0, -2.0, 2.0, -1.0]))])


def test_summary_compares_int8_with_own_bf16():
    rows = [
        Row("bertbench", "bf16", "padded", [[9.0]]),
        Row("bertbench", "bf16", "bucketed", [[3.0]]),
        Row("bertbench", "int8", "bucketed", [[2.0]]),
    ]
    assert list(summarize(rows)) == ["bertbench int8 is 1.50 times as fast as its bf16"]


def test_int8_is_calibrated_on_other_data_than_predicted(tmp_path):
    file, copy = tmp_path / "train.json", tmp_path / "dev.json"
    for path in (file, copy):
        path.write_text("{}")
    assert read_calibration(["fp32"], None, file, None) is None
    with pytest.raises(InputError, match="use --calibration-file"):
        read_calibration(["int8"], None, file, None)
    with pytest.raises(InputError, match=r"train\.json: is the file of the predictions"):
        read_calibration(["int8"], file, copy, None)


def test_training_in_int8_is_rejected():
    with pytest.raises(InputError, match="int8 is for inference only"):
        command.main(["--mode", "training", "--precision", "int8"], standalone_mode=False)


def test_engines_calibrate_on_as_many_windows_as_quantize():
    from bertbench.quantization.quantize import EXAMPLES

    assert CALIBRATION_WINDOWS == EXAMPLES


@pytest.fixture
def make_job(features, tmp_path, monkeypatch):
    """Writes a model in all formats that an engine needs."""
    from tools.peers import make_model, own

    monkeypatch.setattr(own, "start_tensorflow", lambda *threads: None)

    def make(offer, precision, latency=False, limit=math.inf):
        if missing := offer.missing(precision):
            pytest.skip(f"{', '.join(missing)} not installed; `tox run -e peers` installs it")
        task = own.make_task("squad")
        case = own.BenchmarkCase(task, "inference", own.Compute(), "small", CONFIG, 1)
        weights = {name: variable.numpy() for name, variable in build_model(case).variables_by_name.items()}
        np.savez(tmp_path / "weights.npz", **weights)
        if "onnx" in offer.packages:
            from bertbench.export.onnx_graph import write_onnx
            from bertbench.export.onnx_heads import build_graph

            write_onnx(tmp_path / "model.onnx", build_graph("SpanHead", CONFIG, weights, "erf"))
        if precision == "int8":
            save_features(features, tmp_path / "calibration.npz")
            file = {"path": "train.json", "sha256": 64 * "0"}
            make_model.write_quantized(tmp_path, task, CONFIG, weights, "erf", file, limit)
        return EngineInputs(CONFIG, tmp_path, features, 2, 1, "erf", latency=latency)

    return make


@pytest.mark.parametrize(("limit", "left"), [(0.0, 8), (math.inf, 0)])
def test_limit_of_error_decides_how_many_inputs_stay_in_floats(limit, left, make_job):
    """Two layers have four inputs each."""
    job = make_job(ENGINES["bertbench"], "int8", limit=limit)
    made = read_quantization(job.model_folder / "quantization.json", CONFIG)
    assert (len(made.left), len(made.int8)) == (left, 8 - left)


def logits_of(engine, calls=None):
    assert len(set(engine.setups) - {SORTED_AT_ONCE}) == 2
    for setup in engine.setups:
        prepared = engine.prepare(setup)
        assert calls in (None, len(prepared.calls))
        logits = prepared.logits(prepared.run())
        assert logits.shape == (sum(LENGTHS), 2)
        yield logits


@pytest.mark.parametrize("latency", [False, True])
@pytest.mark.parametrize("name", [name for name in ENGINES if name != "bertbench"])
def test_engine_logits_equal_own_logits(name, latency, make_job):
    offer = ENGINES[name]
    job = make_job(offer, "fp32", latency)
    from tools.peers import own

    calls = len(LENGTHS) if latency else None
    expected, *others = logits_of(own.Bertbench(job, "fp32"), calls)
    for values in (*others, *logits_of(offer.engine(job, "fp32"), calls)):
        np.testing.assert_allclose(values, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", [name for name, offer in ENGINES.items() if "int8" in offer.precisions])
def test_engine_logits_in_int8_are_near_float_logits(name, make_job):
    """Within the bound between engines, but not equal, which shows that int8 products ran."""
    offer = ENGINES[name]
    job = make_job(offer, "int8")
    from tools.peers import own

    expected, _ = logits_of(own.Bertbench(job, "fp32"))
    for values in logits_of(offer.engine(job, "int8")):
        check_agreement("int8", [("fp32", expected), (name, values)])
        assert np.abs(values - expected).max() > 1e-4 * np.abs(expected).max()
