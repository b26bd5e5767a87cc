"""Documents -> masked examples with a next-sentence label (Devlin et al. 2018, section 3.1 and appendix A.1).

The rules and the order in which random numbers are drawn are those of `create_pretraining_data.py` in
google-research/bert: the same `random.Random` gives the same examples of the same documents as the original.
Tokens are ids everywhere. A sentence is a list of ids, a document a list of sentences.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from bertbench.data.features import MaxSeqLength
from bertbench.data.tokenization import Tokenizer
from bertbench.options import Option, Settings

Document = Sequence[Sequence[int]]

SPECIAL_TOKENS_PER_PAIR = 3  # [CLS] a [SEP] b [SEP]
MASK_RATE = 0.8
KEEP_RATE_OF_REST = 0.5
RANDOM_NEXT_RATE = 0.5
TRIES_FOR_ANOTHER_DOCUMENT = 10


@dataclass(frozen=True)
class MaskingOptions(Settings):
    """How documents become examples.

    Attributes:
      max_seq_length: most tokens per example, including [CLS] and both [SEP].
      max_predictions_per_seq: most masked tokens per example.
      masked_lm_prob: share of an example's tokens that is masked.
      short_seq_prob: share of passes over a document that aim at a random shorter length.
      do_whole_word_mask: mask all wordpieces of a word or none.
      dupe_factor: passes over every document, each with different masks.
    """

    option_group: ClassVar[str] = "data"

    max_seq_length: MaxSeqLength = 128
    max_predictions_per_seq: Annotated[int, Option("Most masked tokens per example.", minimum=1)] = 20
    masked_lm_prob: Annotated[
        float, Option("Share of an example's tokens that is masked.", minimum=0, maximum=1, exclusive=True)
    ] = 0.15
    short_seq_prob: Annotated[
        float,
        Option("Share of passes over a document that aim at a random shorter length.", minimum=0, maximum=1),
    ] = 0.1
    do_whole_word_mask: Annotated[bool, Option("Mask all wordpieces of a word or none.")] = False
    dupe_factor: Annotated[int, Option("Passes over every document, each with new masks.", minimum=1)] = 10


class MaskedExample(NamedTuple):
    """One example, unpadded.

    Attributes:
      input_ids: [CLS] a [SEP] b [SEP], masked.
      segment_ids: 0 up to the first [SEP], 1 after it.
      masked_lm_positions: positions in `input_ids` to predict, ascending.
      masked_lm_ids: the original tokens at these positions.
      is_random_next: whether b is a random text instead of the one after a.
    """

    input_ids: list[int]
    segment_ids: list[int]
    masked_lm_positions: list[int]
    masked_lm_ids: list[int]
    is_random_next: bool


class ExampleMaker:
    """Makes examples with one set of options and one vocabulary."""

    def __init__(self, tokenizer: Tokenizer, options: MaskingOptions) -> None:
        self.options = options
        self._cls_id = tokenizer.cls_id
        self._sep_id = tokenizer.sep_id
        self._mask_id = tokenizer.mask_id
        self._vocab_size = tokenizer.vocab_size
        self._continuation_ids = frozenset(
            index for index, token in enumerate(tokenizer.tokens) if token.startswith("##")
        )

    def examples(self, documents: Sequence[Document], rng: random.Random) -> Iterator[MaskedExample]:
        """Yield the examples of all passes over all documents; the caller shuffles them.

        Random next sentences are drawn from `documents`. No document and no sentence may be empty.
        """
        documents = list(documents)
        rng.shuffle(documents)
        for _ in range(self.options.dupe_factor):
            for index in range(len(documents)):
                yield from self._document_examples(documents, index, rng)

    def mask(self, tokens: Sequence[int], rng: random.Random) -> tuple[list[int], list[int], list[int]]:
        """Mask tokens: 80 % of the chosen ones become [MASK], 10 % a random token, 10 % stay.

        The number chosen is `masked_lm_prob` of all tokens, at least 1 and at most
        `max_predictions_per_seq`; with whole words it may be fewer, if the next word does not fit. As in the
        original, a `##` piece belongs to the piece before it, even across [SEP].

        Returns:
          The masked tokens, the chosen positions (ascending), and the original tokens there.
        """
        options = self.options
        candidates = self._candidates(tokens)
        rng.shuffle(candidates)
        count = min(options.max_predictions_per_seq, max(1, round(len(tokens) * options.masked_lm_prob)))
        masked = list(tokens)
        positions: list[int] = []
        for candidate in candidates:
            if len(positions) >= count:
                break
            if len(positions) + len(candidate) > count:
                continue
            for position in candidate:
                masked[position] = self._replacement(tokens[position], rng)
                positions.append(position)
        positions.sort()
        return masked, positions, [tokens[position] for position in positions]

    def _document_examples(
        self, documents: Sequence[Document], index: int, rng: random.Random
    ) -> Iterator[MaskedExample]:
        document = documents[index]
        max_tokens = self.options.max_seq_length - SPECIAL_TOKENS_PER_PAIR
        target = max_tokens
        if rng.random() < self.options.short_seq_prob:
            target = rng.randint(2, max_tokens)
        start = end = length = 0
        while end < len(document):
            length += len(document[end])
            end += 1
            if length < target and end < len(document):
                continue
            sentences = document[start:end]
            split = rng.randint(1, len(sentences) - 1) if len(sentences) > 1 else 1
            tokens_a = _flatten(sentences[:split])
            is_random_next = len(sentences) == 1 or rng.random() < RANDOM_NEXT_RATE
            if is_random_next:
                tokens_b = _random_text(documents, index, target - len(tokens_a), rng)
                end = start + split  # the unused sentences start the next example
            else:
                tokens_b = _flatten(sentences[split:])
            yield self._example(*truncate_pair(tokens_a, tokens_b, max_tokens, rng), is_random_next, rng)
            start, length = end, 0

    def _example(
        self, tokens_a: list[int], tokens_b: list[int], is_random_next: bool, rng: random.Random
    ) -> MaskedExample:
        tokens = [self._cls_id, *tokens_a, self._sep_id, *tokens_b, self._sep_id]
        segment_ids = [0] * (len(tokens_a) + 2) + [1] * (len(tokens_b) + 1)
        masked, positions, originals = self.mask(tokens, rng)
        return MaskedExample(masked, segment_ids, positions, originals, is_random_next)

    def _candidates(self, tokens: Sequence[int]) -> list[list[int]]:
        """Positions that are masked together."""
        candidates: list[list[int]] = []
        for position, token in enumerate(tokens):
            if token == self._cls_id or token == self._sep_id:
                continue
            if self.options.do_whole_word_mask and candidates and token in self._continuation_ids:
                candidates[-1].append(position)
            else:
                candidates.append([position])
        return candidates

    def _replacement(self, token: int, rng: random.Random) -> int:
        if rng.random() < MASK_RATE:
            return self._mask_id
        if rng.random() < KEEP_RATE_OF_REST:
            return token
        return rng.randrange(self._vocab_size)


def truncate_pair(
    tokens_a: list[int], tokens_b: list[int], max_tokens: int, rng: random.Random
) -> tuple[list[int], list[int]]:
    """Remove tokens from the start or end (at random) of the longer text, on a tie of b, until both fit."""
    start_a, end_a = 0, len(tokens_a)
    start_b, end_b = 0, len(tokens_b)
    while end_a - start_a + end_b - start_b > max_tokens:
        from_front = rng.random() < 0.5
        if end_a - start_a > end_b - start_b:
            start_a, end_a = (start_a + 1, end_a) if from_front else (start_a, end_a - 1)
        else:
            start_b, end_b = (start_b + 1, end_b) if from_front else (start_b, end_b - 1)
    return tokens_a[start_a:end_a], tokens_b[start_b:end_b]


def _random_text(documents: Sequence[Document], index: int, length: int, rng: random.Random) -> list[int]:
    """Sentences from a random place in another document, until they have `length` tokens."""
    for _ in range(TRIES_FOR_ANOTHER_DOCUMENT):
        other = rng.randrange(len(documents))
        if other != index:
            break
    document = documents[other]
    tokens: list[int] = []
    for sentence in document[rng.randrange(len(document)) :]:
        tokens.extend(sentence)
        if len(tokens) >= length:
            break
    return tokens


def _flatten(sentences: Sequence[Sequence[int]]) -> list[int]:
    return list(itertools.chain.from_iterable(sentences))
