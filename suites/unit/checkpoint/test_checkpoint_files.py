"""Checkpoints are found in folders and by path, and distinguished."""

import re
import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from bertbench.checkpoint.finding import find_checkpoint
from bertbench.errors import InputError
from suites.unit.checkpoint.checkpoint_cases import DATA, touch

pytestmark = pytest.mark.unit


class TestFinding:
    @pytest.mark.parametrize(
        ("files", "found"),
        [
            (["bert_model.ckpt.index", "vocab.txt"], "bert_model.ckpt"),
            (["model.ckpt-9.index", "model.ckpt-100.index", "model.ckpt-20.index"], "model.ckpt-100"),
            (["model.safetensors", "model.ckpt-0.index"], "model.ckpt-0"),
            (["model.safetensors", "pytorch_model.bin"], "model.safetensors"),
            (["model.safetensors", "model.safetensors.index.json"], "model.safetensors"),
            (["model.safetensors.index.json"], "model.safetensors.index.json"),
        ],
    )
    def test_checkpoint_is_found_in_folder(self, tmp_path: Path, files: list[str], found: str) -> None:
        touch(tmp_path, *files)
        assert find_checkpoint(tmp_path) == tmp_path / found

    @pytest.mark.parametrize(
        ("given", "found"),
        [
            ("a.ckpt-3", "a.ckpt-3"),
            ("a.ckpt-3.index", "a.ckpt-3"),
            ("a.ckpt-3.meta", "a.ckpt-3"),
            ("a.ckpt-3.data-00000-of-00001", "a.ckpt-3"),
            ("a.ckpt-3.data-00001-of-00002", "a.ckpt-3"),
            ("other.safetensors", "other.safetensors"),
            ("big.safetensors.index.json", "big.safetensors.index.json"),
            ("big-00002-of-00002.safetensors", "big.safetensors.index.json"),
        ],
    )
    def test_checkpoint_is_found_by_given_path(self, tmp_path: Path, given: str, found: str) -> None:
        touch(tmp_path, "a.ckpt-3.index", "b.ckpt-4.index", "other.safetensors", "big.safetensors.index.json")
        assert find_checkpoint(str(tmp_path / given)) == tmp_path / found

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (
                "pytorch_model.bin",
                "is PyTorch's pickle format, which is not supported; save it as model.safetensor",
            ),
            ("pytorch_model.bin.index.json", "is PyTorch's pickle format"),
            ("model.pt", "is PyTorch's pickle format"),
            (
                "tf_model.h5",
                "is a Keras file, which is not supported; .*from_pretrained\\(FOLDER, from_tf=True",
            ),
            ("flax_model.msgpack", "is a Flax file, which is not supported; .*from_flax=True"),
            (
                "model.onnx",
                "is an exported model, which is not supported; give the checkpoint from which it was "
                "exported",
            ),
            ("saved_model.pb", "is an exported model"),
            ("epoch=3.ckpt", "is a single file as written by PyTorch Lightning"),
            ("adapter_model.safetensors", "is an adapter without its model; merge it into the model"),
        ],
    )
    def test_unsupported_weight_format_is_reported(self, tmp_path: Path, name: str, message: str) -> None:
        touch(tmp_path, name, "optimizer.pt", "training_args.bin")
        with pytest.raises(
            InputError, match=f"contains no checkpoint that can be read: {re.escape(name)} {message}"
        ):
            find_checkpoint(tmp_path)
        if not name.endswith(".safetensors"):
            with pytest.raises(InputError, match=f"{re.escape(name)}: {message}"):
                find_checkpoint(tmp_path / name)

    def test_pytorch_file_is_reported_among_several_unsupported_formats(self, tmp_path: Path) -> None:
        touch(tmp_path, "flax_model.msgpack", "pytorch_model.bin", "tf_model.h5", "training_args.bin")
        with pytest.raises(InputError, match=r"can be read: pytorch_model\.bin is PyTorch's pickle format"):
            find_checkpoint(tmp_path)

    def test_safetensors_with_other_name_error_suggests_init_checkpoint(self, tmp_path: Path) -> None:
        touch(tmp_path, "model.fp16.safetensors")
        with pytest.raises(
            InputError, match=r"model\.fp16\.safetensors is .*; give it with --init-checkpoint"
        ):
            find_checkpoint(tmp_path)

    def test_shards_without_index_are_rejected(self, tmp_path: Path) -> None:
        touch(tmp_path, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
        with pytest.raises(
            InputError, match=r"is one of several shards; put model\.safetensors\.index\.json"
        ):
            find_checkpoint(tmp_path)
        with pytest.raises(
            InputError, match=r"is one of several shards; put model\.safetensors\.index\.json"
        ):
            find_checkpoint(tmp_path / "model-00001-of-00002.safetensors")

    @pytest.mark.parametrize(
        "files",
        [
            ["bert_model.ckpt.index", "model.ckpt-3649.index"],
            ["model.ckpt.index", "model.ckpt-5.index"],
            ["a.ckpt-1.index", "b.ckpt-2.index"],
        ],
    )
    def test_several_checkpoints_in_folder_are_rejected(self, tmp_path: Path, files: list[str]) -> None:
        touch(tmp_path, *files)
        with pytest.raises(InputError) as caught:
            find_checkpoint(tmp_path)
        assert str(caught.value).startswith(f"{tmp_path}: contains several checkpoints (")
        assert all(file.removesuffix(".index") in str(caught.value) for file in files)

    @pytest.mark.parametrize("name", ["", "bert_model.ckpt", "bert_model.ckpt.index", "model.safetensors"])
    def test_folder_without_checkpoint_is_rejected(self, tmp_path: Path, name: str) -> None:
        touch(tmp_path, "bert_model.ckpt" + DATA, "pytorch_model.bin")
        with pytest.raises(InputError, match=re.escape(str(tmp_path / name)) + ": .*no checkpoint"):
            find_checkpoint(tmp_path / name)

    def test_state_file_takes_precedence_over_newest_step(self, tmp_path: Path) -> None:
        touch(tmp_path, "model.ckpt-1.index", "model.ckpt-2.index")
        (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-1"\n')
        assert find_checkpoint(tmp_path) == tmp_path / "model.ckpt-1"

    def test_state_file_of_moved_folder_refers_to_files_beside_it(self, tmp_path: Path) -> None:
        old, new = tmp_path / "old", tmp_path / "new"
        touch(old, "model.ckpt-1.index")
        tf.compat.v1.train.update_checkpoint_state(str(old), str(old / "model.ckpt-1"))
        (old / "checkpoint").write_text(f'model_checkpoint_path: "{old / "model.ckpt-1"}"\n')
        shutil.copytree(old, new)
        assert find_checkpoint(new) == new / "model.ckpt-1"
        (new / "model.ckpt-1.index").unlink()
        assert find_checkpoint(new) == old / "model.ckpt-1"

    @pytest.mark.parametrize("name", ["model.ckpt-1", "a b", "größe-1", "q\"uo'te", "back\\slash", "日本"])
    @pytest.mark.parametrize("relative", [True, False])
    def test_state_file_is_read_as_by_tensorflow(self, tmp_path: Path, name: str, relative: bool) -> None:
        touch(tmp_path, f"{name}.index", "model.ckpt-2.index")
        tf.compat.v1.train.update_checkpoint_state(
            str(tmp_path), name if relative else str(tmp_path / name), ["model.ckpt-2", name]
        )
        state = tf.train.get_checkpoint_state(str(tmp_path))
        assert find_checkpoint(tmp_path) == Path(state.model_checkpoint_path) == tmp_path / name

    @pytest.mark.parametrize(
        "text",
        [
            'model_checkpoint_path: "model.ckpt-7"\n',
            'all_model_checkpoint_paths: "model.ckpt-1"\n',
            'model_checkpoint_path: "model.ckpt-1\n"',
            'model_checkpoint_path: "\\x00"',
            'model_checkpoint_path: "\\377"',
            "",
            "{\n",
            "\0\xff",
        ],
    )
    @pytest.mark.filterwarnings("ignore")
    def test_state_file_with_missing_checkpoint_is_rejected(self, tmp_path: Path, text: str) -> None:
        touch(tmp_path, "model.ckpt-1.index")
        (tmp_path / "checkpoint").write_bytes(text.encode("latin-1"))
        with pytest.raises(InputError, match=re.escape(str(tmp_path / "checkpoint")) + ": does not name"):
            find_checkpoint(tmp_path)
