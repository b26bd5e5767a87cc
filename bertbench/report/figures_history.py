"""The figure of a case's stored runs."""

import shlex
from itertools import pairwise

import numpy as np

from bertbench.formatting import percent, signed
from bertbench.report.charts import BOTTOM, TOP, WIDTH, Chart, Scale
from bertbench.report.figures import Figure, padded
from bertbench.report.history import Series

DOTS = 200  # more runs are drawn as a line


def history_figure(series: Series) -> Figure:
    """Efficiency over stored runs, with its levels and their changes."""
    values = series.efficiencies
    told = "; ".join(series.describe_change(point) for point in series.change_points) or "no change of level"
    description = f"{len(values)} runs, the last at {percent(values[-1])}: {told}."
    chart = Chart(series.case, description, height=170)
    x = chart.x_scale(0, max(1, len(values) - 1))
    y = chart.y_scale(*padded(values.min(), values.max(), 0.15))
    chart.y_axis(y, "efficiency")
    if len(values) <= DOTS:
        for index, (run, value) in enumerate(zip(series.runs, values, strict=True)):
            tip = f"{run.label}, {run.measured[:10]}: {percent(value)}"
            chart.dot(x(index), y(value), "run", radius=2.2, tip=tip)
    else:
        chart.line([(x(index), y(value)) for index, value in enumerate(values)], "trace")
    _draw_levels(chart, series, x, y)
    for index, anchor in ((0, "start"), (len(values) - 1, "end")):
        run = series.runs[index]
        label = f"{run.number:04} · {run.measured[:10]}"
        chart.text(x(index), chart.height - BOTTOM + 17, label, "tick", anchor)
    command = f"bertbench history --case {shlex.quote(series.case)}"
    return Figure(series.case, chart.to_svg(), f"{series.machine_id}: {told}.", command)


def _draw_levels(chart: Chart, series: Series, x: Scale, y: Scale) -> None:
    """Draw a line for each level and, between levels, the change with its commit."""
    edges = [0, *(point.index for point in series.change_points), len(series.runs)]
    for start, stop in pairwise(edges):
        level = float(np.median(series.efficiencies[start:stop]))
        chart.line([(x(start), y(level)), (x(stop - 1), y(level))], "level")
    for point in series.change_points:
        middle = x(point.index - 0.5)
        css = "fall" if point.shift < 0 else "rise"
        anchor, offset = ("end", -5) if middle > WIDTH / 2 else ("start", 5)
        label = f"{signed(point.shift * 100, 0)} % {series.runs[point.index].label[:9]}"
        chart.line([(middle, TOP), (middle, chart.height - BOTTOM)], css)
        chart.text(middle + offset, TOP + 10, label, css, anchor)
