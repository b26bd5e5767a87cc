"""What progress shows."""

from types import SimpleNamespace

import pytest

from bertbench.console import progress

pytestmark = pytest.mark.unit


def test_remaining_time_is_estimated_from_steps_since_start(monkeypatch, capsys):
    moments = iter([0.0, 20.0, 40.0])
    monkeypatch.setattr("bertbench.console.time", SimpleNamespace(monotonic=lambda: next(moments)))
    with progress("train", 100, "steps", done=90) as advance:
        advance(2, loss=0.5)  # at 10 seconds per step the other 8 take 80
        advance(8)
    assert capsys.readouterr().err.splitlines() == [
        "train: 92/100 steps, 20 s, 80 s left, loss 0.5",
        "train: 100/100 steps, 40 s, 0 s left",
    ]
