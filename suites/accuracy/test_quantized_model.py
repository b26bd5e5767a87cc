"""The shared SQuAD model, quantized by the command, keeps its score in int8."""

import subprocess
import sys

import pytest

from bertbench.files import read_json
from bertbench.results.provenance import RESULTS_FILE
from suites.shared_data import DEV_SET, SQUAD_MODEL, TRAINING_SET, shared_path
from suites.tolerances import TOLERANCES

# int8 and float32 predict the same questions, after a calibration of up to three minutes without VNNI.
pytestmark = [pytest.mark.accuracy, pytest.mark.slow]


def bertbench(*words):
    command = [sys.executable, "-m", "bertbench", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_f1_in_int8_is_99_percent_of_that_in_fp32(tmp_path):
    """MLPerf inference compares the scores as they are, without intervals."""
    quantized = tmp_path / "quantized"
    bertbench(
        *("quantize", "--model-dir", shared_path(SQUAD_MODEL), "--output-dir", quantized),
        *("--calibration-file", shared_path(TRAINING_SET)),
    )
    f1 = {}
    for precision in ("fp32", "int8"):
        bertbench(
            *("predict", "squad", "--model-dir", quantized, "--data", shared_path(DEV_SET)),
            *("--precision", precision, "--output-dir", tmp_path / precision),
        )
        f1[precision] = read_json(tmp_path / precision / RESULTS_FILE)["scores"]["f1"]
    share = f1["int8"] / f1["fp32"]
    print(f"F1 {f1['fp32']:.2f} in fp32, {f1['int8']:.2f} in int8: {share:.2%}")
    assert share >= TOLERANCES["int8", "share of the f1 in fp32"].bound
