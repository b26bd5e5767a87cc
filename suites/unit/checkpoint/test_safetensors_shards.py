"""Sharded safetensors: read like one file; missing shards and contradictions with the index are reported."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from bertbench.checkpoint.finding import checkpoint_fingerprint
from bertbench.checkpoint.loading import load_weights
from bertbench.checkpoint.readers import open_checkpoint
from bertbench.errors import InputError
from suites.unit.checkpoint.checkpoint_cases import (
    SPAN_HEAD,
    as_hugging_face,
    assert_holds,
    random_weights,
    weight_shapes,
    zero_variables,
)

pytestmark = pytest.mark.unit

SHAPES = weight_shapes() | SPAN_HEAD
WEIGHTS = random_weights(SHAPES)
INDEX = "model.safetensors.index.json"
SHARDS = [f"model-{number:05d}-of-00003.safetensors" for number in (1, 2, 3)]


@pytest.fixture
def folder(tmp_path):
    """A checkpoint whose tensors are distributed over three shards in turn."""
    tensors = as_hugging_face(WEIGHTS)
    places = {name: SHARDS[index % 3] for index, name in enumerate(tensors)}
    for shard in SHARDS:
        save_file({name: tensors[name] for name, place in places.items() if place == shard}, tmp_path / shard)
    write_index(tmp_path, places)
    return tmp_path


def write_index(folder, places):
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))


def read_index(folder):
    return json.loads((folder / INDEX).read_text())["weight_map"]


@pytest.mark.parametrize("given", ["", INDEX, SHARDS[1]])
def test_shards_are_read_as_one_file(folder, given):
    variables = zero_variables(SHAPES)
    report = load_weights(variables, folder / given)
    assert report.checkpoint == folder / INDEX
    assert_holds(variables, WEIGHTS)


def test_shards_may_be_symbolic_links(folder, tmp_path):
    cache = tmp_path / "blobs"
    cache.mkdir()
    for shard in SHARDS:
        (folder / shard).rename(cache / shard)
        (folder / shard).symlink_to(cache / shard)
    variables = zero_variables(SHAPES)
    load_weights(variables, folder)
    assert_holds(variables, WEIGHTS)


def test_fingerprint_depends_on_index_and_every_shard(folder):
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (INDEX, *SHARDS)]
    expected = hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
    assert checkpoint_fingerprint(folder) == expected


def test_missing_shards_are_reported(folder):
    for shard in SHARDS[1:]:
        (folder / shard).unlink()
    message = rf"{INDEX}: shards missing or unreadable: {SHARDS[1]}, {SHARDS[2]}; put all of them next to it"
    with pytest.raises(InputError, match=message):
        open_checkpoint(folder)
    with pytest.raises(InputError, match=message):
        checkpoint_fingerprint(folder)


@pytest.mark.parametrize(
    "place", ["../other.safetensors", "/etc/passwd", "sub/model.safetensors", "..", "", "\ud800", 7, None]
)
def test_index_with_path_outside_folder_is_rejected(folder, place):
    name = "qa_outputs.bias"
    write_index(folder, read_index(folder) | {name: place})
    message = f"weight_map has {name} in {place!r}; it must be a file"
    with pytest.raises(InputError, match=rf"{INDEX}: {re.escape(message)}"):
        open_checkpoint(folder)


@pytest.mark.parametrize("text", ["[]", "{}", '{"weight_map": []}', '{"weight_map": {}}'])
def test_index_without_weight_map_is_rejected(folder, text):
    (folder / INDEX).write_text(text)
    with pytest.raises(InputError, match=rf"{INDEX}: contains no weight_map"):
        open_checkpoint(folder)


def test_index_that_contradicts_shards_is_rejected(folder):
    places = read_index(folder)
    name = "qa_outputs.bias"
    others = [shard for shard in SHARDS if shard != places[name]]
    write_index(folder, places | {name: others[0]})
    with pytest.raises(
        InputError, match=rf"{others[0]}: does not contain {name}, which {INDEX} places there"
    ):
        open_checkpoint(folder)
    write_index(folder, {key: place for key, place in places.items() if key != name})
    with pytest.raises(
        InputError, match=rf"{places[name]}: contains {name}, which {INDEX} does not place there"
    ):
        open_checkpoint(folder)


def test_tensor_in_two_shards_is_rejected(folder):
    tensors = as_hugging_face(WEIGHTS)
    places = read_index(folder)
    name = "qa_outputs.bias"
    (other, *_) = (shard for shard in SHARDS if shard != places[name])
    kept = {key: tensors[key] for key, place in places.items() if place == other}
    save_file(kept | {name: tensors[name] + 1}, folder / other)
    with pytest.raises(InputError, match=rf"{other}: contains {name}, which {INDEX} does not place there"):
        open_checkpoint(folder)


@pytest.mark.parametrize("damaged", [SHARDS[2], INDEX])
def test_git_lfs_pointers_are_reported(folder: Path, damaged):
    (folder / damaged).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 9\n")
    with pytest.raises(
        InputError, match=rf"{damaged}: is a Git LFS pointer, not the file itself; run `git lfs"
    ):
        open_checkpoint(folder)
