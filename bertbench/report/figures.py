"""What every figure of a page has, and the rows-with-marks chart that several share."""

from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.report.charts import BOTTOM, RIGHT, TOP, WIDTH, Chart, Scale

ROW_HEIGHT = 40
ROW_LEFT = 6


@dataclass(frozen=True)
class Figure:
    """An inline SVG with its caption, the command that makes its data, and its legend (class, words)."""

    title: str
    svg: str
    caption: str
    command: str
    legend: tuple[tuple[str, str], ...] = ()


def row_chart(title: str, description: str, labels: Sequence[str], values: Sequence[str]) -> Chart:
    """A chart of one labeled row each, values right of the labels; marks go to `row_y`."""
    chart = Chart(title, description, height=TOP + ROW_HEIGHT * len(labels) + BOTTOM)
    for row, (label, value) in enumerate(zip(labels, values, strict=True)):
        chart.text(ROW_LEFT, row_y(row) - 12, label, "row-label")
        chart.text(WIDTH - RIGHT, row_y(row) - 12, value, "row-value", "end")
    return chart


def row_y(row: int) -> float:
    """The height of a row's marks, below its label."""
    return TOP + ROW_HEIGHT * row + 26


def row_axis(chart: Chart, low: float, high: float, label: str) -> Scale:
    """The horizontal scale of a chart of rows, drawn below them."""
    scale = chart.x_scale(low, high, left=ROW_LEFT + 8)
    chart.x_axis(scale, label, grid=False)
    return scale


def row_interval(
    chart: Chart, row: int, scale: Scale, value: float, interval: Sequence[float], css: str
) -> None:
    """A row's value and its interval, against a tick at zero."""
    y = row_y(row)
    chart.line([(scale(0), y - 8), (scale(0), y + 8)], "reference")
    if interval:
        chart.line([(scale(end), y) for end in interval], f"whisker {css}")
    chart.dot(scale(value), y, f"mark {css}")


def padded(low: float, high: float, share: float = 0.08) -> tuple[float, float]:
    """A domain a little wider than its values, and never empty."""
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room
