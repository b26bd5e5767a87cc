"""A file that changes while it is used is noticed."""

import os

import pytest

from bertbench.errors import InputError
from bertbench.file_identity import unchanged
from bertbench.files import read_content

pytestmark = pytest.mark.unit


def replace(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


CHANGES = {
    "replaced": replace,
    "written to": lambda path: path.write_bytes(b"other"),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"1"),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_file_changed_while_reading_is_reported(tmp_path, change):
    path, other = tmp_path / "data.json", tmp_path / "second"
    path.write_bytes(b"12345")
    other.write_bytes(b"1")
    os.utime(path, ns=(0, 0))  # long ago, so that the clock's steps do not matter
    with unchanged([other, path]):
        read_content(path)
    with pytest.raises(InputError, match=r"data\.json: changed while it was read"), unchanged([other, path]):
        change(path)
