"""Sweeps over all inputs: sums, resuming, and detection of a single wrong result."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf

from bertbench.errors import InputError
from suites.numerics.ulp import FP32, from_bits, step
from suites.numerics.unary import UnaryCase
from tools import kernel_sweep
from tools.kernel_sweep import make_rows, sweep_kernel

pytestmark = pytest.mark.unit

CHUNK = 1 << 10
START = 0x3F800000  # 1.0
PATTERNS = START + 5 * CHUNK + 7
WRONG = START + 3 * CHUNK + 5


def shifted(bits):
    """x, and three places above it at one input."""
    x = np.asarray(bits)
    return np.where(x == from_bits(np.array([WRONG]), FP32), step(x, 3, FP32), x)


CASE = UnaryCase("gelu", "tanh", lambda x: tf.constant(shifted(x.numpy())), lambda x: x)


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """A sweep of the few patterns from 1.0 on."""
    monkeypatch.setattr(kernel_sweep, "CHUNK", CHUNK)
    file = tmp_path / "sweep.json"

    def run(end=math.inf):
        if not file.exists():
            machine = kernel_sweep.describe_machine()
            origin = {name: machine[name] for name in kernel_sweep.ORIGIN}
            file.write_text(json.dumps({"origin": origin, "done": START}))
        return sweep_kernel(CASE, file, end, PATTERNS)

    run.file = file
    return run


def test_single_wrong_result_is_found(sweep):
    swept = sweep()
    assert (swept.done, swept.inputs) == (PATTERNS, 5 * CHUNK + 7)
    assert swept.largest == pytest.approx(3)
    assert np.float32(swept.where) == from_bits(np.array([WRONG]), FP32)[0]
    assert sum(swept.histogram) == swept.inputs
    assert swept.histogram[0] == swept.inputs - 1
    assert swept.total == pytest.approx(3)


def test_sweep_resumes_where_it_stopped(sweep):
    assert sweep(end=0.0).done == START
    whole = sweep()
    again = sweep()
    assert again == whole
    kept = json.loads(sweep.file.read_text())
    kept |= {"done": PATTERNS - 7, "inputs": 10}
    sweep.file.write_text(json.dumps(kept))
    assert sweep().inputs == 17


def test_progress_of_another_machine_is_refused(sweep):
    sweep()
    kept = json.loads(sweep.file.read_text())
    kept["origin"]["cpu"] = "another"
    sweep.file.write_text(json.dumps(kept))
    with pytest.raises(
        InputError, match=r"sweep\.json: was started with cpu another, .*choose another --folder"
    ):
        sweep()


def test_unfinished_sweep_has_no_verdict(sweep):
    swept = sweep()
    (row,) = make_rows({"gelu tanh": swept})
    assert row[-1] == f"{PATTERNS / 2**32:.0%} done"
