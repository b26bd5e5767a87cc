"""Checkpoints in paths that TensorFlow interprets as patterns."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from bertbench.checkpoint.loading import save_weights
from bertbench.checkpoint.readers import open_checkpoint

pytestmark = pytest.mark.unit

WEIGHTS = {"a/kernel": tf.constant([[1.5, -2.0]]), "b": tf.constant(3, tf.int64)}


@pytest.mark.parametrize(
    "place",
    [
        "runs[1]/model.ckpt-3",
        "[bf16]/x/model.ckpt",
        "a*b/model.ckpt",
        "a?b/model[2].ckpt-1",
        "back\\slash/model.ckpt",
        "a:100:b/model:x.ckpt",
        "a b/c,d/model.ckpt",
        "{x}/~/$HOME/model.ckpt",
        "[ü]/灯.ckpt",
        b"caf\xe9/model.ckpt".decode(errors="surrogateescape"),
    ],
)
def test_checkpoint_with_special_characters_in_path_is_read_back(tmp_path, place):
    plain, odd = tmp_path / "plain" / "model.ckpt", tmp_path / place
    save_weights(WEIGHTS, plain, global_step=7)
    if place.isprintable():
        save_weights(WEIGHTS, odd, global_step=7)
    else:  # a checkpoint may have been copied to such a path
        odd.parent.mkdir()
        for file in plain.parent.iterdir():
            shutil.copy(file, odd.with_name(file.name))
    source = open_checkpoint(odd)
    tensors = source.list_tensors()
    assert [tensor.name for tensor in tensors] == ["a/kernel", "b", "global_step"]
    for value, expected in zip(source.read(tensors), ([[1.5, -2.0]], 3, 7), strict=True):
        np.testing.assert_array_equal(value, expected)
    assert open_checkpoint(odd.parent).path == odd


def test_folder_name_with_brackets_is_not_a_pattern(tmp_path):
    save_weights({"here": tf.constant(1.0)}, tmp_path / "r[1]" / "model.ckpt", global_step=1)
    save_weights({"there": tf.constant(2.0)}, tmp_path / "r1" / "model.ckpt", global_step=2)
    names = [tensor.name for tensor in open_checkpoint(tmp_path / "r[1]" / "model.ckpt").list_tensors()]
    assert names == ["global_step", "here"]
