"""Checkpoints that do not fit the model are rejected with all their errors."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file

from bertbench.checkpoint.loading import load_weights
from bertbench.errors import InputError
from suites.unit.checkpoint.checkpoint_cases import (
    HIDDEN,
    PRETRAINING,
    SPAN,
    SPAN_HEAD,
    VOCABULARY,
    as_hugging_face,
    assert_holds,
    random_weights,
    weight_shapes,
    write_google,
    zero_variables,
)

pytestmark = pytest.mark.unit


def test_untied_decoder_is_rejected_if_it_is_used(tmp_path: Path) -> None:
    weights = random_weights(PRETRAINING)
    tensors = as_hugging_face(weights)
    tensors["cls.predictions.decoder.weight"] = weights["bert/embeddings/word_embeddings"] + 1
    save_file(tensors, tmp_path / "model.safetensors")

    with pytest.raises(
        InputError, match=r"decoder\.weight differs from bert\.embeddings\.word_embeddings\.weight"
    ):
        load_weights(zero_variables(PRETRAINING), tmp_path)
    encoder = zero_variables(weight_shapes())
    load_weights(encoder, tmp_path)
    assert_holds(encoder, weights)


def test_all_errors_are_reported_together_and_no_weight_is_assigned(tmp_path: Path) -> None:
    weights = random_weights(SPAN)
    del weights["bert/encoder/layer_1/output/dense/bias"], weights["bert/embeddings/LayerNorm/beta"]
    weights["bert/encoder/layer_0/output/dense/kernel"] = np.zeros((HIDDEN, HIDDEN), np.float32)
    weights["bert/encoder/layer_2/output/dense/bias"] = np.zeros(HIDDEN, np.float32)
    weights["cls/squad/extra"] = np.zeros(1, np.float32)
    write_google(weights, tmp_path / "bert_model.ckpt")
    variables = zero_variables(SPAN)

    with pytest.raises(InputError) as caught:
        load_weights(variables, tmp_path)

    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{tmp_path}/bert_model.ckpt: does not fit the model: ")
    assert "missing: bert/encoder/layer_1/output/dense/bias, bert/embeddings/LayerNorm/beta;" in message
    assert (
        "bert/encoder/layer_0/output/dense/kernel is [4, 4] in the checkpoint and [8, 4] in the model"
        in message
    )
    assert "unexpected: bert/encoder/layer_2/output/dense/bias, cls/squad/extra;" in message
    assert_holds(variables, {name: np.zeros(shape) for name, shape in SPAN.items()})


def test_first_of_many_unexpected_tensors_are_reported(tmp_path: Path) -> None:
    weights = random_weights(SPAN) | {f"adapter/{index:02}": np.zeros(1, np.float32) for index in range(30)}
    write_google(weights, tmp_path / "bert_model.ckpt")

    with pytest.raises(InputError, match="adapter/06, adapter/07, 22 more; give the checkpoint and"):
        load_weights(zero_variables(SPAN), tmp_path)


def test_object_based_checkpoint_is_rejected(tmp_path: Path) -> None:
    tf.train.Checkpoint(kernel=tf.Variable(1.0)).write(str(tmp_path / "bert_model.ckpt"))

    with pytest.raises(
        InputError, match=r"bert_model\.ckpt\.index: an object-based checkpoint of TensorFlow 2"
    ):
        load_weights(zero_variables(SPAN), tmp_path)


def test_wrong_vocabulary_size_is_reported(tmp_path: Path) -> None:
    write_google(random_weights(SPAN), tmp_path / "bert_model.ckpt")
    wanted = weight_shapes(vocabulary=VOCABULARY + 2) | SPAN_HEAD

    with pytest.raises(InputError) as caught:
        load_weights(zero_variables(wanted), tmp_path)

    plain = (
        "the configuration says vocab_size 13, the checkpoint has 11 rows (bert/embeddings/word_embeddings)"
    )
    assert plain in str(caught.value)


def test_integer_weight_is_rejected(tmp_path: Path) -> None:
    weights = random_weights(SPAN)
    weights["cls/squad/output_bias"] = np.zeros(2, np.int32)
    write_google(weights, tmp_path / "bert_model.ckpt")

    with pytest.raises(
        InputError, match="cls/squad/output_bias is int32 in the checkpoint and float32 in the model"
    ):
        load_weights(zero_variables(SPAN), tmp_path)


def test_weight_under_two_names_is_rejected(tmp_path: Path) -> None:
    weights = random_weights(SPAN)
    weights["bert/embeddings/layer_normalization/beta"] = weights["bert/embeddings/LayerNorm/beta"]
    write_google(weights, tmp_path / "bert_model.ckpt")

    with pytest.raises(
        InputError, match="named twice: bert/embeddings/LayerNorm/beta and bert/embeddings/layer_n"
    ):
        load_weights(zero_variables(SPAN), tmp_path)
