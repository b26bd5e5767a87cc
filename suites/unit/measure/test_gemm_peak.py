"""The limit's shapes, shares and rates against hand computation."""

import itertools
import math

import pytest
import tensorflow as tf

from bertbench.config import GEOMETRIES
from bertbench.measure import gemm_peak
from bertbench.measure.flops import Product, encoder_products, head_products
from bertbench.measure.gemm_peak import GemmPeak, Shape, peak_shapes, weigh_rates

pytestmark = pytest.mark.unit


def test_bert_large_shapes_share_the_work_equally():
    """4 H x H, one H x 4H and one 4H x H: 4, 4 and 4 parts of 12."""
    shares = peak_shapes(encoder_products(GEOMETRIES["bert-large"], [384] * 8), "inference")
    assert shares == {
        Shape(3072, 1024, 1024): pytest.approx(1 / 3),
        Shape(3072, 1024, 4096): pytest.approx(1 / 3),
        Shape(3072, 4096, 1024): pytest.approx(1 / 3),
    }


def test_training_adds_the_gradients_of_both_operands():
    """y [5, 3] = x [5, 2] w [2, 3]: dx [5, 2] = dy w^T, dw [2, 3] = x^T dy, as much work each."""
    shares = peak_shapes([Product(5, 2, 3, 1, "linear")], "training")
    assert shares == {
        Shape(5, 2, 3): pytest.approx(1 / 3),
        Shape(5, 3, 2, "b"): pytest.approx(1 / 3),
        Shape(2, 5, 3, "a"): pytest.approx(1 / 3),
    }


def test_attention_logits_and_trifles_are_left_out():
    """Of BERT-large's pretraining head only the vocabulary's product is above 0.2 % of the work."""
    config = GEOMETRIES["bert-large"]
    head = head_products(config, "pretraining", examples=8, tokens=1024, masked=160)
    shapes = peak_shapes([*encoder_products(config, [128] * 8), *head], "inference")
    assert set(shapes) == {
        Shape(1024, 1024, 1024),
        Shape(1024, 1024, 4096),
        Shape(1024, 4096, 1024),
        Shape(160, 1024, 30522),
    }
    assert sum(shapes.values()) == pytest.approx(1)


def test_rates_are_weighed_by_time():
    """Half the work at 100 and half at 300 takes 1/200 + 1/600 of a second a GFLOP: 150 GFLOP/s."""
    shares = {Shape(1, 1, 1): 0.5, Shape(2, 2, 2): 0.5}
    rates = {Shape(1, 1, 1): 100.0, Shape(2, 2, 2): 300.0}
    assert weigh_rates(shares, rates) == pytest.approx(150)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_the_best_call_counts(monkeypatch, dtype):
    """Calls that take 4, 2 and 3 ms by the clock: the rate is that of 2 ms."""
    product = Product(64, 32, 48, 6, "linear")
    peak = GemmPeak([product], "inference", dtype)
    ticks = itertools.accumulate(itertools.chain.from_iterable(([1.0, 0.004], [1.0, 0.002], [1.0, 0.003])))
    monkeypatch.setattr(gemm_peak.time, "perf_counter", lambda: next(ticks))
    flop = 2 * 64 * 32 * 48
    copies = min(32, math.ceil(2e8 / flop))
    assert peak.measure() == pytest.approx(flop * copies / 0.002 / 1e9)
    assert peak.by_shape == {Shape(64, 32, 48): (1.0, pytest.approx(peak.rounds[0]))}


def test_a_training_limit_is_measured_on_shapes_without_symmetry():
    peak = GemmPeak(
        [Product(40, 24, 56, 1, "linear"), Product(40, 56, 24, 1, "linear")], "training", tf.float32
    )
    assert peak.measure() > 0
    assert peak.measure() > 0
    assert len(peak.rounds) == 2
    assert len(peak.by_shape) == 6
    assert max(peak.rounds) <= weigh_rates(*best_rates(peak)) * (1 + 1e-9)


def best_rates(peak):
    shares = {shape: share for shape, (share, _) in peak.by_shape.items()}
    return shares, {shape: best for shape, (_, best) in peak.by_shape.items()}


def test_shapes_are_told_with_their_transposes():
    assert str(Shape(2, 3, 4, "a")) == "[2, 3]ᵀ x [3, 4]"
    assert str(Shape(2, 3, 4, "b")) == "[2, 3] x [3, 4]ᵀ"
