"""One text or two as a row of wordpieces: `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`."""

from bertbench.data.tokenization import Tokenizer


def join_texts(
    text_a: str, text_b: str | None, tokenizer: Tokenizer, max_seq_length: int
) -> tuple[list[int], list[int]]:
    """The ids of a row and its segment ids, truncated as in the original.

    In a pair that is too long, the last token of the longer text (of the second, if both are equally long) is
    removed until the pair fits. A second text without tokens is omitted, with its `[SEP]`.

    Args:
      max_seq_length: with room for the special tokens, see `SHORTEST_MAX_SEQ_LENGTH`.
    """
    ids_a, ids_b = tokenizer.encode(text_a), tokenizer.encode(text_b or "")
    if not ids_b:
        row = [tokenizer.cls_id, *ids_a[: max_seq_length - 2], tokenizer.sep_id]
        return row, [0] * len(row)
    length_a, length_b = truncated_lengths(len(ids_a), len(ids_b), max_seq_length - 3)
    row = [tokenizer.cls_id, *ids_a[:length_a], tokenizer.sep_id, *ids_b[:length_b], tokenizer.sep_id]
    return row, [0] * (length_a + 2) + [1] * (length_b + 1)


def truncated_lengths(length_a: int, length_b: int, max_tokens: int) -> tuple[int, int]:
    """The lengths of both texts after removing tokens one by one from the end of the longer one.

    If both are equally long, the second one is shortened (the original's `_truncate_seq_pair`).
    """
    surplus = length_a + length_b - max_tokens
    if surplus <= 0:
        return length_a, length_b
    uneven = min(surplus, abs(length_a - length_b))
    if length_a > length_b:
        length_a -= uneven
    else:
        length_b -= uneven
    rest = surplus - uneven
    return length_a - rest // 2, length_b - (rest + 1) // 2
