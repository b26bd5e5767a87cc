"""`bertbench predict` in this process."""

import functools

import pytest


@pytest.fixture
def predict(call_here):
    """Call `bertbench predict` in this process."""
    return functools.partial(call_here, "predict")
