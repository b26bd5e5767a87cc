"""Damaged checkpoints are rejected, and their fingerprints differ."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from bertbench.checkpoint.finding import checkpoint_fingerprint
from bertbench.checkpoint.loading import load_weights, save_weights
from bertbench.errors import InputError
from suites.unit.checkpoint.checkpoint_cases import (
    DATA,
    SHAPES,
    WEIGHTS,
    as_hugging_face,
    assert_holds,
    touch,
    write_google,
    zero_variables,
)

pytestmark = pytest.mark.unit


class TestDamage:
    @pytest.fixture(scope="class")
    @staticmethod
    def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
        return write_google(WEIGHTS, tmp_path_factory.mktemp("whole") / "bert_model.ckpt").parent

    @staticmethod
    def damaged_copy(whole: Path, name: str, content: bytes) -> Path:
        folder = whole.parent / f"{whole.name}-damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        (folder / name).write_bytes(content)
        return folder

    @pytest.mark.parametrize("suffix", [".index", DATA])
    def test_git_lfs_pointer_is_rejected(self, whole: Path, suffix: str) -> None:
        name = f"bert_model.ckpt{suffix}"
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 9876543\n"
        folder = self.damaged_copy(whole, name, pointer)
        with pytest.raises(InputError, match=f"{re.escape(name)}: is a Git LFS pointer, not the file itself"):
            load_weights(zero_variables(SHAPES), folder)

    @pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
    @pytest.mark.parametrize("suffix", [".index", DATA])
    def test_truncated_google_checkpoint_is_rejected(self, whole: Path, suffix: str, kept: float) -> None:
        name = f"bert_model.ckpt{suffix}"
        content = (whole / name).read_bytes()
        folder = self.damaged_copy(whole, name, content[: int(len(content) * kept)])
        with pytest.raises(InputError, match=re.escape(str(folder / name)) + ": truncated") as caught:
            load_weights(zero_variables(SHAPES), folder)
        assert "\n" not in str(caught.value)

    @given(position=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
    def test_flipped_byte_in_values_is_detected(self, whole: Path, position: float, mask: int) -> None:
        name = f"bert_model.ckpt{DATA}"
        content = bytearray((whole / name).read_bytes())
        content[int(len(content) * position)] ^= mask
        folder = self.damaged_copy(whole, name, content)
        with pytest.raises(InputError, match=re.escape(str(folder / name)) + ": damaged"):
            load_weights(zero_variables(SHAPES), folder)

    @given(position=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
    def test_flipped_byte_in_index_never_gives_wrong_weights(
        self, whole: Path, position: float, mask: int
    ) -> None:
        name = "bert_model.ckpt.index"
        content = bytearray((whole / name).read_bytes())
        content[int(len(content) * position)] ^= mask
        folder = self.damaged_copy(whole, name, content)
        variables = zero_variables(SHAPES)
        refusal = None
        try:
            load_weights(variables, folder)
        except InputError as error:
            refusal = str(error)
        if refusal is None:  # some bytes of the format have no effect
            assert_holds(variables, WEIGHTS)
        else:
            assert refusal.startswith(f"{folder}/bert_model.ckpt")

    def test_missing_data_file_is_rejected(self, whole: Path, tmp_path: Path) -> None:
        shutil.copy(whole / "bert_model.ckpt.index", tmp_path)
        with pytest.raises(InputError, match=re.escape(f"{tmp_path}/bert_model.ckpt.data-*: missing")):
            load_weights(zero_variables(SHAPES), tmp_path)
        with pytest.raises(InputError, match="missing"):
            checkpoint_fingerprint(tmp_path)

    def test_google_shards_are_read_and_missing_shard_is_rejected(self, tmp_path: Path) -> None:
        names = list(WEIGHTS)
        parts = [{name: WEIGHTS[name] for name in names[shard::2]} for shard in range(2)]
        prefixes = [
            str(write_google(part, tmp_path / "parts" / f"part-{shard}")) for shard, part in enumerate(parts)
        ]
        tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=prefixes, destination_prefix=str(tmp_path / "bert_model.ckpt")
        )
        variables = zero_variables(SHAPES)
        load_weights(variables, tmp_path)
        assert_holds(variables, WEIGHTS)

        second = tmp_path / "bert_model.ckpt.data-00001-of-00002"
        second.unlink()
        with pytest.raises(InputError, match=re.escape(f"{second}: missing")):
            load_weights(variables, tmp_path)

    @pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.999])
    def test_truncated_safetensors_file_is_rejected(self, tmp_path: Path, kept: float) -> None:
        file = tmp_path / "model.safetensors"
        save_file(as_hugging_face(WEIGHTS), file)
        os.truncate(file, int(file.stat().st_size * kept))
        with pytest.raises(InputError, match=re.escape(f"{file}: truncated")):
            load_weights(zero_variables(SHAPES), tmp_path)

    def test_unsupported_safetensors_dtype_is_rejected(self, tmp_path: Path) -> None:
        save_file({"bert.pooler.dense.bias": np.zeros(4, np.complex64)}, tmp_path / "model.safetensors")
        with pytest.raises(InputError, match=r"bert\.pooler\.dense\.bias has dtype C64"):
            load_weights(zero_variables(SHAPES), tmp_path)


class TestFingerprint:
    def test_fingerprint_depends_on_content_not_on_file_names(self, tmp_path: Path) -> None:
        write_google(WEIGHTS, tmp_path / "bert_model.ckpt")
        first = checkpoint_fingerprint(tmp_path)
        assert re.fullmatch("[0-9a-f]{16}", first)
        for suffix in (".index", DATA):
            touch(tmp_path / "other")
            shutil.copy(tmp_path / f"bert_model.ckpt{suffix}", tmp_path / f"other/x.ckpt-5{suffix}")
        assert checkpoint_fingerprint(tmp_path / "other") == first
        assert checkpoint_fingerprint(tmp_path / "bert_model.ckpt.index") == first

    @pytest.mark.parametrize("form", ["google", "safetensors"])
    def test_fingerprint_changes_with_one_weight(self, tmp_path: Path, form: str) -> None:
        changed = WEIGHTS | {"bert/embeddings/LayerNorm/beta": np.float32([0, 0, 0, 1e-30])}
        prints = []
        for number, weights in enumerate((WEIGHTS, WEIGHTS, changed)):
            folder = tmp_path / str(number)
            touch(folder)
            if form == "google":
                save_weights(weights, folder / "model.ckpt", global_step=0)
            else:
                save_file(as_hugging_face(weights), folder / "model.safetensors")
            prints.append(checkpoint_fingerprint(folder))
        assert prints[0] == prints[1] != prints[2]
