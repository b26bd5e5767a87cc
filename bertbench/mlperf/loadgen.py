"""Tests of MLPerf's LoadGen; the only import of its Python package.

https://github.com/mlcommons/inference/tree/master/loadgen
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.errors import InputError
from bertbench.files import read_json
from bertbench.mlperf.systems import Complete, System

PERFORMANCE, ACCURACY = "performance", "accuracy"
SUMMARY_FILE, DETAIL_FILE = "mlperf_log_summary.txt", "mlperf_log_detail.txt"
ACCURACY_FILE = "mlperf_log_accuracy.json"
MODEL = "bert"  # its name in LoadGen's configuration
_MODES = {PERFORMANCE: "PerformanceOnly", ACCURACY: "AccuracyOnly"}


def require_loadgen() -> None:
    """Check that the optional package is installed.

    Raises:
      InputError: it is missing.
    """
    if importlib.util.find_spec("mlperf_loadgen") is None:
        raise InputError("mlcommons-loadgen is not installed; install it, or bertbench's extra `mlperf`.")


class LoadGen:
    """The tests of one scenario, with one configuration: LoadGen reads only one per process."""

    def __init__(self, scenario: str, user_conf: Path, samples: int) -> None:
        """`samples` is their number in the data set."""
        import mlperf_loadgen

        self._samples = samples
        self._settings = mlperf_loadgen.TestSettings()
        self._settings.scenario = getattr(mlperf_loadgen.TestScenario, scenario)
        self._settings.FromConfig(str(user_conf), MODEL, scenario)
        self._settings.performance_sample_count_override = samples

    def run(self, make_system: Callable[[Complete], System], mode: str, log_dir: Path) -> None:
        """Run a test, performance or accuracy; its logs are written to `log_dir`, which must exist."""
        import mlperf_loadgen

        self._settings.mode = getattr(mlperf_loadgen.TestMode, _MODES[mode])
        logs = mlperf_loadgen.LogSettings()
        logs.log_output.outdir = str(log_dir)
        logs.enable_trace = False
        system = make_system(_complete)
        sut = mlperf_loadgen.ConstructSUT(system.issue, lambda: None)
        library = mlperf_loadgen.ConstructQSL(
            self._samples, self._samples, lambda indexes: None, lambda indexes: None
        )
        try:
            mlperf_loadgen.StartTestWithLogSettings(sut, library, self._settings, logs)
        finally:
            mlperf_loadgen.DestroyQSL(library)
            mlperf_loadgen.DestroySUT(sut)
            system.close()


def read_logits(log_dir: Path, samples: int, shape: tuple[int, ...]) -> np.ndarray:
    """The logged logits of an accuracy test, float32 [samples, *shape].

    Raises:
      InputError: a sample is missing, or has another number of logits.
    """
    path = log_dir / ACCURACY_FILE
    logits = {
        int(entry["qsl_idx"]): np.frombuffer(bytes.fromhex(entry["data"]), np.float32)
        for entry in read_json(path)
    }
    size = int(np.prod(shape))
    if sorted(logits) != list(range(samples)) or any(values.size != size for values in logits.values()):
        raise InputError(f"{path}: does not contain {size} logits for each of {samples} samples.")
    return np.stack([logits[index].reshape(shape) for index in range(samples)])


def read_summary(log_dir: Path) -> dict[str, str]:
    """The lines `name : value` of LoadGen's summary."""
    lines = (log_dir / SUMMARY_FILE).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(" *"): value.strip() for name, colon, value in pairs if colon}


def _complete(ids: Sequence[int], logits: Sequence[np.ndarray]) -> None:
    """Pass answers to LoadGen, which copies them before it returns."""
    import mlperf_loadgen

    arrays: list[Any] = [np.ascontiguousarray(values, np.float32) for values in logits]
    mlperf_loadgen.QuerySamplesComplete(
        [
            mlperf_loadgen.QuerySampleResponse(sample_id, array.ctypes.data, array.nbytes)
            for sample_id, array in zip(ids, arrays, strict=True)
        ]
    )
