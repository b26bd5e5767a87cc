"""The grid of the throughput suite: its cells, those of the default part, and the time of a case."""

import pytest

from bertbench.config import GEOMETRIES
from bertbench.gate.limits import MINIMUM_ROUNDS
from suites.throughput.grid import (
    BATCH_SIZES,
    LEAST_ROUNDS,
    choose_rounds,
    choose_warm_up,
    make_cells,
    reason_to_skip,
)

pytestmark = pytest.mark.unit


def make(full, native=True, **options):
    return make_cells(full=full, native_bf16=native, **options)


def test_full_grid_contains_every_cell_once():
    """Two precisions, three tasks and three geometries; three batches in inference, one in training."""
    cells = make(full=True)
    grid = [cell for cell in cells if cell.batch_size in BATCH_SIZES[cell.case.mode]]
    grid = [cell for cell in grid if cell.geometry != "bert-large-4l"]
    assert len(grid) == len({cell.case.id for cell in grid}) == 2 * 3 * 3 * (3 + 1)
    assert {cell.geometry for cell in cells} == set(GEOMETRIES)
    assert len({cell.case.id for cell in cells}) == len(cells)


@pytest.mark.parametrize("native", [True, False])
def test_default_grid_covers_every_precision_task_and_mode(native):
    cells = make(full=False, native=native)
    assert {cell.case.id for cell in cells} <= {cell.case.id for cell in make(full=True, native=native)}
    seen = {(cell.case.precision, cell.case.task, cell.case.mode) for cell in cells}
    assert len(seen) == 2 * 3 * 2
    geometries = ("tiny", "bert-base", "bert-large-4l")
    assert {(cell.geometry, cell.case.mode) for cell in cells} == {
        (geometry, mode) for geometry in geometries for mode in ("inference", "training")
    }
    assert len(cells) == 12 + 3 + 3


def test_reduced_number_of_layers_is_part_of_case_id():
    cells = [cell for cell in make(full=False) if "large" in cell.geometry]
    assert {cell.benchmark.config.num_hidden_layers for cell in cells} == {4}
    assert all("-bert-large-4l-b" in cell.case.id for cell in cells)


def test_emulated_bf16_is_measured_on_smallest_model_only():
    cells = make(full=False, native=False)
    skipped = {cell.case.id for cell in cells if reason_to_skip(cell, full=False, native_bf16=False)}
    assert skipped == {"bf16-squad-inference-bert-base-b4", "bf16-squad-inference-bert-large-4l-b4"}
    assert not any(
        reason_to_skip(cell, full=True, native_bf16=False) for cell in make(full=True, native=False)
    )
    assert not any(reason_to_skip(cell, full=False, native_bf16=True) for cell in make(full=False))


def test_benchmark_name_equals_case_id():
    for cell in make(full=True):
        assert cell.benchmark.name == cell.case.id


def test_given_batch_size_replaces_batch_sizes_of_grid():
    cells = make(full=True, batch_size=5)
    assert len(cells) == 2 * 3 * 2 * 3 + 3
    assert {cell.batch_size for cell in cells} == {5}


def test_least_rounds_are_enough_for_a_verdict():
    assert LEAST_ROUNDS >= 7
    assert LEAST_ROUNDS >= MINIMUM_ROUNDS


@pytest.mark.parametrize(
    ("step_seconds", "steps", "full", "rounds"),
    [
        (0.01, None, False, 30),
        (1.0, None, False, 10),
        (60.0, None, False, LEAST_ROUNDS),
        (60.0, None, True, 30),
        (60.0, 7, False, 7),
        (0.01, 100, True, 100),
    ],
)
def test_number_of_rounds_fits_the_time_limit_in_default_grid(step_seconds, steps, full, rounds):
    assert choose_rounds(step_seconds, steps, full=full) == rounds


def test_warm_up_time_is_limited_in_default_grid_only():
    assert choose_warm_up(None, full=True) == (10, float("inf"))
    assert choose_warm_up(3, full=False) == (3, float("inf"))
    steps, seconds = choose_warm_up(None, full=False)
    assert steps == 10
    assert seconds < 5
