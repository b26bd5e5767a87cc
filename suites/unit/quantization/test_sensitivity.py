"""The choice of sites that stay in floats: as little work as possible within the error limit."""

import math

import numpy as np
import pytest

from bertbench.int8 import Site
from bertbench.quantization.sensitivity import choose_left, output_error

pytestmark = pytest.mark.unit


def sites_of(**sizes):
    return [Site(name, (name,), size, 1) for name, size in sizes.items()]


def additive(errors):
    """Errors of sites that add in squares."""
    return lambda sites: math.sqrt(sum(errors[site.name] ** 2 for site in sites))


def test_no_site_is_left_if_all_together_keep_within_the_limit():
    error_of = additive({"a": 0.03, "b": 0.04})
    assert choose_left(sites_of(a=1, b=1), error_of, 0.06) == ({}, pytest.approx(0.05))


def test_worst_site_is_left_first():
    error_of = additive({"a": 0.03, "b": 0.5, "c": 0.04})
    assert choose_left(sites_of(a=1, b=1, c=1), error_of, 0.06) == ({"b": 0.5}, pytest.approx(0.05))


def test_site_with_less_work_is_left_first_of_equal_errors():
    error_of = additive({"a": 0.05, "b": 0.05})
    left, total = choose_left(sites_of(a=400, b=100), error_of, 0.06)
    assert (left, total) == ({"b": 0.05}, pytest.approx(0.05))


def test_all_products_stay_in_float_if_none_is_within_limit():
    left, total = choose_left(sites_of(a=1, b=1), additive({"a": 2.0, "b": 1.0}), 0.06)
    assert (left, total) == ({"a": 2.0, "b": 1.0}, 0.0)


def test_error_is_relative_to_the_spread():
    exact = {"logits": np.array([1.0, 3.0, 5.0])}
    assert output_error(exact, exact) == 0
    assert output_error(exact, {"logits": np.full(3, 3.0)}) == pytest.approx(1.0)
    assert output_error(exact, {"logits": np.array([1.0, 3.0, 5.8])}) == pytest.approx(0.8 / math.sqrt(8))


def test_constant_outputs_do_not_count():
    exact = {"count": np.ones(3), "loss": np.array([0.0, 1.0, 2.0])}
    outputs = {"count": np.ones(3), "loss": np.array([0.0, 1.0, 2.2])}
    assert output_error(exact, outputs) == pytest.approx(0.2 / math.sqrt(2))
