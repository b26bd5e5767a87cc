"""Spans of wordpieces -> text from the context, as in `run_squad.py` of google-research/bert."""

from collections.abc import Sequence
from typing import Protocol


class Context(Protocol):
    """A context divided into words."""

    @property
    def doc_tokens(self) -> Sequence[str]:
        """The words."""


class Wordpieces(Protocol):
    """The tokenizer that divided the words into wordpieces."""

    @property
    def tokens(self) -> Sequence[str]:
        """The vocabulary, by id."""

    def basic_tokenize(self, text: str) -> list[str]:
        """The words of a text, normalized."""


class AnswerTexts:
    """Extracts answers from contexts; caches the basic tokenization of words."""

    def __init__(self, tokenizer: Wordpieces) -> None:
        self._tokenizer = tokenizer
        self._normalized: dict[str, str] = {}

    def cut(self, pieces: Sequence[int], context: Context, first_word: int, last_word: int) -> str:
        """The text of wordpieces (ids) in the words `first_word` to `last_word` of the context."""
        joined = " ".join([self._tokenizer.tokens[index] for index in pieces])
        answer = " ".join(joined.replace(" ##", "").replace("##", "").split())
        words = context.doc_tokens[first_word : last_word + 1]
        return project_answer(answer, words, " ".join(filter(None, map(self._normalize, words))))

    def _normalize(self, word: str) -> str:
        if word not in self._normalized:
            self._normalized[word] = " ".join(self._tokenizer.basic_tokenize(word))
        return self._normalized[word]


def project_answer(answer: str, words: Sequence[str], normalized: str) -> str:
    """The part of the context that became `answer` (`get_final_text` of `run_squad.py`).

    Args:
      answer: words and punctuation with single spaces, made from wordpieces.
      words: the words of the context that the answer's wordpieces touch.
      normalized: the same after basic tokenization, with single spaces.

    Returns:
      The part, or all words if their characters and the normalized ones do not correspond one to one, or if
      the answer is not among them.
    """
    original = " ".join(words)
    start = normalized.find(answer)
    spaces = normalized.count(" ")
    if start < 0 or len(original) - len(words) + 1 != len(normalized) - spaces:
        return original
    skipped = start - normalized.count(" ", 0, start)
    kept = len(answer) - answer.count(" ")
    return original[_place(words, skipped) : _place(words, skipped + kept - 1) + 1]


def _place(words: Sequence[str], rank: int) -> int:
    """The position, in the words joined by spaces, of the non-space character number `rank`."""
    place = rank
    for word in words:
        if rank < len(word):
            break
        rank -= len(word)
        place += 1
    return place
