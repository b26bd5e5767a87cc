"""Heads are loaded, or keep their initial values, as asked."""

from pathlib import Path

import pytest

from bertbench.checkpoint.loading import load_weights
from bertbench.errors import InputError
from suites.unit.checkpoint.checkpoint_cases import (
    PRETRAINING,
    SPAN,
    SPAN_HEAD,
    assert_holds,
    random_weights,
    weight_shapes,
    write_google,
    zero_variables,
)

pytestmark = pytest.mark.unit


def test_missing_head_is_reported_with_remedy(tmp_path: Path) -> None:
    write_google(random_weights(weight_shapes()), tmp_path / "bert_model.ckpt")

    with pytest.raises(
        InputError, match=r"output_bias; give a checkpoint with a span head, or train one first\.$"
    ):
        load_weights(zero_variables(SPAN), tmp_path)


def test_new_head_keeps_initial_values_if_file_has_none(tmp_path: Path) -> None:
    weights = random_weights(weight_shapes())
    write_google(weights, tmp_path / "bert_model.ckpt")
    variables = zero_variables(SPAN)
    variables["cls/squad/output_bias"].assign([3.0, 4.0])

    report = load_weights(variables, tmp_path, fresh=SPAN_HEAD)

    assert set(report.initial) == set(SPAN_HEAD)
    assert set(report.loaded) == set(weights)
    assert variables["cls/squad/output_bias"].numpy().tolist() == [3.0, 4.0]
    assert_holds({name: variables[name] for name in weights}, weights)


def test_new_head_is_loaded_if_file_has_it(tmp_path: Path) -> None:
    weights = random_weights(SPAN)
    write_google(weights, tmp_path / "bert_model.ckpt")
    variables = zero_variables(SPAN)

    report = load_weights(variables, tmp_path, fresh=SPAN_HEAD)

    assert report.initial == ()
    assert_holds(variables, weights)


def test_incomplete_head_is_rejected(tmp_path: Path) -> None:
    weights = random_weights(SPAN)
    del weights["cls/squad/output_bias"]
    write_google(weights, tmp_path / "bert_model.ckpt")

    with pytest.raises(InputError, match="missing: cls/squad/output_bias;"):
        load_weights(zero_variables(SPAN), tmp_path, fresh=SPAN_HEAD)


def test_one_of_two_new_heads_may_be_in_the_file(tmp_path: Path) -> None:
    weights = random_weights({k: v for k, v in PRETRAINING.items() if "seq_relationship" not in k})
    write_google(weights, tmp_path / "bert_model.ckpt")
    heads = [name for name in PRETRAINING if name.startswith("cls/")]

    report = load_weights(zero_variables(PRETRAINING), tmp_path, fresh=heads)

    assert set(report.initial) == {"cls/seq_relationship/output_weights", "cls/seq_relationship/output_bias"}


def test_missing_encoder_weight_is_rejected_with_new_head(tmp_path: Path) -> None:
    weights = random_weights(weight_shapes())
    del weights["bert/embeddings/word_embeddings"]
    write_google(weights, tmp_path / "bert_model.ckpt")

    with pytest.raises(InputError, match="missing: bert/embeddings/word_embeddings;"):
        load_weights(zero_variables(SPAN), tmp_path, fresh=SPAN_HEAD)
