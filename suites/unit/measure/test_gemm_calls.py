"""Timed products: their results, their rates, and the processes that they run in."""

import io
import itertools
import json

import numpy as np
import pytest
import tensorflow as tf

from bertbench.measure import gemm_calls, gemm_ways
from bertbench.measure.gemm_calls import Calls, serve
from bertbench.measure.gemm_ways import Shape, available_ways, measure_product

pytestmark = pytest.mark.unit

REQUEST = {"style": "numpy", "rows": 64, "inner": 32, "columns": 48, "transpose": "", "dtype": "float32"}


def ask(*requests):
    answers = io.StringIO()
    serve([json.dumps(request) for request in requests], answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


@pytest.fixture
def made(monkeypatch):
    """The operands of the products, as they are made."""
    arrays = []
    random = gemm_calls._random
    monkeypatch.setattr(gemm_calls, "_random", lambda shape: arrays.append(random(shape)) or arrays[-1])
    return arrays


@pytest.mark.parametrize("transpose", ["", "a", "b"])
@pytest.mark.parametrize("style", ["graph", "eager", "numpy"])
def test_every_call_style_computes_the_product(style, transpose, made):
    call, flop = gemm_calls._make_call(style, 5, 7, 3, transpose, "float32")
    left, right = made[0], made[1]
    expected = (left.T if transpose == "a" else left) @ (right.T if transpose == "b" else right)
    assert expected.shape == (5, 3)
    np.testing.assert_allclose(call()[0], expected, rtol=1e-5, atol=1e-5)
    assert flop == 2 * 5 * 7 * 3 * (len(made) - 1)


def test_int8_call_computes_the_product_of_its_integers(made):
    """The operands as multiples of a sixteenth, clipped to a byte; exact sums, rounded once to bfloat16."""
    call, flop = gemm_calls._make_call("graph", 5, 64, 16, "", "int8")
    left, right = (np.clip((16 * array).astype(np.int64), -127, 127) for array in made[:2])
    np.testing.assert_allclose(tf.cast(call()[0], tf.float64), left @ right / 256, rtol=2**-8, atol=0)
    assert flop == 2 * 5 * 64 * 16 * (len(made) - 1)


def test_int8_products_are_measured_in_graphs_only():
    assert {way.style for way in available_ways(tf.int8)} == {"graph"}
    for way in available_ways(tf.int8):
        assert measure_product(Shape(64, 64, 64), tf.int8, way, 2) > 0


def test_rate_is_computed_from_fastest_call(monkeypatch):
    """Calls that take 40, 20 and 30 ms by the clock: the rate is that of 20 ms."""
    ticks = itertools.accumulate([0.0, 0.04, 0.02, 0.03])
    monkeypatch.setattr(gemm_calls.time, "perf_counter", lambda: next(ticks))
    flop = 2 * 64 * 32 * 48 * gemm_calls.MOST_COPIES
    assert Calls().measure(tuple(REQUEST.values()), 3) == pytest.approx(flop / 0.02 / 1e9)


def test_quick_calls_are_repeated_for_20_ms(monkeypatch):
    """Two disturbed calls of a millisecond, then undisturbed ones: the rate is that of an undisturbed one."""
    ticks = itertools.accumulate([0.0, 0.002, 0.003, *itertools.repeat(0.001, 100)])
    monkeypatch.setattr(gemm_calls.time, "perf_counter", lambda: next(ticks))
    flop = 2 * 64 * 32 * 48 * gemm_calls.MOST_COPIES
    assert Calls().measure(tuple(REQUEST.values()), 2) == pytest.approx(flop / 0.001 / 1e9)
    assert next(ticks) == pytest.approx(0.021)


def test_slow_calls_are_repeated_less_often(monkeypatch):
    ticks = itertools.accumulate([0.0, *itertools.repeat(0.6, 8)])
    monkeypatch.setattr(gemm_calls.time, "perf_counter", lambda: next(ticks))
    Calls().measure(tuple(REQUEST.values()), 100)
    assert next(ticks) <= 3


def test_unavailable_product_is_answered_with_an_error():
    answers = ask(
        REQUEST | {"calls": 1}, REQUEST | {"style": "graph", "dtype": "none", "calls": 1}, {"forget": 1}
    )
    assert answers[0]["gflops"] > 0
    assert "none" in answers[1]["error"]
    assert answers[2] == {}


def test_unavailable_product_has_rate_zero():
    way = next(way for way in available_ways(tf.float32) if way.name == "eager")
    assert measure_product(Shape(64, 64, 64), tf.float32, way, 2) > 0
    assert measure_product(Shape(64, 64, 64), tf.qint8, way, 2) == 0


def test_killed_measuring_process_is_replaced():
    process = gemm_ways._process("plain")
    process._process.kill()
    process._process.wait()
    assert process.ask(REQUEST | {"calls": 1}) == {}
    assert process.ask(REQUEST | {"calls": 1})["gflops"] > 0


@pytest.mark.parametrize("here", ["0", "1"])
def test_packed_products_run_with_frozen_weights_setting(monkeypatch, here):
    """The environment of a process does not depend on that of this one."""
    monkeypatch.setenv("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", here)
    packed, plain = (
        gemm_ways._Process(gemm_ways._VARIABLES[name])._environment for name in ("packed", "plain")
    )
    assert (packed["TF_ENABLE_ONEDNN_OPTS"], packed["TF_ONEDNN_ASSUME_FROZEN_WEIGHTS"]) == ("1", "1")
    assert plain["TF_ONEDNN_ASSUME_FROZEN_WEIGHTS"] == "0"
