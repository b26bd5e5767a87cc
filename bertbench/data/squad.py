"""SQuAD files -> examples.

Contexts are split into words, and answers mapped to words, as `read_squad_examples` of google-research/bert's
`run_squad.py` does.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.console import notice
from bertbench.data.squad_format import REMEDY, member, read_paragraphs
from bertbench.errors import InputError
from bertbench.files import Content, read_content

# Whitespace as in run_squad.py: other Unicode spaces remain inside a word.
_WORD = re.compile("[^ \t\r\n\u202f]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
# In characters; those of SQuAD 1.1 have less than 4,000. It limits memory and time: every question has
# windows over all of its context.
LONGEST_CONTEXT = 1_000_000


@dataclass(frozen=True, eq=False)
class Paragraph:
    """A context split into words, shared by its questions."""

    doc_tokens: list[str]


@dataclass(frozen=True, eq=False)
class SquadExample:
    """One question.

    Attributes:
      answers: the texts of the reference answers, empty for a question without an answer; None if the file
        does not contain them.
      start_word, end_word: the first answer's first and last word in `paragraph.doc_tokens`; None where
        there is no answer or the context does not contain it at its position.
    """

    qas_id: str
    question: str
    paragraph: Paragraph
    answers: tuple[str, ...] | None
    start_word: int | None
    end_word: int | None


@dataclass(frozen=True)
class _Question:
    """A checked member of `qas`; missing values are None."""

    place: str
    qas_id: str
    text: str
    answers: list[tuple[str, int]] | None
    is_impossible: bool | None


def read_squad(
    source: Path | str | Content, *, training: bool = False, with_negative: bool = False
) -> list[SquadExample]:
    """Read a SQuAD file, in its order.

    Answers that their context does not contain (with whitespace runs compared as one space, at the position
    `answer_start`) are counted in one notice. For training, where a question's first answer is the
    label, such questions are omitted.

    Args:
      with_negative: whether questions may have no answer, as in SQuAD 2.0.

    Raises:
      InputError: the file is malformed, a context or question is empty, a context is too long, an id appears
        twice, there is no question, or a question that must have an answer has none; the message names file
        and place.
    """
    content = read_content(source)
    path = content.path
    examples = []
    misplaced = 0
    for context, questions in _read_paragraphs(content):
        paragraph, starts = _split_words(context)
        for question in questions:
            answers = _spans_to_find(question, training=training, with_negative=with_negative)
            spans = [_find_words(paragraph.doc_tokens, starts, len(context), *answer) for answer in answers]
            misplaced += spans.count(None)
            if training and None in spans:
                continue
            start, end = (spans and spans[0]) or (None, None)
            texts = _answer_texts(question)
            examples.append(SquadExample(question.qas_id, question.text, paragraph, texts, start, end))
    if misplaced:
        consequence = "their questions are left out" if training else "predictions are not affected"
        notice(f"{path}: answers not in their context at answer_start: {misplaced}; {consequence}.")
    if not examples:
        raise InputError(f"{path}: no question is left to train on; {REMEDY}.")
    return examples


def make_example(question: str, context: str) -> SquadExample:
    """One question about a context, without reference answers; its id is the text of the question.

    Raises:
      InputError: one of them is empty or contains a lone surrogate, or the context is too long.
    """
    values = {"question": question, "context": context}
    paragraph, _ = _split_words(_context(values, "a question"))
    text = _text(values, "question", "a question")
    return SquadExample(text, text, paragraph, None, None, None)


def _spans_to_find(question: _Question, *, training: bool, with_negative: bool) -> list[tuple[str, int]]:
    """The answers to locate in the context; for training only the label, none for an impossible question.

    Raises:
      InputError: the question must have an answer and has none.
    """
    answers = question.answers or []
    if question.is_impossible and not with_negative:
        raise InputError(
            f"{question.place}: is marked as impossible to answer; give --version-2-with-negative."
        )
    if not training:
        return answers
    stated = question.is_impossible
    if with_negative and (stated or (stated is None and not answers)):
        return []
    if not answers:
        raise InputError(f"{question.place}: has no answer to train on; {REMEDY}.")
    return answers[:1]


def _answer_texts(question: _Question) -> tuple[str, ...] | None:
    return None if question.answers is None else tuple(text for text, _ in question.answers)


def _split_words(context: str) -> tuple[Paragraph, list[int]]:
    """The words of a context, and the offset of each one's first character."""
    return Paragraph(_WORD.findall(context)), [match.start() for match in _WORD.finditer(context)]


def _find_words(
    doc_tokens: list[str], starts: list[int], context_length: int, text: str, offset: int
) -> tuple[int, int] | None:
    """The first and last word of an answer, or None if the context does not contain it there."""
    if not text.strip() or not 0 <= offset <= context_length - len(text):
        return None
    start = bisect_right(starts, offset) - 1
    end = bisect_right(starts, offset + len(text) - 1) - 1
    found = " ".join(text.split()) in " ".join(doc_tokens[start : end + 1])
    # An answer that starts in whitespace before the first word has start -1: the last word, as originally.
    return (start % len(doc_tokens), end) if found else None


def _read_paragraphs(content: Content) -> Iterator[tuple[str, list[_Question]]]:
    """Each paragraph's context and questions, checked."""
    seen: set[str] = set()
    for place, paragraph in read_paragraphs(content):
        context = _context(paragraph, place)
        yield context, [_read_question(qa, place, seen) for qa in member(paragraph, "qas", list, place)]
    if not seen:
        raise InputError(f"{content.path}: contains no question; {REMEDY}.")


def _read_question(qa: Any, paragraph_place: str, seen: set[str]) -> _Question:
    if isinstance(qa, dict) and type(qa.get("id")) is int:  # as some annotation tools write it
        qa = qa | {"id": str(qa["id"])}
    qas_id = _text(qa, "id", f"{paragraph_place}: a question")
    place = f"{paragraph_place}, question {qas_id!r}"
    if qas_id in seen:
        raise InputError(f"{place}: this id appears earlier in the file; give each question its own id.")
    seen.add(qas_id)
    pairs = None
    if "answers" in qa:
        answers = member(qa, "answers", list, place)
        pairs = [(_whole_text(a, "text", place), member(a, "answer_start", int, place)) for a in answers]
    is_impossible = qa.get("is_impossible")
    if not isinstance(is_impossible, bool | None):
        raise InputError(f"{place}: 'is_impossible' must be true or false; {REMEDY}.")
    return _Question(place, qas_id, _text(qa, "question", place), pairs, is_impossible)


def _context(holder: Any, place: str) -> str:
    context = _text(holder, "context", place)
    if len(context) > LONGEST_CONTEXT:
        raise InputError(
            f"{place}: the context has {len(context):,} characters; the most is {LONGEST_CONTEXT:,}; "
            "divide it."
        )
    return context


def _text(holder: Any, key: str, place: str) -> str:
    text = _whole_text(holder, key, place)
    if not text.strip():
        raise InputError(f"{place}: {key!r} is empty; fill it in or remove the entry.")
    return text


def _whole_text(holder: Any, key: str, place: str) -> str:
    text: str = member(holder, key, str, place)
    if _SURROGATE.search(text):
        raise InputError(f"{place}: {key!r} contains a lone surrogate; correct the character.")
    return text
