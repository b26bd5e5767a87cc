"""A model's files as users bring them: configurations of Hugging Face, vocabularies of another kind."""

import json

import pytest

from bertbench.checkpoint.source import ModelSource, find_model
from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.data.tokenization import SPECIAL_TOKENS
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


def read(tmp_path, **changes):
    path = tmp_path / "bert_config.json"
    path.write_text(json.dumps(TINY | changes))
    return ModelConfig.from_json_file(path)


def test_hugging_faces_keys_change_nothing(tmp_path):
    assert read(tmp_path, **HUGGING_FACE) == GEOMETRIES["tiny"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type is 'relative_key'; only 'absol",
        ),
        ({"is_decoder": True}, "is_decoder is True; only False is a BERT's"),
        ({"hiden_size": 128}, "unknown key hiden_size; remove it"),
        (
            {"layer_norm_eps": float("nan")},
            "layer_norm_eps and initializer_range must be above 0, and finite",
        ),
        ({"initializer_range": float("inf")}, "layer_norm_eps and initializer_range must be above 0, and f"),
    ],
)
def test_another_model_than_bert_is_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=rf"bert_config\.json: {message}"):
        read(tmp_path, **changes)


@pytest.mark.parametrize(
    ("words", "vocab_size", "do_lower_case", "told"),
    [
        (["the", "E"], 20, False, ""),
        (["the", "e"], 20, True, ""),
        (["the", "E"], 20, True, "holds capitals, but text is lower-cased; for a cased model give --no-do-"),
        (
            ["the", "e"],
            20,
            False,
            "holds no capitals, but text keeps its own; for an uncased model give --do-",
        ),
        (["the", "e"], 21, True, "holds 20 of the model's 21 wordpieces; if it is not the model's own, give"),
    ],
)
def test_a_doubtful_vocabulary_gets_one_line(tmp_path, capsys, words, vocab_size, do_lower_case, told):
    path = tmp_path / "vocab.txt"
    pieces = [*SPECIAL_TOKENS, *words, *(f"##{number}" for number in range(13))]
    path.write_text("".join(f"{piece}\n" for piece in pieces))
    config = ModelConfig.from_dict(TINY | {"vocab_size": vocab_size})
    assert ModelSource(config, path, None, do_lower_case).tokenizer().vocab_size == 20
    error = capsys.readouterr().err
    assert error.count("\n") == bool(told)
    assert error.startswith(f"{path}: {told}" if told else "")


def test_a_folder_of_hugging_faces_is_read_with_a_word_on_its_gelu(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(TINY | HUGGING_FACE))
    assert find_model(tmp_path, from_scratch=True).config == GEOMETRIES["tiny"]
    assert "config.json: a model of Hugging Face's was trained with the exact GELU" in capsys.readouterr().err


def test_googles_configuration_comes_first(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "bert_config.json").write_text(json.dumps(TINY))
    assert find_model(tmp_path, from_scratch=True).config == GEOMETRIES["tiny"]
    assert capsys.readouterr().err == ""
