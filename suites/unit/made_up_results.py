"""Results as the suites write them, with invented values of plausible size, for tests."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bertbench.measure.rates import center
from bertbench.results.seal import seal

MACHINE_ID = "epyc-2c-avx512_bf16-1a2b3c"
PEAKS = {"fp32": 215.0, "bf16": 410.0}
GEOMETRIES = {"tiny": (4e-3, 61.0, 0.42), "base": (0.174, 140.0, 0.88), "large": (0.62, 160.0, 0.93)}
FINGERPRINT = "9f2c" * 16
DATASET = "03ab" * 16


def machine(machine_id: str = MACHINE_ID) -> dict:
    return {
        "id": machine_id,
        "cpu": "AMD EPYC 9004",
        "isa": ["avx512_bf16", "avx512f", "avx2"],
        "bf16": "native",
        "physical_cores": 2,
        "logical_cores": 2,
        "memory_bytes": 24 << 30,
        "os": "Linux 6.1",
        "python": "3.11.7",
        "tensorflow": "2.21.0",
        "bertbench": "0.1.0",
        "git_revision": "4a5b6c7d8e9f",
    }


def case_info(
    precision: str,
    geometry: str,
    *,
    mode: str = "inference",
    batch_size: int = 8,
    scale: float = 1.0,
    rounds: int = 30,
    spread: float = 0.02,
    seed: int = 0,
    machine_id: str = MACHINE_ID,
    warnings: Sequence[str] = (),
) -> dict:
    """The extra_info of one case; `scale` multiplies its efficiency."""
    gflop, intensity, efficiency = GEOMETRIES[geometry]
    efficiency *= scale * (0.85 if mode == "training" else 1.0)
    generator = np.random.default_rng(seed)
    drawn = np.exp(generator.normal(0, spread, rounds))
    drawn *= efficiency / center(drawn)
    tokens_per_second = PEAKS[precision] * efficiency / gflop * (1 if mode == "inference" else 1 / 3)
    return {
        "schema_version": 2,
        "case": f"{precision}-squad-{mode}-bert-{geometry}-b{batch_size}",
        "precision": precision,
        "task": "squad",
        "mode": mode,
        "geometry": f"bert-{geometry}" if geometry != "tiny" else "tiny",
        "batch_size": batch_size,
        "max_seq_length": 384,
        "batching": "packed",
        "examples_per_second": tokens_per_second / 384,
        "tokens_per_second": tokens_per_second,
        "gflops": PEAKS[precision] * efficiency,
        "gemm_peak_gflops": PEAKS[precision],
        "gemm_peak_ways": {"packed graph": 0.67, "eager": 0.33},
        "machine_peak_gflops": 1.1 * PEAKS[precision],
        "efficiency": efficiency,
        "efficiency_rounds": drawn.tolist(),
        "disturbance": {"seconds": 12.0, "others": 0.01},
        "warnings": list(warnings),
        "arithmetic_intensity": intensity * (1 if precision == "fp32" else 2) * batch_size / 8,
        "memory_bandwidth": 21.0,
        "peak_memory_mib": {"tiny": 610.0, "base": 1180.0, "large": 2900.0}[geometry],
        "startup_seconds": 5.1,
        "machine": machine(machine_id),
        "machine_id": machine_id,
        "bertbench_version": "0.1.0",
    }


def grid(scale: float = 1.0, seed: int = 0, **changes) -> list[dict]:
    return [
        case_info(precision, geometry, mode=mode, scale=scale, seed=seed + index, **changes)
        for index, (geometry, mode, precision) in enumerate(
            (geometry, mode, precision)
            for geometry in GEOMETRIES
            for mode in ("inference", "training")
            for precision in PEAKS
        )
    ]


def benchmark_file(
    infos: Sequence[dict], commit: str = "4a5b6c7d8e9f", measured: str = "2025-03-01T10:00:00+00:00"
) -> dict:
    """pytest-benchmark's JSON around some extra_infos."""
    benchmarks = []
    for info in infos:
        times = [
            info["batch_size"] / info["examples_per_second"] * 0.9 / r for r in info["efficiency_rounds"]
        ]
        mean = float(np.mean(times))
        statistics = {
            "min": min(times),
            "max": max(times),
            "mean": mean,
            "stddev": float(np.std(times)),
            "rounds": len(times),
            "median": float(np.median(times)),
            "iqr": 0.01,
            "q1": 0.1,
            "q3": 0.11,
            "iqr_outliers": 0,
            "stddev_outliers": 0,
            "outliers": "0;0",
            "ld15iqr": min(times),
            "hd15iqr": max(times),
            "ops": 1 / mean,
            "total": sum(times),
            "data": times,
            "iterations": 1,
        }
        name = f"test_throughput_is_measured_below_gemm_peak[{info['case']}]"
        benchmarks.append(
            {
                "group": None,
                "name": name,
                "fullname": f"suites/throughput/test_throughput.py::{name}",
                "params": None,
                "param": info["case"],
                "extra_info": info,
                "options": {"disable_gc": False},
                "stats": statistics,
            }
        )
    return {
        "machine_info": {"node": "build-host-17", "machine": "x86_64", "python_version": "3.11.7"},
        "commit_info": {"id": commit, "dirty": False, "branch": "main", "project": "bertbench"},
        "benchmarks": benchmarks,
        "datetime": measured,
        "version": "5.1.0",
    }


def write_throughput(path: Path, infos: Sequence[dict], **facts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(benchmark_file(infos, **facts)), encoding="utf-8")
    return path


def write_stored(path: Path, infos: Sequence[dict], **facts: str) -> None:
    """As a recorded baseline, with its checksum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(seal(benchmark_file(infos, **facts))), encoding="utf-8")


def comparison(against: str, score: float, expected: float, **changes) -> dict:
    """A comparison of F1 over 5,000 questions, as sure as the difference is near 0."""
    difference = score - expected
    made = {
        "against": against,
        "quantity": "f1",
        "score": score,
        "expected": expected,
        "difference": difference,
        "interval": [difference - 0.3, difference + 0.3],
        "p_value": None,
        "tolerance": 1.0,
        "items": 5000,
        "verdict": "pass",
        "changed": ["q1", "q7"],
        "note": None,
    }
    return made | changes


def failed(against: str, score: float, expected: float) -> dict:
    """A comparison that fails; `score` is to be 2 points below `expected` at least."""
    return comparison(against, score, expected, p_value=0.0001, verdict="fail")


def accuracy_case(precision: str = "bf16", f1: float = 87.3, **changes) -> dict:
    compared = [comparison("baseline", f1, 87.31)]
    if precision == "bf16":
        compared.append(comparison("fp32", f1, 87.32))
    case = {
        "case": f"{precision}-squad-inference",
        "task": "squad",
        "precision": precision,
        "mode": "inference",
        "quantity": "f1",
        "scores": {"exact_match": f1 - 8.1, "f1": f1},
        "tolerance": 1.0,
        "verdict": "pass",
        "checkpoint_fingerprint": FINGERPRINT,
        "dataset_sha256": DATASET,
        "examples": 5000,
        "comparisons": compared,
        "instruction_set": "oneDNN avx512_core_bf16" if precision == "bf16" else None,
        "per_question_scores": None,
        "command": "pytest suites/accuracy/test_cases.py",
    }
    return case | changes


def write_accuracy(folder: Path, cases: Sequence[dict]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "accuracy.json"
    versions = {"tensorflow": "2.21.0", "bertbench": "0.1.0"}
    result = {"schema_version": 2, "machine": machine(), "versions": versions, "cases": list(cases)}
    path.write_text(json.dumps(result), encoding="utf-8")
    return path


def write_numerics(folder: Path, **changes) -> Path:
    kernels = (
        ("softmax", "float32 island", "bf16", 0.5, 0.25, "row of 384, peak 12.4", 0.51),
        ("softmax", "optimized", "bf16", 1.61, 0.31, "row of 384, spread 88", 2.0),
        ("gelu", "tanh", "bf16", 0.5, 0.24, -0.7421875, 0.51),
        ("gelu", "erf", "bf16", 0.5, 0.24, 1.0703125, 0.51),
        ("gelu", "fused", "bf16", 0.94, 0.27, -2.984375, 1.5),
        ("layer_norm", "float32 statistics", "bf16", 0.5, 0.25, "row of 1,024, offset 1e3", 0.51),
        ("layer_norm", "float32 statistics", "fp32", 3.7, 0.6, "row of 1,024, offset 1e3", 4.0),
    )
    rows = [
        {
            "kernel": kernel,
            "variant": variant,
            "dtype": dtype,
            "inputs": 65536,
            "max_ulp": largest,
            "mean_ulp": mean,
            "argmax": place,
            "bound": bound,
            "verdict": "pass",
            "command": f"pytest -m numerics -k {kernel}",
        }
        for kernel, variant, dtype, largest, mean, place, bound in kernels
    ]
    layer_errors = [
        {
            "model": model,
            "precision": precision,
            "layer": layer,
            "rms_relative_error": unit * factor * layer**0.45,
            "bound": unit * 2 * layer**0.5,
        }
        for model, factor in (("random", 0.8), ("MiniLM", 1.1))
        for precision, unit in (("bf16", 2**-8), ("fp32", 2**-24))
        for layer in range(1, 7)
    ]
    path = folder / "numerics.json"
    path.write_text(json.dumps({"schema_version": 1, "rows": rows, "layer_errors": layer_errors} | changes))
    return path


def write_lengths(folder: Path) -> Path:
    lengths = np.clip(np.random.default_rng(5).gamma(6.0, 30.0, 791), 40, 384)
    counts, edges = np.histogram(lengths, bins=np.arange(0, 385, 24))
    real = int(lengths.sum())
    padding = {"padded": 791 * 384 - real, "bucketed": int(real * 0.07), "packed": 0}
    strategies = [
        {"batching": batching, "batch_size": 8, "real_tokens": real, "padded_tokens": padded}
        for batching, padded in padding.items()
    ]
    values = {
        "schema_version": 1,
        "dataset": "dev-v1.1-subset.json",
        "max_seq_length": 384,
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "strategies": strategies,
        "command": "bertbench benchmark squad --predict-file dev-v1.1-subset.json",
    }
    path = folder / "lengths.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def write_stored_history(
    storage: Path, runs: int, fall_at: int | None = None, cases=("tiny", "large")
) -> None:
    """Stored files of `runs` runs; from run `fall_at` on, efficiency is 10 % lower."""
    generator = np.random.default_rng(9)
    for number in range(1, runs + 1):
        scale = float(np.exp(generator.normal(0, 0.008))) * (0.9 if fall_at and number >= fall_at else 1.0)
        infos = [
            case_info(precision, geometry, scale=scale, seed=number)
            for geometry in cases
            for precision in PEAKS
        ]
        commit = f"{number * 7919:012x}"
        path = storage / MACHINE_ID / f"{number:04}_{commit}.json"
        day = f"2025-{1 + number // 28 % 12:02}-{1 + number % 28:02}T03:00:00+00:00"
        write_stored(path, infos, commit=commit, measured=day)


def judged_case(precision: str, task: str, quantity: str, fp32: float, tolerance: float) -> dict:
    """A case whose bf16 score is a little below the fp32 score, which is the baseline of both."""
    score = fp32 * (0.9996 if precision == "bf16" else 1)
    difference = score - fp32
    figures = {
        "quantity": quantity,
        "tolerance": tolerance,
        "interval": [difference - 0.5 * tolerance, difference + 0.5 * tolerance],
    }
    against = ("baseline",) if precision == "fp32" else ("baseline", "fp32")
    return accuracy_case(
        precision,
        case=f"{precision}-{task}-inference",
        task=task,
        quantity=quantity,
        scores={quantity: score},
        tolerance=tolerance,
        comparisons=[comparison(name, score, fp32, **figures) for name in against],
    )


def write_results(folder: Path) -> Path:
    """A results folder with all files except gate.json."""
    write_throughput(folder / "throughput.json", grid(seed=3))
    tasks = (
        ("squad", "f1", 87.3, 1.0),
        ("classifier", "accuracy", 0.8578, 0.015),
        ("pretraining", "masked_lm_accuracy", 0.612, 0.01),
    )
    cases = [
        judged_case(precision, task, quantity, score, tolerance)
        for task, quantity, score, tolerance in tasks
        for precision in PEAKS
    ]
    cases[0]["scores"]["exact_match"] = 79.19
    cases[1]["scores"]["exact_match"] = 79.06
    write_accuracy(folder, cases)
    write_numerics(folder)
    write_lengths(folder)
    return folder
