"""Sentence pairs in the format of MRPC in GLUE (Dolan & Brockett 2005): the same facts, or similar ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tools.embedded.corpus.dice import Dice
from tools.embedded.corpus.facts import Fact
from tools.embedded.corpus.story import Relation, Story, load_stories
from tools.embedded.corpus.world import World

POSITIVE_SHARE = 2 / 3  # as in MRPC
# The share of second sentences in other words than the first. Near-paraphrases keep the words more often, so
# that shared words do not distinguish the two.
REWORDED_SHARE = {"none": 0.7, "object": 0.3, "exchange": 0.7, "relation": 0.7, "denial": 0.7}
CHANGES = ("object", "exchange", "relation", "denial")
AFFIRMED_SHARE = 0.3
AFFIRMATIONS = ("it is true that ", "it is certain that ", "nobody doubts that ")
DENIALS = ("it is false that ", "it is a lie that ", "nobody believes that ")


@dataclass(frozen=True)
class Pair:
    """Two sentences; `change` is "none" if they mean the same, otherwise one of `CHANGES`."""

    first: str
    second: str
    change: str

    @property
    def same(self) -> bool:
        """Whether the two are paraphrases."""
        return self.change == "none"


def make_pairs(seed: int, part: str, *, count: int) -> list[Pair]:
    """The pairs of "train", or of the held-out "dev" or "test" part."""
    dice = Dice(f"mrpc {part} {seed}")
    return [_make_pair(World(dice, held_out=part != "train"), dice) for _ in range(count)]


def to_tsv(pairs: Sequence[Pair], *, labeled: bool) -> str:
    """The table in GLUE's format: first column `Quality` if labeled, otherwise (test) the row's index."""
    lines = ["\t".join(("Quality" if labeled else "index", "#1 ID", "#2 ID", "#1 String", "#2 String"))]
    for index, pair in enumerate(pairs):
        lead = int(pair.same) if labeled else index
        lines.append(f"{lead}\t{2 * index + 1}\t{2 * index + 2}\t{pair.first}\t{pair.second}")
    return "\n".join(lines) + "\n"


def _make_pair(world: World, dice: Dice) -> Pair:
    story = dice.choice(load_stories())
    facts = _two_facts(story, world, dice)
    wordings = [dice.choice(fact.relation.statements) for fact in facts]
    first = _sentence("", facts, wordings)
    change = "none" if dice.chance(POSITIVE_SHARE) else dice.choice(CHANGES)
    told = _change(facts, change, story, world, dice)
    reworded = dice.chance(REWORDED_SHARE[change])
    wordings = [
        _reword(fact, dice) if reworded or fact.relation is not before.relation else wording
        for before, fact, wording in zip(facts, told, wordings, strict=True)
    ]
    if dice.chance(0.5):
        told, wordings = told[::-1], wordings[::-1]
    claim = ""
    if change == "denial":
        claim = dice.choice(DENIALS)
    elif dice.chance(AFFIRMED_SHARE):
        claim = dice.choice(AFFIRMATIONS)
    return Pair(first, _sentence(claim, told, wordings), change)


def _two_facts(story: Story, world: World, dice: Dice) -> list[Fact]:
    """Facts about two subjects, with objects of one kind."""
    first = dice.choice([relation for relation in story.relations if _rivals(story, relation)])
    second = dice.choice([first, *_rivals(story, first)])
    return [
        Fact(relation, world.draw(story.subject_kind), world.draw(relation.object_kind))
        for relation in (first, second)
    ]


def _rivals(story: Story, relation: Relation) -> list[Relation]:
    return [one for one in story.relations if one.object_kind == relation.object_kind and one is not relation]


def _change(facts: Sequence[Fact], change: str, story: Story, world: World, dice: Dice) -> list[Fact]:
    first, second = dice.shuffled(facts)
    if change == "object":
        changed = {first: replace(first, object=world.draw(first.object.kind))}
    elif change == "exchange":
        changed = {
            fact: replace(fact, object=other.object) for fact, other in ((first, second), (second, first))
        }
    elif change == "relation":
        changed = {first: replace(first, relation=dice.choice(_rivals(story, first.relation)))}
    else:
        changed = {}
    return [changed.get(fact, fact) for fact in facts]


def _reword(fact: Fact, dice: Dice) -> str:
    return dice.choice(fact.relation.statements + fact.relation.retellings)


def _sentence(claim: str, facts: Sequence[Fact], wordings: Sequence[str]) -> str:
    clauses = [
        wording.format(s=fact.subject.text, o=fact.object.text)
        for fact, wording in zip(facts, wordings, strict=True)
    ]
    sentence = claim + " and ".join(clauses)
    return f"{sentence[0].upper()}{sentence[1:]}."
