"""A local web server."""

import pytest

from suites.unit.fetch.publisher import run_publisher


@pytest.fixture
def publisher():
    with run_publisher() as running:
        yield running
