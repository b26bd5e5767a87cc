"""The limit's shapes, shares, ways and rates against hand computation."""

import dataclasses

import pytest
import tensorflow as tf

from bertbench.config import GEOMETRIES
from bertbench.errors import CannotJudge
from bertbench.measure import fast_shapes, gemm_peak
from bertbench.measure.flops import Product, encoder_products
from bertbench.measure.gemm_peak import GemmPeak, find_machine_peak, peak_shapes, survey, weigh_rates
from bertbench.measure.gemm_ways import Shape, available_ways
from bertbench.measure.onednn import ProductKernels
from bertbench.tasks.table import make_task
from suites.unit.made_up_machine import TWO_SOCKETS

pytestmark = pytest.mark.unit


def test_shares_of_bert_large_shapes_are_equal():
    """4 H x H, one H x 4H and one 4H x H: 4, 4 and 4 parts of 12."""
    shares = peak_shapes(encoder_products(GEOMETRIES["bert-large"], [384] * 8), "inference")
    assert shares == {
        Shape(3072, 1024, 1024): pytest.approx(1 / 3),
        Shape(3072, 1024, 4096): pytest.approx(1 / 3),
        Shape(3072, 4096, 1024): pytest.approx(1 / 3),
    }


def test_training_shapes_include_gradients_of_both_operands():
    """y [5, 3] = x [5, 2] w [2, 3]: dx [5, 2] = dy w^T, dw [2, 3] = x^T dy, as much work each."""
    shares = peak_shapes([Product(5, 2, 3, 1, "linear")], "training")
    assert shares == {
        Shape(5, 2, 3): pytest.approx(1 / 3),
        Shape(5, 3, 2, "b"): pytest.approx(1 / 3),
        Shape(2, 5, 3, "a"): pytest.approx(1 / 3),
    }


def test_attention_and_small_products_are_excluded():
    """Of BERT-large's pretraining head only the vocabulary's product is above 0.2 % of the work."""
    config = GEOMETRIES["bert-large"]
    head = make_task("pretraining").head_products(config, examples=8, tokens=1024, masked=160)
    shapes = peak_shapes([*encoder_products(config, [128] * 8), *head], "inference")
    assert set(shapes) == {
        Shape(1024, 1024, 1024),
        Shape(1024, 1024, 4096),
        Shape(1024, 4096, 1024),
        Shape(160, 1024, 30522),
    }
    assert sum(shapes.values()) == pytest.approx(1)


def test_rates_are_weighted_by_time():
    """Half the work at 100 and half at 300 takes 1/200 + 1/600 of a second per GFLOP: 150 GFLOP/s."""
    shares = {Shape(1, 1, 1): 0.5, Shape(2, 2, 2): 0.5}
    rates = {Shape(1, 1, 1): 100.0, Shape(2, 2, 2): 300.0}
    assert weigh_rates(shares, rates) == pytest.approx(150)


class Machine:
    """A machine whose rates are known; a call of a product raises its rate by 1 up to `most`."""

    def __init__(self, rate, most=3):
        self.rate, self.most = rate, most
        self.calls = {}

    def measure(self, shape, dtype, way, calls):
        key = (shape, way.name)
        self.calls[key] = self.calls.get(key, 0) + calls
        return self.rate(shape, way.name) + min(self.most, self.calls[key])


@pytest.fixture
def machine(monkeypatch):
    def install(rate, most=3):
        made = Machine(rate, most)
        monkeypatch.setattr(gemm_peak, "measure_product", made.measure)
        monkeypatch.setattr(gemm_peak, "forget_products", lambda: None)
        return made

    find_machine_peak.cache_clear()
    yield install
    find_machine_peak.cache_clear()


def test_fastest_way_is_chosen_after_measuring_nearest_again(machine):
    rates = {"packed graph": 100, "packed eager": 101, "graph": 90, "eager": 95, "numpy": 102.5}
    made = machine(lambda shape, way: rates[way])
    best, *_ = survey([Shape(2048, 64, 64)], tf.float32)
    assert (best.way.name, best.gflops) == ("numpy", 105.5)  # 102.5 and its third call's 3
    again = {way for (_, way), calls in made.calls.items() if calls > 1}
    assert again == {"packed graph", "packed eager", "eager", "numpy"}


def test_numpy_is_not_used_for_bfloat16():
    assert "numpy" in {way.name for way in available_ways(tf.float32)}
    assert "numpy" not in {way.name for way in available_ways(tf.bfloat16)}


def test_small_products_are_also_measured_with_more_tokens(machine):
    """384 tokens are too few for this machine; the limit is what 2,048 give, on either side."""
    machine(lambda shape, way: 50 if 384 in (shape.rows, shape.inner) else 80)
    peak = GemmPeak([Product(384, 64, 96, 1, "linear")], "training", tf.float32)
    assert {best.shape for best in peak.best.values()} == {
        Shape(2048, 64, 96),
        Shape(2048, 96, 64, "b"),
        Shape(64, 2048, 96, "a"),
    }
    assert peak.measure() == pytest.approx(83)


def test_way_that_was_slow_in_the_survey_wins_later(machine):
    """Packed weights are twice as fast, but the survey met them while the machine was slow."""
    rates = {"packed graph": 50, "packed eager": 60, "graph": 55, "eager": 58}
    machine(lambda shape, way: rates[way], most=0)
    peak = GemmPeak([Product(2048, 64, 32, 1, "linear")], "inference", tf.bfloat16)
    assert peak.ways == {"packed eager": 1.0}
    rates["packed graph"] = 100
    for _ in range(gemm_peak.FINALISTS):
        peak.measure()
    assert (peak.ways, max(peak.rounds)) == ({"packed graph": 1.0}, pytest.approx(100))


@pytest.mark.parametrize("amx", [True, False])
def test_limit_includes_spare_columns_of_bfloat16_products_on_amx(machine, monkeypatch, amx):
    """4,096 columns lie 8 KiB apart; a model stores 32 more of them on AMX, where that is faster."""
    products = ProductKernels("avx512_core_amx" if amx else "avx512_core_bf16", True, True)
    monkeypatch.setattr(
        fast_shapes, "read_machine", lambda: dataclasses.replace(TWO_SOCKETS, products=products)
    )
    machine(lambda shape, way: 90 if shape.inner == 4128 else 80)
    tried = [Product(1024, 4096, 1024, 1, "linear"), Product(1024, 768, 1024, 1, "linear")]
    peak = GemmPeak(tried, "inference", tf.bfloat16)
    wide = Shape(1024, 4128, 1024) if amx else Shape(1024, 4096, 1024)
    assert [best.shape for best in peak.best.values()] == [wide, Shape(1024, 768, 1024)]


@pytest.mark.parametrize("shape", [Shape(1024, 64, 96), Shape(160, 1024, 30522)])
def test_large_products_are_measured_with_own_shape_only(machine, shape):
    """Enough tokens already, or 2,048 of them would take too long."""
    made = machine(lambda shape, way: 80)
    GemmPeak([Product(shape.rows, shape.inner, shape.columns, 1, "linear")], "inference", tf.float32)
    assert {tried for tried, _ in made.calls if tried.rows != tried.columns} == {shape}


def test_peak_rounds_follow_the_machine_speed(machine):
    level = {"now": 100.0}
    machine(lambda shape, way: level["now"] * (1.5 if way == "eager" and shape.inner == 64 else 1), most=0)
    products = [Product(2048, 64, 32, 1, "linear"), Product(2048, 32, 64, 1, "linear")]
    peak = GemmPeak(products, "inference", tf.float32)
    assert peak.ways["eager"] == pytest.approx(0.5)
    first = peak.measure()
    assert first == pytest.approx(120)  # half the work at 150, half at 100
    level["now"] = 50.0
    assert peak.measure() == pytest.approx(60)
    level["now"] = 110.0
    peak.measure()
    assert max(best.gflops for best in peak.best.values()) == pytest.approx(165)
    assert len(peak.rounds) == 3


def test_machine_peak_is_highest_rate_of_all_shapes(machine):
    made = machine(lambda shape, way: 100 if shape.rows == shape.columns == 1024 else 10, most=0)
    peak = GemmPeak([Product(2048, 64, 96, 1, "linear")], "inference", tf.float32)
    assert (peak.machine.shape, peak.machine.gflops) == (Shape(1024, 1024, 1024), 100)
    made.rate = lambda shape, way: 200
    peak.measure()
    assert peak.machine.gflops == 200


def test_square_products_that_take_too_long_are_skipped(machine):
    """2,048 cubed twice is 17 GFLOP: a machine of 50 GFLOP/s computes them in 0.34 s."""
    made = machine(lambda shape, way: 50, most=0)
    find_machine_peak(tf.float32)
    assert {shape.rows for shape, _ in made.calls} == {512, 1024}


def test_largest_square_is_measured_in_the_fastest_ways_of_the_next_smaller_one(machine):
    rates = {"packed graph": 990, "packed eager": 930, "graph": 920, "eager": 980, "numpy": 910}
    made = machine(lambda shape, way: rates[way], most=0)
    find_machine_peak(tf.float32)
    measured = {size: {way for shape, way in made.calls if shape.rows == size} for size in gemm_peak.SQUARES}
    assert measured.pop(4096) == {"packed graph", "eager"}
    assert measured == {size: set(rates) for size in (512, 1024, 2048)}


def test_peak_without_working_product_cannot_be_judged(machine):
    machine(lambda shape, way: 0, most=0)
    with pytest.raises(CannotJudge, match=r"no product .* in float32 runs on this machine"):
        GemmPeak([Product(2048, 64, 96, 1, "linear")], "inference", tf.float32)


def test_way_that_stops_working_is_reported(machine):
    made = machine(lambda shape, way: 10, most=0)
    peak = GemmPeak([Product(2048, 64, 96, 1, "linear")], "inference", tf.float32)
    made.rate = lambda shape, way: 0
    with pytest.raises(CannotJudge, match="measure again"):
        peak.measure()


def test_shape_text_shows_transposes():
    assert str(Shape(2, 3, 4, "a")) == "[2, 3]ᵀ x [3, 4]"
    assert str(Shape(2, 3, 4, "b")) == "[2, 3] x [3, 4]ᵀ"
