"""Workloads and results of a benchmark against hand computation."""

import dataclasses
import json
import threading

import numpy as np
import pytest
import tensorflow as tf

from bertbench import kernels
from bertbench.benchmarking import run
from bertbench.benchmarking.lengths import describe_lengths
from bertbench.benchmarking.report import describe_result
from bertbench.benchmarking.run import Benchmark, Totals
from bertbench.benchmarking.timed_call import _ConcurrentCalls
from bertbench.benchmarking.workload import data_workload, full_length_workload
from bertbench.compute import Compute
from bertbench.data.features import Features
from bertbench.errors import InputError
from bertbench.int8 import ProductScales
from bertbench.measure.threads import ThreadSettings
from bertbench.precision import BF16, INT8
from bertbench.results.schema import read_lengths, read_throughput, write_result
from bertbench.tasks.table import make_task
from suites.unit.made_up_benchmark import CASE, MadeUpPeak
from suites.unit.made_up_results import benchmark_file

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def made_up_peak(monkeypatch):
    monkeypatch.setattr(run, "GemmPeak", MadeUpPeak)


def features_of(lengths):
    rows = [np.arange(length) % 50 for length in lengths]
    return Features.from_rows(rows, [np.zeros(length) for length in lengths])


def forward_flop(lengths):
    """By hand, H 8, F 16: 2 s (4 x 64 + 2 x 128) + 4 s^2 x 8 per layer, and 2 s x 8 x 2 in the head."""
    return sum(1024 * s + 32 * s * s + 32 * s for s in lengths)


def total(products):
    return sum(product.flop for product in products)


def test_generated_examples_have_full_length():
    work = full_length_workload(CASE, 5)
    assert (len(work.batches), work.num_examples, work.num_tokens) == (5, 10, 160)
    assert work.needed == work.computed
    assert total(work.needed[0]) == forward_flop([16, 16])
    tensors = work.batches[0].tensors
    assert tensors["input_ids"].max() < 50
    assert (tensors["sequence_ids"] == 1).all()
    assert tensors["segment_ids"].sum() == 2 * 8


def test_data_set_is_sampled_evenly_and_padding_is_not_counted():
    lengths = np.array([3, 5, 7, 9, 11, 13, 15, 16])
    work = data_workload(CASE, features_of(lengths), 8.0, steps=2)
    chosen = np.concatenate([batch.examples for batch in work.batches])
    assert list(chosen) == [0, 2, 4, 6]
    assert work.num_tokens == 3 + 7 + 11 + 15
    assert sum(map(total, work.needed)) == forward_flop([3, 7, 11, 15])
    # In rows of 16 the head computes 16 tokens of each as well.
    assert sum(map(total, work.computed)) == forward_flop([16] * 4)
    assert work.preparation_seconds == pytest.approx(8.0 * 4 / 8, abs=0.5)


@pytest.mark.parametrize("batching", ["packed", "bucketed", "padded"])
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_all_batching_modes_measure_the_same_examples(batching, mode):
    case = dataclasses.replace(CASE, batching=batching, mode=mode)
    lengths = np.random.default_rng(3).integers(2, 17, 40)
    work = data_workload(case, features_of(lengths), 0.0, steps=6)
    chosen = np.sort(np.concatenate([batch.examples for batch in work.batches]))
    assert list(chosen) == [index * 40 // 12 for index in range(12)]
    assert sum(map(total, work.needed)) == forward_flop(lengths[chosen])
    if mode == "training":
        assert len(work.batches) == 6
        assert all(len(batch.tensors["start_positions"]) == 2 for batch in work.batches)


def test_data_is_repeated_if_steps_need_more():
    work = data_workload(CASE, features_of([4, 8]), 0.0, steps=3)
    assert [list(batch.examples) for batch in work.batches] == [[0, 0], [0, 1], [1, 1]]


def test_data_that_does_not_fit_the_model_is_rejected():
    with pytest.raises(InputError, match="no example"):
        data_workload(CASE, features_of([]), 0.0, 1)
    with pytest.raises(InputError, match="max_position_embeddings"):
        dataclasses.replace(CASE, task=make_task("squad", max_seq_length=1024))
    with pytest.raises(InputError, match="20 masked tokens do not fit"):
        make_task("pretraining", max_seq_length=16, max_predictions_per_seq=20)


@pytest.mark.parametrize(
    ("task", "more"), [("classifier", {}), ("pretraining", {"max_predictions_per_seq": 3})]
)
def test_training_step_with_generated_labels_has_finite_loss(task, more):
    made = make_task(task, max_seq_length=16, **more)
    case = dataclasses.replace(CASE, task=made, mode="training", compute=Compute(BF16))
    work = full_length_workload(case, 1)
    benchmark = Benchmark(case, work)
    result = benchmark.call(work.batches[0])
    assert np.isfinite(result.loss)
    assert result.loss > 0


def test_streams_run_concurrently_and_all_count():
    """Each call waits for the other, so that they cannot be made one after the other."""
    case = dataclasses.replace(CASE, streams=2)
    meeting = threading.Barrier(2, timeout=20)
    call = _ConcurrentCalls(lambda batch: (meeting.wait(), batch)[1], case.streams)
    work = full_length_workload(case, 3)
    assert call(work.batches[0]) == [work.batches[0]] * 2
    totals = Totals.of(work, [0, 1, 2], [0.5, 0.5, 0.5], case)
    assert (totals.seconds, totals.examples, totals.tokens) == (1.5, 2 * 3 * 2, 2 * 3 * 2 * 16)
    assert totals.needed == 2 * 3 * forward_flop([16, 16])


@pytest.fixture
def measured():
    """A small model's rounds over unequal lengths, with invented times."""
    lengths = [4, 16, 8, 8, 12, 16]
    benchmark = Benchmark(CASE, data_workload(CASE, features_of(lengths), 6.0, steps=3))
    benchmark.warm_up(1)
    for _ in range(3):
        (batch,), _ = benchmark.next_round()
        assert set(benchmark.call(batch)) == {"start_logits", "end_logits"}
    return lengths, benchmark.result([0.2, 0.1, 0.6]), benchmark


def test_rates_are_calculated_from_median_time(measured):
    """Rounds of one shape: the median 0.2 s, three times, over all examples."""
    lengths, result, _ = measured
    assert result.examples_per_second == pytest.approx(6 / 0.6)
    assert result.tokens_per_second == pytest.approx(sum(lengths) / 0.6)
    assert result.gflops == pytest.approx(forward_flop(lengths) / 0.6 / 1e9)
    assert result.computed_gflops == pytest.approx(forward_flop([16] * 6) / 0.6 / 1e9)
    assert result.examples_per_second_with_features == pytest.approx(6 / (0.6 + 6.0), rel=0.02)
    assert result.latency == {"p50": 0.2}


def test_efficiency_uses_higher_of_the_peaks_before_and_after_each_round(measured):
    """Limits 10, 12, 11 and 8 around three calls: 12, 12 and 11 count."""
    lengths, result, _ = measured
    pairs = [lengths[0:2], lengths[2:4], lengths[4:6]]
    expected = [
        forward_flop(pair) / seconds / 1e9 / limit
        for pair, seconds, limit in zip(pairs, (0.2, 0.1, 0.6), (12, 12, 11), strict=True)
    ]
    assert result.gemm_peak_rounds == (12, 12, 11)
    assert result.efficiency_rounds == pytest.approx(expected)
    a, b, c = np.log(expected)
    averages = [a, b, c, (a + b) / 2, (a + c) / 2, (b + c) / 2]
    assert result.efficiency == pytest.approx(np.exp(np.median(averages)))


def test_efficiency_above_limit_is_warned_about():
    """A call in so little time that the small model would compute five times its limit of 12 GFLOP/s."""
    benchmark = Benchmark(CASE, full_length_workload(CASE, 1))
    benchmark.warm_up(1)
    benchmark.next_round()
    result = benchmark.result([forward_flop([16, 16]) / 60e9])
    assert result.efficiency == pytest.approx(5)
    assert "efficiency 500.0 % is above 102 %" in result.warnings[-1]
    assert describe_result(result, ThreadSettings(2, 1))["warnings"] == result.warnings


def test_training_counts_three_times_the_forward_flop():
    case = dataclasses.replace(CASE, mode="training")
    benchmark = Benchmark(case, full_length_workload(case, 1))
    benchmark.warm_up(1)
    benchmark.next_round()
    result = benchmark.result([0.5])
    assert result.gflops == pytest.approx(3 * forward_flop([16, 16]) / 0.5 / 1e9)


def test_batches_of_each_width_use_their_own_median_time():
    case = dataclasses.replace(CASE, mode="training", batching="bucketed", batch_size=1)
    work = data_workload(case, features_of([4, 16, 4, 4, 16, 4]), 0.0, steps=6)
    widths = [width for batch in work.batches for _, width in batch.shape]
    assert sorted(widths) == [4, 4, 4, 4, 16, 16]
    benchmark = Benchmark(case, work)
    benchmark.warm_up(1)
    for _ in widths:
        benchmark.next_round()
    times = iter([0.1, 0.1, 0.1, 9.0]), iter([0.5, 0.7])
    seconds = [next(times[width == 16]) for width in widths]
    assert benchmark.result(seconds).examples_per_second == pytest.approx(6 / (4 * 0.1 + 2 * 0.6))


def test_written_result_is_read_by_the_gate(measured, tmp_path):
    _, result, _ = measured
    info = describe_result(result, ThreadSettings(2, 1), startup=False)
    path = tmp_path / "throughput.json"
    path.write_text(json.dumps(benchmark_file([info])))
    (case,) = read_throughput(path).cases
    assert case.case == "fp32-squad-inference-small-b2"
    assert case.efficiency == result.efficiency
    assert case.efficiency_rounds == pytest.approx(result.efficiency_rounds)
    assert (case.gemm_peak_ways, case.machine_peak_gflops) == ({"eager": 1.0}, 20.0)
    assert case.startup_seconds is None
    assert info["threads"] == {"intra": 2, "inter": 1}
    assert describe_result(result, ThreadSettings(2, 1))["startup_seconds"] == result.startup_seconds


def test_lengths_file_contains_padding_of_each_batching(tmp_path):
    lengths = np.array([4, 16, 8, 8, 12, 16])
    result = describe_lengths("dev.json", lengths, batch_size=2, max_seq_length=16, command="again")
    write_result(tmp_path / "lengths.json", result)
    assert read_lengths(tmp_path / "lengths.json") == result
    assert sum(result.histogram.counts) == 6
    assert dict(zip(result.histogram.edges[:-1], result.histogram.counts, strict=True))[16] == 2
    tokens = {s.batching: (s.real_tokens, s.padded_tokens) for s in result.strategies}
    assert tokens["padded"] == (64, 6 * 16 - 64)
    assert tokens["packed"] == (64, 0)  # 16, 16, 12 + 4, 8 + 8


@pytest.mark.parametrize(("implementation", "limit"), [("oneDNN", tf.int8), ("float32", tf.float32)])
def test_int8_model_is_limited_by_int8_products(implementation, limit, monkeypatch):
    """Without oneDNN's int8 the model multiplies its integers as float32."""
    monkeypatch.setattr(kernels, "int8_products", lambda: implementation)
    precision = dataclasses.replace(INT8, products="float32", int8={"bert/encoder": ProductScales(1.0)})
    assert dataclasses.replace(CASE, compute=Compute(precision)).limit_dtype == limit
    assert CASE.limit_dtype == tf.float32
