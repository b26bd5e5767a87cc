"""Recomputation needs less memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.peak_memory import ENVIRONMENT, LAYERS, PROBABILITIES_MIB

pytestmark = pytest.mark.training

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="no /proc/self/clear_refs; Linux has it"
)
@pytest.mark.slow
def test_recomputation_keeps_activations_of_one_layer_only(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tools.peak_memory", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    added = json.loads(result.stdout.splitlines()[-1])
    assert added["kept"] > PROBABILITIES_MIB, "the measurement must see what is kept"
    # What one layer of twelve keeps, and the four [R, A, S, S] arrays that its attention has in its backward
    # pass at once: the probabilities before and after dropout, and the gradients of these and of the scores.
    one_array = PROBABILITIES_MIB / LAYERS
    assert added["recomputed"] < added["kept"] / LAYERS + 4 * one_array, added
