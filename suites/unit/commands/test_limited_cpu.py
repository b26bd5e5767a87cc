"""Messages if oneDNN may not use the instruction sets that bfloat16 needs."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bertbench import embedded
from bertbench.commands import doctor_checks
from bertbench.errors import InputError
from bertbench.measure.onednn import ProductKernels
from suites.unit.made_up_machine import TWO_SOCKETS

pytestmark = pytest.mark.unit

LIMITED = dataclasses.replace(
    TWO_SOCKETS, isa=("avx512_bf16", "avx512f", "avx2"), products=ProductKernels("avx2", True, False, False)
)
REFUSAL = (
    "precision bf16: oneDNN avx2 has no bfloat16 products; unset ONEDNN_MAX_CPU_ISA and "
    "DNNL_MAX_CPU_ISA, or set TF_ENABLE_ONEDNN_OPTS=0 (slow)."
)
MODEL = ("--model-dir", str(embedded.SQUAD))
COMMANDS = {
    "predict": ("predict", "squad", *MODEL, "--data", str(embedded.SQUAD_DEV), "--output-dir", "out"),
    "train": ("train", "squad", *MODEL, "--train-data", str(embedded.SQUAD_DEV), "--output-dir", "out"),
    "benchmark": ("benchmark", "squad", "--config", "tiny"),
    "answer": ("answer", *MODEL),
}


@pytest.fixture
def limited(monkeypatch):
    monkeypatch.setattr("bertbench.runtime.read_machine", lambda: LIMITED)


@pytest.mark.parametrize("command", COMMANDS)
def test_impossible_bf16_is_rejected_with_remedy(limited, call_here, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    status, out, err = call_here(*COMMANDS[command], "--precision", "bf16")
    assert (status, out, err) == (2, "", f"bertbench: {REFUSAL}\n")
    assert not (tmp_path / "out").exists()


def test_impossible_bf16_is_rejected_by_python_api(limited):
    from bertbench.api import load

    with pytest.raises(InputError) as refusal:
        load(embedded.SQUAD, precision="bf16")
    assert str(refusal.value) == REFUSAL


def test_doctor_reports_impossible_bf16():
    (bf16,) = (finding for finding in doctor_checks.check_cpu(LIMITED) if finding.name == "bf16")
    assert (bf16.state, bf16.found) == ("broken", "impossible in oneDNN avx2")
    assert bf16.remedy in REFUSAL


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_run_with_limited_isa_works_or_is_rejected(tmp_path, precision):
    """fp32 works with oneDNN down to AVX2 on any CPU, bf16 on those whose bfloat16 is TensorFlow's own."""
    cpu = Path("/proc/cpuinfo")
    flags = set(cpu.read_text().split()) if cpu.exists() else set()
    refused = precision == "bf16" and bool({"avx512f", "avx_ne_convert"} & flags)
    variables = {"ONEDNN_MAX_CPU_ISA": "AVX2", "TF_ENABLE_ONEDNN_OPTS": "1"}
    options = ["benchmark", "classifier", "--config", "tiny", "--precision", precision, "--max-seq-length"]
    options += ["16", "--batch-size", "2", "--steps", "1", "--warmup-steps", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "bertbench", *options],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == (2 if refused else 0), done.stderr
    assert ("no bfloat16 products" in done.stderr) == refused
    assert ("Throughput: " in done.stdout) != refused
