"""Horovod is optional: tests that need it are skipped if it is not installed."""

import importlib.util

import pytest


def skip_without_horovod() -> None:
    if importlib.util.find_spec("horovod") is None:
        pytest.skip("Horovod is not installed; install it with python tools/horovod/install.py")
