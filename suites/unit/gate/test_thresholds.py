"""Each case may have its own threshold."""

import pytest

from bertbench.errors import InputError
from bertbench.gate.thresholds import Thresholds
from suites.unit.exit_status import run
from suites.unit.made_up_results import case_info, write_throughput

pytestmark = pytest.mark.unit


def test_last_matching_pattern_sets_the_threshold():
    thresholds = Thresholds.parse(5, ["bf16-*=8", "*-large-*=12", "bf16-squad=x=3"])
    assert thresholds.of("fp32-squad-inference-bert-base-b8") == 0.05
    assert thresholds.of("bf16-squad-inference-bert-base-b8") == 0.08
    assert thresholds.of("bf16-squad-inference-bert-large-b8") == 0.12
    assert thresholds.of("bf16-squad=x") == 0.03


@pytest.mark.parametrize(
    "text", ["bf16-*", "=5", "bf16-*=", "bf16-*=five", "bf16-*=0", "bf16-*=100", "a=nan"]
)
def test_invalid_case_threshold_is_rejected(text):
    with pytest.raises(InputError, match=r"must be PATTERN=PERCENT with a percentage between 0 and 100"):
        Thresholds.parse(5, [text])


@pytest.mark.parametrize("general", [0, 100, -5, float("nan")])
def test_general_threshold_outside_range_is_rejected(general):
    with pytest.raises(InputError, match="--threshold"):
        Thresholds.parse(general, [])


def test_gate_command_uses_threshold_of_each_case(tmp_path, capsys, monkeypatch):
    """Both precisions fall by 8 %; bf16 may lose 12."""
    monkeypatch.chdir(tmp_path)
    for side, scale in (("base", 1.0), ("head", 0.92)):
        infos = [case_info(precision, "large", scale=scale, spread=0.005) for precision in ("fp32", "bf16")]
        write_throughput(tmp_path / side / "throughput.json", infos)
    assert run("gate", "base", "head") == 1
    assert run("gate", "base", "head", "--case-threshold", "*=12") == 0
    capsys.readouterr()
    assert run("gate", "base", "head", "--case-threshold", "bf16-*=12") == 1
    error = capsys.readouterr().err
    assert "fp32-squad-inference-bert-large-b8" in error
    assert "bf16" not in error
    assert run("gate", "base", "head", "--case-threshold", "bf16") == 2
    assert "--case-threshold bf16" in capsys.readouterr().err
