"""A small lower-cased WordPiece vocabulary, the same for the same words on every machine.

The merges are those of byte-pair encoding (Sennrich et al. 2016) over words split as
"c ##h ##a ##r ##s" (Wu et al. 2016's notation): the most frequent neighbors become one piece, ties go to the
pair that sorts first. The `tokenizers` library's trainer breaks ties by hash order, so its vocabulary changes
from run to run.
"""

import itertools
import re
import string
from collections import Counter, defaultdict
from collections.abc import Iterable

SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORD = re.compile(r"\w+|[^\w\s]")
_ALPHANUMERIC = string.digits + string.ascii_lowercase

Pair = tuple[str, str]


def train_vocabulary(lines: Iterable[str], size: int) -> list[str]:
    """The pieces in id order: special ones, characters, then merges, the most frequent first.

    Every ASCII word can be spelled, because every letter and digit is a piece at the start of a word and
    within it. Fewer than `size` pieces come back when the words are exhausted.
    """
    counts = Counter(word for line in lines for word in _WORD.findall(line.lower()))
    pieces = dict.fromkeys(
        (*SPECIAL_PIECES, *string.punctuation, *_ALPHANUMERIC, *(f"##{c}" for c in _ALPHANUMERIC))
    )
    merging = _Merging(counts)
    while len(pieces) < size and (pair := merging.most_frequent()):
        pieces[merging.merge(pair)] = None
    return list(pieces)


class _Merging:
    """Words as lists of pieces, and how often each pair of neighbors occurs in them."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._pieces = {word: [word[0], *(f"##{c}" for c in word[1:])] for word in counts}
        self._pair_counts: Counter[Pair] = Counter()
        self._words_with: defaultdict[Pair, set[str]] = defaultdict(set)
        for word in counts:
            self._count_pairs(word, 1)

    def most_frequent(self) -> Pair | None:
        """The pair to merge next, or None when no word has two pieces left."""
        pairs = [pair for pair, count in self._pair_counts.items() if count > 0]
        return min(pairs, key=lambda pair: (-self._pair_counts[pair], pair), default=None)

    def merge(self, pair: Pair) -> str:
        """Make the pair one piece in all words, and return it."""
        merged = pair[0] + pair[1].removeprefix("##")
        for word in list(self._words_with[pair]):
            self._count_pairs(word, -1)
            self._pieces[word] = _join(self._pieces[word], pair, merged)
            self._count_pairs(word, 1)
        return merged

    def _count_pairs(self, word: str, sign: int) -> None:
        pieces = self._pieces[word]
        for pair in itertools.pairwise(pieces):
            self._pair_counts[pair] += sign * self._counts[word]
            self._words_with[pair].add(word)


def _join(pieces: list[str], pair: Pair, merged: str) -> list[str]:
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] = merged
        else:
            joined.append(piece)
    return joined
