"""Weights are loaded into the right variables from all published names."""

from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file, save_file

from bertbench.checkpoint.loading import load_weights
from bertbench.checkpoint.plan import plan_loading
from bertbench.checkpoint.readers import open_checkpoint
from bertbench.config import ModelConfig
from suites.shared_data import shared_path
from suites.unit.checkpoint.checkpoint_cases import (
    CLASSIFIER,
    HUGGING_FACE_NAMES,
    MODELS,
    PRETRAINING,
    SPAN,
    SPAN_HEAD,
    as_hugging_face,
    assert_holds,
    random_weights,
    weight_shapes,
    write_google,
    zero_variables,
)

pytestmark = pytest.mark.unit

SLOTS = (
    "adam_m",
    "adam_v",
    "Adam",
    "Adam_1",
    "AdamWeightDecayOptimizer",
    "AdamWeightDecayOptimizer_1",
    "lamb_v",
)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
@pytest.mark.parametrize("model", MODELS)
def test_google_checkpoint_loads_without_training_state(tmp_path: Path, model: str, dtype: tf.DType) -> None:
    shapes = MODELS[model]
    weights = random_weights(shapes)
    state = {f"{name}/{slot}": value + 1 for name, value in weights.items() for slot in SLOTS}
    state |= {"global_step": np.int64(7), "beta1_power": np.float32(0.9), "beta2_power": np.float32(0.999)}
    write_google(weights | state, tmp_path / "bert_model.ckpt")
    variables = zero_variables(shapes, dtype)

    report = load_weights(variables, tmp_path)

    assert_holds(variables, weights)
    assert set(report.loaded) == set(shapes)
    assert report.initial == report.left_aside == ()
    assert report.checkpoint == tmp_path / "bert_model.ckpt"


def test_intel_variable_names_are_read_as_google_names(tmp_path: Path) -> None:
    weights = random_weights(CLASSIFIER)
    norms = sorted({name.rsplit("/", 1)[0] for name in weights if "LayerNorm" in name})
    suffixes = ["", *(f"_{number}" for number in range(1, len(norms)))]
    intel_norms = {
        norm: norm.replace("LayerNorm", f"layer_normalization{suffix}")
        for norm, suffix in zip(norms, suffixes, strict=True)
    }
    intel = {}
    for name, value in weights.items():
        scope, _, leaf = name.rpartition("/")
        intel[f"{intel_norms.get(scope, scope) or 'cls/classifier'}/{leaf}"] = value
    assert "bert/encoder/layer_0/attention/output/layer_normalization_1/gamma" in intel
    assert "cls/classifier/output_bias" in intel
    write_google(
        intel | {f"{name}/AdamWeightDecayOptimizer": intel[name] for name in intel}, tmp_path / "m.ckpt-9"
    )
    variables = zero_variables(CLASSIFIER)

    load_weights(variables, tmp_path)

    assert_holds(variables, weights)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("model", MODELS)
def test_hugging_face_names_and_dtypes_are_read(tmp_path: Path, model: str, dtype: type) -> None:
    shapes = MODELS[model]
    weights = random_weights(shapes)
    tensors = as_hugging_face(weights, dtype)
    tensors["bert.embeddings.position_ids"] = np.arange(6)[None]
    save_file(tensors, tmp_path / "model.safetensors")
    variables = zero_variables(shapes)

    report = load_weights(variables, tmp_path)

    assert_holds(variables, weights)
    assert report.left_aside == ()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda name: f"module.{name}",
        lambda name: f"_orig_mod.{name}",
        lambda name: f"module._orig_mod.{name.removeprefix('bert.')}",
        lambda name: name.replace("bert.", "bert._orig_mod."),
    ],
    ids=["parallel", "compiled", "both, without bert.", "encoder compiled"],
)
def test_prefixes_of_pytorch_wrappers_are_removed(tmp_path: Path, wrap: Callable[[str], str]) -> None:
    weights = random_weights(PRETRAINING)
    tensors = as_hugging_face(weights)
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].copy()
    save_file({wrap(name): value for name, value in tensors.items()}, tmp_path / "model.safetensors")
    variables = zero_variables(PRETRAINING)

    load_weights(variables, tmp_path)

    assert_holds(variables, weights)


@pytest.mark.parametrize(("weight", "bias"), [("weight", "bias"), ("gamma", "beta")])
def test_hugging_face_names_without_prefix_and_with_old_leaves(
    tmp_path: Path, weight: str, bias: str
) -> None:
    shapes = weight_shapes(pooler=True)
    weights = random_weights(shapes)
    tensors = {
        name.removeprefix("bert.")
        .replace("LayerNorm.weight", f"LayerNorm.{weight}")
        .replace("LayerNorm.bias", f"LayerNorm.{bias}"): value
        for name, value in as_hugging_face(weights).items()
    }
    tensors["embeddings.position_ids"] = np.arange(6)[None]
    save_file(tensors, tmp_path / "model.safetensors")
    variables = zero_variables(shapes)

    load_weights(variables, tmp_path)

    assert_holds(variables, weights)


@given(
    hnp.arrays(np.uint32, 24, elements=st.integers(0, 2**32 - 1)).map(lambda bits: bits.view(np.float32)),
)
def test_bfloat16_variables_are_rounded_to_nearest_even(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    values = np.where(np.isnan(values), np.float32(1.5), values)
    prefix = write_google({"bert/w": values}, tmp_path_factory.mktemp("cast") / "model.ckpt")
    variable = tf.Variable(tf.zeros(24, tf.bfloat16))

    load_weights({"bert/w": variable}, prefix)

    bits = values.view(np.uint32).astype(np.uint64)
    nearest_even = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    np.testing.assert_array_equal(variable.numpy().view(np.uint16), nearest_even)


def test_unused_parts_are_skipped_with_one_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_google(random_weights(PRETRAINING | SPAN_HEAD), tmp_path / "bert_model.ckpt")

    report = load_weights(zero_variables(SPAN), tmp_path)

    assert report.left_aside == ("pooler", "masked-LM head", "next-sentence head")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"{tmp_path}/bert_model.ckpt: ignored, not part of this model: "
        "pooler, masked-LM head, next-sentence head."
    ]


def test_hugging_face_decoder_equal_to_embeddings_is_accepted(tmp_path: Path) -> None:
    weights = random_weights(PRETRAINING)
    tensors = as_hugging_face(weights)
    tensors["cls.predictions.decoder.weight"] = weights["bert/embeddings/word_embeddings"]
    tensors["cls.predictions.decoder.bias"] = weights["cls/predictions/output_bias"]
    file = tmp_path / "model.safetensors"
    save_file(tensors, file)
    variables = zero_variables(PRETRAINING)
    assert load_weights(variables, file).left_aside == ()
    assert_holds(variables, weights)

    del tensors["cls.predictions.bias"], tensors["bert.embeddings.word_embeddings.weight"]
    save_file(tensors, file)
    variables = zero_variables(PRETRAINING)
    load_weights(variables, file)
    assert_holds(variables, weights)


def test_training_state_is_loaded_if_requested(tmp_path: Path) -> None:
    weights = {"bert/w": np.float32([1, 2]), "bert/w/adam_m": np.float32([3, 4]), "global_step": np.int64(5)}
    write_google(weights, tmp_path / "model.ckpt-5")
    variables = {name: tf.Variable(tf.zeros_like(value)) for name, value in weights.items()}

    load_weights(variables, tmp_path)

    assert {name: variable.numpy().tolist() for name, variable in variables.items()} == {
        "bert/w": [1.0, 2.0],
        "bert/w/adam_m": [3.0, 4.0],
        "global_step": 5,
    }


def test_published_index_contains_every_variable_of_its_config() -> None:
    folder = shared_path("models/google-bert-medium-index")
    config = ModelConfig.from_json_file(folder / "bert_config.json")
    geometry = (
        config.vocab_size,
        config.hidden_size,
        config.intermediate_size,
        config.num_hidden_layers,
        512,
    )
    assert geometry == (30522, 512, 2048, 8, 512)
    stored = open_checkpoint(folder).list_tensors()

    def plan(**parts: bool) -> tuple[set[str], tuple[str, ...]]:
        wanted = {name: tf.TensorSpec(shape) for name, shape in weight_shapes(*geometry, **parts).items()}
        result = plan_loading(wanted, stored, origin=str(folder))
        assert set(result.sources) == set(wanted)
        return {tensor.name for tensor in result.sources.values()}, result.left_aside

    everything, left_aside = plan(pooler=True, pretraining_heads=True)
    assert everything == {tensor.name for tensor in stored}
    assert left_aside == ()
    assert plan(pooler=True)[1] == ("masked-LM head", "next-sentence head")
    assert plan()[1] == ("pooler", "masked-LM head", "next-sentence head")


def test_real_google_checkpoint_is_loaded_completely() -> None:
    folder = shared_path("models/minilm-l6-h384-squad")
    shapes = weight_shapes(30522, 384, 1536, 6, 512) | {
        name: (2, 384)[: len(s)] for name, s in SPAN_HEAD.items()
    }
    variables = zero_variables(shapes)

    report = load_weights(variables, folder)

    assert report.initial == report.left_aside == ()
    reader = tf.train.load_checkpoint(str(folder / "bert_model.ckpt"))
    assert_holds(variables, {name: reader.get_tensor(name) for name in shapes})


def test_real_safetensors_file_is_loaded_completely() -> None:
    folder = shared_path("models/minilm-l6-h384-uncased")
    shapes = weight_shapes(30522, 384, 1536, 6, 512, pooler=True)
    variables = zero_variables(shapes)

    report = load_weights(variables, folder)

    assert report.initial == report.left_aside == ()
    tensors = load_file(folder / "model.safetensors")
    weights = {}
    for name in shapes:
        hugging_face, transposed = HUGGING_FACE_NAMES[name]
        value = tensors[hugging_face.removeprefix("bert.")]
        weights[name] = (value.T if transposed else value).astype(np.float32)
    assert_holds(variables, weights)
