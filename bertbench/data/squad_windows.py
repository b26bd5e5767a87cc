"""SQuAD examples -> windows of wordpieces: `[CLS] question [SEP] part of the context [SEP]`.

A long context has several windows, whose starts are `doc_stride` wordpieces apart; a wordpiece in several
windows belongs to the one with most of its context. The rules are those of
`convert_examples_to_features` in google-research/bert's `run_squad.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, ClassVar

import numpy as np

from bertbench.data.features import Features, MaxSeqLength, row_splits
from bertbench.data.squad import Paragraph, SquadExample
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError
from bertbench.options import Option, Settings


@dataclass(frozen=True)
class WindowSettings(Settings):
    """How contexts are split into windows; all lengths in wordpieces."""

    option_group: ClassVar[str] = "data"

    max_seq_length: MaxSeqLength = 384
    doc_stride: Annotated[int, Option("Wordpieces from one window of a context to the next.", minimum=1)] = (
        128
    )
    max_query_length: Annotated[
        int, Option("Most wordpieces of a question; longer ones are truncated.", minimum=1)
    ] = 64

    def require_room(self) -> None:
        """Check that a window has room for the context.

        Raises:
          InputError: the longest question fills it.
        """
        if self.max_seq_length <= self.max_query_length + 3:
            raise InputError(
                f"max_seq_length {self.max_seq_length} leaves no room for the context; "
                f"it must be above max_query_length + 3 = {self.max_query_length + 3}."
            )


@dataclass(frozen=True)
class SquadWindows:
    """N windows with T wordpieces in total, in the order of the examples.

    Attributes:
      features: the model's input; for training with labels `start_positions` and `end_positions`, int32 [N],
        both 0 in a window without the complete answer.
      example_index: int32 [N], the example that the window belongs to.
      doc_span_index: int32 [N], the number of the window within its example.
      token_to_orig: int32 [T], the word of the context to which the wordpiece belongs; -1 outside the
        context.
      token_is_max_context: bool [T], whether no other window has more context of the wordpiece; False
        outside the context.
    """

    features: Features
    example_index: np.ndarray
    doc_span_index: np.ndarray
    token_to_orig: np.ndarray
    token_is_max_context: np.ndarray

    def __len__(self) -> int:
        return len(self.example_index)


def make_windows(
    examples: Sequence[SquadExample],
    tokenizer: Tokenizer,
    settings: WindowSettings,
    *,
    training: bool = False,
) -> SquadWindows:
    """Divide examples into windows.

    Args:
      training: whether to make labels; a question without an answer has both at `[CLS]`, position 0.
    """
    rows = _Rows(tokenizer, settings)
    paragraphs: dict[Paragraph, _Pieces] = {}
    for number, example in enumerate(examples):
        pieces = paragraphs.get(example.paragraph)
        if pieces is None:
            pieces = paragraphs[example.paragraph] = _Pieces.of(example.paragraph.doc_tokens, tokenizer)
        answer = _answer_pieces(example, pieces, tokenizer) if training else None
        rows.add_example(number, tokenizer.encode(example.question), pieces, answer)
    return rows.finish(training)


@dataclass(frozen=True)
class _Pieces:
    """A context of W words in P wordpieces: ids int32 [P], each one's word int32 [P], and the first piece of
    each word and the end, int64 [W + 1].
    """

    ids: np.ndarray
    words: np.ndarray
    first_piece: np.ndarray

    @classmethod
    def of(cls, doc_tokens: Sequence[str], tokenizer: Tokenizer) -> _Pieces:
        pieces = tokenizer.encode_batch(doc_tokens)
        first_piece = row_splits([len(word) for word in pieces])
        words = np.repeat(np.arange(len(pieces), dtype=np.int32), np.diff(first_piece))
        return cls(np.fromiter(chain.from_iterable(pieces), np.int32, first_piece[-1]), words, first_piece)


class _Rows:
    """Windows under construction: parts of arrays, joined once at the end."""

    def __init__(self, tokenizer: Tokenizer, settings: WindowSettings) -> None:
        self._settings = settings
        self._cls_id = tokenizer.cls_id
        self._sep = np.array([tokenizer.sep_id], np.int32)
        self._outside = np.full(settings.max_seq_length, -1, np.int32)
        self._ids: list[np.ndarray] = []
        self._words: list[np.ndarray] = []
        self._is_max_context: list[np.ndarray] = []
        # example, doc span, tokens before the context, tokens of it, start and end position
        self._windows: list[tuple[int, int, int, int, int, int]] = []

    def add_example(
        self, number: int, question: list[int], pieces: _Pieces, answer: tuple[int, int] | None
    ) -> None:
        query = question[: self._settings.max_query_length]
        head = np.array([self._cls_id, *query, self._sep[0]], np.int32)
        room = self._settings.max_seq_length - len(head) - 1
        spans = _doc_spans(len(pieces.ids), room, self._settings.doc_stride)
        best_span = _best_spans(spans, len(pieces.ids))
        outside, never = self._outside[: len(head)], np.zeros(len(head), bool)
        for index, (start, length) in enumerate(spans):
            part = slice(start, start + length)
            self._ids += head, pieces.ids[part], self._sep
            self._words += outside, pieces.words[part], outside[:1]
            self._is_max_context += never, best_span[part] == index, never[:1]
            position = (0, 0)
            if answer and start <= answer[0] and answer[1] < start + length:
                position = (answer[0] - start + len(head), answer[1] - start + len(head))
            self._windows.append((number, index, len(head), length, *position))

    def finish(self, training: bool) -> SquadWindows:
        columns = np.array(self._windows, np.int32).reshape(-1, 6).T
        example_index, doc_span_index, heads, contexts, starts, ends = columns
        is_second = np.tile([0, 1], len(heads))
        features = Features(
            _join(self._ids, np.int32),
            np.repeat(is_second, np.stack([heads, contexts + 1], axis=1).ravel()).astype(np.int32),
            row_splits(heads + contexts + 1),
            {"start_positions": starts, "end_positions": ends} if training else {},
        )
        words, is_max_context = _join(self._words, np.int32), _join(self._is_max_context, np.bool_)
        return SquadWindows(features, example_index, doc_span_index, words, is_max_context)


def _answer_pieces(example: SquadExample, pieces: _Pieces, tokenizer: Tokenizer) -> tuple[int, int] | None:
    """The first and last wordpiece of the answer's words, or, if within them, of the answer itself.

    None for a question without an answer.
    """
    if example.start_word is None or example.end_word is None or not example.answers:
        return None
    start = int(pieces.first_piece[example.start_word])
    end = int(pieces.first_piece[example.end_word + 1]) - 1
    answer = tokenizer.encode(example.answers[0])
    shift = _find(pieces.ids[start : end + 1], np.array(answer, np.int32)) if answer else None
    return (start, end) if shift is None else (start + shift, start + shift + len(answer) - 1)


def _find(ids: np.ndarray, part: np.ndarray) -> int | None:
    """The first index of a part in int32 ids, None if it is not there; in linear time, as `bytes.find`."""
    within, searched = ids.tobytes(), part.tobytes()
    place = within.find(searched)
    while place % ids.itemsize and place >= 0:
        place = within.find(searched, place + 1)
    return None if place < 0 else place // ids.itemsize


def _doc_spans(count: int, room: int, stride: int) -> list[tuple[int, int]]:
    """The (start, length) of the windows over `count` wordpieces, of at most `room` each."""
    spans = []
    start = 0
    while start < count:
        length = min(count - start, room)
        spans.append((start, length))
        if start + length == count:
            break
        start += min(length, stride)
    return spans


def _best_spans(spans: list[tuple[int, int]], count: int) -> np.ndarray:
    """int64 [count], the window with most context for each wordpiece.

    Context is the smaller of the numbers of wordpieces to the left and right, plus 0.01 times the window's
    length; on a tie the earlier window is used.
    """
    best = np.zeros(count, np.int64)
    most = np.full(count, -np.inf)
    for index, (start, length) in enumerate(spans):
        left, part = np.arange(length), slice(start, start + length)
        context = np.minimum(left, length - 1 - left) + 0.01 * length
        better = context > most[part]
        best[part][better] = index
        most[part][better] = context[better]
    return best


def _join(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
