"""The tiny files that the tests of training share."""

from pathlib import Path

import pytest

from suites.training.tiny import write_files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model's configuration and vocabulary, and every task's training files."""
    return write_files(tmp_path_factory.mktemp("tiny"))
