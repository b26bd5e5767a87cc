"""The variants whose times are compared compute the same results."""

import numpy as np
import pytest
import tensorflow as tf

from tools.kernel_times import RATE, make_forms, measure_forms

pytestmark = pytest.mark.unit

# The tanh form of GELU is within 5e-4 of the exact one (Hendrycks & Gimpel 2016); others only round.
CLOSE = {"GELU": 1e-3, "product and GELU": 1e-3}
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def forms():
    return make_forms(tf.float32, rows=1, sequence=16)


def results_of(forms, kernel):
    return [form.function(form.operand).numpy() for form in forms if form.kernel == kernel]


@pytest.mark.parametrize("kernel", ["softmax", "GELU", "product and GELU", "residual and layer norm"])
def test_variants_of_a_kernel_give_equal_results(forms, kernel):
    first, *others = results_of(forms, kernel)
    assert others
    for other in others:
        np.testing.assert_allclose(other, first, atol=CLOSE.get(kernel, ROUNDING))


def test_fused_projection_equals_three_separate_products(forms):
    together, apart = (form.function(form.operand) for form in forms if form.kernel == "query, key and value")
    np.testing.assert_allclose(together.numpy(), np.concatenate(apart, axis=1), atol=ROUNDING)


def test_variants_of_dropout_have_equal_rates(forms):
    variants = results_of(forms, "dropout")
    assert len(variants) == 2
    for dropped in variants:
        share, error = np.mean(dropped == 0), np.sqrt(RATE * (1 - RATE) / dropped.size)
        assert abs(share - RATE) < 6 * error


def test_every_variant_is_timed_and_has_a_lower_bound(forms):
    assert all(seconds > 0 for seconds in measure_forms(forms, rounds=1))
    softmax = next(form for form in forms if form.kernel == "softmax")
    assert softmax.floor_bytes == 2 * 4 * 16 * 16 * 16  # read and written: 16 heads of 16 x 16 float32
