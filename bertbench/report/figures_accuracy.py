"""Figures about correctness and its cost: score differences, lengths and padding, layer errors."""

from collections.abc import Sequence

from bertbench.formatting import decimals_for, percent, signed, words
from bertbench.report.charts import BOTTOM, TOP, Chart
from bertbench.report.figures import Figure, row_axis, row_chart, row_interval, row_y
from bertbench.results.accuracy import FP32, AccuracyCase, ScoreComparison
from bertbench.results.numerics import LayerError
from bertbench.results.schema import LengthsResult

BATCHING_COMMAND = "pytest -m benchmark"
SERIES = 6  # colors of the style sheet
LAYER_COMMAND = "pytest -m numerics -k layer"


def precision_differences(cases: Sequence[AccuracyCase]) -> list[tuple[AccuracyCase, ScoreComparison]]:
    """Every case that was judged against fp32, with that comparison."""
    made = [(case, case.comparison(FP32)) for case in cases]
    return [(case, comparison) for case, comparison in made if comparison is not None]


def difference_figure(cases: Sequence[AccuracyCase]) -> Figure | None:
    """bf16 and int8 minus fp32 with its 95 % interval, each as a share of the tolerance."""
    rows = [(case, made) for case, made in precision_differences(cases) if made.tolerance]
    if not rows:
        return None
    title = "Lower precision minus fp32"
    told = [describe_difference(made) for _, made in rows]
    labels = [f"{case.precision} {words(case.task)} {words(case.quantity)}" for case, _ in rows]
    description = "; ".join(f"{label}: {text}" for label, text in zip(labels, told, strict=True)) + "."
    chart = row_chart(title, description, labels, [text.partition(" ")[0] for text in told])
    shares = [
        [end / made.tolerance for end in (made.difference or 0.0, *(made.interval or ()))] for _, made in rows
    ]
    reach = max(1.0, *(abs(end) for share in shares for end in share)) * 1.15
    x = row_axis(chart, -reach, reach, "difference ÷ tolerance")
    for row, ((case, _), (difference, *interval)) in enumerate(zip(rows, shares, strict=True)):
        chart.rectangle(x(-1), row_y(row) - 8, x(1) - x(-1), 16, "band")
        row_interval(chart, row, x, difference, interval, case.precision)
    caption = "Bars: 95 % interval of the paired bootstrap over questions. Shaded: within the tolerance."
    return Figure(title, chart.to_svg(), caption, rows[0][0].command or "pytest -m accuracy")


def describe_difference(made: ScoreComparison) -> str:
    """A difference with its interval, if there is one."""
    decimals = decimals_for(made.tolerance)
    if made.interval is None:
        return signed(made.difference, decimals)
    low, high = (signed(end, decimals) for end in made.interval)
    return f"{signed(made.difference, decimals)} [{low}, {high}]"


def length_figure(lengths: LengthsResult) -> Figure:
    """The distribution of sequence lengths."""
    counts, edges = lengths.histogram.counts, lengths.histogram.edges
    total = sum(counts)
    mean = lengths.strategies[0].real_tokens / total if lengths.strategies and total else None
    described = f", {mean:.0f} tokens on average" if mean else ""
    longest = percent(counts[-1] / total if total else 0.0, 0)
    description = f"{total} sequences{described}; {longest} have {edges[-2]} to {edges[-1]} tokens."
    chart = Chart("Length of sequences", description, height=220)
    x = chart.x_scale(edges[0], edges[-1])
    y = chart.y_scale(0, max(counts) * 1.1 or 1)
    chart.y_axis(y, "sequences")
    chart.x_axis(x, "tokens")
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        chart.rectangle(x(low) + 0.5, y(count), x(high) - x(low) - 1, y(0) - y(count), "bar neutral")
    if mean:
        chart.line([(x(mean), TOP), (x(mean), chart.height - BOTTOM)], "reference")
        chart.text(x(mean) + 5, TOP + 10, f"mean {mean:.0f}", "tick")
    caption = f"{lengths.dataset}, limited to {lengths.max_seq_length} tokens."
    return Figure("Length of sequences", chart.to_svg(), caption, lengths.command or BATCHING_COMMAND)


def padding_figure(lengths: LengthsResult) -> Figure | None:
    """The tokens that each way of batching computes, real and padding."""
    if not lengths.strategies:
        return None
    title = "What padding costs"
    totals = [entry.real_tokens + entry.padded_tokens for entry in lengths.strategies]
    told = [
        f"{percent(entry.padded_tokens / total, 0)} padding"
        for entry, total in zip(lengths.strategies, totals, strict=True)
    ]
    labels = [f"{entry.batching}, batch {entry.batch_size}" for entry in lengths.strategies]
    description = "; ".join(f"{label}: {text}" for label, text in zip(labels, told, strict=True)) + "."
    chart = row_chart(title, description, labels, told)
    x = row_axis(chart, 0, max(totals) / 1000, "thousand tokens computed")
    for row, entry in enumerate(lengths.strategies):
        real, padding = x(entry.real_tokens / 1000), x((entry.real_tokens + entry.padded_tokens) / 1000)
        chart.rectangle(x(0), row_y(row) - 6, real - x(0), 12, "bar bf16")
        chart.rectangle(real, row_y(row) - 6, padding - real, 12, "bar padding")
    legend = (("bf16", "real tokens"), ("padding", "padding"))
    caption = "Shorter bars: less work for the same answers."
    return Figure(title, chart.to_svg(), caption, lengths.command or BATCHING_COMMAND, legend)


def layer_error_figure(errors: Sequence[LayerError]) -> Figure | None:
    """The growth of the error through the encoder, and its predefined bound."""
    values = [value for error in errors for value in (error.rms_relative_error, error.bound) if value]
    if not values:
        return None
    models = dict.fromkeys((error.model, error.precision) for error in errors)
    last = {key: [error for error in errors if (error.model, error.precision) == key][-1] for key in models}
    description = "; ".join(
        f"{model} in {precision} ends at {end.rms_relative_error:.2e} of {end.bound:.2e}"
        for (model, precision), end in last.items()
    )
    chart = Chart("Error layer by layer", description + ".", height=260)
    layers = [error.layer for error in errors]
    x = chart.x_scale(min(layers), max(max(layers), min(layers) + 1))
    y = chart.y_scale(min(values) / 1.5, max(values) * 1.5, logarithmic=True)
    chart.y_axis(y, "relative RMS error")
    chart.x_axis(x, "layer", [tick for tick in x.ticks(6) if tick == int(tick)])
    for number, key in enumerate(models):
        mine = [error for error in errors if (error.model, error.precision) == key]
        chart.line([(x(error.layer), y(error.bound)) for error in mine if error.bound], "bound")
        drawn = [(x(error.layer), y(error.rms_relative_error)) for error in mine if error.rms_relative_error]
        chart.line(drawn, f"curve series-{number % SERIES}")
        for place in drawn:
            chart.dot(*place, f"mark series-{number % SERIES}", radius=3)
    legend = tuple(
        (f"series-{index % SERIES}", f"{model}, {precision}")
        for index, (model, precision) in enumerate(models)
    )
    caption = "Against a float64 reference. Dashed: the bound."
    return Figure("Error layer by layer", chart.to_svg(), caption, LAYER_COMMAND, legend)
