"""Checkpoints are saved whole or not at all."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bertbench.checkpoint.finding import find_checkpoint
from bertbench.checkpoint.loading import load_weights, save_weights
from bertbench.errors import InputError
from suites.full_disk import files_no_longer_than
from suites.unit.checkpoint.checkpoint_cases import (
    DATA,
    SHAPES,
    WEIGHTS,
    touch,
    zero_variables,
)

pytestmark = pytest.mark.unit


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
