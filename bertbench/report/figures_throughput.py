"""Figures about speed: roofline, lower precisions compared with fp32, head compared with base."""

from collections.abc import Mapping, Sequence

from bertbench.formatting import percent, words
from bertbench.gate.result import EFFICIENCY, GateResult
from bertbench.precision import FP32, PRECISIONS
from bertbench.report.charts import Chart
from bertbench.report.figures import Figure, row_axis, row_chart, row_interval, row_y
from bertbench.report.wording import change, gate_state
from bertbench.results.schema import ThroughputCase

COMMAND = "pytest -m benchmark"
LOWER = tuple(name for name in PRECISIONS if name != FP32.name)


def speedups(
    cases: Sequence[ThroughputCase], precision: str
) -> list[tuple[str, ThroughputCase, ThroughputCase]]:
    """(name, case, fp32 case) of all cases that were measured in a lower precision and in fp32."""
    by_key: dict[tuple[str, str, str, int, int, str], dict[str, ThroughputCase]] = {}
    for case in cases:
        key = (case.task, case.mode, case.geometry, case.batch_size, case.max_seq_length, case.batching)
        by_key.setdefault(key, {})[case.precision] = case
    return [
        (f"{words(task)} {mode}, {geometry}, batch {batch}", pair[precision], pair[FP32.name])
        for (task, mode, geometry, batch, *_), pair in by_key.items()
        if {precision, FP32.name} <= set(pair)
    ]


def roofline_figure(cases: Sequence[ThroughputCase]) -> Figure | None:
    """GFLOP/s over arithmetic intensity under the measured limits (Williams et al. 2009)."""
    placed = [case for case in cases if case.arithmetic_intensity]
    if not placed:
        return None
    peaks = {case.precision: 0.0 for case in placed}
    for case in placed:
        peaks[case.precision] = max(peaks[case.precision], case.gemm_peak_gflops)
    bandwidth = max((case.memory_bandwidth or 0.0 for case in placed), default=0.0)
    chart = Chart("Roofline", _describe_roofline(placed, peaks), height=300)
    intensities = [case.arithmetic_intensity or 0.0 for case in placed]
    ridges = [peak / bandwidth for peak in peaks.values()] if bandwidth else []
    x = chart.x_scale(min([*intensities, *ridges]) / 2.5, max(intensities) * 1.6, logarithmic=True)
    y = chart.y_scale(min(case.gflops for case in placed) / 2, max(peaks.values()) * 1.5, logarithmic=True)
    chart.x_axis(x, "arithmetic intensity (FLOP/byte)")
    chart.y_axis(y, "GFLOP/s")
    for precision, peak in peaks.items():
        roof = [(x(x.high), y(peak)), (x(peak / bandwidth if bandwidth else x.low), y(peak))]
        if bandwidth:
            foot = max(x.low, y.low / bandwidth)
            roof.append((x(foot), y(foot * bandwidth)))
        chart.line(roof, f"roof {precision}")
        chart.text(x(x.high), y(peak) - 5, f"{precision} GEMM peak {peak:.0f}", f"tick {precision}", "end")
    for case, intensity in zip(placed, intensities, strict=True):
        tip = f"{case.case}: {percent(case.efficiency)}"
        css, square = f"mark {case.precision}", case.mode == "training"
        chart.dot(x(intensity), y(case.gflops), css, square=square, tip=tip)
    caption = "Circles: inference. Squares: training. The nearer a case is to its roof, the better."
    if bandwidth:
        caption += f" The slope is a memory bandwidth of {bandwidth:.0f} GB/s."
    return Figure("Roofline", chart.to_svg(), caption, COMMAND, tuple((name, name) for name in sorted(peaks)))


def _describe_roofline(cases: Sequence[ThroughputCase], peaks: Mapping[str, float]) -> str:
    limits = " and ".join(f"{peak:.0f} GFLOP/s in {precision}" for precision, peak in peaks.items())
    best = max(cases, key=lambda case: case.efficiency)
    nearest = f"the nearest is {best.case} at {percent(best.efficiency, 0)}"
    return f"{len(cases)} cases under GEMM peaks of {limits}; {nearest}."


def speedup_figure(cases: Sequence[ThroughputCase]) -> Figure | None:
    """How many times as many examples/s the lower precisions give as fp32."""
    rows = [
        (f"{precision}, {name}", precision, low.examples_per_second / fp32.examples_per_second)
        for precision in LOWER
        for name, low, fp32 in speedups(cases, precision)
    ]
    if not rows:
        return None
    ratios = [ratio for *_, ratio in rows]
    description = "; ".join(f"{name}: {ratio:.2f} times" for name, _, ratio in rows) + "."
    title = "Speed-up over fp32"
    chart = row_chart(title, description, [name for name, *_ in rows], [f"{ratio:.2f} ×" for ratio in ratios])
    x = row_axis(chart, 0, max(2.2, max(ratios) * 1.08), "examples/s ÷ fp32 examples/s")
    for row, (_, precision, ratio) in enumerate(rows):
        chart.rectangle(x(0), row_y(row) - 5, x(ratio) - x(0), 10, f"bar {precision}")
        chart.line([(x(1), row_y(row) - 8), (x(1), row_y(row) + 8)], "reference")
    caption = "A bar that ends left of its line is slower than fp32."
    return Figure(title, chart.to_svg(), caption, COMMAND)


def change_figure(result: GateResult) -> Figure | None:
    """How the efficiency of each case changed, with its 95 % interval and the threshold."""
    rows = [verdict for verdict in result.verdicts if verdict.quantity == EFFICIENCY and verdict.interval]
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
    x = row_axis(chart, -reach, reach, "percent")
    for row, verdict in enumerate(rows):
        chart.rectangle(x(-100 * threshold), row_y(row) - 8, x(reach) - x(-100 * threshold), 16, "band")
        low, high = verdict.interval or (0.0, 0.0)
        css = str(gate_state(verdict))
        row_interval(chart, row, x, 100 * (verdict.change or 0.0), (100 * low, 100 * high), css)
    caption = f"Bars: 95 % bootstrap interval. Shaded: no fall of more than {percent(threshold, 0)}."
    return Figure(title, chart.to_svg(), caption, result.command)
