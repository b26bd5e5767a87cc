"""The float64 references against mpmath at 60 digits: far within a thousandth of a float32 ULP."""

import mpmath
import numpy as np
import pytest

from suites.numerics import exact

pytestmark = pytest.mark.numerics

RELATIVE = 2.0**-40  # a float32 ULP is at least 2^-24 of its value
mpmath.mp.dps = 60


def mp_gelu_tanh(x):
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)
    return x / (1 + mpmath.exp(-2 * inner))


def mp_gelu_erf(x):
    return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def mp_softmax(row):
    weights = [mpmath.exp(score) for score in row]
    return [weight / mpmath.fsum(weights) for weight in weights]


def mp_normalized(row, epsilon):
    mean = mpmath.fsum(row) / len(row)
    variance = mpmath.fsum((value - mean) ** 2 for value in row) / len(row)
    return [(value - mean) / mpmath.sqrt(variance + epsilon) for value in row]


def mp_cross_entropy(row, label):
    return mpmath.log(mpmath.fsum(mpmath.exp(score - row[label]) for score in row))


def points(count: int = 300) -> np.ndarray:
    generator = np.random.default_rng(7)
    magnitudes = 2.0 ** generator.uniform(-40, np.log2(13.0), count)
    return (
        np.concatenate([magnitudes, -magnitudes, [0.75, -0.75, -1.0, 13.0]]).astype(np.float32).astype(float)
    )


@pytest.mark.parametrize(
    ("function", "truth"),
    [(exact.gelu_tanh, mp_gelu_tanh), (exact.gelu_erf, mp_gelu_erf)],
    ids=["gelu tanh", "gelu erf"],
)
def test_exact_gelu_agrees_with_mpmath(function, truth):
    x = points()
    expected = np.array([float(truth(mpmath.mpf(value))) for value in x])
    np.testing.assert_allclose(function(x), expected, rtol=RELATIVE, atol=0)


@pytest.mark.parametrize(
    ("function", "truth"),
    [(exact.gelu_tanh_slope, mp_gelu_tanh), (exact.gelu_erf_slope, mp_gelu_erf)],
    ids=["gelu tanh", "gelu erf"],
)
def test_exact_gelu_slope_agrees_with_mpmath(function, truth):
    x = points(60)
    expected = np.array([float(mpmath.diff(truth, mpmath.mpf(value))) for value in x])
    np.testing.assert_allclose(function(x), expected, rtol=RELATIVE, atol=2.0**-50)


@pytest.mark.parametrize(
    ("function", "truth"), [(exact.exp, mpmath.exp), (exact.erfc, mpmath.erfc)], ids=["exp", "erfc"]
)
def test_float64_exp_and_erfc_equal_mpmath(function, truth):
    x = points()
    expected = np.array([float(truth(mpmath.mpf(value))) for value in x])
    np.testing.assert_allclose(function(x), expected, rtol=RELATIVE, atol=0)


def test_condition_of_erfc():
    x = points(60)
    expected = [abs(value * float(mpmath.diff(mpmath.erfc, value) / mpmath.erfc(value))) for value in x]
    np.testing.assert_allclose(exact.condition_of_erfc(x), expected, rtol=1e-9)


@pytest.mark.parametrize("spread", [0.1, 3.0, 30.0])
def test_exact_softmax_and_layer_norm_agree_with_mpmath(spread):
    rows = np.random.default_rng(3).normal(0, spread, (4, 24)) + 5 * spread
    softmax = [[float(weight) for weight in mp_softmax(row.tolist())] for row in rows]
    np.testing.assert_allclose(exact.softmax(rows), softmax, rtol=RELATIVE)
    rows += 1e4
    normal = [[float(value) for value in mp_normalized(row.tolist(), mpmath.mpf(1e-12))] for row in rows]
    np.testing.assert_allclose(exact.normalized(rows, 1e-12), normal, rtol=0, atol=RELATIVE)


@pytest.mark.parametrize("spread", [0.1, 3.0, 60.0])
def test_exact_cross_entropy_agrees_with_mpmath(spread):
    rows = np.random.default_rng(5).normal(0, spread, (40, 9))
    labels = np.concatenate([rows[:20].argmax(-1), np.arange(20) % 9])
    expected = [float(mp_cross_entropy(row.tolist(), label)) for row, label in zip(rows, labels, strict=True)]
    np.testing.assert_allclose(exact.cross_entropy(rows, labels), expected, rtol=RELATIVE, atol=0)
