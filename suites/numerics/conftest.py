"""Records the results of the numerics suite: its tables, and the rows of `numerics.json`."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import pytest

from bertbench.pytest_plugin.summary import summary_of, summary_table
from bertbench.results.numerics import KernelError, LayerError, verdict_of
from suites.numerics.closing import LAYERS, ROWS
from suites.numerics.report import HISTOGRAM_EDGES, KernelReport
from suites.rerun import command_of_test

KERNEL_TABLE = "kernel error"
KERNEL_COLUMNS = (
    "kernel", "variant", "dtype", "inputs", "max", "mean", "at", "bound", "used", "unit", "verdict",
)  # fmt: skip
KERNEL_SHORT = ("kernel", "variant", "dtype", "max", "bound", "used", "verdict")
HISTOGRAM_TABLE = "kernel error, share of results in the same units"
LAYER_TABLE = "encoder error, root mean square relative to the float64 hidden states"
LAYER_COLUMNS = (
    "model", "precision", "layers", "first", "last", "bound of last", "most used", "at layer", "verdict",
)  # fmt: skip
LAYER_SHORT = ("model", "precision", "layers", "last", "bound of last", "most used", "verdict")


@pytest.fixture
def check_report(request: pytest.FixtureRequest) -> Callable[[KernelReport], None]:
    """Record one kernel's report and fail if it is above its bound."""
    pytestconfig, command = request.config, command_of_test(request.node)

    def record(report: KernelReport) -> None:
        _keep(pytestconfig, ROWS, [report.to_row(command)])
        case = (report.kernel, report.variant, report.dtype)
        bound = report.tolerance.bound
        summary_table(pytestconfig, KERNEL_TABLE, KERNEL_COLUMNS, KERNEL_SHORT).add(
            *case, f"{report.inputs:,}", f"{report.largest:.4g}", f"{report.mean:.3g}", report.where,
            f"{bound:g}", f"{report.largest / bound:.0%}", report.tolerance.unit, report.verdict,
        )  # fmt: skip
        summary_table(pytestconfig, HISTOGRAM_TABLE, _histogram_columns(), detail=True).add(
            *case, *(f"{count / report.inputs:.3%}" if count else "0" for count in report.histogram)
        )
        with add_command(command):
            report.check()

    return record


@pytest.fixture
def judge_layers(request: pytest.FixtureRequest) -> Callable[[Sequence[LayerError]], None]:
    """Record one model's errors layer by layer and fail if one is above its bound."""
    pytestconfig, command = request.config, command_of_test(request.node)

    def record(errors: Sequence[LayerError]) -> None:
        _keep(pytestconfig, LAYERS, errors)
        shares = [error.rms_relative_error / error.bound for error in errors]
        most = max(shares)
        first, last = errors[0], errors[-1]
        summary_table(pytestconfig, LAYER_TABLE, LAYER_COLUMNS, LAYER_SHORT).add(
            last.model, last.precision, last.layer, f"{first.rms_relative_error:.2e}",
            f"{last.rms_relative_error:.2e}", f"{last.bound:.2e}", f"{most:.0%}",
            errors[shares.index(most)].layer, verdict_of(most, 1.0),
        )  # fmt: skip
        with add_command(command):
            check_layers(errors)

    return record


@contextlib.contextmanager
def add_command(command: str) -> Iterator[None]:
    """Add to a failure the command that shows details."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{error}. Details: {command} -vv") from None


def check_layers(errors: Sequence[LayerError]) -> None:
    """Fail naming the layers whose error is above the curve."""
    over = [error for error in errors if not error.rms_relative_error <= error.bound]
    if over:
        message = "; ".join(f"layer {e.layer}: {e.rms_relative_error:.3e}, bound {e.bound:.3e}" for e in over)
        raise AssertionError(
            f"{over[0].model} {over[0].precision}: relative error of hidden states above the curve: {message}"
        )


def _histogram_columns() -> tuple[str, ...]:
    edges = [f"<= {edge:g}" for edge in HISTOGRAM_EDGES]
    return ("kernel", "variant", "dtype", "exact", *edges[1:], f"> {HISTOGRAM_EDGES[-1]:g}")


def _keep(config: pytest.Config, key: str, errors: Sequence[KernelError | LayerError]) -> None:
    summary_of(config).entries.setdefault(key, []).extend(map(dataclasses.asdict, errors))
