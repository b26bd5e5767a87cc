"""Configurations of users: Google's are read strictly, Hugging Face's may have any key."""

import dataclasses
import json

import pytest

from bertbench.checkpoint.config_files import find_config, read_config
from bertbench.compute import KernelOptions
from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.errors import InputError

pytestmark = pytest.mark.unit

TINY = json.loads(GEOMETRIES["tiny"].to_json())
# What the config.json of google-bert/bert-base-uncased has beside the geometry, and what later versions of
# transformers add when they save a fine-tuned model.
HUGGING_FACE = {
    "_name_or_path": "bert-base-uncased",
    "add_cross_attention": False,
    "architectures": ["BertForQuestionAnswering"],
    "bos_token_id": None,
    "dtype": "float32",
    "eos_token_id": None,
    "gradient_checkpointing": False,
    "is_decoder": False,
    "model_type": "bert",
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "problem_type": None,
    "tie_word_embeddings": True,
    "transformers_version": "4.57.1",
    "use_cache": True,
}
# What transformers 2 wrote beside: the defaults of its text generation, among others.
GENERATION = {
    "do_sample": False,
    "eos_token_ids": None,
    "is_decoder": False,
    "length_penalty": 1.0,
    "max_length": 20,
    "num_beams": 1,
    "num_labels": 2,
    "output_past": True,
    "pruned_heads": {},
    "repetition_penalty": 1.0,
    "top_k": 50,
    "torchscript": False,
}


def write(folder, name="config.json", **values):
    path = folder / name
    path.write_text(json.dumps({key: value for key, value in values.items() if value != "left out"}))
    return path


def read_hugging_face(folder, **changes):
    return read_config(write(folder, **TINY | HUGGING_FACE | changes)).config


def test_common_hugging_face_keys_are_ignored_without_notice(tmp_path, capsys):
    exact = dataclasses.replace(GEOMETRIES["tiny"], hidden_act="gelu_python")
    assert read_hugging_face(tmp_path) == exact
    assert capsys.readouterr().err == ""


def test_unknown_hugging_face_keys_print_one_notice(tmp_path, capsys):
    plain = read_hugging_face(tmp_path)
    assert read_hugging_face(tmp_path, **GENERATION) == plain
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error == (
        f"{tmp_path}/config.json: keys that are not used here: do_sample, eos_token_ids, length_penalty, "
        "max_length, num_beams, output_past, 3 more.\n"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "roberta"}, "model_type is 'roberta'; only 'bert' is supported"),
        ({"model_type": "camembert", "architectures": ["CamembertModel"]}, "model_type is 'camembert'"),
        ({"model_type": None, "architectures": ["XLMRobertaModel"]}, "model_type is missing, and architectu"),
        ({"model_type": "left out", "architectures": None}, 'model_type is missing; .* "model_type": "bert"'),
        (
            {"model_type": "left out", "architectures": ["BertGenerationEncoder"]},
            "model_type is missing, and",
        ),
        ({"pruned_heads": {"1": [0]}}, "pruned_heads is {'1': \\[0\\]}; only {} is supported"),
        ({"is_decoder": True}, "is_decoder is True; only False is supported"),
        ({"add_cross_attention": True}, "add_cross_attention is True; only False"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'; only 'abs"),
        ({"embedding_size": 64}, "embedding_size is 64; it is not supported"),
        ({"alibi_starting_size": 512}, "alibi_starting_size is 512; it is not supported"),
        ({"auto_map": {"AutoModel": "modeling.Own"}}, "auto_map is {'AutoModel': 'modeling.Own'}; it is not"),
        ({"quantization_config": {"bits": 8}}, "quantization_config is {'bits': 8}; it is not"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'; only gelu, gelu_accurate, .* are supported"),
        ({"hidden_act": "quick_gelu"}, "hidden_act is 'quick_gelu'"),
        ({"hidden_act": None}, "hidden_act is None; it must be str"),
        ({"vocab_size": "1024"}, "vocab_size is '1024'; it must be int"),
        ({"hidden_size": 128.0}, "hidden_size is 128.0; it must be int"),
        ({"hidden_size": "left out"}, "key hidden_size is missing; add it"),
        ({"classifier_dropout": 1.5}, "classifier_dropout is 1.5; it must be in"),
        ({"classifier_dropout": "0.1"}, "classifier_dropout is '0.1'; it must be float or null"),
    ],
)
def test_keys_that_change_the_computation_are_rejected(tmp_path, changes, message):
    with pytest.raises(InputError, match=rf"/config\.json: {message}"):
        read_hugging_face(tmp_path, **changes)


def test_old_config_without_model_type_is_accepted_by_architecture(tmp_path):
    old = read_hugging_face(tmp_path, model_type="left out", architectures=["BertForMaskedLM"])
    assert old == read_hugging_face(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hiden_size": 128}, "unknown key hiden_size; remove it"),
        ({"output_past": True}, "unknown key output_past; remove it"),
        ({"model_type": "roberta"}, "model_type is 'roberta'; only 'bert' is supported"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'; only 'abs"),
        ({"is_decoder": True}, "is_decoder is True; only False is supported"),
        (
            {"layer_norm_eps": float("nan")},
            "layer_norm_eps and initializer_range must be positive and finite",
        ),
        ({"initializer_range": float("inf")}, "layer_norm_eps and initializer_range must be positive and f"),
    ],
)
def test_google_config_with_invalid_keys_is_rejected(tmp_path, changes, message):
    with pytest.raises(InputError, match=rf"bert_config\.json: {message}"):
        read_config(write(tmp_path, "bert_config.json", **TINY | changes))


# Hugging Face's forms as transformers' activations.py has them: `gelu` calls erf, the others tanh.
@pytest.mark.parametrize(
    ("name", "hidden_act", "gelu"),
    [
        ("bert_config.json", "gelu", "tanh"),
        ("bert_config.json", "gelu_python", "erf"),
        ("config.json", "left out", "erf"),
        ("config.json", "gelu", "erf"),
        ("config.json", "gelu_python", "erf"),
        ("config.json", "gelu_new", "tanh"),
        ("config.json", "gelu_fast", "tanh"),
        ("config.json", "gelu_pytorch_tanh", "tanh"),
        ("other.json", "gelu", "erf"),
    ],
)
def test_hidden_act_selects_the_gelu_variant(tmp_path, name, hidden_act, gelu):
    values = TINY | {"model_type": "bert"} | {"hidden_act": hidden_act}
    config = read_config(write(tmp_path, name, **values)).config
    assert KernelOptions().for_model(config).gelu == gelu
    assert KernelOptions(gelu="fused").for_model(config).gelu == "fused"


@pytest.mark.parametrize("name", ["config-of-mine.json", "bert_config.json"])
def test_config_without_hugging_face_keys_is_read_as_google_config(tmp_path, name):
    assert read_config(write(tmp_path, name, **TINY)).config == GEOMETRIES["tiny"]
    with pytest.raises(InputError, match="unknown key top_k"):
        read_config(write(tmp_path, name, **TINY, top_k=5))


@pytest.mark.parametrize(
    ("trained_with", "hidden_act", "read_back"),
    [
        ("tanh", "gelu", "tanh"),
        ("fused", "gelu", "tanh"),
        ("erf", "gelu", "erf"),
        ("tanh", "gelu_python", "tanh"),
    ],
)
def test_saved_config_has_gelu_used_in_training(tmp_path, trained_with, hidden_act, read_back):
    config = dataclasses.replace(GEOMETRIES["tiny"], hidden_act=hidden_act, classifier_dropout=0.25)
    path = tmp_path / "bert_config.json"
    path.write_text(config.with_gelu(trained_with).to_json())
    again = read_config(path).config
    assert again.gelu == read_back
    assert dataclasses.replace(again, hidden_act=hidden_act) == config


def test_google_config_takes_precedence_in_folder(tmp_path):
    with pytest.raises(InputError, match=r"contains neither bert_config\.json nor config\.json"):
        find_config(tmp_path)
    write(tmp_path, "config.json", **TINY)
    assert find_config(tmp_path).name == "config.json"
    write(tmp_path, "bert_config.json", **TINY)
    assert find_config(tmp_path).name == "bert_config.json"


def test_unset_classifier_dropout_is_not_written():
    assert "classifier_dropout" not in json.loads(ModelConfig().to_json())
