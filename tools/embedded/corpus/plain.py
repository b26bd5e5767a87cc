"""Plain text for pretraining: one sentence per line, a blank line between documents."""

import re
from collections.abc import Iterable, Sequence

from tools.embedded.corpus.dice import Dice
from tools.embedded.corpus.paragraphs import make_paragraph

RETOLD_FACTS = 2
ANSWERED_QUESTIONS = 3
_SENTENCE_END = re.compile(r"(?<=\.) ")


def make_documents(seed: int, *, held_out: bool, count: int) -> list[list[str]]:
    """Documents as lists of sentences: a paragraph, then some of it retold and some questions answered."""
    dice = Dice(f"plain {'held out' if held_out else 'train'} {seed}")
    return [_make_document(dice, held_out) for _ in range(count)]


def to_text(documents: Iterable[Sequence[str]]) -> str:
    """The file's text."""
    return "\n".join("".join(f"{sentence}\n" for sentence in document) for document in documents)


def _make_document(dice: Dice, held_out: bool) -> list[str]:
    paragraph = make_paragraph(dice, held_out=held_out, number_of_questions=ANSWERED_QUESTIONS)
    retold = dice.sample(paragraph.retellings, RETOLD_FACTS)
    answered = [
        f"{question.text} {_capitalised(question.answer.entity.text)}." for question in paragraph.questions
    ]
    return [*_SENTENCE_END.split(paragraph.text), *dice.shuffled(retold + answered)]


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]
