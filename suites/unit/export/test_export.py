"""`bertbench export`: what other programs compute with its files, compared with float64, and bad input."""

import importlib.util
import json

import numpy as np
import pytest
import tensorflow as tf

from bertbench.config import ModelConfig
from bertbench.tasks.table import TASKS
from suites.numerics.exact import gelu_tanh
from suites.numerics.reference import ReferenceEncoder

pytestmark = pytest.mark.unit

LENGTHS = (9, 24, 5)
FORMATS = ("saved-model", "onnx")


def require_format(name):
    if name == "onnx":
        for package in ("onnx", "onnxruntime"):
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{package} is not installed; the extra `test` brings it")


class Reference:
    """A model in float64: numpy's encoder, and its heads as their papers have them."""

    def __init__(self, folder):
        reader = tf.train.load_checkpoint(str(folder / "bert_model.ckpt"))
        names = reader.get_variable_to_shape_map()
        self.w = {name: reader.get_tensor(name).astype(np.float64) for name in names}
        self.config = ModelConfig.from_json_file(folder / "bert_config.json")
        self.epsilon = self.config.layer_norm_eps
        encoder = {name: value for name, value in self.w.items() if name.startswith("bert/e")}
        heads = self.config.num_attention_heads
        self.encode = ReferenceEncoder(encoder, num_heads=heads, epsilon=self.epsilon, gelu="tanh")

    def __call__(self, task, inputs):
        hidden = self.encode(inputs["input_ids"], inputs["segment_ids"], inputs["input_mask"])[-1]
        return getattr(self, task)(hidden, inputs)

    def squad(self, hidden, inputs):
        logits = hidden @ self.w["cls/squad/output_weights"].T + self.w["cls/squad/output_bias"]
        return {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}

    def classifier(self, hidden, inputs):
        return {"logits": self.pooled(hidden) @ self.w["output_weights"].T + self.w["output_bias"]}

    def pretraining(self, hidden, inputs):
        scope, next_scope = "cls/predictions", "cls/seq_relationship"
        masked = np.stack(
            [row[places] for row, places in zip(hidden, inputs["masked_lm_positions"], strict=True)]
        )
        x = gelu_tanh(
            masked @ self.w[f"{scope}/transform/dense/kernel"] + self.w[f"{scope}/transform/dense/bias"]
        )
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + self.epsilon)
        gamma, beta = (self.w[f"{scope}/transform/LayerNorm/{name}"] for name in ("gamma", "beta"))
        words = self.w["bert/embeddings/word_embeddings"]
        following = self.pooled(hidden) @ self.w[f"{next_scope}/output_weights"].T
        return {
            "masked_lm_logits": (x * gamma + beta) @ words.T + self.w[f"{scope}/output_bias"],
            "next_sentence_logits": following + self.w[f"{next_scope}/output_bias"],
        }

    def pooled(self, hidden):
        return np.tanh(hidden[:, 0] @ self.w["bert/pooler/dense/kernel"] + self.w["bert/pooler/dense/bias"])


def make_inputs(task, config):
    random = np.random.default_rng(7)
    shape = len(LENGTHS), max(LENGTHS)
    mask = np.arange(shape[1]) < np.array(LENGTHS)[:, None]
    inputs = {
        "input_ids": random.integers(0, config.vocab_size, shape) * mask,
        "segment_ids": random.integers(0, 2, shape) * mask,
        "input_mask": mask.astype(int),
    }
    if task == "pretraining":
        inputs["masked_lm_positions"] = random.integers(0, min(LENGTHS), (len(LENGTHS), 3))
    return inputs


def run_exported(form, folder, inputs):
    """What a program without bertbench does."""
    if form == "saved-model":
        function = tf.saved_model.load(str(folder)).signatures["serving_default"]
        outputs = function(**{name: tf.constant(value, tf.int32) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    outputs = session.run(names, {name: value.astype(np.int64) for name, value in inputs.items()})
    return dict(zip(names, outputs, strict=True))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("task", ["squad", "classifier", "pretraining"])
def test_exported_model_computes_same_outputs_in_other_programs(call_here, tmp_path, task, form):
    require_format(form)
    out = tmp_path / "models" / "1"
    status, _, err = call_here("export", task, "--format", form, "--output-dir", out)
    assert status == 0, err
    assert f"{task} in fp32 as {form}; " in err.splitlines()[-1]
    reference = Reference(TASKS[task].embedded.model_dir)
    inputs = make_inputs(task, reference.config)
    expected, got = reference(task, inputs), run_exported(form, out, inputs)
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        kept = inputs["input_mask"] > 0 if values.shape == inputs["input_mask"].shape else ...
        scale = np.abs(values).max()
        np.testing.assert_allclose(got[name][kept], values[kept], atol=2e-5 * scale, rtol=0)
    assert [path.name for path in tmp_path.joinpath("models").iterdir()] == ["1"]


@pytest.mark.parametrize("form", FORMATS)
def test_bfloat16_arrays_are_stored(call_here, tmp_path, form):
    require_format(form)
    out = tmp_path / "out"
    status, _, err = call_here(
        "export", "squad", "--precision", "bf16", "--format", form, "--output-dir", out
    )
    assert status == 0, err
    if form == "onnx":
        import onnx

        model = onnx.load(out / "model.onnx", load_external_data=False)
        onnx.checker.check_model(str(out / "model.onnx"), full_check=True)
        kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
        assert kinds["bert/encoder/layer_0/attention/self/query/kernel"] == onnx.TensorProto.BFLOAT16
    else:
        loaded = tf.saved_model.load(str(out))
        assert tf.bfloat16 in {variable.dtype for variable in loaded.signatures["serving_default"].variables}


def test_exported_signature_is_accepted_by_serving(call_here, tmp_path):
    out = tmp_path / "1"
    status, _, err = call_here("export", "squad", "--format", "saved-model", "--output-dir", out)
    assert status == 0, err
    assert b"_XlaMustCompile" not in (out / "saved_model.pb").read_bytes()
    function = tf.saved_model.load(str(out)).signatures["serving_default"]
    _, inputs = function.structured_input_signature
    assert {name: (spec.shape.as_list(), spec.dtype) for name, spec in inputs.items()} == dict.fromkeys(
        ("input_ids", "segment_ids", "input_mask"), ([None, None], tf.int32)
    )


@pytest.mark.parametrize("form", FORMATS)
def test_exported_model_with_different_outputs_is_not_written(call_here, tmp_path, monkeypatch, form):
    require_format(form)
    name = "onnx_model.run_onnx_model" if form == "onnx" else "saved_model.run_saved_model"
    module, function = name.split(".")
    original = getattr(importlib.import_module(f"bertbench.export.{module}"), function)

    def wrong(folder, inputs):
        outputs = original(folder, inputs)
        outputs["end_logits"][3, 2] += 0.5
        return outputs

    monkeypatch.setattr(f"bertbench.export.{name}", wrong)
    status, _, err = call_here("export", "squad", "--format", form, "--output-dir", tmp_path / "out")
    assert status == 3
    assert "end logits of the exported model differ by 0.5 from the model's own" in err
    assert list(tmp_path.iterdir()) == []


def test_random_examples_are_used_without_data(call_here, stand_ins, tmp_path):
    words = ("--model-dir", stand_ins.tuned, "--format", "saved-model", "--output-dir", tmp_path / "out")
    status, _, err = call_here("export", "squad", *words, "--max-seq-length", "100")
    assert status == 0, err
    assert "logits of 16 examples differ by" in err


def test_length_beyond_the_models_positions_is_rejected(call_here, stand_ins, tmp_path):
    words = ("--model-dir", stand_ins.tuned, "--format", "saved-model", "--output-dir", tmp_path / "out")
    status, _, err = call_here("export", "squad", *words, "--max-seq-length", "513")
    assert status == 2
    assert "max_seq_length 513 is above the model's max_position_embeddings 512" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "savedmodel"), "choose one of saved-model, onnx"),
        ((), "Missing option '--format'"),
        (("--format", "onnx"), "--format onnx needs the package onnx; install onnx and onnxruntime"),
        (("--format", "saved-model", "--output-dir", "full"), "full: is not an empty folder"),
        (("--format", "saved-model", "--output-dir", "full/file"), "file: is not an empty folder"),
        (("--format", "saved-model", "--model-dir", "absent"), "absent: no such folder"),
    ],
)
def test_unsupported_export_is_rejected(call_here, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bertbench.export.onnx_model.importlib.util.find_spec", lambda name: None)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text(json.dumps(None))
    status, _, err = call_here("export", "squad", "--output-dir", "out", *words)
    assert (status, message in err) == (2, True), err
    assert {path.name for path in tmp_path.iterdir()} == {"full"}
