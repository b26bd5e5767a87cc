"""Figures about speed: roofline, bf16 against fp32, history."""

import shlex
from collections.abc import Sequence

import numpy as np

from bertbench.results.charts import BOTTOM, LEFT, RIGHT, TOP, WIDTH, Chart
from bertbench.results.figures import Figure, padded, row_axis, row_chart, row_interval, row_y
from bertbench.results.gate_result import GateResult
from bertbench.results.history import Series
from bertbench.results.schema import ThroughputCase
from bertbench.results.wording import change, gate_state, percent, signed, words

COMMAND = "pytest -m benchmark"
BANDWIDTH = "memory_bandwidth_gb_per_second"  # in a result's machine facts, where it was measured
PRECISIONS = ("bf16", "fp32")


def speedups(cases: Sequence[ThroughputCase]) -> list[tuple[str, ThroughputCase, ThroughputCase]]:
    """(name, bf16 case, fp32 case) of all cases that were measured in both precisions."""
    by_key: dict[tuple, dict[str, ThroughputCase]] = {}
    for case in cases:
        key = (case.task, case.mode, case.geometry, case.batch_size, case.max_seq_length, case.batching)
        by_key.setdefault(key, {})[case.precision] = case
    return [
        (f"{words(task)} {mode}, {geometry}, batch {batch}", pair["bf16"], pair["fp32"])
        for (task, mode, geometry, batch, *_), pair in by_key.items()
        if set(PRECISIONS) <= set(pair)
    ]


def roofline(cases: Sequence[ThroughputCase]) -> Figure | None:
    """GFLOP/s over arithmetic intensity under the measured GEMM peaks (Williams et al. 2009)."""
    placed = [case for case in cases if case.arithmetic_intensity]
    if not placed:
        return None
    peaks = {
        precision: max(case.gemm_peak_gflops for case in placed if case.precision == precision)
        for precision in dict.fromkeys(case.precision for case in placed)
    }
    best = max(placed, key=lambda case: case.efficiency)
    description = (
        f"{len(placed)} cases under GEMM peaks of "
        + " and ".join(f"{peak:.0f} GFLOP/s in {precision}" for precision, peak in peaks.items())
        + f"; the nearest is {best.case} at {best.efficiency:.0%}."
    )
    chart = Chart("Roofline", description, height=300)
    intensities = [case.arithmetic_intensity or 0.0 for case in placed]
    x = chart.x_scale(min(intensities) / 2, max(intensities) * 2, logarithmic=True)
    y = chart.y_scale(min(case.gflops for case in placed) / 1.6, max(peaks.values()) * 1.5, logarithmic=True)
    chart.x_axis(x, "arithmetic intensity (FLOP/byte)")
    chart.y_axis(y, "GFLOP/s")
    bandwidth = placed[0].machine.get(BANDWIDTH)
    for precision, peak in peaks.items():
        roof = [(WIDTH - RIGHT, y(peak)), (LEFT, y(peak))]
        if bandwidth:
            ridge, foot = peak / bandwidth, max(y.low / bandwidth, x.low)
            roof = [(WIDTH - RIGHT, y(peak)), (x(max(ridge, x.low)), y(peak))]
            if ridge > x.low:
                roof.append((x(foot), y(foot * bandwidth)))
        chart.line(roof, f"roof {precision}")
        chart.text(
            WIDTH - RIGHT, y(peak) - 5, f"{precision} GEMM peak {peak:.0f}", f"tick {precision}", "end"
        )
    for case in placed:
        place = x(case.arithmetic_intensity or 0.0), y(case.gflops)
        chart.dot(*place, f"mark {case.precision}", square=case.mode == "training")
    caption = "Each mark is one case: circles infer, squares train. The nearer to its roof, the better."
    if not bandwidth:
        caption += " The slanted roof of memory bandwidth is left out: it was not measured."
    return Figure("Roofline", chart.to_svg(), caption, COMMAND, (("bf16", "bf16"), ("fp32", "fp32")))


def speedup_chart(cases: Sequence[ThroughputCase]) -> Figure | None:
    """How many times as many examples/s bf16 gives as fp32."""
    rows = [
        (name, bf16.examples_per_second / fp32.examples_per_second) for name, bf16, fp32 in speedups(cases)
    ]
    if not rows:
        return None
    ratios = [ratio for _, ratio in rows]
    description = "; ".join(f"{name}: {ratio:.2f} times" for name, ratio in rows) + "."
    title = "Speed-up of bf16 over fp32"
    chart = row_chart(title, description, [name for name, _ in rows], [f"{ratio:.2f} ×" for ratio in ratios])
    x = row_axis(chart, 0, max(2.2, max(ratios) * 1.08), "bf16 examples/s ÷ fp32 examples/s")
    for row, ratio in enumerate(ratios):
        chart.rectangle(x(0), row_y(row) - 5, x(ratio) - x(0), 10, "bar bf16")
        chart.line([(x(1), row_y(row) - 8), (x(1), row_y(row) + 8)], "reference")
    caption = "A bar that ends left of its line is slower in bf16 than in fp32."
    return Figure(title, chart.to_svg(), caption, COMMAND)


def change_chart(result: GateResult) -> Figure | None:
    """How the efficiency of each case changed, with its 95 % interval and the threshold."""
    rows = [verdict for verdict in result.verdicts if verdict.quantity == "efficiency" and verdict.interval]
    if not rows:
        return None
    title = "Change of efficiency"
    told = [change(verdict, verdict.change) for verdict in rows]
    labels = [verdict.case for verdict in rows]
    description = "; ".join(f"{label}: {text}" for label, text in zip(labels, told, strict=True)) + "."
    chart = row_chart(title, description, labels, told)
    threshold = rows[0].threshold or 0.0
    ends = [abs(end) for verdict in rows for end in verdict.interval or ()]
    reach = max(2 * threshold, *ends) * 110
    x = row_axis(chart, -reach, reach, "per cent")
    for row, verdict in enumerate(rows):
        chart.rectangle(x(-100 * threshold), row_y(row) - 8, x(reach) - x(-100 * threshold), 16, "band")
        low, high = verdict.interval or (0.0, 0.0)
        css = str(gate_state(verdict))
        row_interval(chart, row, x, 100 * (verdict.change or 0.0), (100 * low, 100 * high), css)
    caption = f"Bars: 95 % bootstrap interval. Shaded: no fall of more than {percent(threshold, 0)}."
    return Figure(title, chart.to_svg(), caption, result.command)


def history_chart(series: Series) -> Figure:
    """Efficiency over stored runs, with the levels between its changes."""
    values = series.efficiencies
    changes = series.change_points
    told = "; ".join(series.describe_change(point) for point in changes) or "no change of level"
    chart = Chart(series.case, f"{len(values)} runs, the last at {values[-1]:.1%}: {told}.", height=170)
    x = chart.x_scale(0, max(1, len(values) - 1))
    y = chart.y_scale(*padded(values.min(), values.max(), 0.15))
    chart.y_axis(y, "efficiency", y.ticks(4))
    if len(values) <= 200:
        for index, value in enumerate(values):
            chart.dot(x(index), y(value), "run", radius=2.2)
    else:
        chart.line([(x(index), y(value)) for index, value in enumerate(values)], "trace")
    edges = [0, *(point.index for point in changes), len(values)]
    levels = [changes[0].before if changes else float(np.median(values)), *(point.after for point in changes)]
    for level, start, stop in zip(levels, edges[:-1], edges[1:], strict=True):
        chart.line([(x(start), y(level)), (x(stop - 1), y(level))], "level")
    for point in changes:
        middle = x(point.index - 0.5)
        chart.line([(middle, TOP), (middle, chart.height - BOTTOM)], "fall" if point.shift < 0 else "rise")
        anchor = "end" if middle > WIDTH / 2 else "start"
        offset = -5 if anchor == "end" else 5
        label = f"{signed(point.shift * 100, 0)} % {series.runs[point.index].label[:9]}"
        chart.text(middle + offset, TOP + 10, label, "fall" if point.shift < 0 else "rise", anchor)
    for index, anchor in ((0, "start"), (len(values) - 1, "end")):
        run = series.runs[index]
        chart.text(
            x(index), chart.height - BOTTOM + 17, f"{run.number:04} · {run.measured[:10]}", "tick", anchor
        )
    command = f"bertbench history --case {shlex.quote(series.case)}"
    caption = f"{series.machine_id}: {told}."
    return Figure(series.case, chart.to_svg(), caption, command)
