"""Writes `numerics.json` at a session's end.

This is a plugin because the main process of pytest-xdist does not load the conftest.py of a subfolder.
"""

import pytest

from bertbench.pytest_plugin.plugin import is_xdist_worker
from bertbench.pytest_plugin.summary import summary_of

# Keys of what the session's summary gathers.
ROWS, LAYERS = "numerics rows", "numerics layers"


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    folder = config.option.results_dir
    kept = summary_of(config).entries
    if folder is None or is_xdist_worker(config) or not (kept.get(ROWS) or kept.get(LAYERS)):
        return
    from bertbench.parsing import parse_dataclass
    from bertbench.results.numerics import NUMERICS_FILE, NumericsResult
    from bertbench.results.schema import write_result

    values = {"rows": kept.get(ROWS, []), "layer_errors": kept.get(LAYERS, [])}
    write_result(folder / NUMERICS_FILE, parse_dataclass(NumericsResult, values, NUMERICS_FILE))
