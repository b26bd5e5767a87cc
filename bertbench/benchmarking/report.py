"""Formats a result for the terminal and for files."""

import dataclasses
from typing import Any

from rich.table import Table

from bertbench import __version__
from bertbench.benchmarking.run import BenchmarkResult
from bertbench.formatting import describe_ways, format_number, percent
from bertbench.kernels import ONEDNN, SLOW_INT8, int8_products
from bertbench.measure.bandwidth import memory_bandwidth
from bertbench.measure.machine import bf16_is_native, describe_machine, read_machine
from bertbench.measure.threads import ThreadSettings
from bertbench.precision import BF16
from bertbench.results.schema import THROUGHPUT_VERSION, ThroughputCase, with_version
from bertbench.tables import make_table


def throughput_case(result: BenchmarkResult, *, startup: bool = True) -> ThroughputCase:
    """A result as it is stored and compared.

    Args:
      startup: whether the process was started for this case.
    """
    case, machine = result.case, describe_machine()
    return ThroughputCase(
        case=case.name,
        precision=case.compute.precision.name,
        task=case.task.name,
        mode=case.mode,
        geometry=case.geometry,
        batch_size=case.batch_size,
        max_seq_length=case.max_seq_length,
        batching=case.batching,
        examples_per_second=result.examples_per_second,
        tokens_per_second=result.tokens_per_second,
        gflops=result.gflops,
        gemm_peak_gflops=result.gemm_peak_gflops,
        efficiency=result.efficiency,
        efficiency_rounds=result.efficiency_rounds,
        gemm_peak_ways=result.gemm_peak_ways,
        machine_peak_gflops=result.machine_peak.gflops,
        disturbance=result.disturbance,
        warnings=result.warnings,
        peak_memory_mib=result.peak_memory_mib,
        machine=machine,
        machine_id=machine["id"],
        bertbench_version=__version__,
        arithmetic_intensity=result.arithmetic_intensity,
        memory_bandwidth=memory_bandwidth(),
        startup_seconds=result.startup_seconds if startup else None,
    )


def describe_result(result: BenchmarkResult, threads: ThreadSettings, startup: bool = True) -> dict[str, Any]:
    """`throughput_case` as JSON values, and everything else that was measured."""
    case = result.case
    return {
        **with_version(throughput_case(result, startup=startup), THROUGHPUT_VERSION),
        "kernels": dataclasses.asdict(case.compute.kernels),
        "threads": dataclasses.asdict(threads),
        "streams": case.streams,
        "examples_per_second_with_features": result.examples_per_second_with_features,
        "computed_gflops": result.computed_gflops,
        "gemm_peak_rounds": result.gemm_peak_rounds,
        "gemm_peak_shapes": [
            {
                "product": str(shape),
                "measured": str(best.shape),
                "way": best.way.name,
                "best_gflops": best.gflops,
            }
            for shape, best in result.gemm_peak_best.items()
        ],
        "machine_peak_product": f"{result.machine_peak.shape}, {result.machine_peak.way.name}",
        "latency_seconds": result.latency,
        "round_seconds": result.round_seconds,
        "examples": result.examples,
        "tokens": result.tokens,
    }


def result_table(result: BenchmarkResult, threads: ThreadSettings) -> Table:
    """The measurements of one case, one per row."""
    peak, machine_peak = max(result.gemm_peak_rounds), result.machine_peak
    rows = [
        ("examples/s", format_number(result.examples_per_second)),
        ("tokens/s (real)", format_number(result.tokens_per_second)),
        ("model GFLOP/s", format_number(result.gflops)),
        ("GEMM peak GFLOP/s", f"{format_number(result.gemm_peak_gflops)} (best round {format_number(peak)})"),
        ("GEMM peak measured by", describe_ways(result.gemm_peak_ways)),
        ("efficiency", percent(result.efficiency)),
        (
            "machine peak GFLOP/s",
            f"{format_number(machine_peak.gflops)} ({machine_peak.shape}, {machine_peak.way.name})",
        ),
        (f"latency {', '.join(result.latency)} (ms)", _milliseconds(result.latency)),
        ("peak memory (MiB)", format_number(result.peak_memory_mib)),
        ("start to first result (s)", format_number(result.startup_seconds, 3)),
        ("batches measured", str(len(result.round_seconds))),
        ("threads", str(threads)),
        ("matrix products in", str(read_machine().products)),
    ]
    if result.case.streams > 1:
        rows.append(("batches at once with shared weights", str(result.case.streams)))
    if result.examples_per_second_with_features is not None:
        rows.insert(
            1, ("examples/s including features", format_number(result.examples_per_second_with_features))
        )
        wasted = 1 - result.gflops / result.computed_gflops
        rows.insert(
            4, ("computed GFLOP/s", f"{format_number(result.computed_gflops)} ({percent(wasted)} not needed)")
        )
    if result.case.compute.precision == BF16 and not bf16_is_native():
        rows.append(("bf16", "emulated: no bfloat16 instructions on this machine"))
    if result.case.compute.precision.int8 and int8_products() != ONEDNN:
        rows.append(("int8", SLOW_INT8))
    rows += [("warning", warning) for warning in result.warnings]
    return make_table(result.case.name, ("", ""), rows)


def _milliseconds(latency: dict[str, float]) -> str:
    return ", ".join(format_number(1000 * seconds) for seconds in latency.values())
