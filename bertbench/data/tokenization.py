"""The original BERT's tokenization: text -> words -> wordpieces.

The rules are those of `tokenization.py` in google-research/bert: clean the text, set CJK ideographs apart,
split at whitespace, lower-case and strip accents (uncased models), split at punctuation, then match the
longest wordpiece first. They are stated per code point on Python's `unicodedata`, so here they become one
table from code point to text, filled in as characters turn up. The two steps that look beyond one code point
(the final sigma of `str.lower`, the canonical order of spacing marks) go word by word instead.
The longest-match itself is Hugging Face `tokenizers`' WordPiece model, asked once for each distinct word.
"""

import codecs
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from tokenizers.models import WordPiece

from bertbench.errors import InputError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_CHARS_PER_WORD = 200
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


class Tokenizer:
    """Text to wordpieces and their ids.

    Attributes:
      tokens: the vocabulary, in the order of the ids.
      vocab_size: how many ids there are.
      do_lower_case: whether words are lower-cased and lose their accents, as uncased models need.
      pad_id, unk_id, cls_id, sep_id, mask_id: the ids of the special tokens.
    """

    def __init__(self, vocab_file: Path | str, do_lower_case: bool) -> None:
        """Read a `vocab.txt`: one wordpiece a line, its id the line's number counted from 0.

        Raises:
          InputError: the file is unreadable, has a wordpiece twice, or lacks a special token.
        """
        self.tokens = _read_vocabulary(Path(vocab_file))
        self.vocab_size = len(self.tokens)
        self.do_lower_case = do_lower_case
        vocabulary = {token: index for index, token in enumerate(self.tokens) if token}
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            vocabulary[token] for token in SPECIAL_TOKENS
        )
        self._basic = BasicTokenizer(do_lower_case)
        self._ids_of_word = _WordCache(vocabulary)

    def basic_tokenize(self, text: str) -> list[str]:
        """Split text into words and punctuation, normalised; see `BasicTokenizer`."""
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
        """`encode` of each text."""
        return [self.encode(text) for text in texts]


class BasicTokenizer:
    """Words and punctuation of a text, before wordpieces."""

    def __init__(self, do_lower_case: bool) -> None:
        self._table = _CharacterTable(do_lower_case)

    def tokenize(self, text: str) -> list[str]:
        """Split text into normalised words and single punctuation characters."""
        translated = text.translate(self._table)
        contextual = self._table.contextual
        if contextual and not contextual.isdisjoint(text):
            return _tokenize_uncased_by_word(text)
        return translated.split()


class _CharacterTable(dict[int, str]):
    """What each code point becomes; a space separates words, so punctuation and CJK carry spaces.

    `contextual` holds the characters met so far whose result depends on their neighbours.
    """

    def __init__(self, do_lower_case: bool) -> None:
        super().__init__()
        self._do_lower_case = do_lower_case
        self.contextual: set[str] = set()

    def __missing__(self, code_point: int) -> str:
        character = chr(code_point)
        result = _clean(character)
        if result not in ("", " "):
            if self._do_lower_case:
                result = _strip_accents(result.lower())
                if character == "\N{GREEK CAPITAL LETTER SIGMA}" or any(map(unicodedata.combining, result)):
                    self.contextual.add(character)
            result = "".join(_separate_punctuation(piece) for piece in result)
            if _is_cjk(character):
                result = f" {result} "
        self[code_point] = result
        return result


class _WordCache(dict[str, tuple[int, ...]]):
    """Word -> wordpiece ids, remembered; emptied when `CACHED_WORDS` are held."""

    def __init__(self, vocabulary: dict[str, int]) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self._model = WordPiece(
            vocab=vocabulary, unk_token="[UNK]", max_input_chars_per_word=MAX_CHARS_PER_WORD
        )

    def __missing__(self, word: str) -> tuple[int, ...]:
        if len(self) >= CACHED_WORDS:
            self.clear()
        try:
            ids = tuple(piece.id for piece in self._model.tokenize(word))
        except UnicodeEncodeError:  # a lone surrogate, which no UTF-8 vocabulary holds
            ids = (self.vocabulary["[UNK]"],)
        self[word] = ids
        return ids


def _read_vocabulary(path: Path) -> list[str]:
    try:
        text = path.read_bytes().removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: byte {error.start} is not UTF-8; give the checkpoint's vocab.txt."
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None
    tokens = [line.strip() for line in text.removesuffix("\n").split("\n")]
    first_line: dict[str, int] = {}
    for number, token in enumerate(tokens, start=1):
        first = first_line.setdefault(token, number)
        if token and first != number:
            raise InputError(
                f"{path}: line {number}: {token!r} stands on line {first} already; "
                "give the model's vocab.txt."
            )
    missing = [token for token in SPECIAL_TOKENS if token not in first_line]
    if missing:
        raise InputError(f"{path}: {', '.join(missing)} missing; give the model's vocab.txt.")
    return tokens


def _clean(character: str) -> str:
    """Nothing for control characters, a space for whitespace, else the character."""
    if character in "\t\n\r ":
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cf") or character == "\ufffd":
        return ""
    return " " if category == "Zs" else character


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


def _tokenize_uncased_by_word(text: str) -> list[str]:
    """The rules for uncased text with nothing taken per code point that depends on its neighbours."""
    cleaned = "".join(_clean(character) for character in text)
    spaced = "".join(f" {character} " if _is_cjk(character) else character for character in cleaned)
    words = (_strip_accents(word.lower()) for word in spaced.split())
    return " ".join("".join(map(_separate_punctuation, word)) for word in words).split()
