"""A model's files on disk, and notices if they may not belong together."""

import json

import pytest

from bertbench.checkpoint.source import ModelSource
from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.data.vocabulary import SPECIAL_TOKENS

pytestmark = pytest.mark.unit

TINY = json.loads(GEOMETRIES["tiny"].to_json())


@pytest.mark.parametrize(
    ("words", "vocab_size", "do_lower_case", "message"),
    [
        (["the", "E"], 20, False, ""),
        (["the", "e"], 20, True, ""),
        (
            ["the", "E"],
            20,
            True,
            "has capital letters, but text is lower-cased; for a cased model give --no-do-",
        ),
        (
            ["the", "e"],
            20,
            False,
            "has no capital letters, but text keeps its capital letters; for an uncased model give --do-",
        ),
        (
            ["the", "e"],
            21,
            True,
            "contains 20 of the model's 21 wordpieces; if it is not the model's vocabulary, give",
        ),
    ],
)
def test_suspicious_vocabulary_prints_one_notice(tmp_path, capsys, words, vocab_size, do_lower_case, message):
    path = tmp_path / "vocab.txt"
    pieces = [*SPECIAL_TOKENS, *words, *(f"##{number}" for number in range(13))]
    path.write_text("".join(f"{piece}\n" for piece in pieces))
    config = ModelConfig.from_dict(TINY | {"vocab_size": vocab_size})
    files = TokenizerFiles(path, do_lower_case=do_lower_case)
    assert ModelSource(config, files, None).tokenizer().vocab_size == 20
    error = capsys.readouterr().err
    assert error.count("\n") == bool(message)
    assert error.startswith(f"{path}: {message}" if message else "")
