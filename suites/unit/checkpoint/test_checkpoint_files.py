"""Checkpoints are found, distinguished, and saved completely or not at all; damaged ones are rejected."""

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from bertbench.checkpoint.finding import checkpoint_fingerprint, find_checkpoint
from bertbench.checkpoint.loading import load_weights, save_weights
from bertbench.errors import InputError
from suites.unit.checkpoint.checkpoint_cases import (
    as_hugging_face,
    assert_holds,
    random_weights,
    weight_shapes,
    write_google,
    zero_variables,
)

pytestmark = pytest.mark.unit

SHAPES = weight_shapes()
WEIGHTS = random_weights(SHAPES)
DATA = ".data-00000-of-00001"


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


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


@contextlib.contextmanager
def files_no_longer_than(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


class TestSaving:
    @given(hnp.arrays(np.uint32, (3, 7), elements=st.integers(0, 2**32 - 1)))
    def test_saved_weights_are_read_back_bitwise(
        self, tmp_path_factory: pytest.TempPathFactory, bits: np.ndarray
    ) -> None:
        prefix = tmp_path_factory.mktemp("save") / "model.ckpt-3"
        save_weights({"bert/w": tf.Variable(bits.view(np.float32))}, prefix, global_step=3)
        variable = tf.Variable(tf.zeros((3, 7)))
        load_weights({"bert/w": variable}, prefix)
        np.testing.assert_array_equal(variable.numpy().view(np.uint32), bits)

    def test_saved_checkpoint_is_a_google_checkpoint(self, tmp_path: Path) -> None:
        prefix = tmp_path / "new/folder/model.ckpt-12"
        variables = {name: tf.Variable(value, dtype=tf.bfloat16) for name, value in WEIGHTS.items()}
        save_weights(variables, prefix, global_step=12)

        assert sorted(path.name for path in prefix.parent.iterdir()) == [
            "model.ckpt-12.data-00000-of-00001",
            "model.ckpt-12.index",
        ]
        stored = dict(tf.train.list_variables(str(prefix)))
        assert stored == {name: list(shape) for name, shape in SHAPES.items()} | {"global_step": []}
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            graph = {
                name: tf.compat.v1.get_variable(name, shape, use_resource=False)
                for name, shape in SHAPES.items()
            }
            step = tf.compat.v1.train.get_or_create_global_step()
            tf.compat.v1.train.Saver().restore(session, str(prefix))
            values, step = session.run((graph, step))
        assert step == 12
        for name, value in values.items():
            np.testing.assert_array_equal(value, WEIGHTS[name], err_msg=name)

    def test_integer_and_boolean_values_keep_their_dtypes(self, tmp_path: Path) -> None:
        weights = {"seen": np.int64(2**40), "flag": np.array([True, False]), "bert/w": np.float64([0.5])}
        save_weights(weights, tmp_path / "model.ckpt", global_step=1)
        reader = tf.train.load_checkpoint(str(tmp_path / "model.ckpt"))
        assert reader.get_tensor("seen") == 2**40
        assert reader.get_tensor("flag").tolist() == [True, False]
        assert reader.get_tensor("bert/w").dtype == np.float32

    def test_saving_replaces_checkpoint_of_same_name(self, tmp_path: Path) -> None:
        for step in (1, 2):
            save_weights({"bert/w": np.full(50, step, np.float32)}, tmp_path / "model.ckpt", global_step=step)
        variable = tf.Variable(tf.zeros(50))
        load_weights({"bert/w": variable}, tmp_path)
        assert set(variable.numpy()) == {2.0}

    def test_save_interrupted_between_files_leaves_no_readable_checkpoint(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save_weights({"bert/w": np.ones(50, np.float32)}, tmp_path / "model.ckpt", global_step=1)
        replace = Path.replace

        def stop_at_the_second(self: Path, target: Path) -> Path:
            if (tmp_path / f"model.ckpt{DATA}").stat().st_size == 4 * 70 + 8:
                raise KeyboardInterrupt
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            save_weights({"bert/w": np.ones(70, np.float32)}, tmp_path / "model.ckpt", global_step=2)
        assert [path.name for path in tmp_path.iterdir()] == [f"model.ckpt{DATA}"]

    def test_full_disk_does_not_change_existing_files(self, tmp_path: Path) -> None:
        large = {"bert/w": np.ones(100_000, np.float32)}
        save_weights(large, tmp_path / "model.ckpt-1", global_step=1)
        before = contents(tmp_path)
        for name in ("model.ckpt-1", "model.ckpt-2"):
            with (
                files_no_longer_than(50_000),
                pytest.raises(
                    InputError,
                    match=re.escape(f"{tmp_path / name}: the checkpoint cannot be written (File too large)"),
                ),
            ):
                save_weights(large, tmp_path / name, global_step=2)
            assert contents(tmp_path) == before
        assert find_checkpoint(tmp_path) == tmp_path / "model.ckpt-1"

    def test_path_that_cannot_be_written_is_rejected(self, tmp_path: Path) -> None:
        touch(tmp_path, "file")
        with pytest.raises(InputError, match=re.escape(str(tmp_path / "file"))):
            save_weights(WEIGHTS, tmp_path / "file/model.ckpt", global_step=0)

    def test_checkpoints_of_killed_process_are_complete(self, tmp_path: Path) -> None:
        script = (
            "import sys, itertools, numpy as np\n"
            "from bertbench.checkpoint.loading import save_weights\n"
            "for step in itertools.count():\n"
            "    value = {f'bert/w{i}': np.full(50_000, step, np.float32) for i in range(10)}\n"
            "    save_weights(value, f'{sys.argv[1]}/model.ckpt-{step % 3}', global_step=step)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
        try:
            deadline = time.monotonic() + 120
            while not (tmp_path / "model.ckpt-2.index").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.3)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

        indices = sorted(tmp_path.glob("*.index"))
        assert len(indices) >= 2
        for index in indices:
            variables = {f"bert/w{i}": tf.Variable(tf.zeros(50_000)) for i in range(10)}
            variables["global_step"] = tf.Variable(tf.zeros((), tf.int64))
            load_weights(variables, index)
            step = float(variables.pop("global_step"))
            assert all(set(variable.numpy()) == {step} for variable in variables.values())
        save_weights(WEIGHTS, tmp_path / "model.ckpt-0", global_step=0)
        load_weights(zero_variables(SHAPES), tmp_path / "model.ckpt-0")
