"""Question answering: paragraphs in SQuAD v1.1 format (Rajpurkar et al. 2016)."""

from collections.abc import Sequence
from typing import Any

from tools.embedded.corpus.dice import Dice
from tools.embedded.corpus.paragraphs import Paragraph, Question, make_paragraph

PARAGRAPHS_IN_AN_ARTICLE = 20
QUESTIONS_A_PARAGRAPH = 3


def make_paragraphs(seed: int, *, held_out: bool, count: int) -> list[Paragraph]:
    """The paragraphs of the train part, or of the held-out part."""
    dice = Dice(f"squad {'dev' if held_out else 'train'} {seed}")
    return [
        make_paragraph(dice, held_out=held_out, number_of_questions=QUESTIONS_A_PARAGRAPH)
        for _ in range(count)
    ]


def to_squad(paragraphs: Sequence[Paragraph], part: str) -> dict[str, Any]:
    """The SQuAD v1.1 object of the part "train" or "dev", in articles by story.

    A question of the train part has one reference answer. One of the dev part has two that are the same, as
    annotators give them, and the shorter form where there is one.
    """
    articles = []
    for title in dict.fromkeys(paragraph.story.title for paragraph in paragraphs):
        own = [paragraph for paragraph in paragraphs if paragraph.story.title == title]
        for first in range(0, len(own), PARAGRAPHS_IN_AN_ARTICLE):
            number = 1 + first // PARAGRAPHS_IN_AN_ARTICLE
            entries = [
                {
                    "context": paragraph.text,
                    "qas": [
                        {
                            "answers": _answers(paragraph, question, part),
                            "question": question.text,
                            "id": f"{part}-{title.lower()}-{number:02d}-{index:02d}-{letter}",
                        }
                        for letter, question in zip("abc", paragraph.questions, strict=False)
                    ],
                }
                for index, paragraph in enumerate(own[first : first + PARAGRAPHS_IN_AN_ARTICLE])
            ]
            articles.append({"title": f"{title}_{number}", "paragraphs": entries})
    return {"data": articles, "version": "1.1"}


def _answers(paragraph: Paragraph, question: Question, part: str) -> list[dict[str, Any]]:
    start, entity = question.answer.start, question.answer.entity
    places = [(start, len(entity.text))]
    if part == "dev":
        places.append(places[0])
        if entity.shorter:
            places.append((start + entity.text.index(entity.shorter), len(entity.shorter)))
    return [
        {"answer_start": place, "text": paragraph.text[place : place + length]} for place, length in places
    ]
