"""The forms whose times are compared compute the same thing."""

import numpy as np
import pytest
import tensorflow as tf

from tools.kernel_times import RATE, make_forms, measure_forms

pytestmark = pytest.mark.unit

# The tanh form of GELU is within 5e-4 of the exact one (Hendrycks & Gimpel 2016).
CLOSE = 1e-3


@pytest.fixture(scope="module")
def forms():
    return make_forms(tf.float32, rows=1, sequence=16)


def results_of(forms, kernel):
    return [form.function(form.operand).numpy() for form in forms if form.kernel == kernel]


@pytest.mark.parametrize("kernel", ["softmax", "GELU", "product and GELU", "residual and layer norm"])
def test_the_forms_of_a_kernel_agree(forms, kernel):
    first, *others = results_of(forms, kernel)
    assert others
    for other in others:
        np.testing.assert_allclose(other, first, atol=CLOSE)


def test_one_product_is_three_side_by_side(forms):
    together, apart = (form.function(form.operand) for form in forms if form.kernel == "query, key and value")
    np.testing.assert_allclose(together.numpy(), np.concatenate(apart, axis=1), atol=CLOSE)


def test_the_forms_of_dropout_drop_as_often(forms):
    for dropped in results_of(forms, "dropout"):
        share, error = np.mean(dropped == 0), np.sqrt(RATE * (1 - RATE) / dropped.size)
        assert abs(share - RATE) < 6 * error


def test_every_form_is_timed_and_knows_its_floor(forms):
    assert all(seconds > 0 for seconds in measure_forms(forms, rounds=1))
    softmax = next(form for form in forms if form.kernel == "softmax")
    assert softmax.floor_bytes == 2 * 4 * 16 * 16 * 16  # read and written: 16 heads of 16 x 16 float32
