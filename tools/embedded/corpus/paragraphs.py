"""Paragraphs with distractors, and the questions that have one answer in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.embedded.corpus.dice import Dice
from tools.embedded.corpus.facts import Fact, ask_facts, draw_facts, retell
from tools.embedded.corpus.passages import Passage, draw_passage
from tools.embedded.corpus.story import Story, load_stories
from tools.embedded.corpus.world import World
from tools.embedded.corpus.writing import Clause, Mention, Writer

TRAINING_FACTS, HELD_OUT_FACTS = 5, 4  # at most in a paragraph; the harder ones are for training
PASSAGE_SHARE = 0.5  # of the paragraphs that hold an order, odd-one-out or contrast passage
PRONOUN_SHARE = 0.25  # of the clauses that go on about the subject of the clause before
JOINED_SHARE = 0.5  # of the sentences that tell two facts
GROUPED_SHARE = 0.6  # of the paragraphs that tell all about one subject before the next
JOINTS = (", and ", ", while ", "; ")
QUESTION_WEIGHTS = {
    "object": 4.0,
    "subject": 1.0,
    "two-step": 1.0,
    "extreme": 1.0,
    "order": 3.0,
    "odd-one-out": 8.0,
    "contrast": 4.0,
}


@dataclass(frozen=True)
class Question:
    """A question, its type (a key of `QUESTION_WEIGHTS`), and the place of its answer."""

    text: str
    type: str
    answer: Mention


@dataclass(frozen=True)
class Paragraph:
    """A text of one story.

    Attributes:
      mentions: every entity in the text, so every candidate for an answer.
      facts: what the text tells, apart from its passage.
      retellings: sentences that tell the facts again in the questions' words; not part of the text.
      questions: questions with their answers in the text.
    """

    story: Story
    text: str
    mentions: tuple[Mention, ...]
    facts: tuple[Fact, ...]
    retellings: tuple[str, ...]
    questions: tuple[Question, ...]


def make_paragraph(dice: Dice, *, held_out: bool, number_of_questions: int) -> Paragraph:
    """A paragraph of a random type with at most this many questions."""
    story = dice.choice(load_stories())
    world = World(dice, held_out=held_out)
    subjects = [world.draw(story.subject_kind) for _ in range(2 + dice.below(2))]
    has_passage = dice.chance(PASSAGE_SHARE)
    most = HELD_OUT_FACTS if held_out else TRAINING_FACTS
    facts = draw_facts(story, subjects, most - 2 if has_passage else most, world, dice)
    passage = draw_passage(story, subjects, world, dice) if has_passage else None

    writer = Writer()
    _write_opening(story, writer, world, dice)
    questions: list[Question] = []
    passage_first = dice.chance(0.3)
    if passage and passage_first:
        questions += _write_passage(passage, writer)
    questions += _write_facts(facts, writer, dice)
    if passage and not passage_first:
        questions += _write_passage(passage, writer)
    return Paragraph(
        story,
        writer.text,
        tuple(writer.mentions),
        tuple(facts),
        tuple(retell(facts, dice)),
        tuple(_draw_questions(questions, number_of_questions, dice)),
    )


def _write_opening(story: Story, writer: Writer, world: World, dice: Dice) -> None:
    wording = dice.choice(story.openings)
    kinds = [kind for kind in ("person", "town", "year") if "{" + kind + "}" in wording]
    writer.add_sentence([Clause(wording, {kind: world.draw(kind) for kind in kinds})])


def _write_passage(passage: Passage, writer: Writer) -> list[Question]:
    writer.add_sentence([passage.clause])
    end = len(writer.text)
    return [
        Question(asked.text, asked.type, writer.last_mention(asked.answer, end))
        for asked in passage.questions
    ]


def _write_facts(facts: Sequence[Fact], writer: Writer, dice: Dice) -> list[Question]:
    facts = dice.shuffled(facts)
    if dice.chance(GROUPED_SHARE):
        facts.sort(key=lambda fact: fact.subject.text)
    ends: dict[Fact, int] = {}
    waiting = list(zip(facts, _clauses(facts, dice), strict=True))
    while waiting:
        together = 2 if len(waiting) > 1 and dice.chance(JOINED_SHARE) else 1
        told, waiting = waiting[:together], waiting[together:]
        writer.add_sentence([clause for _, clause in told], [dice.choice(JOINTS)] * (together - 1))
        ends |= {fact: len(writer.text) for fact, _ in told}
    return [
        Question(asked.text, asked.type, writer.last_mention(asked.answer, ends[asked.fact]))
        for asked in ask_facts(facts, dice)
    ]


def _clauses(facts: Sequence[Fact], dice: Dice) -> Iterator[Clause]:
    before = None
    for fact in facts:
        wording = dice.choice(fact.relation.statements)
        goes_on = before == fact.subject and wording.startswith("{s} ") and dice.chance(PRONOUN_SHARE)
        yield Clause(wording, {"s": fact.subject.pronoun if goes_on else fact.subject, "o": fact.object})
        before = fact.subject


def _draw_questions(questions: Sequence[Question], count: int, dice: Dice) -> Iterator[Question]:
    waiting = list(questions)
    for _ in range(min(count, len(waiting))):
        question = dice.weighted(waiting, [QUESTION_WEIGHTS[one.type] for one in waiting])
        waiting.remove(question)
        yield question
