"""The throughput suite's grid: what the default part and the whole hold, and how long a case is measured."""

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


def test_the_whole_grid_has_every_cell_once():
    """Two precisions, three tasks and three geometries; three batches in inference, one in training."""
    cells = make(full=True)
    grid = [cell for cell in cells if cell.batch_size in BATCH_SIZES[cell.case.mode]]
    grid = [cell for cell in grid if cell.geometry != "bert-large-4l"]
    assert len(grid) == len({cell.case.id for cell in grid}) == 2 * 3 * 3 * (3 + 1)
    assert {cell.geometry for cell in cells} == set(GEOMETRIES)
    assert len({cell.case.id for cell in cells}) == len(cells)


@pytest.mark.parametrize("native", [True, False])
def test_the_default_part_is_in_every_dimension_but_short(native):
    cells = make(full=False, native=native)
    assert {cell.case.id for cell in cells} <= {cell.case.id for cell in make(full=True, native=native)}
    seen = {(cell.case.precision, cell.case.task, cell.case.mode) for cell in cells}
    assert len(seen) == 2 * 3 * 2
    geometries = ("tiny", "bert-base", "bert-large-4l")
    assert {(cell.geometry, cell.case.mode) for cell in cells} == {
        (geometry, mode) for geometry in geometries for mode in ("inference", "training")
    }
    assert len(cells) == 12 + 3 + 3


def test_fewer_layers_are_said_in_the_name():
    cells = [cell for cell in make(full=False) if "large" in cell.geometry]
    assert {cell.benchmark.config.num_hidden_layers for cell in cells} == {4}
    assert all("-bert-large-4l-b" in cell.case.id for cell in cells)


def test_where_bf16_is_emulated_only_the_smallest_model_is_measured_in_it():
    cells = make(full=False, native=False)
    skipped = {cell.case.id for cell in cells if reason_to_skip(cell, full=False, native_bf16=False)}
    assert skipped == {"bf16-squad-inference-bert-base-b4", "bf16-squad-inference-bert-large-4l-b4"}
    assert not any(
        reason_to_skip(cell, full=True, native_bf16=False) for cell in make(full=True, native=False)
    )
    assert not any(reason_to_skip(cell, full=False, native_bf16=True) for cell in make(full=False))


def test_a_cell_is_stored_under_its_own_name():
    for cell in make(full=True):
        assert cell.benchmark.name == cell.case.id


def test_a_batch_size_of_the_users_replaces_the_grids():
    cells = make(full=True, batch_size=5)
    assert len(cells) == 2 * 3 * 2 * 3 + 3
    assert {cell.batch_size for cell in cells} == {5}


def test_every_case_has_enough_rounds_for_a_verdict():
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
def test_rounds_fit_the_time_unless_they_are_asked_for(step_seconds, steps, full, rounds):
    assert choose_rounds(step_seconds, steps, full=full) == rounds


def test_warm_up_is_cut_short_only_in_the_default_part():
    assert choose_warm_up(None, full=True) == (10, float("inf"))
    assert choose_warm_up(3, full=False) == (3, float("inf"))
    steps, seconds = choose_warm_up(None, full=False)
    assert steps == 10
    assert seconds < 5
