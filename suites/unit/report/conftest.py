"""A page with every section."""

import pytest

from suites.unit.exit_status import run
from suites.unit.made_up_results import (
    grid,
    write_results,
    write_stored_history,
    write_throughput,
)


@pytest.fixture(scope="package")
def whole(tmp_path_factory):
    """A page with every section, made by the commands as a user would."""
    root = tmp_path_factory.mktemp("whole")
    write_results(root / "results")
    write_throughput(root / "base/throughput.json", grid(seed=50))
    write_stored_history(root / "baselines/throughput", 30, fall_at=21)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert run("gate", "base", "results", "--output-dir", "results") == 0
        assert run("report", "results") == 0
    return root
