"""Scales and ticks of the charts."""

import re
from pathlib import Path

import pytest

from bertbench.precision import PRECISIONS
from bertbench.report import charts
from bertbench.report.charts import Scale

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (Scale(0, 10, 0, 100), [0, 2, 4, 6, 8, 10]),
        (Scale(-0.1, 0.1, 0, 100), [-0.1, -0.05, 0, 0.05, 0.1]),
        (Scale(0.83, 0.97, 0, 100), [0.85, 0.9, 0.95]),
        (Scale(40, 600, 0, 100, logarithmic=True), [50, 100, 200, 500]),
        (Scale(1e-8, 1e-1, 0, 100, logarithmic=True), [10.0**power for power in range(-8, 0)]),
    ],
)
def test_ticks_are_round_numbers_within_scale(scale, expected):
    assert scale.ticks() == pytest.approx(expected)


def test_scales_map_ends_and_middle_of_range():
    linear, logarithmic = Scale(10, 20, 0, 100), Scale(1, 100, 50, 0, logarithmic=True)
    assert [linear(value) for value in (10, 15, 20)] == pytest.approx([0, 50, 100])
    assert [logarithmic(value) for value in (1, 10, 100)] == pytest.approx([50, 25, 0])


@pytest.mark.parametrize("selector", [".share i", ".legend i", ".chart ", ".chart .mark", ".chart text"])
def test_every_precision_has_a_color(selector):
    """An element whose class is in no rule is drawn black or not at all."""
    style = (Path(charts.__file__).parent / "templates" / "style.css").read_text()
    for name in PRECISIONS:
        rule = rf"^[^{{\n]*{re.escape(f'{selector}.{name}')}\b[^{{]*{{[^}}]*var\(--{name}\)"
        assert re.search(rule, style, re.MULTILINE), name
        assert len(re.findall(rf"--{name}: #[0-9a-f]{{6}};", style)) == 2, f"{name}, in light and dark mode"
