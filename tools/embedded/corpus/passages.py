"""Passages whose questions turn on order, on an exception, or on which of two has more."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.embedded.corpus.dice import Dice
from tools.embedded.corpus.story import Story
from tools.embedded.corpus.world import Entity, World
from tools.embedded.corpus.writing import Clause, render


@dataclass(frozen=True)
class PassageQuestion:
    """A question on a passage, its type and its answer."""

    text: str
    type: str
    answer: Entity


@dataclass(frozen=True)
class Passage:
    """One clause and the questions that it answers."""

    clause: Clause
    questions: tuple[PassageQuestion, ...]


def draw_passage(story: Story, subjects: Sequence[Entity], world: World, dice: Dice) -> Passage:
    """An order, odd-one-out or contrast passage on the subjects, or on new entities where they are few."""
    make = dice.choice((_order, _odd_one_out, _contrast))
    return make(story, subjects, world, dice)


def _order(story: Story, subjects: Sequence[Entity], world: World, dice: Dice) -> Passage:
    order = story.order
    kind = story.order_kind or story.subject_kind
    entities = [world.draw(kind) for _ in range(3)] if story.order_kind else _three(subjects, world)
    first, second, third = dice.shuffled(entities)
    asked = [
        (order.asks_first, first, None),
        (order.asks_second, second, None),
        (order.asks_third, third, None),
        (order.asks_after, second, first),
        (order.asks_after, third, second),
        (order.asks_before, first, second),
        (order.asks_before, second, third),
    ]
    return Passage(
        Clause(dice.choice(order.statements), {"a": first, "b": second, "c": third}),
        tuple(
            PassageQuestion(render(dice.choice(wordings), {"x": beside} if beside else {}), "order", answer)
            for wordings, answer, beside in asked
        ),
    )


def _odd_one_out(story: Story, subjects: Sequence[Entity], world: World, dice: Dice) -> Passage:
    odd, *others = dice.shuffled(_three(subjects, world))
    statements, asks = dice.choice(
        (
            (story.odd_one_out.lacking, story.odd_one_out.asks_lacking),
            (story.odd_one_out.having, story.odd_one_out.asks_having),
        )
    )
    return Passage(
        Clause(dice.choice(statements), {"x": odd, "y": others[0], "z": others[1]}),
        (PassageQuestion(dice.choice(asks), "odd-one-out", odd),),
    )


def _contrast(story: Story, subjects: Sequence[Entity], world: World, dice: Dice) -> Passage:
    more, less = dice.sample(subjects, 2)
    return Passage(
        Clause(dice.choice(story.contrast.statements), {"more": more, "less": less}),
        (
            PassageQuestion(dice.choice(story.contrast.asks_more), "contrast", more),
            PassageQuestion(dice.choice(story.contrast.asks_less), "contrast", less),
        ),
    )


def _three(subjects: Sequence[Entity], world: World) -> list[Entity]:
    more = [world.draw(subjects[0].kind) for _ in range(3 - len(subjects))]
    return [*subjects[:3], *more]
