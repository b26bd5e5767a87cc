"""Scores by item are read back as written, and other files are rejected."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from bertbench.errors import InputError
from bertbench.evaluation.items import Items
from bertbench.results.item_files import read_items, write_items

pytestmark = pytest.mark.unit

F1 = np.repeat([100.0, 0.0], [700, 100])
IDS = np.array([f"q{number}" for number in range(800)])
SCORES = {"f1": 87.5}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "scores.npz"
    write_items(path, Items(IDS, {"f1": F1}))
    return path


def test_items_are_read_back_in_order(path):
    items = read_items(path, SCORES)
    assert items.ids.tolist() == IDS.tolist()
    assert items.values["f1"].tolist() == F1.tolist()
    assert items.score("f1") == 87.5


def savez(path, **arrays):
    np.savez(path, **({"ids": IDS, "f1": F1} | arrays))


def write_array(path):
    with path.open("wb") as stream:
        np.save(stream, F1)


def add_member(path, name, data):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, data)


def header(shape, dtype="<f8"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-300]), id="truncated"),
        pytest.param(lambda path: path.write_bytes(b"PK" + path.read_bytes()[2:-900]), id="torn"),
        pytest.param(lambda path: path.unlink(), id="missing"),
        pytest.param(write_array, id="one array"),
        pytest.param(lambda path: np.savez(path, ids=IDS), id="no scores"),
        pytest.param(lambda path: np.savez(path, f1=F1), id="no ids"),
        pytest.param(lambda path: savez(path, ids=np.array("q"), f1=np.array(87.5)), id="no list"),
        pytest.param(lambda path: savez(path, ids=np.full(800, "q")), id="one id"),
        pytest.param(lambda path: savez(path, ids=np.arange(800)), id="ids that are numbers"),
        pytest.param(lambda path: savez(path, f1=F1 * np.nan), id="nan"),
        pytest.param(lambda path: savez(path, f1=F1[:-1]), id="one too few"),
        pytest.param(lambda path: savez(path, f1=F1 - 1), id="another score"),
        pytest.param(lambda path: savez(path, f1=F1.astype(str)), id="text"),
        pytest.param(lambda path: savez(path, f1=F1.astype(object)), id="pickled"),
        pytest.param(lambda path: add_member(path, "ids.npy", pickle.dumps(IDS)), id="a pickle"),
        pytest.param(lambda path: add_member(path, "ids.npy", header((10**15,))), id="huge"),
        pytest.param(lambda path: add_member(path, "ids.npy", header((10**15,), "<U0")), id="huge and empty"),
        pytest.param(lambda path: add_member(path, "ids.npy", header((-1,))), id="negative"),
    ],
)
def test_damaged_item_file_is_rejected_in_one_line(path, spoil):
    spoil(path)
    with pytest.raises(InputError, match=r"scores\.npz: .*make the results again") as refusal:
        read_items(path, SCORES)
    assert "\n" not in str(refusal.value)
