"""Facts with distractors, and the questions and retellings that follow from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tools.embedded.corpus.dice import Dice
from tools.embedded.corpus.story import Relation, Story
from tools.embedded.corpus.world import Entity, World
from tools.embedded.corpus.writing import render

PAIRS_IN_A_PARAGRAPH = 2


@dataclass(frozen=True)
class Fact:
    """`subject` has `relation` to `object`."""

    relation: Relation
    subject: Entity
    object: Entity

    @property
    def slots(self) -> dict[str, Entity | str]:
        """What fills the relation's wordings."""
        return {"s": self.subject, "o": self.object}


@dataclass(frozen=True)
class FactQuestion:
    """A question, its type, its answer, and the fact whose telling decides it."""

    text: str
    type: str
    answer: Entity
    fact: Fact


def draw_facts(story: Story, subjects: Sequence[Entity], count: int, world: World, dice: Dice) -> list[Fact]:
    """`count` facts among which most objects have rivals of their kind.

    Relations go in pairs of one object kind where the story has such, a subject has both relations of a
    pair, and subjects share pairs. So neither the kind, nor the subject, nor the relation alone points at
    an answer.
    """
    pairs: list[list[Relation]] = []
    while len(pairs) < PAIRS_IN_A_PARAGRAPH:
        free = [relation for relation in story.relations if not any(relation in pair for pair in pairs)]
        first = dice.choice(free)
        rivals = [one for one in free if one.object_kind == first.object_kind and one is not first]
        pairs.append([first, *dice.sample(rivals, 1)])
    told_pairs = dice.shuffled([(subject, pair) for subject in subjects for pair in pairs])
    told = [(subject, relation) for subject, pair in told_pairs for relation in pair][:count]
    facts = [Fact(relation, subject, world.draw(relation.object_kind)) for subject, relation in told]
    return [_in_time(fact, facts, story) for fact in facts]


def _in_time(fact: Fact, facts: Sequence[Fact], story: Story) -> Fact:
    """The fact with the times of its subject dealt out again, as early as the story lists the relation."""
    if fact.object.kind not in ("year", "date"):
        return fact
    rivals = [one for one in facts if (one.subject, one.object.kind) == (fact.subject, fact.object.kind)]
    times = sorted((one.object for one in rivals), key=lambda time: time.order)
    rank = sorted(story.relations.index(one.relation) for one in rivals).index(
        story.relations.index(fact.relation)
    )
    return replace(fact, object=times[rank])


def retell(facts: Sequence[Fact], dice: Dice) -> list[str]:
    """Every fact once more, in its questions' words, in another order."""
    return [render(dice.choice(fact.relation.retellings), fact.slots) + "." for fact in dice.shuffled(facts)]


def ask_facts(facts: Sequence[Fact], dice: Dice) -> Iterator[FactQuestion]:
    """Every question the facts answer, each in one of its wordings."""
    for fact in facts:
        relation = fact.relation
        yield FactQuestion(render(dice.choice(relation.asks_object), fact.slots), "object", fact.object, fact)
        if relation.asks_subject:
            text = render(dice.choice(relation.asks_subject), fact.slots)
            yield FactQuestion(text, "subject", fact.subject, fact)
        yield from _two_step(fact, facts, dice)
        yield from _extreme(fact, facts, dice)


def _two_step(fact: Fact, facts: Sequence[Fact], dice: Dice) -> Iterator[FactQuestion]:
    for other in facts:
        if other is fact or other.subject != fact.subject or not other.relation.describes:
            continue
        subject = other.relation.describes.format(o=other.object.text)
        text = render(dice.choice(fact.relation.asks_object), {"s": subject})
        yield FactQuestion(text, "two-step", fact.object, fact)


def _extreme(fact: Fact, facts: Sequence[Fact], dice: Dice) -> Iterator[FactQuestion]:
    relation = fact.relation
    orders = [other.object.order for other in facts if other.relation is relation]
    if len(orders) < 2 or not relation.asks_most:
        return
    for extreme, wordings in ((max(orders), relation.asks_most), (min(orders), relation.asks_least)):
        if fact.object.order == extreme:
            yield FactQuestion(dice.choice(wordings), "extreme", fact.subject, fact)
