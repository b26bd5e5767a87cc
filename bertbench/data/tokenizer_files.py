"""The tokenizer of a model folder: `vocab.txt` or Hugging Face's `tokenizer.json`, and the rules for text.

The rules come from these sources, in order of priority: the command line,
`tokenizer_config.json`, the normalizer of `tokenizer.json`, the defaults of transformers' BertTokenizer.
Without such a file the defaults of the original are used. (https://huggingface.co/docs/transformers/model_doc/bert,
https://huggingface.co/docs/tokenizers/api/normalizers)
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

from bertbench.console import notice
from bertbench.data.tokenization import TextRules, Tokenizer
from bertbench.data.vocabulary import SPECIAL_TOKENS, Vocabulary, read_vocabulary
from bertbench.errors import InputError
from bertbench.files import read_content, read_json, write_json, write_text

VOCABULARY_NAME = "vocab.txt"
TOKENIZER_NAME = "tokenizer.json"
CONFIG_NAME = "tokenizer_config.json"
_MODEL_CONFIG_NAME = "config.json"

_HUGGING_FACE_RULES = TextRules(max_chars_per_word=100)
# Keys of tokenizer_config.json -> fields of `TextRules`. transformers does not write the last one.
_RULE_KEYS = {
    "do_lower_case": "do_lower_case",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "tokenize_chinese_chars",
    "max_input_chars_per_word": "max_chars_per_word",
}
_RULE_KINDS = {"strip_accents": (bool, type(None)), "max_input_chars_per_word": (int,)}
# Other keys that change the text, with the only value (besides null) that does not.
_NEUTRAL_VALUES: dict[str, Any] = {
    "do_basic_tokenize": True,
    "never_split": [],
    "wordpieces_prefix": "##",
    "word_tokenizer_type": "basic",  # BertJapaneseTokenizer's, as the next
    "subword_tokenizer_type": "wordpiece",
    **{f"{token.strip('[]').lower()}_token": token for token in SPECIAL_TOKENS},
}
# Tokenizers that work like BERT's; the last two are their names in tokenizer.json.
_CLASSES = re.compile(
    r"(Bert|ConvBert|DistilBert|Electra|LayoutLM|MobileBert)Tokenizer(Fast)?"
    r"|PreTrainedTokenizerFast|TokenizersBackend"
)


@dataclass(frozen=True)
class TokenizerFiles:
    """The files of a tokenizer, read only when a task needs it.

    Attributes:
      vocab_file: `vocab.txt` or `tokenizer.json`.
      folder: the folder of the other files, if any.
      do_lower_case: as given on the command line; None: as in the files.
    """

    vocab_file: Path
    folder: Path | None = None
    do_lower_case: bool | None = None

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, read once: a file may be a pipe.

        Raises:
          InputError: a file is malformed, or the tokenizer does not work like BERT's.
        """
        described = self._read_tokenizer_json()
        if described is not None and described.vocabulary.file == self.vocab_file:
            return Tokenizer(described.vocabulary, self._read_rules(described))
        vocabulary = read_vocabulary(self.vocab_file)
        if described is not None and described.vocabulary.tokens != vocabulary.tokens:
            notice(f"{self.vocab_file}: its wordpieces are used, not those of {described.vocabulary.file}.")
        return Tokenizer(vocabulary, self._read_rules(described))

    def _read_tokenizer_json(self) -> _TokenizerJson | None:
        path = self.vocab_file if self.vocab_file.name == TOKENIZER_NAME else self._beside(TOKENIZER_NAME)
        return None if path is None else _TokenizerJson.read(path)

    def _read_rules(self, described: _TokenizerJson | None) -> TextRules:
        config, model = self._beside(CONFIG_NAME), self._beside(_MODEL_CONFIG_NAME)
        values = _read_object(config) if config else {}
        if not _names_class(config, values) and model:
            _names_class(model, read_json(model))  # as in folders of old versions
        rules = described.rules if described else self._default_rules()
        if config is not None:
            rules = _apply_config(rules, config, values)
        if self.do_lower_case is None or self.do_lower_case == rules.do_lower_case:
            return rules
        source = config or (described and described.vocabulary.file)
        if source:
            option = "--do-lower-case" if self.do_lower_case else "--no-do-lower-case"
            notice(f"{source}: differs from {option}; the option is used.")
        return dataclasses.replace(rules, do_lower_case=self.do_lower_case)

    def _default_rules(self) -> TextRules:
        googles = self._beside("bert_config.json") or not self._beside(_MODEL_CONFIG_NAME)
        return TextRules() if googles and not self._beside(CONFIG_NAME) else _HUGGING_FACE_RULES

    def _beside(self, name: str) -> Path | None:
        """A file of the folder, if it exists."""
        path = self.folder and self.folder / name
        return path if path and path.exists() else None


def find_tokenizer(
    folder: Path | None, vocab_file: Path | None = None, do_lower_case: bool | None = None
) -> TokenizerFiles | None:
    """The tokenizer of a model folder, or of a vocabulary file; None if there is neither.

    Raises:
      InputError: the vocabulary file does not exist.
    """
    if vocab_file is not None:
        return tokenizer_of(vocab_file, do_lower_case, folder)
    for name in (VOCABULARY_NAME, TOKENIZER_NAME):
        if folder is not None and (folder / name).exists():
            return TokenizerFiles(folder / name, folder, do_lower_case)
    return None


def tokenizer_of(
    vocab_file: Path, do_lower_case: bool | None = None, folder: Path | None = None
) -> TokenizerFiles:
    """The tokenizer of a vocabulary file; files in its folder take precedence over those in the model folder.

    Raises:
      InputError: the vocabulary file does not exist.
    """
    if not vocab_file.exists() or vocab_file.is_dir():
        raise InputError(f"{vocab_file}: no such file; --vocab-file needs the model's {VOCABULARY_NAME}.")
    beside = [place for place in (vocab_file.parent, folder) if place and _describes_text(place)]
    return TokenizerFiles(vocab_file, beside[0] if beside else None, do_lower_case)


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write `vocab.txt` and `tokenizer_config.json`, which `TokenizerFiles` reads back as this tokenizer.

    Raises:
      InputError: they cannot be written.
    """
    write_text(folder / VOCABULARY_NAME, tokenizer.vocabulary.to_text())
    write_json(
        folder / CONFIG_NAME, {key: getattr(tokenizer.rules, name) for key, name in _RULE_KEYS.items()}
    )


def _describes_text(folder: Path) -> bool:
    return any((folder / name).exists() for name in (CONFIG_NAME, TOKENIZER_NAME))


def _read_object(path: Path) -> dict[str, Any]:
    values = read_json(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: is not a JSON object; give the model's file, or remove it.")
    return values


def _names_class(path: Path | None, values: Any) -> bool:
    """Whether a file names a kind of tokenizer.

    Raises:
      InputError: it does, and the kind does not work like BERT's.
    """
    name = values.get("tokenizer_class") if isinstance(values, dict) else None
    if name is not None and not _CLASSES.fullmatch(str(name)):
        raise InputError(f"{path}: tokenizer_class is {name!r}, which does not work like BERT's.")
    return name is not None


def _apply_config(rules: TextRules, path: Path, values: dict[str, Any]) -> TextRules:
    """The rules, changed by the values of a `tokenizer_config.json`."""
    for key, neutral in _NEUTRAL_VALUES.items():
        value = values.get(key)
        content = value.get("content") if isinstance(value, dict) else value
        if key == "never_split" and isinstance(content, list) and set(SPECIAL_TOKENS).issuperset(content):
            continue  # they are text like any other: see docs/models.md
        if content is not None and content != neutral:
            raise InputError(f"{path}: {key} is {content!r}; only {neutral!r} is supported.")
    given = {key: values[key] for key in _RULE_KEYS if key in values}
    for key, value in given.items():
        kinds = _RULE_KINDS.get(key, (bool,))
        if type(value) not in kinds:
            raise InputError(f"{path}: {key} is {value!r}; it must be {kinds[0].__name__}.")
    return dataclasses.replace(rules, **{_RULE_KEYS[key]: value for key, value in given.items()})


@dataclass(frozen=True)
class _TokenizerJson:
    """The contents of a `tokenizer.json`."""

    vocabulary: Vocabulary
    rules: TextRules

    @classmethod
    def read(cls, path: Path) -> _TokenizerJson:
        content = read_content(path)
        try:
            tokenizer = tokenizers.Tokenizer.from_buffer(content.data)
        except Exception as error:  # the library raises this class itself
            raise InputError(f"{path}: is not a valid tokenizer ({error}); fetch it again.") from None
        ids = tokenizer.get_vocab(with_added_tokens=True)
        highest = max(ids.values(), default=0)
        if highest > 2 * len(ids):  # to_str counts up to the highest id
            raise InputError(f"{path}: has ids up to {highest} for {len(ids)} tokens; fetch it again.")
        rules = _read_json_rules(path, json.loads(tokenizer.to_str()))
        vocabulary = _read_pieces(path, tokenizer, ids)
        _check_added_tokens(path, json.loads(content.data), vocabulary)
        return cls(vocabulary, rules)


def _read_pieces(path: Path, tokenizer: tokenizers.Tokenizer, ids: Mapping[str, int]) -> Vocabulary:
    """The wordpieces and the added tokens, by id."""
    by_id: dict[int, str] = {}
    for token, index in sorted(ids.items()):
        if (other := by_id.setdefault(index, token)) != token:
            raise InputError(f"{path}: {other!r} and {token!r} have the same id {index}; fetch it again.")
    tokens = [by_id.get(index, "") for index in range(max(by_id, default=0) + 1)]
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values() if not token.special]
    if added:
        notice(f"{path}: added tokens ({', '.join(added[:5])}) are divided like other text.")
    return Vocabulary(path, tuple(tokens))


def _check_added_tokens(path: Path, values: dict[str, Any], vocabulary: Vocabulary) -> None:
    """Check the ids of added tokens in a valid file; the library ignores those of tokens that it has."""
    for token in values.get("added_tokens") or ():
        content, index = token["content"], token["id"]
        if vocabulary.tokens[index : index + 1] != (content,):
            raise InputError(f"{path}: token {content!r} has another id than {index}; fetch it again.")


def _read_json_rules(path: Path, parts: dict[str, Any]) -> TextRules:
    model, normalizer = parts["model"], parts["normalizer"] or {}
    expected = {
        "model.type": (model["type"], "WordPiece"),
        "model.unk_token": (model.get("unk_token"), "[UNK]"),
        "model.continuing_subword_prefix": (model.get("continuing_subword_prefix"), "##"),
        "pre_tokenizer.type": ((parts["pre_tokenizer"] or {}).get("type"), "BertPreTokenizer"),
        "normalizer.type": (normalizer.get("type"), "BertNormalizer"),
        "normalizer.clean_text": (normalizer.get("clean_text"), True),
    }
    for place, (value, wanted) in expected.items():
        if value != wanted:
            raise InputError(f"{path}: {place} is {value!r}; BERT's is {wanted!r}; give a BERT tokenizer.")
    return TextRules(
        normalizer["lowercase"],
        normalizer["strip_accents"],
        normalizer["handle_chinese_chars"],
        model["max_input_chars_per_word"],
    )
