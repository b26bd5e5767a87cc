"""The figures of a page, and the chart of labeled rows that several of them use."""

from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.report.charts import BOTTOM, RIGHT, TOP, WIDTH, Chart, Scale

ROW_HEIGHT = 40
ROW_LEFT = 6


@dataclass(frozen=True)
class Figure:
    """An inline SVG with its caption, the command that produces its data, and its legend (class, text)."""

    title: str
    svg: str
    caption: str
    command: str
    legend: tuple[tuple[str, str], ...] = ()


def row_chart(title: str, description: str, labels: Sequence[str], values: Sequence[str]) -> Chart:
    """A chart with labeled rows and values at the right; marks are drawn at `row_y`."""
    chart = Chart(title, description, height=TOP + ROW_HEIGHT * len(labels) + BOTTOM)
    for row, (label, value) in enumerate(zip(labels, values, strict=True)):
        chart.text(ROW_LEFT, row_y(row) - 12, label, "row-label")
        chart.text(WIDTH - RIGHT, row_y(row) - 12, value, "row-value", "end")
    return chart


def row_y(row: int) -> float:
    """The y position of a row's marks, below its label."""
    return TOP + ROW_HEIGHT * row + 26


def row_axis(chart: Chart, low: float, high: float, label: str) -> Scale:
    """The horizontal scale of a chart of rows, drawn below them."""
    scale = chart.x_scale(low, high, left=ROW_LEFT + 8)
    chart.x_axis(scale, label, grid=False)
    return scale


def row_interval(
    chart: Chart, row: int, scale: Scale, value: float, interval: Sequence[float], css: str
) -> None:
    """Draw a row's value and its interval, with a tick at zero."""
    y = row_y(row)
    chart.line([(scale(0), y - 8), (scale(0), y + 8)], "reference")
    if interval:
        chart.line([(scale(end), y) for end in interval], f"whisker {css}")
    chart.dot(scale(value), y, f"mark {css}")


def padded(low: float, high: float, share: float = 0.08) -> tuple[float, float]:
    """A range slightly wider than its values, and never empty."""
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room
