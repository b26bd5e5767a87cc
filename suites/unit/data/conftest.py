"""Two TFRecord files."""

import pytest

from suites.unit.data.record_files import padded, write


@pytest.fixture
def two_files(tmp_path):
    """Seven examples in two files; example i has i as its second token."""
    examples = [padded(6 + i % 3, i % 2, first=i) for i in range(7)]
    return [write(tmp_path / "a.tfrecord", examples[:3]), write(tmp_path / "b.tfrecord", examples[3:])]
