"""Bounds are in one table; documents and docstrings repeat it word for word."""

import math
import re

import pytest

from bertbench import kernels
from bertbench.model.attention import attend
from suites.accuracy import document as accuracy_document
from suites.numerics.document import DOCUMENT, make_tables
from suites.tables import with_tables
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.unit

STATED = {
    kernels.softmax: ("softmax float32", "softmax optimized", "softmax row sum"),
    kernels.gelu: ("gelu tanh", "gelu erf", "gelu fused", "gelu tanh_gradient", "gelu fused_gradient"),
    kernels.add_and_norm: ("layer_norm", "layer_norm few_values"),
    kernels.dropout: ("dropout",),
    kernels.cross_entropy: ("cross_entropy",),
    attend: ("attention",),
}


@pytest.mark.parametrize(("precision", "quantity"), TOLERANCES)
def test_every_tolerance_has_positive_bound_unit_and_reason(precision, quantity):
    allowed = TOLERANCES[precision, quantity]
    assert precision in ("any", "int8", "bf16", "fp32", "fp64")
    assert math.isfinite(allowed.bound)
    assert allowed.bound > 0
    assert allowed.unit
    assert allowed.reason


@pytest.mark.parametrize("function", STATED, ids=lambda function: function.__name__)
def test_kernel_docstrings_state_their_bounds(function):
    for quantity in STATED[function]:
        for precision in ("fp32", "bf16"):
            allowed = TOLERANCES.get((precision, quantity))
            if allowed is None or allowed.unit == "ULP less fp32's":
                continue  # stated as one rounding
            assert re.search(rf"(?<![\d.]){re.escape(f'{allowed.bound:g}')}(?![\d.]*\d)", function.__doc__), (
                f"{function.__name__}: {precision} {quantity} is {allowed.bound:g}"
            )


def test_numerics_document_contains_current_table_of_bounds():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text, make_tables()) == text, "run `python -m suites.numerics.document`"
    assert text.count(make_tables()["bounds"]) == 1


def test_readme_has_the_table_of_the_recorded_accuracy():
    text = accuracy_document.DOCUMENT.read_text(encoding="utf-8")
    tables = accuracy_document.make_tables()
    assert with_tables(text, tables) == text, "run `python -m suites.accuracy.document`"
    assert text.count(tables["accuracy"]) == 1
