"""Start and end logits -> answers, as `write_predictions` of google-research/bert's `run_squad.py`.

Each window gives the spans between its `n_best_size` best starts and ends; a start counts only in the window
with most context. A question's spans are ranked by start plus end logit over all its windows, and a span's
text is taken from the original context.

One difference: logits here are only those of real tokens, while the original also ranks the padding after
them. Padding is never an answer there either, but with a high logit it takes one of the `n_best_size` places
from a real token, so that the least likely entries of an n-best list can differ.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol

import numpy as np

from bertbench.errors import CannotJudge
from bertbench.evaluation.answer_text import AnswerTexts, Context, Wordpieces
from bertbench.evaluation.decoded_answers import DecodedAnswers, Entry, Logits
from bertbench.evaluation.null_answers import choose_answers, null_logits, with_null
from bertbench.options import Option, Settings

_WINDOWS_AT_ONCE = 1024


class Windows(Protocol):
    """N windows of T tokens, as needed for decoding; see `bertbench.data.squad_windows.SquadWindows`."""

    @property
    def features(self) -> TokenRows:
        """The windows' tokens."""

    @property
    def example_index(self) -> np.ndarray:
        """int32 [N]: the question of each window."""

    @property
    def token_to_orig(self) -> np.ndarray:
        """int32 [T]: the word of the context that a token belongs to."""

    @property
    def token_is_max_context(self) -> np.ndarray:
        """bool [T]: whether no other window has more context of the token."""


class TokenRows(Protocol):
    """Token ids [T] and the boundaries [N + 1] of the windows."""

    @property
    def input_ids(self) -> np.ndarray:
        """int32 [T]."""

    @property
    def row_splits(self) -> np.ndarray:
        """int [N + 1]."""


class Question(Protocol):
    """A question and its context, divided into words."""

    @property
    def qas_id(self) -> str:
        """The question's id."""

    @property
    def paragraph(self) -> Context:
        """The context."""


@dataclass(frozen=True)
class DecodingSettings(Settings):
    """The number and length of answers, and when a question has none.

    Attributes:
      null_score_diff_threshold: in logits, added over start and end.
    """

    option_group: ClassVar[str] = "data"

    n_best_size: Annotated[int, Option("Answers to keep per question.", minimum=1)] = 20
    max_answer_length: Annotated[int, Option("Most wordpieces per answer.", minimum=1)] = 30
    null_score_diff_threshold: Annotated[
        float,
        Option("SQuAD 2.0: no answer if the null odds are higher.", minimum=-1e6, maximum=1e6),
    ] = 0.0


def decode_spans(
    examples: Sequence[Question],
    windows: Windows,
    start_logits: np.ndarray,
    end_logits: np.ndarray,
    tokenizer: Wordpieces,
    settings: DecodingSettings,
    *,
    with_negative: bool = False,
) -> DecodedAnswers:
    """Turn the logits of every window into answers.

    Args:
      start_logits, end_logits: float [T], aligned with `windows.features.input_ids`.
      with_negative: whether a question may have no answer.

    Raises:
      CannotJudge: a logit is not finite.
    """
    _require_finite(examples, windows, start_logits, end_logits)
    candidates = _rank_candidates(windows, start_logits, end_logits, settings)
    nulls = None
    if with_negative:
        first = windows.features.row_splits[:-1]
        cls = start_logits[first], end_logits[first]
        nulls = null_logits(len(examples), windows.example_index, *cls)
    texts = AnswerTexts(tokenizer)
    bounds = np.searchsorted(candidates.example, np.arange(len(examples) + 1))
    nbest = {}
    for number, example in enumerate(examples):
        entries: dict[str, Logits] = {}
        rows = slice(bounds[number], bounds[number + 1])
        for first, last in zip(candidates.start[rows].tolist(), candidates.end[rows].tolist(), strict=True):
            pieces = windows.features.input_ids[first : last + 1].tolist()
            words = windows.token_to_orig[first], windows.token_to_orig[last]
            text = texts.cut(pieces, example.paragraph, *words)
            if text not in entries:
                entries[text] = float(start_logits[first]), float(end_logits[last])
                if len(entries) == settings.n_best_size:
                    break
        if nulls is not None:
            entries = with_null(entries, nulls[number], settings.n_best_size)
        nbest[example.qas_id] = _with_probabilities(entries or {"empty": (0.0, 0.0)})
    if nulls is not None:
        return choose_answers(nbest, settings.null_score_diff_threshold)
    return DecodedAnswers({qas_id: str(best[0]["text"]) for qas_id, best in nbest.items()}, nbest)


@dataclass(frozen=True)
class _Candidates:
    """Spans by example and decreasing score: example, first and last token (counted over all windows)."""

    example: np.ndarray
    start: np.ndarray
    end: np.ndarray


def _require_finite(
    examples: Sequence[Question], windows: Windows, start_logits: np.ndarray, end_logits: np.ndarray
) -> None:
    bad = ~(np.isfinite(start_logits) & np.isfinite(end_logits))
    if bad.any():
        window = np.searchsorted(windows.features.row_splits, np.argmax(bad), side="right") - 1
        raise CannotJudge(
            f"question {examples[windows.example_index[window]].qas_id!r}: a logit is not finite; "
            "check the checkpoint, or compare with --precision fp32."
        )


def _rank_candidates(
    windows: Windows, start_logits: np.ndarray, end_logits: np.ndarray, settings: DecodingSettings
) -> _Candidates:
    """Every valid span of every window, by example and decreasing score.

    Equal scores keep the original's order: by window, then rank of the start, then rank of the end.
    """
    blocks = list(_admissible_spans(windows, start_logits, end_logits, settings))
    window, start, end = (np.concatenate(column) for column in zip(*blocks, strict=True))
    example = windows.example_index[window]
    score = start_logits[start].astype(np.float64) + end_logits[end].astype(np.float64)
    order = np.lexsort((-score, example))
    return _Candidates(example[order], start[order], end[order])


def _admissible_spans(
    windows: Windows, start_logits: np.ndarray, end_logits: np.ndarray, settings: DecodingSettings
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Window, first token and last token of the spans, some windows at a time."""
    splits = windows.features.row_splits
    count = len(splits) - 1
    in_context = windows.token_to_orig >= 0
    for first in range(0, max(count, 1), _WINDOWS_AT_ONCE):
        bounds = splits[first : first + _WINDOWS_AT_ONCE + 1]
        start, start_exists = _best_tokens(start_logits, bounds, settings.n_best_size)
        end, end_exists = _best_tokens(end_logits, bounds, settings.n_best_size)
        start_exists &= windows.token_is_max_context[start] & in_context[start]
        end_exists &= in_context[end]
        length = end[:, None, :] - start[:, :, None] + 1
        admissible = start_exists[:, :, None] & end_exists[:, None, :]
        admissible &= (length >= 1) & (length <= settings.max_answer_length)
        row, start_rank, end_rank = np.nonzero(admissible)
        yield first + row, start[row, start_rank], end[row, end_rank]


def _best_tokens(logits: np.ndarray, bounds: np.ndarray, n_best: int) -> tuple[np.ndarray, np.ndarray]:
    """The tokens with the highest logits of each row, best first, equal ones in their order.

    Returns int64 [rows, K] tokens and bool [rows, K], False if the row has fewer than K tokens.
    """
    lengths = np.diff(bounds)
    width = int(lengths.max(initial=1))
    column = np.arange(width)
    exists = column < lengths[:, None]
    padded = np.full(exists.shape, -np.inf)
    padded[exists] = logits[bounds[0] : bounds[-1]]
    best = np.argsort(-padded, axis=1, kind="stable")[:, :n_best]
    found = np.take_along_axis(exists, best, axis=1)
    return np.where(found, bounds[:-1, None] + best, 0), found


def _with_probabilities(entries: dict[str, Logits]) -> list[Entry]:
    """The n-best list with the softmax of the scores."""
    scores = [start + end for start, end in entries.values()]
    highest = max(scores)
    exponentials = [math.exp(score - highest) for score in scores]
    total = functools.reduce(operator.add, exponentials)
    return [
        {"text": text, "probability": exponential / total, "start_logit": start, "end_logit": end}
        for (text, (start, end)), exponential in zip(entries.items(), exponentials, strict=True)
    ]
