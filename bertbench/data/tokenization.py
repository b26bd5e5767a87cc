"""The original BERT's tokenization: text -> words -> wordpieces.

The rules are those of `tokenization.py` in google-research/bert: clean the text, separate CJK ideographs,
split at whitespace, lower-case and strip accents (uncased models), split at punctuation, then match the
longest wordpiece first. They are defined per code point with Python's `unicodedata`, so here they are one
table from code point to text, filled when a character occurs for the first time. The two rules that depend on
more than one code point (the final sigma of `str.lower`, the canonical order of spacing marks) are applied
word by word. The longest match itself is the WordPiece model of Hugging Face `tokenizers`, called once per
distinct word.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import tokenizers

from bertbench.data.vocabulary import SPECIAL_TOKENS, Vocabulary

CACHED_WORDS = 200_000

_CJK_BLOCKS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


@dataclass(frozen=True)
class TextRules:
    """How text is changed before it is divided into wordpieces; the defaults are for an uncased model.

    Attributes:
      do_lower_case: whether words are lower-cased.
      strip_accents: whether accents are removed; None: if words are lower-cased, as in the original.
      tokenize_chinese_chars: whether each CJK ideograph is a word.
      max_chars_per_word: longer words become the unknown token. The original has 200, Hugging Face's
        tokenizers 100.
    """

    do_lower_case: bool = True
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    max_chars_per_word: int = 200

    @property
    def strips_accents(self) -> bool:
        """Whether accents are removed."""
        return self.do_lower_case if self.strip_accents is None else self.strip_accents


class Tokenizer:
    """Converts text to wordpieces and their ids.

    Attributes:
      vocabulary: the wordpieces.
      tokens: the wordpieces in the order of the ids.
      vocab_size: the number of ids.
      rules: how text is changed before it is divided.
      pad_id, unk_id, cls_id, sep_id, mask_id: the ids of the special tokens.
    """

    def __init__(self, vocabulary: Vocabulary, rules: TextRules) -> None:
        self.vocabulary = vocabulary
        self.tokens = vocabulary.tokens
        self.vocab_size = len(self.tokens)
        self.rules = rules
        ids = {token: index for index, token in enumerate(self.tokens) if token}
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            ids[token] for token in SPECIAL_TOKENS
        )
        self._basic = BasicTokenizer(rules)
        self._ids_of_word = _WordCache(ids, rules.max_chars_per_word)

    def basic_tokenize(self, text: str) -> list[str]:
        """Split text into words and punctuation, normalized; see `BasicTokenizer`."""
        return self._basic.tokenize(text)

    def tokenize(self, text: str) -> list[str]:
        """The wordpieces of a text, as strings."""
        return [self.tokens[index] for index in self.encode(text)]

    def encode(self, text: str) -> list[int]:
        """The wordpieces of a text, as ids; no special tokens are added."""
        ids_of_word = self._ids_of_word
        ids: list[int] = []
        for word in self._basic.tokenize(text):
            ids += ids_of_word[word]
        return ids

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode` for each text."""
        return [self.encode(text) for text in texts]


class BasicTokenizer:
    """Words and punctuation of a text, before wordpieces."""

    def __init__(self, rules: TextRules) -> None:
        self._rules = rules
        self._table = _CharacterTable(rules)

    def tokenize(self, text: str) -> list[str]:
        """Split text into normalized words and single punctuation characters."""
        translated = text.translate(self._table)
        contextual = self._table.contextual
        if contextual and not contextual.isdisjoint(text):
            return _tokenize_by_word(text, self._rules)
        return translated.split()


class _CharacterTable(dict[int, str]):
    """The text for each code point; spaces separate words, so punctuation and CJK have spaces around them.

    `contextual` has the characters seen so far whose result depends on their neighbors.
    """

    def __init__(self, rules: TextRules) -> None:
        super().__init__()
        self._rules = rules
        self.contextual: set[str] = set()

    def __missing__(self, code_point: int) -> str:
        character = chr(code_point)
        result = _clean(character)
        if result not in ("", " "):
            result = _normalize(result, self._rules)
            if self._depends_on_neighbors(character, result):
                self.contextual.add(character)
            result = "".join(_separate_punctuation(piece) for piece in result)
            if self._rules.tokenize_chinese_chars and _is_cjk(character):
                result = f" {result} "
        self[code_point] = result
        return result

    def _depends_on_neighbors(self, character: str, normalized: str) -> bool:
        """Whether lower-casing or the canonical order of marks depends on more than this character."""
        if self._rules.do_lower_case and character == "\N{GREEK CAPITAL LETTER SIGMA}":
            return True
        return self._rules.strips_accents and any(map(unicodedata.combining, normalized))


class _WordCache(dict[str, tuple[int, ...]]):
    """A cache of word -> wordpiece ids; emptied when it has `CACHED_WORDS` entries."""

    def __init__(self, ids: dict[str, int], max_chars_per_word: int) -> None:
        super().__init__()
        self._unknown = (ids["[UNK]"],)
        self._model = tokenizers.models.WordPiece(
            vocab=ids, unk_token="[UNK]", max_input_chars_per_word=max_chars_per_word
        )

    def __missing__(self, word: str) -> tuple[int, ...]:
        if len(self) >= CACHED_WORDS:
            self.clear()
        try:
            ids = tuple(piece.id for piece in self._model.tokenize(word))
        except UnicodeEncodeError:  # a lone surrogate, which cannot be in a UTF-8 vocabulary
            ids = self._unknown
        self[word] = ids
        return ids


def _clean(character: str) -> str:
    """Nothing for control characters, a space for whitespace, else the character."""
    if character in "\t\n\r ":
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cf") or character == "\ufffd":
        return ""
    return " " if category == "Zs" else character


def _normalize(text: str, rules: TextRules) -> str:
    """Lower-case a text and remove its accents, according to the rules."""
    lowered = text.lower() if rules.do_lower_case else text
    return _strip_accents(lowered) if rules.strips_accents else lowered


def _strip_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(character for character in decomposed if unicodedata.category(character) != "Mn")


def _separate_punctuation(character: str) -> str:
    """A punctuation character between spaces; all ASCII symbols count as punctuation."""
    ascii_symbol = "!" <= character <= "~" and not character.isalnum()
    if ascii_symbol or unicodedata.category(character).startswith("P"):
        return f" {character} "
    return character


def _is_cjk(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _CJK_BLOCKS)


def _tokenize_by_word(text: str, rules: TextRules) -> list[str]:
    """The same rules, applied to whole words instead of code points."""
    spaced = "".join(_clean(character) for character in text)
    if rules.tokenize_chinese_chars:
        spaced = "".join(f" {character} " if _is_cjk(character) else character for character in spaced)
    words = (_normalize(word, rules) for word in spaced.split())
    return " ".join("".join(map(_separate_punctuation, word)) for word in words).split()
