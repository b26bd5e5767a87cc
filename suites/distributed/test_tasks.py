"""Every task in every precision on two workers, and messages for workers that differ."""

import numpy as np
import pytest

from suites.distributed.conftest import FinishedJob
from suites.tolerances import TOLERANCES
from suites.training.tiny import TASKS

pytestmark = pytest.mark.distributed


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("task", TASKS)
def test_two_workers_end_with_equal_finite_weights(two: FinishedJob, task: str, precision: str) -> None:
    name = f"{task} {precision}"
    assert two.facts[0][f"loss {name}"] == two.facts[1][f"loss {name}"]
    first, second = (two.kind(name, rank) for rank in range(2))
    for variable, value in first.items():
        assert np.isfinite(value).all(), variable
        np.testing.assert_array_equal(second[variable], value, err_msg=variable)


@pytest.mark.parametrize("task", TASKS)
def test_bf16_loss_is_within_tolerance_of_fp32(two: FinishedJob, task: str) -> None:
    fp32, bf16 = (two.facts[0][f"loss {task} {precision}"] for precision in ("fp32", "bf16"))
    assert bf16 != fp32, "bf16 computed in fp32"
    assert abs(bf16 - fp32) <= TOLERANCES["bf16", f"{task} loss"].bound


def test_different_settings_of_workers_are_reported_at_start(job: FinishedJob) -> None:
    layers = "; ".join(f"rank {rank}: {2 + rank}" for rank in range(len(job.facts)))
    for facts in job.facts:
        assert facts["disagreement"].startswith(
            f"InputError: workers differ in config layers ({layers}); use the same files"
        )


def test_weights_differing_in_one_bit_are_reported_at_end(job: FinishedJob) -> None:
    for facts in job.facts:
        assert facts["difference"] == (
            "CannotJudge: weights of rank 1 differ from those of rank 0 after training."
        )
