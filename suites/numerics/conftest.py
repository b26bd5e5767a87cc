"""Records the results of the numerics suite: the tables at the end and `numerics.json`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bertbench.pytest_plugin.summary import summary_table
from bertbench.results.numerics import NUMERICS_FILE, KernelError, LayerError, NumericsResult, verdict_of
from bertbench.results.schema import write_result
from suites.numerics.report import HISTOGRAM_EDGES, KernelReport

ROWS = pytest.StashKey[list[KernelError]]()
LAYERS = pytest.StashKey[list[LayerError]]()
KERNEL_TABLE = "kernel error"
KERNEL_COLUMNS = (
    "kernel", "variant", "dtype", "inputs", "max", "mean", "at", "bound", "used", "unit", "verdict",
)  # fmt: skip
HISTOGRAM_TABLE = "kernel error, share of results in the same units"
LAYER_TABLE = "encoder error, root mean square relative to the float64 hidden states"
LAYER_COLUMNS = (
    "model", "precision", "layers", "first", "last", "bound of last", "most used", "at layer", "verdict",
)  # fmt: skip


@pytest.fixture
def check_report(pytestconfig: pytest.Config) -> Callable[[KernelReport], None]:
    """Record one kernel's report and fail if it is above its bound."""

    def record(report: KernelReport) -> None:
        pytestconfig.stash.setdefault(ROWS, []).append(report.to_row())
        case = (report.kernel, report.variant, report.dtype)
        bound = report.tolerance.bound
        summary_table(pytestconfig, KERNEL_TABLE, KERNEL_COLUMNS).add(
            *case, f"{report.inputs:,}", f"{report.largest:.4g}", f"{report.mean:.3g}", report.where,
            f"{bound:g}", f"{report.largest / bound:.0%}", report.tolerance.unit, report.verdict,
        )  # fmt: skip
        summary_table(pytestconfig, HISTOGRAM_TABLE, _histogram_columns()).add(
            *case, *(f"{count / report.inputs:.3%}" if count else "0" for count in report.histogram)
        )
        report.check()

    return record


@pytest.fixture
def judge_layers(pytestconfig: pytest.Config) -> Callable[[Sequence[LayerError]], None]:
    """Record one model's errors layer by layer and fail if one is above its bound."""

    def record(errors: Sequence[LayerError]) -> None:
        pytestconfig.stash.setdefault(LAYERS, []).extend(errors)
        shares = [error.rms_relative_error / error.bound for error in errors]
        most = max(shares)
        first, last = errors[0], errors[-1]
        summary_table(pytestconfig, LAYER_TABLE, LAYER_COLUMNS).add(
            last.model, last.precision, last.layer, f"{first.rms_relative_error:.2e}",
            f"{last.rms_relative_error:.2e}", f"{last.bound:.2e}", f"{most:.0%}",
            errors[shares.index(most)].layer, verdict_of(most, 1.0),
        )  # fmt: skip
        check_layers(errors)

    return record


def check_layers(errors: Sequence[LayerError]) -> None:
    """Fail naming the layers whose error is above the curve."""
    over = [error for error in errors if not error.rms_relative_error <= error.bound]
    if over:
        message = "; ".join(f"layer {e.layer}: {e.rms_relative_error:.3e}, bound {e.bound:.3e}" for e in over)
        raise AssertionError(
            f"{over[0].model} {over[0].precision}: relative error of hidden states above the curve: "
            f"{message}. Details: pytest -m numerics -k 'layer and {over[0].precision}' -vv"
        )


def _histogram_columns() -> tuple[str, ...]:
    edges = [f"<= {edge:g}" for edge in HISTOGRAM_EDGES]
    return ("kernel", "variant", "dtype", "exact", *edges[1:], f"> {HISTOGRAM_EDGES[-1]:g}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    rows, layers = config.stash.get(ROWS, []), config.stash.get(LAYERS, [])
    folder = config.getoption("results_dir", None)
    if folder and (rows or layers):
        write_result(Path(folder) / NUMERICS_FILE, NumericsResult(tuple(rows), tuple(layers)))
