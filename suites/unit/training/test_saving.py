"""The folder of a training run: complete checkpoints, even if writing is interrupted."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from bertbench.checkpoint.source import ModelSource
from bertbench.config import ModelConfig
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import InputError
from bertbench.files import read_json
from bertbench.training.saving import TrainingFolder
from suites.full_disk import files_no_longer_than

pytestmark = pytest.mark.unit

CONFIG = ModelConfig(vocab_size=4, hidden_size=2, num_hidden_layers=1, num_attention_heads=1)
SETTINGS = {"batch_size": 8, "seed": 1}


def variables(value):
    return {
        "kernel": tf.Variable(tf.fill([300], float(value))),
        "kernel/adam_m": tf.Variable(tf.fill([300], -1.0)),
    }


def make_source(folder):
    vocabulary = folder / "words.txt"
    vocabulary.write_bytes(b"[PAD]\n[UNK]\r\n[CLS]\n[SEP]\n[MASK]\na")
    return ModelSource(CONFIG, TokenizerFiles(vocabulary), None)


def restored(folder, step):
    state = variables(0)
    folder.restore(state, step)
    return state["kernel"].numpy()


def test_only_newest_checkpoints_are_kept(tmp_path):
    folder = TrainingFolder(tmp_path, keep_checkpoints=2)
    assert folder.latest_step() is None
    for step in (2, 4, 10):
        folder.save(variables(step), step)
    assert folder.latest_step() == 10
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {
        "checkpoint",
        *(f"model.ckpt-{step}.{end}" for step in (4, 10) for end in ("index", "data-00000-of-00001")),
    }
    np.testing.assert_array_equal(restored(folder, 4), 4.0)
    np.testing.assert_array_equal(restored(folder, 10), 10.0)


def test_training_folder_is_a_complete_model_folder(tmp_path):
    folder = TrainingFolder(tmp_path / "out", keep_checkpoints=1)
    folder.begin(SETTINGS, make_source(tmp_path))
    assert ModelConfig.from_json_file(tmp_path / "out" / "bert_config.json") == CONFIG
    assert (tmp_path / "out" / "vocab.txt").read_text() == "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"
    assert read_json(tmp_path / "out" / "tokenizer_config.json") == {
        "do_lower_case": True,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "max_input_chars_per_word": 200,
    }
    assert read_json(tmp_path / "out" / "training.json") == SETTINGS


def test_resuming_with_different_settings_is_rejected(tmp_path):
    folder = TrainingFolder(tmp_path / "out", keep_checkpoints=1)
    source = make_source(tmp_path)
    folder.begin(SETTINGS, source)
    folder.require_same({**SETTINGS, "seed": 2})  # nothing was trained yet
    folder.begin({**SETTINGS, "seed": 2}, source)
    folder.save(variables(1), 1)
    folder.require_same({**SETTINGS, "seed": 2})
    with pytest.raises(InputError, match=r"seed \(2 -> 3\)"):
        folder.require_same({**SETTINGS, "seed": 3})


def test_files_of_interrupted_save_are_not_used_as_checkpoint(tmp_path):
    folder = TrainingFolder(tmp_path, keep_checkpoints=2)
    folder.save(variables(2), 2)
    left = tmp_path / ".model.ckpt-4.0a1b2c3d.bertbench"
    left.mkdir()
    (left / "model.ckpt-4.data-00000-of-00001").write_bytes(b"half")
    (tmp_path / "model.ckpt-4.data-00000-of-00001").write_bytes(b"data without its index")
    assert folder.latest_step() == 2
    np.testing.assert_array_equal(restored(folder, 2), 2.0)
    folder.save(variables(4), 4)
    np.testing.assert_array_equal(restored(folder, 4), 4.0)
    assert not list(tmp_path.glob(".model*"))


def test_save_removes_only_leftovers_of_the_same_run(tmp_path):
    folder = TrainingFolder(tmp_path, keep_checkpoints=1)
    mine = [tmp_path / name for name in ("model.ckpt-best.index", "model.ckpt-2-notes.txt", "words")]
    for file in mine:
        file.write_text("mine")
    folder.save(variables(4), 4)
    assert [file.read_text() for file in mine] == ["mine"] * 3


def test_checking_for_existing_run_writes_no_files(tmp_path):
    folder = TrainingFolder(tmp_path / "out", keep_checkpoints=1)
    folder.require_same(SETTINGS)
    assert folder.latest_step() is None
    assert not (tmp_path / "out").exists()


def test_interrupted_removal_deletes_the_index_first(tmp_path, monkeypatch):
    folder = TrainingFolder(tmp_path, keep_checkpoints=1)
    folder.save(variables(2), 2)
    unlink = type(tmp_path).unlink
    removed = []

    def unlink_once(path, missing_ok=False):
        if path.exists() and path.name.startswith("model.ckpt-2"):
            if removed:
                raise KeyboardInterrupt
            removed.append(path.name)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(type(tmp_path), "unlink", unlink_once)
    with pytest.raises(KeyboardInterrupt):
        folder.save(variables(4), 4)
    assert removed == ["model.ckpt-2.index"]
    np.testing.assert_array_equal(restored(folder, folder.latest_step()), 4.0)
    monkeypatch.undo()
    folder.save(variables(6), 6)
    assert not list(tmp_path.glob("model.ckpt-2.*")), "the next save takes what was left"


def test_full_disk_is_reported_in_one_line_and_keeps_previous_checkpoint(tmp_path):
    folder = TrainingFolder(tmp_path, keep_checkpoints=2)
    folder.save(variables(2), 2)
    reason = r"model.ckpt-4: .*cannot be written .*free"
    with files_no_longer_than(1000), pytest.raises(InputError, match=reason) as caught:
        folder.save(variables(4), 4)
    assert "\n" not in str(caught.value)
    assert folder.latest_step() == 2
    np.testing.assert_array_equal(restored(folder, 2), 2.0)
    assert not list(tmp_path.glob(".*"))


def test_resuming_from_checkpoint_without_moments_is_rejected(tmp_path):
    folder = TrainingFolder(tmp_path, keep_checkpoints=2)
    folder.save({"kernel": tf.Variable(tf.zeros([300]))}, 2)
    with pytest.raises(InputError, match="lacks kernel/adam_m"):
        folder.restore(variables(0), 2)


def test_keep_checkpoints_zero_is_rejected(tmp_path):
    with pytest.raises(InputError, match="keep_checkpoints is 0"):
        TrainingFolder(tmp_path, keep_checkpoints=0)


def test_resuming_with_different_model_is_rejected(tmp_path):
    folder = TrainingFolder(tmp_path / "out", keep_checkpoints=1)
    source = make_source(tmp_path)
    config = dataclasses.asdict(CONFIG)
    folder.begin({"config": config}, source)
    folder.save(variables(1), 1)
    with pytest.raises(InputError, match="config"):
        folder.require_same({"config": {**config, "num_hidden_layers": 2}})
