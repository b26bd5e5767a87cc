"""What word overlap alone can answer: the synthetic questions must be harder than that.

The baseline has more information than a reader: it knows every entity of the paragraph and which kind of
entity the answer is.
"""

import re

from tools.embedded.corpus.paragraphs import Paragraph, Question
from tools.embedded.corpus.writing import Mention

_FUNCTION_WORDS = """
a after an and at before by did for from had in is it just of on the to under was were what when where which
who whom whose with
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
_WORD = re.compile(r"\w+")


def answer_by_shared_words(paragraph: Paragraph, question: Question, *, window: int | None = None) -> str:
    """The candidate of the answer's kind, not named in the question, that shares most words with it.

    A candidate's words are those of its sentence or, with `window`, those at most so many words away from
    it. Function words do not count. The first of several equals is taken.
    """
    asked = set(_WORD.findall(question.text.lower())) - FUNCTION_WORDS
    candidates = [
        mention
        for mention in paragraph.mentions
        if mention.entity.kind == question.answer.entity.kind
        and mention.entity.text.lower() not in question.text.lower()
    ]
    best = max(candidates, key=lambda mention: len(asked & _words_around(paragraph.text, mention, window)))
    return best.entity.text


def _words_around(text: str, mention: Mention, window: int | None) -> set[str]:
    end = mention.start + len(mention.entity.text)
    if window is None:
        start = text.rfind(". ", 0, mention.start) + 1
        return set(_WORD.findall(text[start : text.find(".", end)].lower()))
    before = _WORD.findall(text[: mention.start].lower())[-window:]
    after = _WORD.findall(text[end:].lower())[:window]
    return {*before, *after}
