"""The throughput suite's grid: what the default part and the whole hold, and how long a case is measured."""

import pytest

from bertbench.config import GEOMETRIES
from suites.throughput.grid import LEAST_ROUNDS, choose_rounds, choose_warm_up, make_cells

pytestmark = pytest.mark.unit


def test_the_whole_grid_has_every_cell_once():
    """Two precisions, three tasks and three geometries; three batches in inference, one in training."""
    cells = make_cells(full=True)
    assert len(cells) == len({cell.case.id for cell in cells}) == 2 * 3 * 3 * (3 + 1)
    assert {cell.geometry for cell in cells} == set(GEOMETRIES)


def test_the_default_part_is_in_every_dimension_but_short():
    cells = make_cells(full=False)
    assert {cell.case.id for cell in cells} <= {cell.case.id for cell in make_cells(full=True)}
    seen = {(cell.case.precision, cell.case.task, cell.case.mode) for cell in cells}
    assert len(seen) == 2 * 3 * 2
    assert {(cell.geometry, cell.case.mode) for cell in cells} == {
        (geometry, mode) for geometry in GEOMETRIES for mode in ("inference", "training")
    }
    assert len(cells) == 12 + 3 + 3


def test_a_cell_is_stored_under_its_own_name():
    for cell in make_cells(full=True):
        assert cell.benchmark.name == cell.case.id


def test_a_batch_size_of_the_users_replaces_the_grids():
    cells = make_cells(full=True, batch_size=5)
    assert len(cells) == 2 * 3 * 2 * 3
    assert {cell.batch_size for cell in cells} == {5}


@pytest.mark.parametrize(
    ("step_seconds", "steps", "full", "rounds"),
    [
        (0.01, None, False, 30),
        (1.0, None, False, 12),
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
